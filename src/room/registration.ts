/** Registering with a room (XEP-0045 §7.10, in the form of XEP-0077): membership and a reserved nick. */
import { type Element, xml } from '../xml/element.js'
import { writeForm } from '../xmpp/data-form.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import { changeAll, messagesTo } from './admin.js'
import { registerOperation, reservable } from './affiliation.js'
import type { CommandOf } from './command.js'
import type { Context } from './contract.js'
import { granted, nickFault } from './nick.js'
import { affiliationOf } from './occupants.js'
import { askedTooOften, tellOccupants } from './petitions.js'
import { atLeast } from './roles.js'
import { isRefusal, refuse, replyTo, type Speaker, speakerOf, type Verdict } from './speaker.js'
import { mayVouch, standingOf } from './standing.js'
import type { Occupant, Operation, RoomState } from './types.js'

export const registerNamespace = 'jabber:iq:register'
export const registerForm = 'http://jabber.org/protocol/muc#register'

/** Registering makes a member: never a way around a members-only room, nor to voice in a moderated one. */
function registrationFault(
  state: RoomState,
  { jid, affiliation }: Speaker,
  { policy }: Context,
): StanzaError | undefined {
  if (!mayVouch(state, { jid, home: state.jid }))
    return refuse(state, 'not-allowed', 'This instance of the room may not speak for your server: register elsewhere')
  if (policy.registration === 'none') return refuse(state, 'service-unavailable', 'There is no registration here')
  if (affiliation === 'outcast') return refuse(state, 'not-allowed', 'You are banned from this room')
  if (atLeast(affiliation, 'member')) return undefined
  return policy.registration === 'open'
    ? undefined
    : refuse(state, 'not-allowed', 'Only members register with this room')
}

/** Where to be a member means something, admins decide who becomes one (§9.9). */
const needsApproval = ({ config }: RoomState, { affiliation }: Speaker): boolean =>
  (config.membersOnly || config.moderated) && !atLeast(affiliation, 'member')

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
  if (needsApproval(state, speaker)) return petition(state, command, nick, speaker, context)
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
    operations.push({ type: 'nick', nick: occupant.nick, to: nick, ...granted(context), forced: true })
  return { operations, reply: replyTo(state, command) }
}

/** Between two requests of one user. */
const petitionMs = 10 * 60_000

/** §9.9: the form to the admins in the room or, where none is there, to the accounts of some. */
function petition(
  state: RoomState,
  command: CommandOf<'register-set'>,
  nick: string,
  speaker: Speaker,
  { at, token }: Context,
): Verdict {
  const tooOften = askedTooOften(state, 'registration', speaker.jid, at, petitionMs)
  if (tooOften !== undefined) return tooOften
  const stanza = xml('message', { from: state.jid, id: token }, petitionForm(speaker.jid, nick))
  const isAdmin = (occupant: Occupant): boolean => atLeast(standingOf(state, occupant), 'admin')
  const told = tellOccupants(state, isAdmin, stanza)
  const away = [...state.register].filter(([, { affiliation }]) => atLeast(affiliation, 'admin')).map(([jid]) => jid)
  const isHeard = told.deliveries.length > 0 || told.relays.length > 0
  return {
    operations: [{ type: 'asked', what: 'registration', jid: speaker.jid, at }],
    reply: replyTo(state, command),
    ...(isHeard ? told : { deliveries: away.length === 0 ? [] : [{ to: away.slice(0, maxAway), stanza }] }),
  }
}

/** Admins that are written to at home. */
const maxAway = 10

const petitionForm = (jid: string, nick: string): Element =>
  writeForm({
    type: 'form',
    title: 'Registration request',
    instructions: ['To approve this registration request, choose to allow it and submit the form.'],
    fields: [
      { var: 'FORM_TYPE', type: 'hidden', values: [registerForm] },
      { var: 'muc#jid', type: 'jid-single', label: 'User ID', values: [jid] },
      { var: 'muc#register_roomnick', type: 'text-single', label: 'Desired Nickname', values: [nick] },
      {
        var: 'muc#register_allow',
        type: 'boolean',
        label: 'Allow this person to register with the room?',
        values: ['0'],
      },
    ],
  })

/** §9.9: an admin decides; who asked is invited to a members-only room, and told of it by any other (status 101). */
export function decideRegisterApproval(
  state: RoomState,
  command: CommandOf<'register-approval'>,
  context: Context,
): Verdict {
  const speaker = speakerOf(state, command, context)
  if (!atLeast(speaker.affiliation, 'admin')) return refuse(state, 'forbidden', 'Only admins approve registrations')
  if (!command.allow) return { operations: [] }
  const known = affiliationOf(state, command.jid)
  if (known === 'outcast') return refuse(state, 'not-allowed', 'That user is banned from this room')
  const affiliation = known === 'none' ? 'member' : known
  const changed = changeAll(state, [{ jid: command.jid, nick: command.nick, affiliation }], speaker, context)
  if (isRefusal(changed)) return changed
  return { operations: changed.operations, deliveries: messagesTo(state, changed.operations, speaker) }
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
