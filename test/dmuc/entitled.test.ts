/** Granted roles (docs/dmuc-sync.md §3, Roles): the source numbers them, the home of an occupant may only lower. */
import { describe, expect, test } from '@jest/globals'
import { admit } from '../../src/dmuc/admit.js'
import { newSource } from '../../src/dmuc/new-replica.js'
import { defaultLimits, type Effect, type Happening, type Replica } from '../../src/dmuc/replica.js'
import { step } from '../../src/dmuc/step.js'
import { writeOrder } from '../../src/dmuc/wire/order.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import type { DurableOperation, Operation, Role } from '../../src/room/types.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { event, live, occupant, Shadow, self, source } from './shadow.js'

const owner = 'crone1@shakespeare.lit'
const owners = new Map([[owner, { affiliation: 'owner' }]] as const)
const role = (to: Role): Operation => ({ type: 'role', nick: 'hag', role: to, actor: owner })
const entitle = (revision: number, to?: Role): DurableOperation => ({
  type: 'entitle',
  whom: 'id-of-hag',
  revision,
  ...(to === undefined ? {} : { role: to }),
})

/** A shadow of a moderated room; hag is at home there, as a visitor. */
function moderated(): Shadow {
  const shadow = new Shadow()
  const { room } = shadow.replica
  shadow.replica = {
    ...shadow.replica,
    room: { ...room, register: owners, config: { ...room.config, moderated: true } },
  }
  const hag = { ...occupant(self), role: 'visitor' } as const
  shadow.happens({ type: 'local', operations: [{ type: 'join', occupant: hag }] })
  return shadow
}
const decides = (shadow: Shadow, seq: number, operation: DurableOperation): void =>
  shadow.relays(source, live(event(source, 1, seq, operation)))
const roleOf = ({ room }: Replica): Role | undefined => room.occupants.get('hag')?.role

describe('at a shadow', () => {
  const carriers = (replica: Replica, to: Role): string[] | string => {
    const admission = admit(replica, [role(to)], owner)
    if (admission instanceof StanzaError) return admission.condition
    return [...admission.local.map(() => 'here'), ...admission.orders.map((order) => order.to)]
  }

  test('voice in a moderated room is asked of the source, and taken away by the home and the source', () => {
    const shadow = moderated()
    expect(carriers(shadow.replica, 'participant')).toEqual([source])
    decides(shadow, 1, entitle(1, 'participant'))
    expect(roleOf(shadow.replica)).toBe('participant')
    expect(carriers(shadow.replica, 'visitor')).toEqual(['here', source])
    // The home took it first, in a split: it is still entitled to it until the source says otherwise.
    decides(shadow, 2, entitle(2))
    expect(roleOf(shadow.replica)).toBe('visitor')
    expect(carriers(shadow.replica, 'visitor')).toEqual(['here'])
  })

  test('that is cut off, it is taken away, and not granted', () => {
    const shadow = moderated()
    decides(shadow, 1, entitle(1, 'moderator'))
    shadow.happens({ type: 'link', peer: source, up: false })
    expect(carriers(shadow.replica, 'participant')).toEqual(['here'])
    shadow.happens({ type: 'local', operations: [role('visitor')] })
    expect(carriers(shadow.replica, 'participant')).toBe('recipient-unavailable')
  })

  test('an order to raise our own above what the source granted is not carried out', () => {
    const shadow = moderated()
    const order = writeOrder({ to: self, actor: owner, operations: [role('participant')] })
    const iq = xml('iq', { type: 'set', id: 'o', from: source, to: self }, order)
    shadow.happens({ type: 'request', from: source, iq })
    expect(shadow.of('reply')[0]?.payload).toBeInstanceOf(StanzaError)
    expect(roleOf(shadow.replica)).toBe('visitor')
  })

  test('what an old revision granted has no effect any more', () => {
    const shadow = moderated()
    const { room } = shadow.replica
    shadow.replica = { ...shadow.replica, room: { ...room, registerRevision: 5 } }
    decides(shadow, 1, entitle(5, 'moderator'))
    expect(roleOf(shadow.replica)).toBe('visitor')
  })
})

describe('at the source', () => {
  const shadow = 'coven@b.example'
  const made = newSource(newRoom('coven@a.example', defaultPolicy), new SeededRandom(1))
  const env = { now: 1_000_000, limits: defaultLimits, bounds: defaultPolicy }
  const row = { jid: shadow, kind: 'sync', rank: 1, gone: false } as const

  function replicaWith(entitled: ReadonlyMap<string, Role> = new Map(), link: 'up' | 'down' = 'up'): Replica {
    const inTouch = { ...new Shadow().replica.peers.get(source)!, link }
    const crone = { ...occupant('coven@a.example', 'crone', owner), role: 'moderator' } as const
    return {
      ...made,
      table: { revision: 1, instances: new Map(made.table.instances).set(shadow, row) },
      peers: new Map([[shadow, inTouch]]),
      room: {
        ...made.room,
        locked: false,
        entitled,
        register: new Map([[owner, { affiliation: 'owner' }]]),
        occupants: new Map([
          ['crone', crone],
          ['hag', occupant(shadow)],
        ]),
      },
    }
  }
  const happens = (replica: Replica, happening: Happening): { replica: Replica; decided: readonly unknown[] } => {
    const done = step(replica, happening, env)
    const logged = (effect: Effect): DurableOperation[] => (effect.type === 'log' ? [effect.event.operation] : [])
    return { replica: done.replica, decided: done.effects.flatMap(logged) }
  }

  test('a moderator is made by an entry of the register, and unmade by another', () => {
    const admission = admit(replicaWith(), [role('moderator')], owner)
    if (admission instanceof StanzaError) throw admission
    expect(admission).toMatchObject({ orders: [], local: [{ type: 'entitle', whom: 'id-of-hag', role: 'moderator' }] })
    const { replica, decided } = happens(replicaWith(), { type: 'local', operations: admission.local })
    expect(decided).toEqual([{ ...entitle(1, 'moderator'), actor: owner }])
    expect(roleOf(replica)).toBe('moderator')
    const back = admit(replica, [role('participant')], owner)
    expect(back).toMatchObject({ orders: [{ to: shadow }], local: [{ ...entitle(0), actor: owner }] })
  })

  test.each<[string, Replica, readonly unknown[]]>([
    ['stays while the occupant is there', replicaWith(new Map([['id-of-hag', 'moderator']])), []],
    [
      'goes with the occupant',
      replicaWith(new Map([['id-of-cat', 'moderator']])),
      [{ ...entitle(1), whom: 'id-of-cat' }],
    ],
    ['stays while he may be behind a split', replicaWith(new Map([['id-of-cat', 'moderator']]), 'down'), []],
  ])('a granted role %s', (_, replica, expected) => {
    expect(happens(replica, { type: 'tick' }).decided).toEqual(expected)
  })

  test('what somebody has before there is a shadow is numbered with the first one', () => {
    const alone: Replica = { ...replicaWith(), table: made.table, peers: new Map() }
    const hag = { ...occupant('coven@a.example'), role: 'moderator' } as const
    const occupants = new Map(alone.room.occupants).set('hag', hag)
    const { decided } = happens(
      { ...alone, room: { ...alone.room, occupants } },
      { type: 'replicated', jid: shadow, kind: 'sync' },
    )
    expect(decided).toEqual([entitle(1, 'moderator')])
  })
})
