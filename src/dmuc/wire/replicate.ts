/**
 * The stanzas by which a room comes to a peerhost (XEP-0281 §4.2, E3 to E13): replicate, config, roster, history and the
 * notice of a new peerhost. The printed slips are read as dmuc.md §1 says.
 */
import { copy, type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import type { RoomIdentity } from '../replica.js'
import { identityAttributes, readIdentity } from './hello.js'
import { readKey } from './read.js'

/** E3. Both services; our room ids are the same everywhere, so `id` is the localpart of the source. */
export const writeReplicate = (identity: RoomIdentity): Element =>
  xml(
    'replicate',
    { xmlns: ns.dmuc },
    xml('room', { id: Jid.parse(identity.source).local }),
    xml('source', { xmlns: ns.dmucSync, ...identityAttributes(identity) }),
  )

export interface ReplicateRequest {
  /** The room JID that the shadow shall have at `service`. */
  readonly shadow: string
  /** Undefined from a plain firsthost: the source is bound by the first config (checklist 13). */
  readonly identity: RoomIdentity | undefined
}

/** `service` is the peerhost's own. A full JID is accepted as id; undefined for anything that names no room. */
export function readReplicate(element: Element, service: string): ReplicateRequest | undefined {
  const id = element.getChild('room', ns.dmuc)?.attrs.id
  const source = element.getChild('source', ns.dmucSync)
  const local = localpart(id)
  if (local === undefined) return undefined
  return { shadow: `${local}@${service}`, identity: source && readIdentity(source) }
}

function localpart(id: string | undefined): string | undefined {
  if (id === undefined) return undefined
  const jid = id.includes('@') ? Jid.tryParse(id) : Jid.tryParse(`${id}@service.invalid`)
  return jid === undefined || jid.local === '' || jid.resource !== '' ? undefined : jid.local
}

/** Beside the empty result of E4: that we speak the extension too. */
export const writeAccepted = (shadow: string, key?: string): Element =>
  xml('accepted', { xmlns: ns.dmucSync, jid: shadow, key })

/** The key by which its service signs. */
export const readAcceptedKey = (result: Element): string | undefined =>
  readKey(result.getChild('accepted', ns.dmucSync)?.attrs.key)

/** The shadow's JID where the answer names one. */
export const readAccepted = (result: Element): string | undefined =>
  Jid.tryParse(result.getChild('accepted', ns.dmucSync)?.attrs.jid)?.bare().toString()

/** E9: the request; `sync` asks for events with their identities. */
export const writeHistoryRequest = (local: string, limit: Readonly<Record<string, string | undefined>>): Element =>
  xml('room', { xmlns: ns.dmuc, id: local }, xml('history', { xmlns: ns.muc, ...limit }))

/** E10: `<history/>` as the child of the IQ; accepted inside `<room/>` too (checklist 24). */
export function historyMessages(result: Element): readonly Element[] {
  const direct = result.getChild('history', ns.muc)
  const inside = result.getChild('room', ns.dmuc)?.getChild('history', ns.muc)
  return elements(direct ?? inside ?? xml('none')).filter((node) => node.name === 'message')
}

/** E12. The text names no newcomer; the table rides beside it. */
export const writePeerhost = (local: string, table: Element): Element =>
  xml('peerhost', { xmlns: ns.dmuc }, xml('room', { id: local }), copy(table))
