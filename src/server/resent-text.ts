/** A stanza that is sent once more: with the time at which it was sent first (XEP-0203), as its new stream frames it. */
import type { Unacknowledged } from '../stream/management.js'
import { child, type Element } from '../xml/element.js'
import { parseDocument } from '../xml/reader.js'
import { serialize } from '../xml/writer.js'
import { writeDelay } from '../xmpp/delay.js'
import { ns } from '../xmpp/namespaces.js'

/** What we wrote was bounded when it came. */
const limits = { stanzaBytes: 64 * 1024 * 1024, depth: 256, attributes: 1000 }

/** The stanza that a text of ours is, of whichever framing, as its bytes say it: half a character is none in UTF-8. */
export function readSent(text: string): Element {
  const stanza = parseDocument(Buffer.from(text), limits, '')
  delete stanza.attrs.xmlns
  return stanza
}

/** With the time of a message, unless it carries one. */
export function delayed({ text, sentAt }: Unacknowledged, by: string): Element {
  const stanza = readSent(text)
  if (stanza.name === 'message' && child(stanza, 'delay', ns.delay) === undefined) {
    const delay = writeDelay({ stampMs: sentAt, from: by })
    delay.parent = stanza
    stanza.children.push(delay)
  }
  return stanza
}

export const delayedText = (sent: Unacknowledged, by: string, xmlns?: string): string =>
  serialize(delayed(sent, by), xmlns)
