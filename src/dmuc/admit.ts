/**
 * Who carries out what was decided here (dmuc.md §3, Revisions and The register in a split; §4): config, register and destroy
 * are the source's, a role change or a kick is the home's of its occupant. What is not ours becomes an order; while the
 * link to whom it concerns is down, it is refused with `recipient-unavailable`.
 */
import { homesOf } from '../room/occupants.js'
import type { Operation } from '../room/types.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { carriedOut, responsibleForRole } from './entitled.js'
import {
  type DmucLimits,
  defaultLimits,
  isNumbered,
  isSource,
  type Order,
  otherInstance,
  type Replica,
  speaksFor,
} from './replica.js'
import { isCutOff, restricts } from './restrictions.js'
import { notSettled } from './settling.js'
import { wayTo } from './ways.js'

export interface Admission {
  readonly local: readonly Operation[]
  readonly orders: readonly Order[]
  /** Restrictions that take effect here and wait for the source (./restrictions.ts). */
  readonly withheld: readonly Operation[]
}

/** `actor` is the bare JID of who commanded it. */
export function admit(
  replica: Replica,
  operations: readonly Operation[],
  actor: string,
  { maxWithheld }: Pick<DmucLimits, 'maxWithheld'> = defaultLimits,
): Admission | StanzaError {
  const local: Operation[] = []
  const orders = new Map<string, Operation[]>()
  const withheld: Operation[] = []
  const cutOff = isCutOff(replica)
  for (const operation of operations) {
    for (const to of responsible(replica, operation))
      if (to === replica.room.jid) local.push(...carriedOut(replica, operation))
      else if (cutOff && restricts(replica.room, operation)) withheld.push(operation)
      else orders.set(to, [...(orders.get(to) ?? []), operation])
  }
  if (replica.unsettled !== undefined && local.some(isNumbered)) return notSettled()
  if (withheld.length > 0 && replica.withheld.length + withheld.length > maxWithheld)
    return new StanzaError('resource-constraint', { text: 'Too much waits for the source already' })
  for (const to of orders.keys()) {
    if (otherInstance(replica, to)?.kind === 'plain')
      return new StanzaError('not-allowed', { text: `${to} decides this, and it takes no orders` })
    if (wayTo(replica, to) === undefined)
      return new StanzaError('recipient-unavailable', {
        type: 'wait',
        text: `${to} decides this, and it cannot be reached at the moment`,
      })
  }
  return { local, withheld, orders: [...orders].map(([to, ordered]) => ({ to, actor, operations: ordered })) }
}

/** Who answers for an occupant: all its homes, or we for those we speak for. */
function homesBy(replica: Replica, nick: string): readonly string[] {
  const occupant = replica.room.occupants.get(nick)
  const homes = (occupant === undefined ? [] : homesOf(occupant)).map((home) =>
    speaksFor(replica, home) ? replica.room.jid : home,
  )
  return homes.length === 0 ? [replica.room.jid] : [...new Set(homes)]
}

/** The room JIDs of the instances that carry the operation out. */
function responsible(replica: Replica, operation: Operation): readonly string[] {
  const { jid } = replica.room
  switch (operation.type) {
    case 'config':
    case 'register':
    case 'destroy':
      return [isSource(replica) ? jid : replica.identity.source]
    case 'role':
      return responsibleForRole(replica, operation, homesBy(replica, operation.nick))
    case 'leave':
      return operation.departure.cause === 'kicked' ? homesBy(replica, operation.nick) : [jid]
    default:
      return [jid]
  }
}
