/** Entering a room (XEP-0045 §7.2), creating one (§10.1), and the presence of those who are in (§7.7). */

import type { StanzaError } from '../xmpp/stanza-error.js'
import type { CommandOf } from './command.js'
import { handOn, readContent, remember, writeContent } from './content.js'
import type { Context, Decision } from './contract.js'
import { decideNick, granted, isTaken, lockedNick, nickFault } from './nick.js'
import { welcome } from './render-roster.js'
import { atLeast, defaultRole } from './roles.js'
import { notInRoom } from './service.js'
import { refuse, type Speaker, speakerOf, type Verdict } from './speaker.js'
import type { Entry, Occupant, Operation, Role, RoomState, Session } from './types.js'

/** Admins and owners enter a full room, too, up to this many (§7.2.9). */
const reservedForAdmins = 20

export function decideJoin(state: RoomState, command: CommandOf<'join'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const oversized = presenceFault(state, command, context)
  if (oversized !== undefined) return oversized
  if (speaker.occupant !== undefined) return rejoin(state, command, { ...speaker, occupant: speaker.occupant }, context)
  const created = isUnclaimed(state)
  const nick = lockedNick(state, speaker.jid, context) ?? command.nick
  const refusal = nickFault(state, nick, context) ?? entryFault(state, command, speaker, nick, created, context)
  if (refusal !== undefined) return refusal
  const affiliation = created ? 'owner' : speaker.affiliation
  const role = defaultRole(state.config, affiliation)
  const session = sessionOf(state, command, role)
  const occupant: Occupant = {
    nick,
    jid: speaker.jid,
    occupantId: context.occupantId,
    role,
    home: state.jid,
    sessions: [session],
    since: context.stamp,
    ...granted(context),
  }
  const join: Operation = { type: 'join', occupant, created, entry: entryOf(command, context, nick !== command.nick) }
  return { operations: [...(created ? founding(state, speaker.jid) : []), join] }
}

/** Nobody owns it and nothing was ever configured: it does not exist yet. */
const isUnclaimed = (state: RoomState): boolean =>
  state.registerRevision === 0 && state.configRevision === 0 && state.occupants.size === 0

/** §10.1.1: the room as the service makes it, and its owner. */
const founding = (state: RoomState, owner: string): Operation[] => [
  { type: 'config', config: state.config, revision: 1 },
  { type: 'register', jid: owner, entry: { affiliation: 'owner' }, revision: 1 },
]

const entryOf = (command: CommandOf<'join'>, context: Context, rewritten: boolean): Entry => ({
  session: command.from,
  id: command.id,
  history: { ...command.history, at: context.at },
  rewritten,
})

const presenceFault = (
  state: RoomState,
  { presence }: CommandOf<'join' | 'presence'>,
  { policy }: Context,
): StanzaError | undefined =>
  presence.length > policy.maxPresenceLength
    ? refuse(state, 'policy-violation', `Presence in this room has at most ${policy.maxPresenceLength} characters`)
    : undefined

/** The table of §7.2.17, in the order in which the fewest things are told to those who may not enter. */
function entryFault(
  state: RoomState,
  command: CommandOf<'join'>,
  { jid, affiliation }: Speaker,
  nick: string,
  created: boolean,
  context: Context,
): StanzaError | undefined {
  const { config } = state
  if (state.destroyed) return refuse(state, 'item-not-found')
  if (created)
    return context.mayCreate === false ? refuse(state, 'not-allowed', 'Room creation is restricted') : undefined
  if (affiliation === 'outcast') return refuse(state, 'forbidden', 'You are banned from this room')
  if (state.locked && affiliation !== 'owner') return refuse(state, 'item-not-found', 'The room is not configured yet')
  if (config.membersOnly && !atLeast(affiliation, 'member'))
    return refuse(state, 'registration-required', 'The room is for members only')
  if (config.password !== '' && context.admin !== true && !sameSecret(config.password, command.password ?? ''))
    return refuse(state, 'not-authorized', 'The room has a password')
  if (isTaken(state, nick, { jid, home: state.jid }))
    return refuse(state, 'conflict', 'That nickname is in use or registered by another user')
  return capacityFault(state, nick, affiliation, context)
}

function capacityFault(
  state: RoomState,
  nick: string,
  affiliation: Speaker['affiliation'],
  { policy }: Context,
): StanzaError | undefined {
  const present = state.occupants.get(nick)
  if (present !== undefined)
    return present.home === state.jid && present.sessions.length >= policy.maxSessionsPerNick
      ? refuse(state, 'resource-constraint', `At most ${policy.maxSessionsPerNick} clients share a nickname`)
      : undefined
  const bounds = [state.config.maxUsers, policy.maxUsers].filter((bound) => bound > 0)
  const bound = Math.min(...bounds) + (atLeast(affiliation, 'admin') ? reservedForAdmins : 0)
  return state.occupants.size >= bound
    ? refuse(state, 'service-unavailable', 'The room is full', { type: 'wait' })
    : undefined
}

/** Takes the same time wherever the two differ. */
function sameSecret(secret: string, given: string): boolean {
  let difference = secret.length ^ given.length
  for (let index = 0; index < given.length; index++)
    difference |= given.charCodeAt(index) ^ secret.charCodeAt(index % secret.length)
  return difference === 0
}

type OccupantSpeaker = Speaker & { readonly occupant: Occupant }

/** §7.2.1: a client that lost track gets everything as if it just entered; with another nick, it changes its nick. */
function rejoin(state: RoomState, command: CommandOf<'join'>, speaker: OccupantSpeaker, context: Context): Verdict {
  const { occupant } = speaker
  if (command.nick !== occupant.nick) return decideNick(state, command, speaker, context)
  const entry = entryOf(command, context, false)
  const session = sessionOf(state, command, occupant.role)
  // A repetition changes nothing for the others.
  const isKnown = occupant.sessions.some(({ jid, presence }) => jid === session.jid && presence === session.presence)
  return isKnown
    ? { operations: [], deliveries: welcome(state, occupant, entry) }
    : { operations: [updateOf(occupant, session, entry)] }
}

function decideUpdate(
  state: RoomState,
  command: CommandOf<'join' | 'presence'>,
  speaker: OccupantSpeaker,
  context: Context,
): Verdict {
  const { occupant } = speaker
  return command.nick === occupant.nick
    ? { operations: [updateOf(occupant, sessionOf(state, command, occupant.role))] }
    : decideNick(state, command, speaker, context)
}

const updateOf = ({ nick }: Occupant, session: Session, entry?: Entry): Operation => ({
  type: 'presence',
  nick,
  session,
  ...(entry === undefined ? {} : { entry }),
})

const mayHaveStatus = ({ config }: RoomState, role: Role): boolean => role !== 'visitor' || config.allowVisitorStatus

/** What the client said of itself, without a status text where visitors have none. */
function sessionOf(state: RoomState, command: CommandOf<'join' | 'presence'>, role: Role): Session {
  const { from, presence } = command
  if (mayHaveStatus(state, role) || !presence.includes('<status'))
    return handOn<Session>(command, { jid: from, presence })
  const content = readContent(command, presence).filter(({ name }) => name !== 'status')
  const session: Session = { jid: from, presence: writeContent(content) }
  remember(session, content)
  return session
}

/** §7.7; presence from one who is not in the room is answered so that its client notices (§7.2.18). */
export function decidePresence(state: RoomState, command: CommandOf<'presence'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  if (speaker.occupant === undefined) {
    const stanza = notInRoom(`${state.jid}/${command.nick}`)
    return { operations: [], deliveries: [{ to: [command.from], stanza }] }
  }
  const fault = presenceFault(state, command, context)
  return fault ?? decideUpdate(state, command, { ...speaker, occupant: speaker.occupant }, context)
}

/** §7.14; silently ignored from one who is not in the room (§17.3). An owner who leaves without configuring gives the room up. */
export function decideLeave(state: RoomState, command: CommandOf<'leave'>, context: Context): Decision {
  const { occupant } = speakerOf(state, command, context)
  if (occupant === undefined) return { operations: [] }
  const leave: Operation = {
    type: 'leave',
    nick: occupant.nick,
    session: command.from,
    home: state.jid,
    departure: { cause: 'left' },
    status: mayHaveStatus(state, occupant.role) ? command.status : undefined,
  }
  const last = state.occupants.size === 1 && occupant.sessions.length === 1 && !occupant.elsewhere?.length
  return { operations: state.locked && last ? [{ type: 'destroy' }] : [leave] }
}

/** The delivery-related errors of §18.1.2. */
const fatal: ReadonlySet<string> = new Set([
  'gone',
  'item-not-found',
  'recipient-unavailable',
  'redirect',
  'remote-server-not-found',
  'remote-server-timeout',
])

/** §18.1.2, §11.1: a client that is gone is not left in the room as a ghost (status 333). */
export function decideBounce(state: RoomState, command: CommandOf<'bounce'>, context: Context): Decision {
  const { occupant } = speakerOf(state, command, context)
  if (occupant === undefined || !fatal.has(command.condition)) return { operations: [] }
  return {
    operations: [
      { type: 'leave', nick: occupant.nick, session: command.from, home: state.jid, departure: { cause: 'error' } },
    ],
  }
}
