/**
 * The archive of a room (XEP-0313 §6.1.2): who may read it, whose messages may be asked for, and what a reader sees of one.
 * Finding them is the caller's.
 */
import { type Element, xml } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import { moderationMessage } from './features/moderation.js'
import { groupchatMessage } from './groupchat.js'
import { maySeeJids, occupantOf } from './occupants.js'
import { atLeast } from './roles.js'
import { refuse } from './speaker.js'
import { standingOf } from './standing.js'
import type { LoggedEvent, RoomState } from './types.js'

/** Features of a room that keeps an archive (XEP-0313 §7), which can be searched (XEP-0431). */
export const archiveFeatures = [ns.archive, `${ns.archive}#extended`, 'urn:xmpp:fulltext:0'] as const

/** The operations that are entries of the archive. */
export const archivedTypes = ['message', 'subject', 'moderate'] as const

export interface ArchiveReader {
  /** The bare JID. */
  readonly jid: string
  readonly seesJids: boolean
}

/**
 * Occupants read, and whoever could enter without being asked: members, but where there is a password admins alone. `from` is a full
 * JID; an administrator of the service (`admin`) may what an owner may. Refusals: `item-not-found` where there is no room for
 * the asker or no archive, `forbidden`.
 */
export function readerOf(state: RoomState, from: Jid, admin: boolean): ArchiveReader | StanzaError {
  const jid = from.bare().toString()
  const affiliation = admin ? 'owner' : standingOf(state, { jid, home: state.jid })
  const occupant = occupantOf(state, from.toString())
  if (state.destroyed || (state.locked && occupant === undefined && affiliation !== 'owner'))
    return refuse(state, 'item-not-found', 'There is no such room')
  const least = state.config.password === '' ? 'member' : 'admin'
  if (affiliation === 'outcast' || (occupant === undefined && !atLeast(affiliation, least)))
    return refuse(state, 'forbidden', 'Only occupants and members read the archive of this room')
  if (!state.config.archive) return refuse(state, 'item-not-found', 'This room keeps no archive')
  const seesJids = occupant === undefined ? atLeast(affiliation, 'admin') : maySeeJids(state, occupant)
  return { jid, seesJids: seesJids || state.config.whois === 'anyone' }
}

/**
 * What `with` comes to (§4.1.1): a nick for an occupant JID, a real bare JID for those who may know it and for one's own; the
 * room itself has said everything. `forbidden` for other real JIDs.
 */
export function authorsOf(
  state: RoomState,
  { jid, seesJids }: ArchiveReader,
  author: Jid,
): { readonly nick?: string; readonly with?: string } | StanzaError {
  const bare = author.bare().toString()
  if (bare === state.jid) return author.isBare ? {} : { nick: author.resource }
  if (seesJids || bare === jid) return { with: bare }
  return refuse(state, 'forbidden', 'Real addresses are not yours to see in this room')
}

/** An entry as this reader sees it, without `to`; undefined for what is no entry. */
export function archivedMessage(room: string, event: LoggedEvent, { seesJids }: ArchiveReader): Element | undefined {
  const { operation, stanzaId } = event
  if (operation.type === 'moderate') return moderationMessage(room, event)
  if (event.void === true || (operation.type !== 'message' && operation.type !== 'subject')) return undefined
  const message = groupchatMessage(room, operation, { stanzaId })
  if (seesJids && operation.jid !== '')
    message.children.push(xml('x', { xmlns: ns.mucUser }, xml('item', { jid: operation.jid })))
  return message
}
