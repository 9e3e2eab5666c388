/** Ids that all instances compute alike: stanza-ids (XEP-0359) and occupant-ids (XEP-0421). */
import { describe, expect, test } from '@jest/globals'
import { occupantIdOf, otherNick, type RoomKeys, stanzaIdOf } from '../../src/dmuc/ids.js'

const keys: RoomKeys = {
  number: 1,
  stanzaIdKey: Buffer.alloc(32, 1).toString('base64'),
  occupantSalt: Buffer.alloc(32, 2).toString('base64'),
}
const event = { instance: 'coven@a.example', incarnation: 'run', seq: 1 }

describe('a stanza-id', () => {
  test('is the same wherever it is computed, and names its key', () => {
    expect(stanzaIdOf(keys, 'room', event)).toBe(stanzaIdOf({ ...keys }, 'room', { ...event }))
    expect(stanzaIdOf(keys, 'room', event)).toMatch(/^1[\w-]{22}$/)
  })

  test('differs with every part of the event, the room and the key', () => {
    const ids = [
      stanzaIdOf(keys, 'room', event),
      stanzaIdOf(keys, 'other', event),
      stanzaIdOf(keys, 'room', { ...event, instance: 'coven@b.example' }),
      stanzaIdOf(keys, 'room', { ...event, incarnation: 'run2' }),
      stanzaIdOf(keys, 'room', { ...event, seq: 2 }),
      stanzaIdOf({ ...keys, number: 2 }, 'room', event),
      stanzaIdOf({ ...keys, stanzaIdKey: keys.occupantSalt }, 'room', event),
    ]
    expect(new Set(ids).size).toBe(ids.length)
  })
})

describe('an occupant-id', () => {
  test('stays when the stanza-id key changes, and tells one bare JID and one room from another', () => {
    const id = occupantIdOf(keys, 'room', 'ann@a.example')
    expect(occupantIdOf({ ...keys, number: 2, stanzaIdKey: keys.occupantSalt }, 'room', 'ann@a.example')).toBe(id)
    expect(occupantIdOf(keys, 'room', 'bob@a.example')).not.toBe(id)
    expect(occupantIdOf(keys, 'other', 'ann@a.example')).not.toBe(id)
  })

  test('gives who has to give a nick up another, the same everywhere', () => {
    expect(otherNick({ nick: 'sam', occupantId: 'abcdefgh' })).toBe('sam (abcdef)')
  })
})
