/** A source that may have lost what it numbered (dmuc.md §3, Revisions): no number means two things for good. */
import { beforeEach, describe, expect, test } from '@jest/globals'
import { admit } from '../../src/dmuc/admit.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect, type Happening, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { Vector } from '../../src/dmuc/vector.js'
import { writeHello } from '../../src/dmuc/wire/hello.js'
import { fitting, writePage } from '../../src/dmuc/wire/pull.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { DurableOperation, LoggedEvent } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { chain, signerFor } from './chains.js'
import { event, register, source as self, self as shadow, start } from './shadow.js'

const made = newSource({ ...newRoom(self, defaultPolicy), locked: false }, new SeededRandom(1))
const row = (jid: string, rank: number) =>
  ({ jid, kind: 'sync', rank, gone: false, users: ['*'], key: signerFor(jid).publicKey }) as const

let replica: Replica
let now = start
let effects: readonly Effect[] = []
beforeEach(() => {
  now = start
  const table = { revision: 1, instances: new Map([self, shadow].map((jid, rank) => [jid, row(jid, rank)])) }
  replica = { ...made, table, retrieving: {}, unsettled: {} }
})

function happens(happening: Happening): void {
  const env = { now, limits: defaultLimits, bounds: defaultPolicy, signer: signerFor(self) }
  const done = step(replica, happening, env)
  replica = done.replica
  effects = done.effects
}

const of = <Type extends Effect['type']>(type: Type) =>
  effects.filter((effect): effect is Extract<Effect, { type: Type }> => effect.type === type)

/** The shadow answers our hello; `vector`: what it holds. */
const helloes = (vector = Vector.empty): void => {
  const theirs: Replica = { ...replica, incarnation: 'shadow-1', room: { ...replica.room, jid: shadow }, vector }
  happens({
    type: 'answer',
    from: shadow,
    question: { type: 'hello' },
    result: xml('iq', { type: 'result' }, writeHello(theirs, signerFor(shadow).publicKey)),
  })
}

/** What we had decided in the start before this one, which the shadow holds. */
const lost = (...operations: readonly DurableOperation[]) =>
  chain(
    made.identity.roomId,
    operations.map((operation, index) => event(self, 7, index + 1, operation)),
    signerFor(self),
  )

const gives = ({ events, proof }: ReturnType<typeof lost>): void => {
  const [pull] = of('ask')
    .map(({ question }) => question)
    .filter((question) => question.type === 'pull')
  const page = writePage(fitting(events, 100_000), false, [proof])
  happens({ type: 'answer', from: shadow, question: pull!, result: xml('iq', { type: 'result' }, page) })
}
const holding = (events: readonly LoggedEvent[]): Vector => Vector.empty.withFloor(events[0]!.id, events.length)

const decides = (...operations: readonly DurableOperation[]) => admit(replica, operations, 'owner@shakespeare.lit')
const isOpen = (): boolean => !(decides(register(0, 'member')) instanceof StanzaError)
const affiliation = (jid: string): string | undefined => replica.room.register.get(jid)?.affiliation
const logged = (): (readonly [string, string, number])[] =>
  of('log').flatMap(({ event: { id, operation } }) =>
    operation.type === 'register' && id.incarnation === replica.incarnation
      ? [[operation.jid, operation.entry.affiliation, operation.revision] as const]
      : [],
  )

const macduff = 'macduff@macbeth.lit'
const banquo = 'banquo@macbeth.lit'

describe('a source that has just started', () => {
  test('numbers nothing before those whom it reaches have answered, and says to wait', () => {
    happens({ type: 'link', peer: shadow, up: true })
    const refusal = decides(register(0, 'member'))
    expect(refusal).toMatchObject({ condition: 'resource-constraint', type: 'wait' })
    expect(decides({ ...register(0, 'member'), type: 'destroy' } as DurableOperation)).toMatchObject({ orders: [] })
    helloes()
    expect(isOpen()).toBe(true)
  })

  test('adopts what it had lost before it numbers anything', () => {
    happens({ type: 'link', peer: shadow, up: true })
    const before = lost(register(1, 'outcast', macduff))
    helloes(holding(before.events))
    expect(isOpen()).toBe(false)
    gives(before)
    expect(affiliation(macduff)).toBe('outcast')
    expect(replica.room.registerRevision).toBe(1)
    helloes(holding(before.events))
    expect(isOpen()).toBe(true)
    happens({ type: 'local', operations: [register(0, 'member', banquo)] })
    expect(logged()).toEqual([[banquo, 'member', 2]])
  })

  test('waits thirty seconds at most for who does not answer', () => {
    happens({ type: 'link', peer: shadow, up: true })
    now += defaultLimits.settleMs - 1
    happens({ type: 'tick' })
    expect(isOpen()).toBe(false)
    now += 1
    happens({ type: 'tick' })
    expect(isOpen()).toBe(true)
  })

  test('does not wait for who cannot be reached', () => {
    happens({ type: 'link', peer: shadow, up: false, reason: 'nobody there' })
    expect(isOpen()).toBe(true)
  })

  test('refuses orders as it refuses its own owners', () => {
    happens({ type: 'link', peer: shadow, up: true })
    const entry = xml('register', { revision: '0', jid: macduff, affiliation: 'outcast' })
    const order = xml('order', { xmlns: 'urn:xmpp:dmuc-sync:0', actor: 'owner@shakespeare.lit' }, entry)
    const occupant = {
      nick: 'o',
      jid: 'owner@shakespeare.lit',
      occupantId: 'o',
      role: 'moderator',
      home: shadow,
    } as const
    const present = { ...occupant, sessions: [], since: { ms: start, counter: 0 }, grant: 0 }
    replica = { ...replica, room: { ...replica.room, occupants: new Map([['o', present]]) } }
    const iq = xml('iq', { type: 'set', id: 'o', from: shadow, to: self }, order)
    happens({ type: 'request', from: shadow, iq })
    expect(of('reply')[0]?.payload).toMatchObject({ condition: 'resource-constraint', type: 'wait' })
  })
})

describe('where a number was given a second time', () => {
  beforeEach(() => {
    happens({ type: 'link', peer: shadow, up: false, reason: 'nobody there' })
  })

  test('both decisions get new ones once the first is back', () => {
    happens({ type: 'local', operations: [register(0, 'member', banquo)] })
    expect(logged()).toEqual([[banquo, 'member', 1]])
    const before = lost(register(1, 'outcast', macduff))
    happens({ type: 'link', peer: shadow, up: true })
    helloes(holding(before.events))
    gives(before)
    expect(logged()).toEqual([
      [banquo, 'member', 2],
      [macduff, 'outcast', 3],
    ])
    expect([affiliation(banquo), affiliation(macduff)]).toEqual(['member', 'outcast'])
  })

  test('what was decided since of the same address stays', () => {
    happens({ type: 'local', operations: [register(0, 'member', macduff)] })
    const before = lost(register(1, 'outcast', macduff))
    happens({ type: 'link', peer: shadow, up: true })
    helloes(holding(before.events))
    gives(before)
    expect(logged()).toEqual([[macduff, 'member', 2]])
    expect(affiliation(macduff)).toBe('member')
  })

  test('the present configuration stays, under a number that all take', () => {
    const { config } = replica.room
    happens({ type: 'local', operations: [{ type: 'config', config: { ...config, name: 'new' }, revision: 0 }] })
    const before = lost({ type: 'config', config: { ...config, name: 'lost' }, revision: 1 })
    happens({ type: 'link', peer: shadow, up: true })
    helloes(holding(before.events))
    gives(before)
    expect(replica.room).toMatchObject({ configRevision: 2, config: { name: 'new' } })
  })
})
