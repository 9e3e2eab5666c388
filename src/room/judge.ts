/**
 * May another instance have done this? Asked of what it relays, by the state under which the operation was decided, and never by what
 * the operation claims of itself (dmuc.md §4). Who may number config, register and the table is not asked here.
 */
import type { StanzaError } from '../xmpp/stanza-error.js'
import { affiliationFault, keepsOwner } from './affiliation.js'
import { applyOperation } from './apply.js'
import type { RoomPolicy } from './contract.js'
import { moderation } from './features/moderation.js'
import { bareOf } from './jids.js'
import { mayChangeSubject } from './message.js'
import { roleFault } from './moderation.js'
import { isTaken } from './nick.js'
import { hasVoice, homesOf } from './occupants.js'
import { atLeast, defaultRole, roleAtLeast, roleFits } from './roles.js'
import { refuse, type Speaker } from './speaker.js'
import { mayVouch, personOf, standingOf } from './standing.js'
import type { Affiliation, Occupant, Operation, Role, RoomState } from './types.js'

export type JudgeLimits = Pick<
  RoomPolicy,
  'maxMessageLength' | 'maxSubjectLength' | 'maxNickLength' | 'maxPresenceLength' | 'maxSessionsPerNick'
>

/**
 * `instance`: the room JID that s2s verified as the sender. Undefined: allowed. For register, role and leave operations with an
 * `actor` its rights are checked again; without one only the source may have done it.
 */
export function judge(
  state: RoomState,
  operation: Operation,
  instance: string,
  limits: JudgeLimits,
): StanzaError | undefined {
  switch (operation.type) {
    case 'message':
    case 'ephemeral':
    case 'subject':
      return judgeSpeech(state, operation, instance, limits)
    case 'join':
      return judgeJoin(state, operation.occupant, instance, limits)
    case 'presence':
      return ownership(state, operation.nick, instance) ?? judgeSession(state, operation, limits)
    case 'nick':
      return judgeNick(state, operation, instance, limits)
    case 'role':
      return judgeRole(state, operation.nick, operation.role, operation.actor, instance)
    case 'leave':
      return 'actor' in operation.departure && operation.departure.actor !== undefined
        ? judgeRole(state, operation.nick, 'none', operation.departure.actor, instance)
        : ownership(state, operation.nick, operation.home ?? instance, instance)
    case 'register':
      return judgeRegister(state, operation, instance)
    case 'moderate':
      return moderation.judge(state, operation, instance, false)
    case 'entitle':
    case 'config':
    case 'destroy':
    case 'asked':
    case 'unlock':
    case 'unknown':
      return undefined
  }
}

/** The occupant must be at home at the instance that speaks for it. */
function ownership(state: RoomState, nick: string, home: string, instance = home): StanzaError | undefined {
  const occupant = state.occupants.get(nick)
  if (occupant === undefined) return refuse(state, 'item-not-found')
  return home === instance && homesOf(occupant).includes(instance) ? undefined : refuse(state, 'forbidden')
}

function judgeSpeech(
  state: RoomState,
  operation: Extract<Operation, { type: 'message' | 'ephemeral' | 'subject' }>,
  instance: string,
  limits: JudgeLimits,
): StanzaError | undefined {
  const fault = ownership(state, operation.nick, instance)
  const occupant = state.occupants.get(operation.nick)
  if (fault !== undefined || occupant === undefined) return fault
  if (occupant.jid !== operation.jid || occupant.occupantId !== operation.occupantId) return refuse(state, 'forbidden')
  if (operation.type === 'subject') {
    if (operation.text.length > limits.maxSubjectLength) return refuse(state, 'policy-violation')
    return mayChangeSubject(state, occupant) ? undefined : refuse(state, 'forbidden')
  }
  if (operation.content.length > limits.maxMessageLength) return refuse(state, 'policy-violation')
  return hasVoice(occupant) ? undefined : refuse(state, 'forbidden')
}

function judgeSession(
  state: RoomState,
  { nick, session }: Extract<Operation, { type: 'presence' }>,
  limits: JudgeLimits,
): StanzaError | undefined {
  if (session.presence.length > limits.maxPresenceLength) return refuse(state, 'policy-violation')
  return bareOf(session.jid) === state.occupants.get(nick)?.jid ? undefined : refuse(state, 'forbidden')
}

function judgeJoin(
  state: RoomState,
  occupant: Occupant,
  instance: string,
  limits: JudgeLimits,
): StanzaError | undefined {
  const affiliation = standingOf(state, occupant)
  if (occupant.home !== instance || instance === state.jid) return refuse(state, 'forbidden')
  if (affiliation === 'outcast') return refuse(state, 'forbidden')
  if (state.config.membersOnly && affiliation === 'none') return refuse(state, 'registration-required')
  if (occupant.nick === '' || occupant.nick.length > limits.maxNickLength) return refuse(state, 'not-acceptable')
  if (occupant.sessions.length === 0 || occupant.sessions.length > limits.maxSessionsPerNick)
    return refuse(state, 'bad-request')
  if (occupant.sessions.some((session) => bareOf(session.jid) !== occupant.jid)) return refuse(state, 'forbidden')
  if (occupant.sessions.some(({ presence }) => presence.length > limits.maxPresenceLength))
    return refuse(state, 'policy-violation')
  // A home may lower a role, never raise it above what the affiliation enters with or what was granted.
  const granted = state.occupants.get(occupant.nick)
  const most =
    granted !== undefined && personOf(state, granted) === personOf(state, occupant)
      ? granted.role
      : defaultRole(state.config, affiliation)
  if (!roleFits(occupant.role, affiliation) || !roleAtLeast(most, occupant.role)) return refuse(state, 'forbidden')
  return isTaken(state, occupant.nick, occupant) ? refuse(state, 'conflict') : undefined
}

function judgeNick(
  state: RoomState,
  { nick, to }: Extract<Operation, { type: 'nick' }>,
  instance: string,
  limits: JudgeLimits,
): StanzaError | undefined {
  const fault = ownership(state, nick, instance)
  const occupant = state.occupants.get(nick)
  if (fault !== undefined || occupant === undefined) return fault
  if (to === '' || to.length > limits.maxNickLength) return refuse(state, 'not-acceptable')
  return isTaken(state, to, occupant) ? refuse(state, 'conflict') : undefined
}

/** The actor is an occupant at the instance that speaks, or an admin for whom that may vouch. */
function actorOf(state: RoomState, jid: string, instance: string): Speaker {
  const occupant = [...state.occupants.values()].find(
    (other) => other.jid === jid && other.role === 'moderator' && homesOf(other).includes(instance),
  )
  return { jid, occupant, affiliation: standingOf(state, { jid, home: instance }) }
}

function judgeRole(
  state: RoomState,
  nick: string,
  role: Role,
  actor: string | undefined,
  instance: string,
): StanzaError | undefined {
  const target = state.occupants.get(nick)
  if (target === undefined) return refuse(state, 'item-not-found')
  if (actor === undefined) return refuse(state, 'forbidden')
  return roleFault(state, actorOf(state, actor, instance), target, role)
}

function judgeRegister(state: RoomState, operation: Register, instance: string): StanzaError | undefined {
  if (operation.actor === undefined) return undefined
  const claimed = { jid: operation.actor, home: instance }
  const actor = { jid: operation.actor, affiliation: standingOf(state, claimed) }
  const present = state.register.get(operation.jid)?.affiliation ?? 'none'
  const isOrdinary =
    isRegistration(state, operation, present) || isInvitation(state, operation, actor.affiliation, present)
  if (isOrdinary && mayVouch(state, claimed)) return undefined
  const fault = affiliationFault(state, actor, operation.jid, operation.entry.affiliation)
  if (fault !== undefined) return fault
  return keepsOwner(state, applyOperation(state, operation)) ? undefined : refuse(state, 'conflict')
}

type Register = Extract<Operation, { type: 'register' }>

/** §7.10: one's own registration makes a member of an open room, or changes a member's nick. */
const isRegistration = ({ config }: RoomState, { jid, actor, entry }: Register, present: Affiliation): boolean =>
  jid === actor &&
  (entry.affiliation === present
    ? present !== 'outcast'
    : present === 'none' && entry.affiliation === 'member' && !config.membersOnly && !config.moderated)

/** §9.5: members invite where they may, and so make members. */
const isInvitation = ({ config }: RoomState, { entry }: Register, actor: Affiliation, present: Affiliation): boolean =>
  config.membersOnly &&
  config.allowInvites &&
  atLeast(actor, 'member') &&
  present === 'none' &&
  entry.affiliation === 'member' &&
  entry.nick === undefined
