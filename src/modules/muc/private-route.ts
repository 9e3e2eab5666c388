/** What one occupant says to another alone, across instances (XEP-0045 §7.5, §17.4): one hop, and never logged. */
import { isSource, type Replica, speaksFor } from '../../dmuc/replica.js'
import { type Decision, type Delivery, deliverPrivately } from '../../room/index.js'
import { homesOf } from '../../room/occupants.js'
import type { Element } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { readdress } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

/**
 * Does the stanza go from occupant to occupant? What bounces of a relayed stanza has the same nick on both sides, and means
 * the link.
 */
export function isPrivate({ name, attrs }: Element, from: Jid, to: Jid): boolean {
  if (!to.isFull || name === 'presence') return false
  if (name === 'iq') return true
  return attrs.type === 'error' ? from.isFull && from.resource !== to.resource : attrs.type !== 'groupchat'
}

/**
 * The decision with what goes to instances that can be reached, or the error where it was for others alone. In a partial split it does not
 * go by way of a third, whose operator it is not meant for (docs/dmuc-sync.md §5).
 */
export function withinReach({ peers }: Replica, decision: Decision): Decision | StanzaError {
  const { relays = [], deliveries = [], operations } = decision
  const left = relays.filter(({ home }) => peers.get(home)?.link !== 'down')
  const [lost] = relays.filter((relay) => !left.includes(relay))
  if (lost === undefined) return decision
  if (left.length > 0 || deliveries.length > 0 || operations.length > 0) return { ...decision, relays: left }
  const text = `${Jid.parse(lost.home).domain} cannot be reached from here at the moment; what is private goes by way of nobody else`
  return new StanzaError('recipient-unavailable', { type: 'wait', text })
}

/**
 * Where a stanza that the instance `from` relayed for the occupant `to` goes: to its clients here, or from and to a plain peer
 * of the source, whose one link is ours, on to its home. Undefined where the sender is not of that instance, or the target not there.
 */
export function privateRoute(replica: Replica, stanza: Element, from: Jid, to: Jid): Delivery | undefined {
  const { room } = replica
  const instance = from.bare().toString()
  const sender = room.occupants.get(from.resource)
  if (from.isFull && (sender === undefined || !homesOf(sender).includes(instance))) return undefined
  const target = room.occupants.get(to.resource)
  if (target === undefined || target.home === room.jid)
    return deliverPrivately(room, from.resource, to.resource, stanza)
  const between = isSource(replica) && (speaksFor(replica, target.home) || speaksFor(replica, instance))
  if (!between || target.home === instance) return undefined
  const address = from.isFull ? `${room.jid}/${from.resource}` : room.jid
  return {
    to: [`${target.home}/${target.nick}`],
    stanza: readdress(stanza, { from: address, to: undefined }),
  }
}
