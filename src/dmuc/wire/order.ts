/** Orders and proposals (docs/dmuc-sync.md §5): what an instance wants the source, or an occupant's home, to carry out. */
import { affiliations, type Operation } from '../../room/types.js'
import { type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import type { Order } from '../replica.js'
import { readSourceOperation, writeOperation } from './event.js'
import { readRole } from './presence.js'

/** Undefined for operations that cannot be ordered: an occupant's own doings. */
export function writeOrder(order: Order): Element | undefined {
  const children = order.operations.map(writeOrdered)
  if (!children.every((node) => node !== undefined)) return undefined
  return xml('order', { xmlns: ns.dmucSync, actor: order.actor, was: order.was }, ...children)
}

function writeOrdered(operation: Operation): Element | undefined {
  switch (operation.type) {
    case 'config':
    case 'register':
    case 'destroy':
      return writeOperation(operation)
    case 'role':
      return xml('role', { nick: operation.nick, role: operation.role, reason: operation.reason })
    case 'leave':
      return operation.departure.cause === 'kicked'
        ? xml('kick', { nick: operation.nick, reason: operation.departure.reason })
        : undefined
    default:
      return undefined
  }
}

/** What a peer orders; `actor` as it claims. Undefined where anything in it cannot be read. */
export function readOrder(element: Element): Omit<Order, 'to'> | undefined {
  const actor = Jid.tryParse(element.attrs.actor)?.bare().toString()
  const operations = elements(element).map((node) => readOrdered(node, actor))
  if (actor === undefined || operations.length === 0) return undefined
  const was = affiliations.find((known) => known === element.attrs.was)
  if (!operations.every((operation) => operation !== undefined)) return undefined
  return { actor, operations, ...(was === undefined ? {} : { was }) }
}

/** Whoever ordered it is the actor, whatever the operation says. */
function readOrdered(element: Element, actor: string | undefined): Operation | undefined {
  const { nick, reason } = element.attrs
  const because = { ...(actor === undefined ? {} : { actor }), ...(reason === undefined ? {} : { reason }) }
  if (element.name === 'kick' && nick !== undefined)
    return { type: 'leave', nick, departure: { cause: 'kicked', ...because } }
  const role = readRole(element.attrs.role)
  if (element.name === 'role' && nick !== undefined && role !== undefined)
    return { type: 'role', nick, role, ...because }
  const operation = readSourceOperation(element)
  // A role is ordered for an occupant, whose right to it is looked at.
  if (operation?.type === 'entitle') return undefined
  return operation?.type === 'register' && actor !== undefined ? { ...operation, actor } : operation
}
