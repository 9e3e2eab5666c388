import { describe, expect, test } from '@jest/globals'
import { difference, digest } from '../../src/dmuc/digest.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { Vector } from '../../src/dmuc/vector.js'
import { askDigest, readDigest } from '../../src/dmuc/wire/digest.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { Occupant, RegisterEntry, RoomState } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { type Element, xml } from '../../src/xml/element.js'
import type { StanzaError } from '../../src/xmpp/stanza-error.js'
import { parse } from '../support/xml-match.js'

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

describe('docs/dmuc-sync.md §8: the digest on the wire', () => {
  const member = 'coven@rooms.b.example'
  const plain = 'coven@rooms.p.example'
  const shared: Replica = {
    ...made,
    table: {
      revision: 2,
      instances: new Map([
        ...made.table.instances,
        [member, { jid: member, kind: 'sync', rank: 1, gone: false }],
        [plain, { jid: plain, kind: 'plain', rank: 2, gone: false }],
      ]),
    },
  }

  function ask(from: string, roomId = made.identity.roomId): Element | StanzaError | undefined {
    const iq = xml('iq', { type: 'get', id: 'd', from, to: room }, askDigest(roomId))
    const { effects } = step(
      shared,
      { type: 'request', from, iq },
      { now: 1, limits: defaultLimits, bounds: defaultPolicy },
    )
    const [effect] = effects
    return effects.length === 1 && effect?.type === 'reply' ? effect.payload : undefined
  }

  test('a member is answered with all parts, which read as they are', () => {
    const answer = ask(member) as Element
    const revisions = { config: 0, register: 0, table: 2 }
    expect(readDigest(answer)).toEqual({
      identity: made.identity,
      revisions,
      digest: digest(shared),
      vector: shared.vector,
    })
  })

  test.each([
    ['a plain instance', plain, undefined, 'forbidden'],
    ['a stranger', 'coven@rooms.x.example', undefined, 'forbidden'],
    ['who means another room', member, 'another', 'conflict'],
  ])('%s is refused', (_who, from, roomId, condition) => {
    expect(ask(from, roomId)).toMatchObject({ condition })
  })

  test.each([
    ['lacks a part', (text: string) => text.replace(/<part name="table"[^>]*>/, '')],
    ['has a part that is no hash', (text: string) => text.replace(/hash="[^"]*"/, 'hash="x"')],
    ['has no revision', (text: string) => text.replace(/ config="0"/, '')],
    ['names no source', (text: string) => text.replace(/ source="[^"]*"/, '')],
  ])('an answer that %s is none', (_what, spoil) => {
    const text = (ask(member) as Element).toString()
    expect(readDigest(parse(text))).toBeDefined()
    expect(readDigest(parse(spoil(text)))).toBeUndefined()
  })
})
