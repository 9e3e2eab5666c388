/** Which nicks there are (XEP-0045 §17.1) and whose they may be (§§7.2.8, 7.6, 7.10). */
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { CommandOf } from './command.js'
import { handOn } from './content.js'
import type { Context } from './contract.js'
import { holderOf } from './occupants.js'
import { refuse, type Speaker, type Verdict } from './speaker.js'
import { type Claimed, personOf } from './standing.js'
import type { Occupant, RoomState, Session } from './types.js'

// Spaces of all kinds, and characters without a glyph: a nick of these alone is invisible.
const invisible = /^[\s\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Zs}\u115f\u1160\u2800\u3164\uffa0]*$/u

/** What is wrong with a nick that anybody would ask for. It is prepared already (RFC 7622 §3.4). */
export function nickFault(state: RoomState, nick: string, context: Context): StanzaError | undefined {
  if (invisible.test(nick)) return refuse(state, 'jid-malformed', 'The nickname is invisible')
  if (nick.length > context.policy.maxNickLength)
    return refuse(state, 'not-acceptable', `A nickname has at most ${context.policy.maxNickLength} characters`)
  return undefined
}

/** §7.2.8: in use by another user, or reserved by one. */
export function isTaken(state: RoomState, nick: string, claimed: Claimed): boolean {
  const present = state.occupants.get(nick)
  const holder = holderOf(state, nick)
  const person = personOf(state, claimed)
  return (present !== undefined && personOf(state, present) !== person) || (holder !== undefined && holder !== person)
}

/** The nick that a user must have here, where nicks are locked down (§7.10). */
export const lockedNick = (state: RoomState, jid: string, { policy }: Context): string | undefined =>
  policy.lockNicks ? state.register.get(jid)?.nick : undefined

/** The source's word for the nick that is asked for, where there is one. */
export const granted = ({ grant = 0, grantProof }: Context): Pick<Occupant, 'grant' | 'grantProof'> =>
  grantProof === undefined ? { grant } : { grant, grantProof }

/** §7.6. All clients under the old nick take the new one. */
export function decideNick(
  state: RoomState,
  command: CommandOf<'join' | 'presence'>,
  speaker: Speaker & { readonly occupant: NonNullable<Speaker['occupant']> },
  context: Context,
): Verdict {
  const { occupant, jid } = speaker
  if (occupant.role === 'visitor' && !state.config.allowVisitorNicks)
    return refuse(state, 'not-allowed', 'Visitors keep their nickname in this room')
  const fault = nickFault(state, command.nick, context)
  if (fault !== undefined) return fault
  const locked = lockedNick(state, jid, context)
  if (locked !== undefined && locked !== command.nick)
    return refuse(state, 'not-acceptable', `Your nickname in this room is ${locked}`, { type: 'cancel' })
  if (isTaken(state, command.nick, occupant) || state.occupants.has(command.nick))
    return refuse(state, 'conflict', 'That nickname is in use or registered by another user')
  const session = handOn<Session>(command, { jid: command.from, presence: command.presence })
  return {
    operations: [{ type: 'nick', nick: occupant.nick, to: command.nick, ...granted(context), session, id: command.id }],
  }
}
