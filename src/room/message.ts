/** Speaking to all (XEP-0045 §7.4) and changing the subject (§8.1). */
import type { CommandOf } from './command.js'
import { handOn } from './content.js'
import type { Context } from './contract.js'
import { retraction } from './features/retraction.js'
import { hasVoice } from './occupants.js'
import { roleAtLeast } from './roles.js'
import { refuse, speakerOf, type Verdict } from './speaker.js'
import type { Occupant, RoomState } from './types.js'

const author = ({ nick, occupantId, jid }: Occupant): Pick<Occupant, 'nick' | 'occupantId' | 'jid'> => ({
  nick,
  occupantId,
  jid,
})

export function decideMessage(state: RoomState, command: CommandOf<'message'>, context: Context): Verdict {
  const { occupant } = speakerOf(state, command, context)
  if (occupant === undefined) return refuse(state, 'not-acceptable', 'You are not in the room')
  if (!hasVoice(occupant)) return refuse(state, 'forbidden', 'You have no voice in this room')
  const { content, lang, id } = command
  if (content.length > context.policy.maxMessageLength)
    return refuse(state, 'policy-violation', `A message has at most ${context.policy.maxMessageLength} characters`)
  const said = {
    ...author(occupant),
    ...(id === undefined ? {} : { id }),
    ...(lang === undefined ? {} : { lang }),
    content,
  }
  if (command.ephemeral) return { operations: [handOn(command, { type: 'ephemeral', ...said })] }
  return retraction.decide(state, occupant, handOn(command, { type: 'message', ...said }))
}

/** Moderators change the subject, and participants where the room lets them (`muc#roomconfig_changesubject`). */
export const mayChangeSubject = (state: RoomState, { role }: Occupant): boolean =>
  roleAtLeast(role, state.config.changeSubject ? 'participant' : 'moderator')

export function decideSubject(state: RoomState, command: CommandOf<'subject'>, context: Context): Verdict {
  const { occupant } = speakerOf(state, command, context)
  if (occupant === undefined) return refuse(state, 'not-acceptable', 'You are not in the room')
  if (!mayChangeSubject(state, occupant)) return refuse(state, 'forbidden', 'You may not change the subject')
  const { text, lang, id } = command
  if (text.length > context.policy.maxSubjectLength)
    return refuse(state, 'policy-violation', `A subject has at most ${context.policy.maxSubjectLength} characters`)
  return {
    operations: [
      {
        type: 'subject',
        ...author(occupant),
        ...(id === undefined ? {} : { id }),
        ...(lang === undefined ? {} : { lang }),
        text,
      },
    ],
  }
}
