import { describe, expect, test } from '@jest/globals'
import { difference, digest } from '../../src/dmuc/digest.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import type { Replica } from '../../src/dmuc/replica.js'
import { Vector } from '../../src/dmuc/vector.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { Occupant, RegisterEntry, RoomState } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'

const room = 'coven@rooms.a.example'
const made = newSource(newRoom(room, defaultPolicy), new SeededRandom(1))
const witch: Occupant = {
  nick: 'witch',
  jid: 'witch@a.example',
  occupantId: 'o',
  role: 'participant',
  home: room,
  sessions: [],
  since: { ms: 1, counter: 0 },
  grant: 0,
}
const changed = (patch: Partial<RoomState>): Replica => ({ ...made, room: { ...made.room, ...patch } })

describe('the digest of a replica', () => {
  test.each<[string, Replica]>([
    ['events', { ...made, vector: Vector.empty.with({ instance: room, incarnation: 'i' }, 1) }],
    ['config', changed({ config: { ...made.room.config, name: 'Coven' } })],
    ['register', changed({ register: new Map([['hag@a.example', { affiliation: 'member' }]]) })],
    ['table', { ...made, table: { ...made.table, revision: 7 } }],
    ['subject', changed({ subject: { text: 'Hail', nick: 'w', stamp: { ms: 1, counter: 0 }, stanzaId: 's' } })],
    ['occupants', changed({ occupants: new Map([['witch', witch]]) })],
  ])('says that the %s differ', (part, other) => {
    expect(difference(digest(made), digest(other))).toEqual([part])
    expect(digest(other).whole).not.toBe(digest(made).whole)
  })

  test('is the same whatever the order in which rows and members came', () => {
    const rows: [string, RegisterEntry][] = [
      ['a@a.example', { affiliation: 'member', nick: 'a' }],
      ['b@a.example', { nick: 'b', affiliation: 'owner' }],
    ]
    const swapped: [string, RegisterEntry][] = [
      ['b@a.example', { affiliation: 'owner', nick: 'b' }],
      ['a@a.example', { nick: 'a', affiliation: 'member' }],
    ]
    expect(digest(changed({ register: new Map(rows) }))).toEqual(digest(changed({ register: new Map(swapped) })))
  })

  test('does not tell one instance from another that has the same', () => {
    expect(digest(changed({ jid: 'coven@rooms.b.example' }))).toEqual(digest(made))
  })

  test('differs for another room', () => {
    const other = { ...made, identity: { ...made.identity, roomId: 'another' } }
    expect(difference(digest(made), digest(other))).toEqual([])
    expect(digest(made).whole).not.toBe(digest(other).whole)
  })
})
