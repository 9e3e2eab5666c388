/** What the service of rooms refuses before any room decides, and with which error. */
import type { Element } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

/** May an error answer it? */
export const answerable = ({ name, attrs: { type } }: Element): boolean =>
  name === 'iq' ? type === 'get' || type === 'set' : type !== 'error'

/** Does it want something of the room itself? Not of who may have been in it, as a self-ping does (XEP-0410). */
export const concernsRoom = (stanza: Element): boolean =>
  stanza.name === 'presence'
    ? stanza.attrs.type === undefined
    : answerable(stanza) && !String(stanza.attrs.to).includes('/')

/** Rooms there are cut off by our operator's word. */
export function refusePaused(stanza: Element): undefined {
  if (stanza.name === 'iq' && answerable(stanza))
    throw new StanzaError('recipient-unavailable', { type: 'wait', text: 'exchange with that service is paused here' })
}

/** Queries that a handler of the service takes do not come here. */
export function refuseAtService(stanza: Element): undefined {
  if (stanza.name !== 'presence' && answerable(stanza)) throw new StanzaError('service-unavailable')
}

/** There is no such room. */
export function refuseUnknown(stanza: Element): undefined {
  if (stanza.name !== 'presence') refuseHidden(stanza)
}

/** Of a room that is being replicated; who wants to enter it is told, too. */
export function refuseHidden(stanza: Element): undefined {
  // XEP-0410 §3.2: to a client, item-not-found in answer to a ping means that it is in the room.
  if (answerable(stanza) && payload(stanza)?.getNS() === ns.ping && Jid.tryParse(stanza.attrs.to)?.isFull === true)
    throw new StanzaError('not-acceptable', { type: 'cancel', text: 'You are not in the room' })
  const leaves = stanza.name === 'presence' && stanza.attrs.type !== undefined
  if (!leaves && answerable(stanza)) throw new StanzaError('item-not-found', { text: 'There is no such room' })
}
