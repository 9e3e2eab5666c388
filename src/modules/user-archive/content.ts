/** Messages of an account as its archive keeps them, and which it keeps (XEP-0313 §6.1, hints of XEP-0334). */
import type { ArchiveRecord } from '../../store/store.js'
import { child, childText, type Element, elements } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readStored } from '../stored-xml.js'

const hints = 'urn:xmpp:hints'

/** What belongs to a conversation although it has no body. */
const conversational: ReadonlySet<string> = new Set([
  'urn:xmpp:receipts',
  'urn:xmpp:chat-markers:0',
  'urn:xmpp:reactions:0',
  'urn:xmpp:message-retract:1',
  'urn:xmpp:jingle-message:0',
  'urn:xmpp:omemo:2',
  'eu.siacs.conversations.axolotl',
  'urn:xmpp:openpgp:0',
  ns.conference,
])

export function isArchivable(message: Element): boolean {
  const type = message.attrs.type ?? 'normal'
  if (type === 'groupchat' || type === 'error' || type === 'headline') return false
  const hinted = (name: string): boolean => child(message, name, hints) !== undefined
  if (hinted('no-store') || hinted('no-permanent-store')) return false
  if (hinted('store') || childText(message, 'body') !== undefined) return true
  return elements(message).some(({ attrs }) => conversational.has(attrs.xmlns)) || isInvitation(message)
}

const isInvitation = (message: Element): boolean => child(message, 'x', ns.mucUser)?.getChild('invite') !== undefined

/** The opaque body of a record. */
interface Kept {
  readonly attrs: Readonly<Record<string, string>>
  /** The child elements; searched by the store. */
  readonly content: string
}

/** `other` is the other side of the conversation. */
export function recordOf(message: Element, stanzaId: string, other: Jid, archivedAt: number): ArchiveRecord {
  const kept: Kept = { attrs: message.attrs, content: contentOf(message) }
  return {
    stanzaId,
    type: 'message',
    jid: other.bare().toString(),
    nick: other.resource || undefined,
    body: JSON.stringify(kept),
    archivedAt,
  }
}

/** What is of the message's own namespace declares none (element.ts), and is read inside a message again. */
function contentOf(message: Element): string {
  let content = ''
  for (const node of message.children) if (typeof node !== 'string') content += serialize(node)
  return content
}

export function messageOf({ body }: Pick<ArchiveRecord, 'body'>): Element {
  const { attrs, content } = JSON.parse(body) as Kept
  const message = readStored(`<message>${content}</message>`)
  Object.assign(message.attrs, attrs)
  return message
}
