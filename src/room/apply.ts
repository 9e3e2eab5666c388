/**
 * The state after a change. Total and deterministic: whatever comes, from here or from another instance, there is a next
 * state, and it keeps the invariants: one occupant per nick, roles that fit affiliations, nobody in the room who is banned from it.
 * What may be done is decided elsewhere (`decide`, `judge`).
 */

import { nothing } from '../util/nothing.js'
import type { RoomPolicy } from './contract.js'
import { asItStands, retraction } from './features/retraction.js'
import { withEvent } from './history.js'
import { rememberAsked } from './petitions.js'
import { lowerRole, roleFits } from './roles.js'
import { addOccupant, refit, removeOccupant, renameOccupant, replaceOccupant } from './roster.js'
import { highestRole, standingOf } from './standing.js'
import type { Change, LoggedEvent, Operation, RoomState, Stamp, Subject } from './types.js'

/** A room that nobody has entered: locked, if that is how new rooms start (§10.1). */
export const newRoom = (jid: string, policy: Pick<RoomPolicy, 'defaults' | 'fixed' | 'lockNewRooms'>): RoomState => ({
  jid,
  config: { ...policy.defaults, ...policy.fixed },
  configRevision: 0,
  register: new Map(),
  registerRevision: 0,
  occupants: new Map(),
  subject: undefined,
  history: [],
  retractions: nothing,
  asked: nothing,
  locked: policy.lockNewRooms,
  destroyed: false,
})

export function apply(state: RoomState, change: Change): RoomState {
  if ('operation' in change) return change.void === true ? state : applyOperation(state, change.operation, change)
  return applyOperation(state, change)
}

/** Messages and subjects need the event they are logged as; without it they change nothing. */
export function applyOperation(state: RoomState, operation: Operation, event?: LoggedEvent): RoomState {
  switch (operation.type) {
    case 'message':
      return event === undefined ? state : applyMessage(state, event)
    case 'subject':
      return event === undefined ? state : applySubject(state, subjectOf(operation, event))
    case 'config':
      return refit(state, {
        ...state,
        config: operation.config,
        configRevision: Math.max(state.configRevision, operation.revision),
      })
    case 'register':
      return applyRegister(state, operation)
    case 'entitle':
      return applyEntitle(state, operation)
    case 'moderate':
      return event === undefined ? state : retraction.apply(state, event)
    case 'destroy':
      return { ...state, destroyed: true, locked: false, occupants: new Map() }
    case 'join':
      return addOccupant(state, operation.occupant)
    case 'presence':
      return applyPresence(state, operation)
    case 'nick':
      return renameOccupant(state, operation)
    case 'role':
      return applyRole(state, operation)
    case 'leave':
      return removeOccupant(state, operation)
    case 'asked':
      return rememberAsked(state, operation)
    case 'unlock':
      return state.locked ? { ...state, locked: false } : state
    case 'ephemeral':
    case 'unknown':
      return state
  }
}

const applyMessage = (state: RoomState, event: LoggedEvent): RoomState =>
  retraction.apply({ ...state, history: withEvent(state.history, asItStands(state, event)) }, event)

/**
 * The one that was set after the later subject of the source stays, and of these the latest, whichever comes first: so all instances come
 * to the same, and what the source set while others could not hear of it is not undone by them.
 */
const applySubject = (state: RoomState, subject: Subject): RoomState => ({
  ...state,
  subject: laterSubject(state.subject, subject),
})

export const laterSubject = (a: Subject | undefined, b: Subject | undefined): Subject | undefined =>
  a === undefined || (b !== undefined && isLater(b, a)) ? b : a

const isLater = (a: Subject, b: Subject): boolean =>
  (byStamp(a.sourced, b.sourced) || byStamp(a.stamp, b.stamp) || (a.stanzaId < b.stanzaId ? -1 : 1)) > 0

const byStamp = (a: Stamp = never, b: Stamp = never): number => a.ms - b.ms || a.counter - b.counter

const never: Stamp = { ms: 0, counter: 0 }

const subjectOf = (operation: Extract<Operation, { type: 'subject' }>, event: LoggedEvent): Subject => ({
  text: operation.text,
  nick: operation.nick,
  occupantId: operation.occupantId,
  stamp: event.stamp,
  stanzaId: event.stanzaId,
  ...(operation.sourced === undefined ? {} : { sourced: operation.sourced }),
})

function applyRegister(state: RoomState, operation: Extract<Operation, { type: 'register' }>): RoomState {
  const register = new Map(state.register)
  const { jid, entry, revision } = operation
  if (entry.affiliation === 'none' && entry.nick === undefined) register.delete(jid)
  else register.set(jid, entry)
  return refit(state, { ...state, register, registerRevision: Math.max(state.registerRevision, revision) })
}

/** The occupant has the role that was granted; without it, no more than the affiliation gives. */
function applyEntitle(before: RoomState, operation: Extract<Operation, { type: 'entitle' }>): RoomState {
  const { whom, role, revision } = operation
  const entitled = new Map(before.entitled)
  if (role === undefined) entitled.delete(whom)
  else entitled.set(whom, role)
  let state: RoomState = { ...before, entitled, registerRevision: Math.max(before.registerRevision, revision) }
  for (const occupant of before.occupants.values()) {
    if (occupant.occupantId !== whom) continue
    const now = role ?? lowerRole(occupant.role, highestRole(state, occupant))
    if (now !== occupant.role && roleFits(now, standingOf(before, occupant)))
      state = replaceOccupant(state, { ...occupant, role: now })
  }
  return state
}

/** The client that spoke last comes first: its presence is the occupant's. */
function applyPresence(state: RoomState, operation: Extract<Operation, { type: 'presence' }>): RoomState {
  const occupant = state.occupants.get(operation.nick)
  if (occupant === undefined) return state
  const { session } = operation
  if (occupant.home !== state.jid) return replaceOccupant(state, { ...occupant, sessions: [session] })
  if (!occupant.sessions.some(({ jid }) => jid === session.jid)) return state
  const sessions = [session, ...occupant.sessions.filter(({ jid }) => jid !== session.jid)]
  return replaceOccupant(state, { ...occupant, sessions })
}

function applyRole(state: RoomState, { nick, role }: Extract<Operation, { type: 'role' }>): RoomState {
  const occupant = state.occupants.get(nick)
  if (occupant === undefined || !roleFits(role, standingOf(state, occupant))) return state
  return occupant.role === role ? state : replaceOccupant(state, { ...occupant, role })
}
