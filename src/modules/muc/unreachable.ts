/** Errors that say whether what we sent to another instance got there. */
import type { Element } from '../../xml/element.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

const conditions: ReadonlySet<string> = new Set([
  'remote-server-not-found',
  'remote-server-timeout',
  'service-unavailable',
  'item-not-found',
])

/** Nobody there answered; that there is no such room is an answer. */
export const isNoWay = ({ condition }: StanzaError): boolean =>
  condition !== 'item-not-found' && conditions.has(condition)

/** What we sent did not get there. Other errors say that it did. */
export const isLost = (stanza: Element): boolean =>
  stanza.attrs.type === 'error' && conditions.has(StanzaError.from(stanza.getChild('error')).condition)
