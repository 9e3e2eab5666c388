/** Permission and validation: what a command comes to in a room, or why it is refused. Changes nothing. */
import type { StanzaError } from '../xmpp/stanza-error.js'
import { decideAdHoc } from './ad-hoc.js'
import { decideAdminGet, decideAdminSet } from './admin.js'
import type { Command } from './command.js'
import { decideConfigCancel, decideConfigGet, decideConfigSet, decideDestroy } from './config.js'
import { type Context, type Decision, nothing } from './contract.js'
import { decideDiscoInfo, decideDiscoItems } from './disco.js'
import { avatar } from './features/avatar.js'
import { moderation } from './features/moderation.js'
import { decideDecline, decideInvite } from './invite.js'
import { decideBounce, decideJoin, decideLeave, decidePresence } from './join.js'
import { decideMessage, decideSubject } from './message.js'
import { decidePrivateIq, decidePrivateMessage, isPing } from './private.js'
import { decideRegisterApproval, decideRegisterGet, decideRegisterRemove, decideRegisterSet } from './registration.js'
import { refuse, speakerOf } from './speaker.js'
import type { RoomState } from './types.js'
import { decideVoiceApproval, decideVoiceRequest } from './voice.js'

export function decide(state: RoomState, command: Command, context: Context): Decision | StanzaError {
  return existenceFault(state, command, context) ?? decideIn(state, command, context)
}

/** Presence has its own answers in a room that is gone, or locked for the speaker (§7.2.10, §17.2). */
function existenceFault(state: RoomState, command: Command, context: Context): StanzaError | undefined {
  switch (command.type) {
    case 'join':
    case 'presence':
    case 'leave':
    case 'bounce':
      return undefined
    default: {
      // XEP-0410: item-not-found would tell who is not in the room that it is.
      if (command.type === 'private-iq' && isPing(command.stanza)) return undefined
      const { occupant, affiliation } = speakerOf(state, command, context)
      const hidden = state.destroyed || (state.locked && occupant === undefined && affiliation !== 'owner')
      return hidden ? refuse(state, 'item-not-found', 'There is no such room') : undefined
    }
  }
}

function decideIn(state: RoomState, command: Command, context: Context): Decision | StanzaError {
  switch (command.type) {
    case 'join':
      return decideJoin(state, command, context)
    case 'presence':
      return decidePresence(state, command, context)
    case 'leave':
      return decideLeave(state, command, context)
    case 'bounce':
      return decideBounce(state, command, context)
    case 'message':
      return decideMessage(state, command, context)
    case 'subject':
      return decideSubject(state, command, context)
    case 'private-message':
      return decidePrivateMessage(state, command, context)
    case 'private-iq':
      return decidePrivateIq(state, command, context)
    case 'invite':
      return decideInvite(state, command, context)
    case 'decline':
      return decideDecline(state, command, context)
    case 'voice-request':
      return decideVoiceRequest(state, command, context)
    case 'voice-approval':
      return decideVoiceApproval(state, command, context)
    case 'admin-get':
      return decideAdminGet(state, command, context)
    case 'admin-set':
      return decideAdminSet(state, command, context)
    case 'moderate':
      return moderation.decide(state, command, context)
    case 'config-get':
      return decideConfigGet(state, command, context)
    case 'config-set':
      return decideConfigSet(state, command, context)
    case 'config-cancel':
      return decideConfigCancel(state, command, context)
    case 'destroy':
      return decideDestroy(state, command, context)
    case 'register-get':
      return decideRegisterGet(state, command, context)
    case 'register-set':
      return decideRegisterSet(state, command, context)
    case 'register-approval':
      return decideRegisterApproval(state, command, context)
    case 'register-remove':
      return decideRegisterRemove(state, command, context)
    // Read where it is kept.
    case 'card-get':
      return nothing
    case 'card-set':
      return avatar.decide(state, command, context)
    case 'ad-hoc':
      return decideAdHoc(state, command, context)
    case 'disco-info':
      return decideDiscoInfo(state, command, context)
    case 'disco-items':
      return decideDiscoItems(state, command, context)
  }
}
