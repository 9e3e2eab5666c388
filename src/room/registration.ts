/** Registering with a room (XEP-0045 §7.10, in the form of XEP-0077): membership and a reserved nick. */
import { xml } from '../xml/element.js'
import { writeForm } from '../xmpp/data-form.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import { registerOperation, reservable } from './affiliation.js'
import type { CommandOf } from './command.js'
import type { Context } from './contract.js'
import { nickFault } from './nick.js'
import { atLeast } from './roles.js'
import { isRefusal, refuse, replyTo, type Speaker, speakerOf, type Verdict } from './speaker.js'
import type { Operation, RoomState } from './types.js'

export const registerNamespace = 'jabber:iq:register'
export const registerForm = 'http://jabber.org/protocol/muc#register'

/** Registering makes a member: never a way around a members-only room, nor to voice in a moderated one. */
function registrationFault(state: RoomState, { affiliation }: Speaker, { policy }: Context): StanzaError | undefined {
  if (policy.registration === 'none') return refuse(state, 'service-unavailable', 'There is no registration here')
  if (affiliation === 'outcast') return refuse(state, 'not-allowed', 'You are banned from this room')
  if (atLeast(affiliation, 'member')) return undefined
  const open = policy.registration === 'open' && !state.config.membersOnly && !state.config.moderated
  return open ? undefined : refuse(state, 'not-allowed', 'Only members register with this room')
}

export function decideRegisterGet(state: RoomState, command: CommandOf<'register-get'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const fault = registrationFault(state, speaker, context)
  if (fault !== undefined) return fault
  const nick = state.register.get(speaker.jid)?.nick
  const form = writeForm({
    type: 'form',
    title: `Registration with ${state.config.name || state.jid}`,
    instructions: ['Choose the nickname that is to be yours in this room.'],
    fields: [
      { var: 'FORM_TYPE', type: 'hidden', values: [registerForm] },
      {
        var: 'muc#register_roomnick',
        type: 'text-single',
        label: 'Desired Nickname',
        required: true,
        values: nick === undefined ? [] : [nick],
      },
    ],
  })
  const registered = nick === undefined ? [] : [xml('registered'), xml('username', {}, nick)]
  const query = xml('query', { xmlns: registerNamespace }, ...registered, form)
  return { operations: [], reply: replyTo(state, command, query) }
}

export function decideRegisterSet(state: RoomState, command: CommandOf<'register-set'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const fault = registrationFault(state, speaker, context)
  if (fault !== undefined) return fault
  const nick = reservable(state, command.nick, speaker.jid)
  if (isRefusal(nick)) return nick
  const invalid = nickFault(state, nick, context)
  if (invalid !== undefined) return invalid
  const present = state.register.get(speaker.jid)
  if (present === undefined && state.register.size >= context.policy.maxRegister)
    return refuse(state, 'resource-constraint', `A room has at most ${context.policy.maxRegister} affiliations`)
  const affiliation = present === undefined || present.affiliation === 'none' ? 'member' : present.affiliation
  const operations: Operation[] = []
  if (present?.nick !== nick || present.affiliation !== affiliation)
    operations.push(registerOperation(state, speaker.jid, { affiliation, nick }))
  // Where nicks are locked down the occupant takes the new one at once (status 210).
  const { occupant } = speaker
  if (context.policy.lockNicks && occupant !== undefined && occupant.nick !== nick && !state.occupants.has(nick))
    operations.push({ type: 'nick', nick: occupant.nick, to: nick, grant: context.grant ?? 0, forced: true })
  return { operations, reply: replyTo(state, command) }
}

/** XEP-0077 §3.2: the nick is free again; the affiliation is the admins' to change. */
export function decideRegisterRemove(
  state: RoomState,
  command: CommandOf<'register-remove'>,
  context: Context,
): Verdict {
  const speaker = speakerOf(state, command, context)
  const present = state.register.get(speaker.jid)
  if (present?.nick === undefined) return refuse(state, 'registration-required', 'You are not registered')
  const entry = { affiliation: present.affiliation }
  return { operations: [registerOperation(state, speaker.jid, entry)], reply: replyTo(state, command) }
}
