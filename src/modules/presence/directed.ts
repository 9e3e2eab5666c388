/** To whom a session sent directed presence (RFC 6121 §4.6): they are told when it becomes unavailable. */
import type { Session } from '../../server/session.js'
import { type Element, xml } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import type { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

const key = 'presence.directed'
/** Characters of one that is remembered whole. */
const longest = 8 * 1024

/** By recipient, the last available presence sent there. */
export function directedOf(session: Session): Map<string, Element> {
  const known = session.data.get(key) as Map<string, Element> | undefined
  if (known !== undefined) return known
  const directed = new Map<string, Element>()
  session.data.set(key, directed)
  return directed
}

/** Throws StanzaError `resource-constraint` when there are more than `most`. */
export function remember(session: Session, to: Jid, stanza: Element, most: number): void {
  const directed = directedOf(session)
  const recipient = to.toString()
  if (stanza.attrs.type === 'unavailable') directed.delete(recipient)
  else if (directed.size < most || directed.has(recipient)) directed.set(recipient, short(stanza))
  else throw new StanzaError('resource-constraint', { text: 'Directed presence was sent to too many addresses' })
}

/** Whoever refuses our presence, or has left, need not be told that we leave. */
export function forget(session: Session, who: Jid): void {
  if (session.data.has(key)) directedOf(session).delete(who.toString())
}

/** A long one is remembered without what it said. */
function short(stanza: Element): Element {
  if (serialize(stanza).length <= longest) return stanza
  const { from, to } = stanza.attrs
  return xml('presence', { from, to })
}

/** Sent to this address, or to any of the same bare JID: a room's occupants are all at one. */
export function sentTo(session: Session, other: Jid): boolean {
  if (!session.data.has(key)) return false
  const directed = directedOf(session)
  if (directed.has(other.toString())) return true
  const bare = other.bare().toString()
  // Strangers may ask often: the addresses are prepared, so their text tells.
  for (const recipient of directed.keys()) if (recipient === bare || recipient.startsWith(`${bare}/`)) return true
  return false
}
