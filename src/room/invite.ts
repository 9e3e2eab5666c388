/** Mediated invitations and what becomes of them (XEP-0045 §7.8.2, §9.5). */
import { xml } from '../xml/element.js'
import { registerOperation } from './affiliation.js'
import { applyOperation } from './apply.js'
import type { CommandOf, Invitation } from './command.js'
import type { Context, Delivery } from './contract.js'
import { bareOf, resourceOf } from './jids.js'
import { affiliationOf } from './occupants.js'
import { userElement } from './presence.js'
import { passOn } from './private.js'
import { atLeast } from './roles.js'
import { refuse, type Speaker, speakerOf, type Verdict } from './speaker.js'
import type { Occupant, Operation, RoomState } from './types.js'

/** The inviter as the invitee may know it: by real JID only where all may see that. */
const inviterAddress = (state: RoomState, { jid, occupant }: Speaker): string =>
  state.config.whois === 'anyone' || occupant === undefined ? jid : `${state.jid}/${occupant.nick}`

export function invitationTo(state: RoomState, inviter: Speaker, invitation: Invitation, id?: string): Delivery {
  const { to, reason, continue: goesOn } = invitation
  const stanza = xml(
    'message',
    { from: state.jid, id },
    userElement(
      xml(
        'invite',
        { from: inviterAddress(state, inviter) },
        reason === undefined ? undefined : xml('reason', {}, reason),
        goesOn === undefined ? undefined : xml('continue', { thread: goesOn.thread }),
      ),
      state.config.password === '' ? undefined : xml('password', {}, state.config.password),
    ),
  )
  return { to: [to], stanza }
}

export function decideInvite(state: RoomState, command: CommandOf<'invite'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const { occupant, affiliation } = speaker
  if (occupant === undefined) return refuse(state, 'forbidden', 'You are not in the room')
  if (state.locked) return refuse(state, 'item-not-found', 'The room is not configured yet')
  const { membersOnly, allowInvites } = state.config
  if (membersOnly && !atLeast(affiliation, allowInvites ? 'member' : 'admin'))
    return refuse(state, 'forbidden', 'You may not invite others to this room')
  const operations: Operation[] = []
  let after = state
  for (const { to } of command.invitations) {
    const invited = affiliationOf(state, to)
    if (invited === 'outcast') return refuse(state, 'not-allowed', 'A banned user is not invited')
    if (!membersOnly || invited !== 'none') continue
    const operation = registerOperation(after, bareOf(to), { affiliation: 'member' }, speaker.jid)
    operations.push(operation)
    after = applyOperation(after, operation)
  }
  if (after.register.size > context.policy.maxRegister)
    return refuse(state, 'resource-constraint', `A room has at most ${context.policy.maxRegister} affiliations`)
  const deliveries = command.invitations.map((invitation) => invitationTo(state, speaker, invitation, command.id))
  return { operations, deliveries }
}

/**
 * §7.8.2: a decline goes back to who invited, by occupant JID or bare JID. Only to occupants, and with no other answer than
 * silence: otherwise strangers could have the room write to anybody, or learn who is in it.
 */
export function decideDecline(state: RoomState, command: CommandOf<'decline'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  if (speaker.affiliation === 'outcast') return refuse(state, 'forbidden', 'You are banned from this room')
  const inviter = addressee(state, command.to)
  if (inviter === undefined) return { operations: [] }
  const { reason, id } = command
  const stanza = xml(
    'message',
    { from: state.jid, id },
    userElement(xml('decline', { from: speaker.jid }, reason === undefined ? undefined : xml('reason', {}, reason))),
  )
  return passOn(state, inviter, stanza)
}

function addressee(state: RoomState, to: string): Occupant | undefined {
  if (bareOf(to) === state.jid) return state.occupants.get(resourceOf(to) ?? '')
  for (const occupant of state.occupants.values()) if (occupant.jid === bareOf(to)) return occupant
  return undefined
}
