/**
 * The payload of messages and presence: what clients may not claim is taken out, then it travels as text. The elements
 * that the text was written from are kept beside the value that carries it, so that a live message is never parsed again.
 */
import { child, type Element, elements } from '../xml/element.js'
import { parseDocument } from '../xml/reader.js'
import { serialize } from '../xml/writer.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'

const kept = new WeakMap<object, readonly Element[]>()

export const writeContent = (content: readonly Element[]): string =>
  content.map((element) => serialize(element)).join('')

/** Keeps the elements of `carrier`'s text; both say the same. */
export const remember = (carrier: object, content: readonly Element[]): void => void kept.set(carrier, content)

/** `to` carries the same text as `from`. */
export function handOn<Carrier extends object>(from: object, to: Carrier): Carrier {
  const content = kept.get(from)
  if (content !== undefined) kept.set(to, content)
  return to
}

const limits = { stanzaBytes: 16 * 1024 * 1024, depth: 256, attributes: 1024 }

/** The elements of a text of ours; never to be changed nor re-parented. What cannot be read is left out. */
export function readContent(carrier: object, text: string): readonly Element[] {
  const known = kept.get(carrier)
  if (known !== undefined) return known
  const content = text === '' ? [] : parseContent(text)
  kept.set(carrier, content)
  return content
}

/** The same for who is the last to ask: most messages are shown once, and their text stays in the history. */
export function takeContent(carrier: object, text: string): readonly Element[] {
  const known = kept.get(carrier)
  if (known === undefined) return text === '' ? [] : parseContent(text)
  kept.delete(carrier)
  return known
}

function parseContent(text: string): readonly Element[] {
  try {
    return elements(parseDocument(`<x xmlns='${ns.client}'>${text}</x>`, limits, ns.client))
  } catch {
    return []
  }
}

/** What belongs to rooms alone, whoever sends it (XEP-0045 §17.3, XEP-0421 §4, XEP-0317, dmuc.md §4). */
const reserved: ReadonlySet<string | undefined> = new Set([
  ns.muc,
  ns.mucUser,
  ns.mucAdmin,
  ns.mucOwner,
  ns.occupantId,
  ns.dmuc,
  ns.dmucSync,
  'urn:xmpp:hats:0',
  'xmpp:prosody.im/protocol/hats:1',
])

/** The children that may be reflected. `ours`: this room and the other instances, whose marks nobody else may set. */
export const sanitized = (stanza: Element, ours: ReadonlySet<string>): Element[] =>
  elements(stanza).filter((element) => mayReflect(element, ours))

/** What another instance passed on is looked at again: it may have known fewer instances, or have let something through. */
export const withoutClaims = (content: readonly Element[], room: string): readonly Element[] =>
  content.filter((element) => mayReflect(element, room))

function mayReflect(element: Element, ours: ReadonlySet<string> | string): boolean {
  const namespace = element.getNS()
  if (reserved.has(namespace)) return false
  // XEP-0359 §3.1: ids by others stay, ids in our name do not.
  if (namespace === ns.stanzaId && element.name === 'stanza-id') return !claims(element.attrs.by, ours)
  // XEP-0424 §4: a tombstone is the archive's word, not a client's.
  if (namespace === 'urn:xmpp:message-retract:1' && element.name === 'retracted') return false
  // COMPAT what the room itself says to clients of version 0.2 of XEP-0425.
  if (namespace === 'urn:xmpp:message-moderate:0') return false
  if (namespace === 'urn:xmpp:fasten:0') return child(element, 'moderated', 'urn:xmpp:message-moderate:0') === undefined
  if (namespace === ns.delay) return element.attrs.from === undefined || !claims(element.attrs.from, ours)
  return true
}

function claims(address: unknown, ours: ReadonlySet<string> | string): boolean {
  const jid = typeof address === 'string' ? Jid.tryParse(address.trim()) : undefined
  if (jid === undefined) return true
  const bare = jid.bare().toString()
  return typeof ours === 'string' ? bare === ours : ours.has(bare)
}

const transient: ReadonlySet<string | undefined> = new Set([
  'http://jabber.org/protocol/chatstates',
  'urn:xmpp:receipts',
  'jabber:x:event',
  'urn:xmpp:hints',
])

/** Not to be stored: asked so (XEP-0334 §4.2), or nothing in it but chat states and the like (XEP-0085). */
export function isEphemeral(content: readonly Element[]): boolean {
  if (content.some((element) => element.name === 'no-store' && element.getNS() === 'urn:xmpp:hints')) return true
  return content.every(
    (element) =>
      transient.has(element.getNS()) ||
      element.getNS() === ns.stanzaId ||
      (element.name === 'thread' && element.attrs.xmlns === undefined),
  )
}
