/** Asking for voice in a moderated room, and granting it by form (XEP-0045 §7.13, §8.6). */
import { type Element, xml } from '../xml/element.js'
import { writeForm } from '../xmpp/data-form.js'
import { changeAll } from './admin.js'
import type { CommandOf } from './command.js'
import type { Context } from './contract.js'
import { hasVoice } from './occupants.js'
import { askedTooOften, tellOccupants } from './petitions.js'
import { isModerator, isRefusal, refuse, speakerOf, type Verdict } from './speaker.js'
import type { Occupant, RoomState } from './types.js'

export const voiceForm = 'http://jabber.org/protocol/muc#request'

/** Every moderator is asked, by nobody more often than the room allows. */
export function decideVoiceRequest(state: RoomState, command: CommandOf<'voice-request'>, context: Context): Verdict {
  const { occupant } = speakerOf(state, command, context)
  if (occupant === undefined) return refuse(state, 'forbidden', 'You are not in the room')
  if (!state.config.allowVoiceRequests) return refuse(state, 'forbidden', 'Voice is not asked for in this room')
  if (hasVoice(occupant)) return refuse(state, 'bad-request', 'You have voice already')
  const { at } = context
  const tooOften = askedTooOften(state, 'voice', occupant.jid, at, state.config.voiceRequestInterval * 1000)
  if (tooOften !== undefined) return tooOften
  const stanza = xml('message', { from: state.jid, id: context.token }, approvalForm(occupant, command.from))
  return {
    operations: [{ type: 'asked', what: 'voice', jid: occupant.jid, at }],
    ...tellOccupants(state, ({ role }) => role === 'moderator', stanza),
  }
}

function approvalForm(occupant: Occupant, session: string): Element {
  return writeForm({
    type: 'form',
    title: 'Voice request',
    instructions: ['To approve this request for voice, choose to grant voice and submit the form.'],
    fields: [
      { var: 'FORM_TYPE', type: 'hidden', values: [voiceForm] },
      { var: 'muc#role', type: 'list-single', label: 'Requested role', values: ['participant'] },
      { var: 'muc#jid', type: 'jid-single', label: 'User ID', values: [session] },
      { var: 'muc#roomnick', type: 'text-single', label: 'Room Nickname', values: [occupant.nick] },
      { var: 'muc#request_allow', type: 'boolean', label: 'Grant voice to this person?', values: ['false'] },
    ],
  })
}

export function decideVoiceApproval(state: RoomState, command: CommandOf<'voice-approval'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  if (!isModerator(speaker)) return refuse(state, 'forbidden', 'Only moderators grant voice')
  const target = state.occupants.get(command.nick)
  if (!command.allow || (target !== undefined && hasVoice(target))) return { operations: [] }
  const changed = changeAll(state, [{ nick: command.nick, role: 'participant' }], speaker, context)
  return isRefusal(changed) ? changed : { operations: changed.operations }
}
