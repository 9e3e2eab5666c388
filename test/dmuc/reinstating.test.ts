/** A source out of a backup from before its distribution: who proves that it had them is an instance again, and nobody else (dmuc.md §3 and §4). */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { newSource } from '../../src/dmuc/new-replica.js'
import {
  defaultLimits,
  type Effect,
  type Happening,
  type InstanceTable,
  isSource,
  type Replica,
} from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { sealed } from '../../src/dmuc/table-seal.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { signerFor } from './chains.js'
import { other, source as self, self as shadow, start } from './shadow.js'

const made = newSource({ ...newRoom(self, defaultPolicy), locked: false }, new SeededRandom(1))
const row = (jid: string, rank: number, gone = false) =>
  ({ jid, kind: 'sync', rank, gone, users: ['*'], key: signerFor(jid).publicKey }) as const

/** The `revision`th table with these, as `signer` signs it. */
function table(revision: number, rows: readonly ReturnType<typeof row>[], signer = self, epoch = 1): InstanceTable {
  const instances = new Map(rows.map((each) => [each.jid, each]))
  const room = { ...made, identity: { ...made.identity, epoch }, table: { revision, instances } }
  return sealed(room, made.table, signerFor(signer)).table
}
const distributed = (signer = self, epoch = 1): InstanceTable =>
  table(2, [row(self, 0), row(shadow, 1), row(other, 2)], signer, epoch)

let replica: Replica
let effects: readonly Effect[] = []
beforeEach(() => {
  replica = made
})

function happens(happening: Happening): void {
  const env = { now: start, limits: defaultLimits, bounds: defaultPolicy, signer: signerFor(self) }
  const done = step(replica, happening, env)
  replica = done.replica
  effects = done.effects
}
const of = <Type extends Effect['type']>(type: Type) =>
  effects.filter((effect): effect is Extract<Effect, { type: Type }> => effect.type === type)

function isGreeted(known: InstanceTable, change: Partial<Replica['identity']> = {}, from = shadow): void {
  const identity = { ...made.identity, ...change }
  const theirs: Replica = { ...made, identity, incarnation: 'theirs', room: { ...made.room, jid: from }, table: known }
  const hello = writeHello(theirs, signerFor(from).publicKey)
  happens({ type: 'request', from, iq: xml('iq', { type: 'set', id: 'h', from, to: self }, hello) })
}
const others = (): string[] => [...replica.table.instances.keys()].filter((jid) => jid !== self)

describe('who greets with a table that we have signed', () => {
  test('is an instance again, and all that it names are greeted, before anything is numbered', () => {
    isGreeted(distributed())
    expect(others()).toEqual([shadow, other])
    expect(replica.room.config).toMatchObject({ distributed: true })
    expect([...replica.room.config.peers].sort()).toEqual(['rooms.macbeth.lit', 'rooms.marlowe.lit'])
    expect(replica.unsettled).toBeDefined()
    expect(of('reply').map(({ payload }) => payload instanceof StanzaError)).toEqual([false])
    const greeted = of('ask').filter(({ question }) => question.type === 'hello')
    expect(greeted.map(({ iq }) => iq.attrs.to)).toEqual(expect.arrayContaining([shadow, other]))
    expect(of('save').length).toBeGreaterThan(0)
    expect(
      of('note')
        .map(({ text }) => text)
        .join(),
    ).toContain(`it is on ${shadow}, ${other}`)
  })

  test('brings back the epoch in which we have signed it', () => {
    isGreeted(distributed(self, 4), { epoch: 4 })
    expect(replica.identity).toMatchObject({ epoch: 4, source: self })
    expect(others()).toEqual([shadow, other])
  })

  test('whom we gave the room to since stays one, and so does a configuration that nobody knows', () => {
    replica = { ...made, table: table(1, [row(self, 0), row(other, 1)]) }
    replica = { ...replica, room: { ...made.room, config: { ...made.room.config, name: 'A fork' } } }
    isGreeted(table(1, [row(self, 0), row(shadow, 1)]))
    expect(others().sort()).toEqual([shadow, other].sort())
    expect(replica.table.revision).toBe(2)
    expect(replica.room.config.name).toBe('A fork')
  })
})

describe('nobody else', () => {
  test.each<[string, () => void]>([
    ['signed the table itself', () => isGreeted(distributed(shadow))],
    [
      'has one that nobody signed',
      () => isGreeted({ ...distributed(), signature: undefined } as unknown as InstanceTable),
    ],
    [
      'wrote itself into one of ours',
      () => isGreeted({ ...table(2, [row(self, 0), row(other, 2)]), instances: distributed().instances }),
    ],
    ['shows one of another epoch', () => isGreeted(distributed(self, 2))],
    ['shows one of ours that names others', () => isGreeted(table(2, [row(self, 0), row(other, 1)]))],
    ['shows one in which it is none any more', () => isGreeted(table(2, [row(self, 0), row(shadow, 1, true)]))],
    ['follows another source', () => isGreeted(distributed(), { source: other, epoch: 2 })],
    ['means another room', () => isGreeted(distributed(), { roomId: 'another' })],
  ])('becomes an instance: who %s', (_, greets) => {
    greets()
    expect(others()).toEqual([])
    expect(replica.room.config.distributed).toBe(false)
    expect(isSource(replica)).toBe(true)
    expect(replica.identity).toEqual(made.identity)
    expect(of('reply').map(({ payload }) => payload)).toEqual([expect.any(StanzaError)])
    expect(of('save')).toEqual([])
  })

  test('who was taken back comes in by an old table', () => {
    replica = { ...made, table: table(5, [row(self, 0), row(shadow, 1, true)]) }
    isGreeted(distributed())
    expect(replica.table.revision).toBe(5)
    expect(of('reply')[0]?.payload).toMatchObject({ condition: 'gone' })
  })

  test('is believed silently: the operator reads who says what, once, and what to do', () => {
    isGreeted(distributed(shadow))
    expect(of('note')).toHaveLength(1)
    expect(replica.claims.get(shadow)).toContain(`dmucctl room restore ${self} --from rooms.macbeth.lit`)
    isGreeted(distributed(shadow))
    expect(of('note')).toEqual([])
  })
})
