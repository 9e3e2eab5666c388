/** Replies and small questions about stanzas (RFC 6120 §8). None changes what it is given. */
import { copy, type Element, elements, type Node, xml } from '../xml/element.js'
import { ns } from './namespaces.js'
import { StanzaError } from './stanza-error.js'

export const isStanza = (element: Element): boolean =>
  (element.name === 'message' || element.name === 'presence' || element.name === 'iq') &&
  element.attrs.xmlns === undefined

/** The one payload of an IQ of type get or set. */
export const payload = (iq: Element): Element | undefined => elements(iq).find((node) => node.name !== 'error')

/** The result of `iq`, from where it went to where it came from. */
export const result = (iq: Element, ...children: (Node | undefined)[]): Element =>
  xml('iq', { type: 'result', id: iq.attrs.id, from: iq.attrs.to, to: iq.attrs.from }, ...children)

/**
 * The error reply to a stanza, or undefined where RFC 6120 §8.3.1 forbids one: an error is never answered with an
 * error, nor is the result of an IQ. The reply to a presence that asked to enter a room says so (XEP-0045 §7.2): clients
 * tell by it what has failed.
 */
export function errorReply(stanza: Element, error: StanzaError): Element | undefined {
  const { type, id, from, to } = stanza.attrs
  if (type === 'error' || (stanza.name === 'iq' && type === 'result')) return undefined
  return xml(stanza.name, { type: 'error', id, from: to, to: from }, ...echoed(stanza), error.toElement())
}

function echoed(stanza: Element): Element[] {
  if (stanza.name === 'iq') return elements(stanza).map(copy)
  const joins = stanza.name === 'presence' && stanza.getChild('x', ns.muc) !== undefined
  return joins ? [xml('x', { xmlns: ns.muc })] : []
}

/** Everything thrown on the way of a stanza as what its sender is told; an unknown error is our own fault. */
export const toStanzaError = (thrown: unknown): StanzaError =>
  thrown instanceof StanzaError ? thrown : new StanzaError('internal-server-error', { cause: thrown })

/** A shallow new root with other attributes over copies of the same children. */
export const readdress = (stanza: Element, attrs: Readonly<Record<string, string | undefined>>): Element =>
  xml(
    stanza.name,
    { ...stanza.attrs, ...attrs },
    ...stanza.children.map((node) => (typeof node === 'string' ? node : copy(node))),
  )
