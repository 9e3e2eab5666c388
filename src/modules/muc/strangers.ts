/**
 * What only instances say to each other, said by somebody who is none (dmuc.md §4): never taken for what a client does, so
 * that nobody gets an answer, or into a room, by looking like a peer.
 */
import { child, type Element, elements } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'

/** Does the stanza have the form of one between instances of a room? An error that comes back from a client may hold anything. */
export function looksRelayed(stanza: Element, from: Jid, to: Jid): boolean {
  if (stanza.attrs.type === 'error') return false
  switch (stanza.name) {
    case 'iq':
      return isOurs(payload(stanza))
    case 'presence':
      // E18: clients never send an item.
      return hasItem(stanza)
    default:
      // E25: the sender's nick on both sides. What else a client sends to all is stripped of our elements, not refused.
      if (stanza.attrs.type === 'groupchat') return to.isFull && to.resource === from.resource
      return to.isBare && elements(stanza).some(isOurs)
  }
}

const isOurs = (element: Element | undefined): boolean => {
  const namespace = element?.getNS()
  return namespace === ns.dmuc || namespace === ns.dmucSync
}

const hasItem = (presence: Element): boolean => {
  const user = child(presence, 'x', ns.mucUser)
  return user !== undefined && child(user, 'item', ns.mucUser) !== undefined
}
