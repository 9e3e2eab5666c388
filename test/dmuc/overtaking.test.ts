/** A source that has given a number twice, and finds out by a member's hello (dmuc.md §3, Revisions). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect, type Happening, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { sealed } from '../../src/dmuc/table-seal.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { RegisterEntry, RoomState } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { elements, xml } from '../../src/xml/element.js'
import { signerFor } from './chains.js'
import { other, source as self, self as shadow, start } from './shadow.js'

const row = (jid: string, rank: number) =>
  ({ jid, kind: 'sync', rank, gone: false, users: ['*'], key: signerFor(jid).publicKey }) as const
const made = ((): Replica => {
  const fresh = newSource({ ...newRoom(self, defaultPolicy), locked: false }, new SeededRandom(1))
  const rows = [row(self, 0), row(shadow, 1), row(other, 2)]
  const table = { revision: 1, instances: new Map(rows.map((each) => [each.jid, each])) }
  return sealed({ ...fresh, table }, fresh.table, signerFor(self))
})()

let now = start
let replica: Replica
let effects: readonly Effect[] = []
beforeEach(() => {
  now = start
  replica = { ...made, room: { ...made.room, configRevision: 4, registerRevision: 2 } }
})

/** `from` holds what `room` says it has. */
function greets(from: string, room: Partial<RoomState>): void {
  const theirs = { ...replica, incarnation: `${from}-1`, room: { ...replica.room, ...room, jid: from } }
  const hello = writeHello(theirs, signerFor(from).publicKey)
  happens({ type: 'request', from, iq: xml('iq', { type: 'set', id: 'h', from, to: self }, hello) })
}
function happens(happening: Happening): void {
  const done = step(replica, happening, { now, limits: defaultLimits, bounds: defaultPolicy, signer: signerFor(self) })
  replica = done.replica
  effects = done.effects
}
/** Who is given all that is in force. */
const told = () =>
  effects
    .filter((effect) => effect.type === 'ask')
    .filter(({ iq }) => elements(iq)[0]?.name === 'config')
    .map(({ iq }) => iq.attrs.to)
const revisions = () => [replica.room.configRevision, replica.room.registerRevision]
const register = new Map<string, RegisterEntry>([['macbeth@macbeth.lit', { affiliation: 'admin' }]])

describe('a number that a member has for something else', () => {
  test.each<[string, Partial<RoomState>]>([
    ['of the configuration', { config: { ...made.room.config, name: 'Lost' } }],
    ['of the register', { register }],
    ['of a role', { entitled: new Map([['macbeth@macbeth.lit', 'moderator']]) }],
  ])('%s counts no more: what is in force here has a new one, and all are told', (_, lost) => {
    greets(other, {})
    expect(told()).toEqual([])
    greets(shadow, lost)
    expect(revisions()).toEqual([5, 3])
    expect(told().sort()).toEqual([other, shadow].sort())
    expect(replica.room.config).toEqual(made.room.config)
    expect(replica.room.register).toEqual(made.room.register)
  })

  test('is not found where they agree', () => {
    greets(shadow, {})
    expect(revisions()).toEqual([4, 2])
    expect(told()).toEqual([])
  })

  test('is found by what we had decided then, where the member knows less', () => {
    const earlier = { config: made.room.config, register: made.room.register, entitled: undefined }
    replica = { ...replica, rights: new Map([['1 5', earlier]]) }
    greets(other, { configRevision: 3 })
    expect(told()).toEqual([])
    greets(shadow, { configRevision: 3, register })
    expect(revisions()).toEqual([5, 3])
  })

  test('waits while nothing is numbered', () => {
    replica = { ...replica, unsettled: { until: start + 20_000 } }
    greets(shadow, { register })
    expect(revisions()).toEqual([4, 2])
    now = start + 60_000
    happens({ type: 'tick' })
    expect(replica.unsettled).toBeUndefined()
    expect(revisions()).toEqual([5, 3])
  })

  test('is overruled once: a member that says so again is not followed', () => {
    greets(shadow, { register })
    greets(shadow, { register })
    expect(revisions()).toEqual([5, 3])
  })
})
