/** Entries of the register: who may make whom what (XEP-0045 §5.2.2, §9, §10.3 to §10.8), and what that comes to. */
import { Jid } from '../xmpp/jid.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { AdminItem } from './command.js'
import type { Context } from './contract.js'
import { holderOf } from './occupants.js'
import { atLeast } from './roles.js'
import { isRefusal, refuse, type Speaker } from './speaker.js'
import type { Affiliation, Operation, RegisterEntry, RoomState } from './types.js'

/** What is wrong with `actor` giving `jid` that affiliation; also asked of what other instances decided. */
export function affiliationFault(
  state: RoomState,
  actor: Pick<Speaker, 'affiliation' | 'jid'>,
  jid: string,
  affiliation: Affiliation,
): StanzaError | undefined {
  if (!atLeast(actor.affiliation, 'admin'))
    return refuse(state, 'forbidden', 'Only admins and owners change affiliations')
  if (affiliation === 'outcast' && jid === actor.jid) return refuse(state, 'conflict', 'Nobody bans himself')
  const present = state.register.get(jid)?.affiliation ?? 'none'
  if (!jid.includes('@') && atLeast(affiliation, 'admin'))
    return refuse(state, 'not-acceptable', 'A whole domain is neither admin nor owner')
  if (actor.affiliation === 'owner' || (!atLeast(affiliation, 'admin') && !atLeast(present, 'admin'))) return undefined
  return affiliation === 'outcast'
    ? refuse(state, 'not-allowed', 'Admins and owners are banned by owners only')
    : refuse(state, 'forbidden', 'Only owners change the lists of owners and admins')
}

/** §§10.4, 10.5: a room that has owners keeps one. */
export const keepsOwner = (before: RoomState, after: RoomState): boolean => hasOwner(after) || !hasOwner(before)

function hasOwner({ register }: RoomState): boolean {
  for (const { affiliation } of register.values()) if (affiliation === 'owner') return true
  return false
}

export function decideAffiliation(
  state: RoomState,
  item: AdminItem,
  speaker: Speaker,
  context: Context,
): readonly Operation[] | StanzaError {
  if (!atLeast(speaker.affiliation, 'admin'))
    return refuse(state, 'forbidden', 'Only admins and owners change affiliations')
  const { affiliation } = item
  const jid = targetOf(state, item)
  if (isRefusal(jid)) return jid
  if (affiliation === undefined) return refuse(state, 'bad-request', 'The item has no affiliation')
  const present = state.register.get(jid)
  const entry = entryFor(state, item, jid, affiliation, present)
  if (isRefusal(entry)) return entry
  if (present?.affiliation === entry.affiliation && present.nick === entry.nick) return []
  if (present === undefined && affiliation === 'none') return []
  const fault = affiliationFault(state, speaker, jid, affiliation)
  if (fault !== undefined) return fault
  if (present === undefined && state.register.size >= context.policy.maxRegister)
    return refuse(state, 'resource-constraint', `A room has at most ${context.policy.maxRegister} affiliations`)
  return [registerOperation(state, jid, entry, speaker.jid, item.reason)]
}

export const registerOperation = (
  state: RoomState,
  jid: string,
  entry: RegisterEntry,
  actor?: string,
  reason?: string,
): Operation => ({
  type: 'register',
  jid,
  entry,
  ...(actor === undefined ? {} : { actor }),
  ...(reason ? { reason } : {}),
  revision: state.registerRevision + 1,
})

/** By JID (§17.4), as a bare one; some clients name an occupant instead. */
function targetOf(state: RoomState, { jid, nick }: AdminItem): string | StanzaError {
  if (jid !== undefined) {
    const parsed = Jid.tryParse(jid)
    return parsed === undefined ? refuse(state, 'jid-malformed') : parsed.bare().toString()
  }
  if (nick === undefined) return refuse(state, 'bad-request', 'An affiliation is changed by JID')
  return state.occupants.get(nick)?.jid ?? refuse(state, 'item-not-found', 'Nobody has that nickname')
}

/** Characters of the reason of a ban, as long as it lasts. No character is cut in two. */
const longestReason = 1000

const kept = (reason: string): string => reason.slice(0, longestReason).replace(/[\ud800-\udbff]$/, '')

/** §9.5: a nick that comes with the JID is reserved, an empty one not any more; outcasts reserve none (§9.1). */
function entryFor(
  state: RoomState,
  item: AdminItem,
  jid: string,
  affiliation: Affiliation,
  present: RegisterEntry | undefined,
): RegisterEntry | StanzaError {
  if (affiliation === 'outcast') return item.reason ? { affiliation, reason: kept(item.reason) } : { affiliation }
  if (affiliation === 'none') return { affiliation }
  const wished = item.jid === undefined ? undefined : item.nick
  if (wished === undefined) return present?.nick === undefined ? { affiliation } : { affiliation, nick: present.nick }
  if (wished === '') return { affiliation }
  const nick = reservable(state, wished, jid)
  return isRefusal(nick) ? nick : { affiliation, nick }
}

/** §7.10: the prepared nick, unless another user has reserved it or is in the room under it. */
export function reservable(state: RoomState, wished: string, jid: string): string | StanzaError {
  const nick = Jid.tryParse(`${state.jid}/${wished}`)?.resource
  if (nick === undefined || nick === '') return refuse(state, 'not-acceptable', 'That is no nickname')
  const holder = holderOf(state, nick)
  const present = state.occupants.get(nick)
  const taken = (holder !== undefined && holder !== jid) || (present !== undefined && present.jid !== jid)
  return taken ? refuse(state, 'conflict', 'That nickname is in use or registered by another user') : nick
}
