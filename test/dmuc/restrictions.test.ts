/** The register in a split (dmuc.md §3): who is cut off restricts and grants nothing, and the source has the last word. */
import { describe, expect, test } from '@jest/globals'
import { admit } from '../../src/dmuc/admit.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { writeOrder } from '../../src/dmuc/wire/order.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { affiliationOf } from '../../src/room/occupants.js'
import type { Affiliation, Operation, RegisterEntry } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { event, live, occupant, register, Shadow, self, source } from './shadow.js'

const admin = 'ann@macbeth.lit'
const villain = 'iago@marlowe.lit'
const ruled = (affiliation: Affiliation, jid = villain): Operation => ({
  type: 'register',
  jid,
  entry: { affiliation },
  actor: admin,
  revision: 0,
})

const entries = (rows: Readonly<Record<string, Affiliation>>): ReadonlyMap<string, RegisterEntry> =>
  new Map(Object.entries(rows).map(([jid, affiliation]) => [jid, { affiliation }]))

describe('a shadow that is cut off', () => {
  function cutOff(): Shadow {
    const shadow = new Shadow()
    shadow.replica = {
      ...shadow.replica,
      room: { ...shadow.replica.room, register: entries({ [admin]: 'admin', 'bob@b.lit': 'member' }) },
    }
    for (const [nick, jid] of [
      ['ann', admin],
      ['iago', villain],
    ] as const)
      shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: occupant(self, nick, jid) }] })
    shadow.happens({ type: 'link', peer: source, up: false })
    return shadow
  }
  const bans = (): Shadow => {
    const shadow = cutOff()
    shadow.happens({ type: 'local', operations: [], withheld: { operations: [ruled('outcast')], actor: admin } })
    return shadow
  }
  const nicks = ({ replica }: Shadow): string[] => [...replica.room.occupants.keys()]
  const isAsked = (shadow: Shadow): boolean => shadow.asked('withheld').length > 0

  test.each<[string, Operation]>([
    ['a membership', ruled('member')],
    ['an adminship', ruled('admin', 'bob@b.lit')],
    ['a pardon', ruled('none', 'gone@b.lit')],
  ])('does not grant %s', (_, operation) => {
    const { replica } = cutOff()
    const barred = { ...replica, room: { ...replica.room, register: entries({ 'gone@b.lit': 'outcast' }) } }
    expect(admit(barred, [operation], admin)).toMatchObject({ condition: 'recipient-unavailable', type: 'wait' })
  })

  test('bans at once, and keeps it for the source', () => {
    const admission = admit(cutOff().replica, [ruled('outcast')], admin)
    expect(admission).toMatchObject({ local: [], orders: [], withheld: [ruled('outcast')] })
    const shadow = bans()
    expect(nicks(shadow)).toEqual(['ann'])
    expect(affiliationOf(shadow.replica.room, villain)).toBe('outcast')
    expect(shadow.replica.room.register.has(villain)).toBe(false)
    expect(shadow.of('save')).toHaveLength(1)
    expect(shadow.of('log')).toEqual([])
  })

  test('keeps no more for the source than it may', () => {
    const { replica } = bans()
    const more = [ruled('none', 'bob@b.lit')]
    expect(admit(replica, more, admin, { maxWithheld: 1 })).toMatchObject({ condition: 'resource-constraint' })
    expect(admit(replica, more, admin, { maxWithheld: 2 })).toMatchObject({ withheld: more })
  })

  test('asks when the source is back, and the register follows its event', () => {
    const shadow = bans()
    shadow.happens({ type: 'tick' })
    expect(isAsked(shadow)).toBe(false)
    shadow.isGreeted(source)
    shadow.happens({ type: 'tick' })
    const [question] = shadow.asked('withheld')
    shadow.answers(source, question!, xml('iq', { type: 'result' }))
    expect(affiliationOf(shadow.replica.room, villain)).toBe('outcast')
    shadow.relays(source, live(event(source, 1, 1, register(1, 'outcast', villain))))
    shadow.happens({ type: 'tick' })
    expect(shadow.replica.withheld).toEqual([])
    expect(affiliationOf(shadow.replica.room, villain)).toBe('outcast')
  })

  test('takes it back where the source does not confirm it, and says so to who had decided it', () => {
    const shadow = bans()
    shadow.isGreeted(source)
    shadow.happens({ type: 'tick' })
    shadow.answers(source, shadow.asked('withheld')[0]!, new StanzaError('conflict', { text: 'he is a member' }))
    expect(shadow.replica.withheld).toEqual([])
    expect(affiliationOf(shadow.replica.room, villain)).toBe('none')
    expect(shadow.of('tell')).toMatchObject([{ jid: admin }])
  })

  test('asks again where the answer says nothing of the matter', () => {
    const shadow = bans()
    shadow.isGreeted(source)
    shadow.happens({ type: 'tick' })
    shadow.answers(source, shadow.asked('withheld')[0]!, new StanzaError('resource-constraint'))
    shadow.now += 10_000
    shadow.happens({ type: 'tick' })
    expect(isAsked(shadow)).toBe(true)
  })

  test('decides it itself once it is promoted', () => {
    const shadow = bans()
    shadow.now += defaultLimits.graceMs
    shadow.happens({ type: 'promoted' })
    expect(shadow.replica.withheld).toEqual([])
    expect(shadow.replica.room.register.get(villain)?.affiliation).toBe('outcast')
  })
})

describe('a source that is told what was decided in a split', () => {
  const shadow = 'coven@b.example'
  const made = newSource(newRoom('coven@a.example', defaultPolicy), new SeededRandom(1))
  const env = { now: 1_000_000, limits: defaultLimits, bounds: defaultPolicy }

  function verdict(operation: Operation, was: Affiliation, change: Partial<Replica['room']> = {}): string {
    const row = { jid: shadow, kind: 'sync', rank: 1, gone: false } as const
    const replica: Replica = {
      ...made,
      table: { revision: 1, instances: new Map(made.table.instances).set(shadow, row) },
      peers: new Map(Object.entries({ [shadow]: { ...new Shadow().replica.peers.get(source)!, link: 'up' as const } })),
      room: {
        ...made.room,
        register: entries({ 'owner@a.example': 'owner', [admin]: 'admin', 'bob@b.lit': 'member' }),
        occupants: new Map([['ann', occupant(shadow, 'ann', admin)]]),
        ...change,
      },
    }
    const order = writeOrder({ to: replica.room.jid, actor: admin, was, operations: [operation] })
    const iq = xml('iq', { type: 'set', id: 'o', from: shadow, to: replica.room.jid }, order)
    const { effects } = step(replica, { type: 'request', from: shadow, iq }, env)
    const reply = effects.find((effect) => effect.type === 'reply')
    if (reply?.payload instanceof StanzaError) return reply.payload.condition
    return effects.some(({ type }) => type === 'log') ? 'applied' : 'nothing'
  }

  test.each<[string, string, Operation, Affiliation, Partial<Replica['room']>]>([
    ['applies a ban by an admin who is there', 'applied', ruled('outcast'), 'none', {}],
    ['does nothing twice', 'nothing', ruled('outcast'), 'none', { register: entries({ [villain]: 'outcast' }) }],
    ['refuses a grant', 'not-allowed', ruled('member'), 'none', {}],
    ['refuses what an admin may not do', 'not-allowed', ruled('outcast', 'owner@a.example'), 'owner', {}],
    ['refuses who is no admin any more', 'forbidden', ruled('outcast'), 'none', { register: entries({}) }],
    ['refuses in the name of who is not there', 'forbidden', ruled('outcast'), 'none', { occupants: new Map() }],
    ['refuses where the target has changed', 'conflict', ruled('none', 'bob@b.lit'), 'admin', {}],
  ])('%s: %s', (_, expected, operation, was, change) => {
    expect(verdict(operation, was, change)).toBe(expected)
  })
})
