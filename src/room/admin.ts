/** muc#admin (XEP-0045 §§8, 9, 10.3 to 10.8): lists of items changed all or not at all, and lists read. */
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import { decideAffiliation, keepsOwner } from './affiliation.js'
import { applyOperation } from './apply.js'
import type { AdminItem, CommandOf } from './command.js'
import type { Context, Delivery } from './contract.js'
import { invitationTo } from './invite.js'
import { decideRole } from './moderation.js'
import { affiliationOf, occupantsOf } from './occupants.js'
import { affiliationMessage } from './presence.js'
import { atLeast } from './roles.js'
import { isModerator, isRefusal, refuse, replyTo, type Speaker, speakerOf, type Verdict } from './speaker.js'
import { type Affiliation, affiliations, type Operation, type Role, type RoomState } from './types.js'

export function decideAdminSet(state: RoomState, command: CommandOf<'admin-set'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  if (command.items.length === 0) return refuse(state, 'bad-request', 'There is no item')
  const changed = changeAll(state, command.items, speaker, context)
  if (isRefusal(changed)) return changed
  return {
    operations: changed.operations,
    reply: replyTo(state, command),
    deliveries: messagesTo(state, changed.operations, speaker),
  }
}

/** Each item on the state that those before it left; the first fault undoes all. */
export function changeAll(
  state: RoomState,
  items: readonly AdminItem[],
  speaker: Speaker,
  context: Context,
): { readonly operations: readonly Operation[]; readonly after: RoomState } | StanzaError {
  const operations: Operation[] = []
  let after = state
  for (const item of items) {
    if (item.role !== undefined && item.affiliation !== undefined)
      return refuse(state, 'bad-request', 'An item changes a role or an affiliation, not both')
    const decided =
      item.role !== undefined ? decideRole(after, item, speaker) : decideAffiliation(after, item, speaker, context)
    if (isRefusal(decided)) return decided
    operations.push(...decided)
    after = decided.reduce((current, operation) => applyOperation(current, operation), after)
  }
  if (!keepsOwner(state, after)) return refuse(state, 'conflict', 'A room keeps at least one owner')
  return { operations, after }
}

/** What goes to those who are not in the room of what was changed for them. */
export const messagesTo = (
  state: RoomState,
  operations: readonly Operation[],
  speaker: Speaker,
): readonly Delivery[] => [...welcomesOf(state, operations, speaker), ...noticesOf(state, operations)]

/** §9.5: who becomes a member of a members-only room and had no affiliation is invited. */
function welcomesOf(state: RoomState, operations: readonly Operation[], speaker: Speaker): readonly Delivery[] {
  if (!state.config.membersOnly) return []
  return operations.flatMap((operation) =>
    operation.type === 'register' &&
    operation.entry.affiliation === 'member' &&
    operation.jid.includes('@') &&
    affiliationOf(state, operation.jid) === 'none'
      ? [invitationTo(state, speaker, { to: operation.jid })]
      : [],
  )
}

/** A list that names more is maintenance, and nobody is told. */
const maxNotices = 20

/**
 * §18.1: who is not in the room is told of a new affiliation by the room (status 101). Not of a ban, nor who is invited anyway.
 */
function noticesOf(state: RoomState, operations: readonly Operation[]): readonly Delivery[] {
  const told = operations.flatMap((operation) => {
    if (operation.type !== 'register' || !operation.jid.includes('@')) return []
    const { jid, entry, reason } = operation
    const former = affiliationOf(state, jid)
    const isInvited = state.config.membersOnly && former === 'none' && entry.affiliation === 'member'
    const isSilent = entry.affiliation === former || entry.affiliation === 'outcast' || isInvited
    return isSilent || occupantsOf(state, jid).length > 0 ? [] : [{ jid, affiliation: entry.affiliation, reason }]
  })
  if (told.length > maxNotices) return []
  return told.map(({ jid, affiliation, reason }) => ({
    to: [jid],
    stanza: affiliationMessage(state, jid, affiliation, reason, 101),
  }))
}

export function decideAdminGet(state: RoomState, command: CommandOf<'admin-get'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const { list, by } = command
  const items = by === 'affiliation' ? affiliationList(state, speaker, list) : roleList(state, speaker, list)
  if (isRefusal(items)) return items
  return { operations: [], reply: replyTo(state, command, xml('query', { xmlns: ns.mucAdmin }, ...items)) }
}

const isAffiliation = (name: string): name is Affiliation => (affiliations as readonly string[]).includes(name)

function affiliationList(state: RoomState, speaker: Speaker, list: Affiliation | Role): Element[] | StanzaError {
  if (!isAffiliation(list) || list === 'none') return refuse(state, 'bad-request', 'There is no such list')
  if (!mayReadAffiliations(state, speaker, list)) return refuse(state, 'forbidden', 'You may not read that list')
  return [...state.register]
    .filter(([, { affiliation }]) => affiliation === list)
    .map(([jid, { affiliation, nick, reason }]) =>
      xml(
        'item',
        { affiliation, jid, nick: list === 'outcast' ? undefined : nick },
        reason === undefined ? undefined : xml('reason', {}, reason),
      ),
    )
}

/**
 * §§9.2, 9.5, 10.5, 10.8: the ban list is for admins; the others are for admins or owners, and in non-anonymous rooms for members
 * and for the roles that `muc#roomconfig_getmemberlist` names. In semi-anonymous rooms only moderators of those, who see JIDs anyway.
 */
function mayReadAffiliations(state: RoomState, { affiliation, occupant }: Speaker, list: Affiliation): boolean {
  const { whois, getMemberList } = state.config
  if (affiliation === 'outcast') return false
  if (atLeast(affiliation, list === 'member' || list === 'outcast' ? 'admin' : 'owner')) return true
  if (list === 'outcast') return false
  const listed = occupant !== undefined && includesRole(getMemberList, occupant.role)
  if (whois === 'anyone') return listed || atLeast(affiliation, 'member')
  return list === 'member' && listed && occupant.role === 'moderator'
}

const includesRole = (roles: readonly Role[], role: Role): boolean => roles.includes(role)

/** §8.5: the voice list is for moderators; §9.8: the moderators' for admins. */
function roleList(state: RoomState, speaker: Speaker, list: Affiliation | Role): Element[] | StanzaError {
  if (isAffiliation(list)) return refuse(state, 'bad-request', 'There is no such list')
  const allowed = list === 'moderator' ? atLeast(speaker.affiliation, 'admin') : isModerator(speaker)
  if (!allowed) return refuse(state, 'forbidden', 'You may not read that list')
  return [...state.occupants.values()]
    .filter(({ role }) => role === list)
    .map(({ nick, role, jid, sessions }) =>
      xml('item', { nick, role, affiliation: affiliationOf(state, jid), jid: sessions[0]?.jid ?? jid }),
    )
}
