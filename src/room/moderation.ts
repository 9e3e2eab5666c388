/** Roles changed by others: kick, voice, moderator status (XEP-0045 §§5.1.3, 8.2 to 8.6, 9.6 to 9.8). */
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { AdminItem } from './command.js'
import { atLeast, outranks } from './roles.js'
import { isModerator, refuse, type Speaker } from './speaker.js'
import { standingOf } from './standing.js'
import type { Occupant, Operation, Role, RoomState } from './types.js'

/** What is wrong with `actor` giving `target` the role `role`; also asked of what other instances decided. */
export function roleFault(
  state: RoomState,
  actor: Pick<Speaker, 'affiliation' | 'occupant' | 'jid'>,
  target: Occupant,
  role: Role,
): StanzaError | undefined {
  if (!isModerator(actor)) return refuse(state, 'forbidden', 'Only moderators change roles')
  const affiliation = standingOf(state, target)
  const isAdmin = atLeast(actor.affiliation, 'admin')
  if (role === 'none') return kickFault(state, actor, target)
  if (role === 'moderator')
    return isAdmin ? undefined : refuse(state, 'forbidden', 'Only admins and owners make moderators')
  if (atLeast(affiliation, 'admin'))
    return refuse(state, 'not-allowed', 'Admins and owners are moderators as long as they are that')
  if (target.role === 'moderator')
    return isAdmin ? undefined : refuse(state, 'not-allowed', 'Only admins and owners revoke moderator status')
  if (role === 'visitor' && affiliation !== 'none' && !outranks(actor.affiliation, affiliation))
    return refuse(state, 'not-allowed', 'Voice is revoked only by somebody with a higher affiliation')
  return undefined
}

/** §8.2, and §5.1.3: moderators are kicked by admins and owners. */
function kickFault(
  state: RoomState,
  actor: Pick<Speaker, 'affiliation' | 'jid'>,
  target: Occupant,
): StanzaError | undefined {
  if (target.jid === actor.jid) return undefined
  if (outranks(standingOf(state, target), actor.affiliation))
    return refuse(state, 'not-allowed', 'Nobody is kicked by somebody with a lower affiliation')
  if (target.role === 'moderator' && !atLeast(actor.affiliation, 'admin'))
    return refuse(state, 'not-allowed', 'Moderators are kicked by admins and owners only')
  return undefined
}

export function decideRole(state: RoomState, item: AdminItem, speaker: Speaker): readonly Operation[] | StanzaError {
  const { nick, role, reason } = item
  if (!isModerator(speaker)) return refuse(state, 'forbidden', 'Only moderators change roles')
  if (nick === undefined || role === undefined) return refuse(state, 'bad-request', 'A role is changed by nickname')
  const target = state.occupants.get(nick)
  if (target === undefined) return refuse(state, 'item-not-found', 'Nobody has that nickname')
  const fault = roleFault(state, speaker, target, role)
  if (fault !== undefined) return fault
  if (role === 'none')
    return [{ type: 'leave', nick, departure: { cause: 'kicked', actor: speaker.jid, ...(reason ? { reason } : {}) } }]
  if (role === target.role) return []
  return [{ type: 'role', nick, role, actor: speaker.jid, ...(reason ? { reason } : {}) }]
}
