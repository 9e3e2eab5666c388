/** Coming, going and changing, as presence (XEP-0045 §§7.2, 7.6, 7.7, 7.14, 8). */
import type { Delivery } from './contract.js'
import { avatar } from './features/avatar.js'
import { subjectMessage } from './groupchat.js'
import { historyFor } from './history.js'
import { bareOf } from './jids.js'
import { isShown, maySeeJids, sessionsOf } from './occupants.js'
import { type Notice, plainPresence } from './presence.js'
import type { Departure, Entry, Occupant, RoomState, SoftOperation } from './types.js'
import { removal, showDeparture, showNickChange, showPresence, showSelf } from './visibility.js'

type Of<Type extends SoftOperation['type']> = Extract<SoftOperation, { readonly type: Type }>

/** Who did it, as the room knows it: by nick while it is there. */
export function actorIn(state: RoomState, jid: string | undefined): Notice['actor'] {
  if (jid === undefined) return undefined
  const bare = bareOf(jid)
  for (const occupant of state.occupants.values()) if (occupant.jid === bare) return { jid: bare, nick: occupant.nick }
  return { jid: bare, nick: undefined }
}

export function renderJoin(before: RoomState, operation: Of<'join'>, after: RoomState): readonly Delivery[] {
  const { nick } = operation.occupant
  const occupant = after.occupants.get(nick)
  const former = before.occupants.get(nick)
  if (occupant === undefined || occupant === former) return []
  const changed = former === undefined || former.sessions[0] !== occupant.sessions[0]
  return showEntry(after, occupant, former !== undefined && isShown(before, former), changed, operation)
}

/** The others see what changed; the client that enters sees itself once, after all others (§7.2.2). */
function showEntry(
  after: RoomState,
  occupant: Occupant,
  wasShown: boolean,
  changed: boolean,
  { entry, created = false }: { readonly entry?: Entry; readonly created?: boolean },
): readonly Delivery[] {
  const own = sessionsOf(after, occupant)
  const entering = entry !== undefined && own.includes(entry.session) ? entry : undefined
  const deliveries: Delivery[] = []
  if (changed) {
    const others = own.filter((jid) => jid !== entering?.session)
    const seen = showPresence(after, occupant, {}, wasShown)
    // The last of them, where there is one, is the occupant's own: the client that enters gets its own below.
    deliveries.push(...(own.length > 0 ? seen.slice(0, -1) : seen), ...showSelf(after, occupant, {}, others))
  }
  if (entering !== undefined) deliveries.push(...welcome(after, occupant, entering, created))
  return deliveries
}

/** §7.1: the order of events for a client that enters: occupants, itself, history, subject. */
export function welcome(state: RoomState, occupant: Occupant, entry: Entry, created = false): Delivery[] {
  const to = [entry.session]
  const seeing = maySeeJids(state, occupant)
  const deliveries: Delivery[] = []
  for (const other of state.occupants.values())
    if (other !== occupant && isShown(state, other))
      deliveries.push({ to, stanza: plainPresence(state, other, seeing) })
  const selfStatuses = [
    ...(state.config.whois === 'anyone' ? [100] : []),
    ...(state.config.archive ? [170] : []),
    ...(created ? [201] : []),
    ...(entry.rewritten === true ? [210] : []),
  ]
  deliveries.push(...showSelf(state, occupant, { selfStatuses, selfId: entry.id }, to))
  for (const stanza of historyFor(state, entry.history)) deliveries.push({ to, stanza })
  deliveries.push({ to, stanza: subjectMessage(state) })
  return state.config.avatar === undefined ? deliveries : [...deliveries, ...avatar.announcement(state, to)]
}

export function renderPresence(before: RoomState, operation: Of<'presence'>, after: RoomState): readonly Delivery[] {
  const former = before.occupants.get(operation.nick)
  const occupant = after.occupants.get(operation.nick)
  if (former === undefined || occupant === undefined || former === occupant) return []
  return showEntry(after, occupant, isShown(before, former), true, operation)
}

export function renderNick(before: RoomState, operation: Of<'nick'>, after: RoomState): readonly Delivery[] {
  const former = before.occupants.get(operation.nick)
  const occupant = after.occupants.get(operation.to)
  if (former === undefined || occupant === undefined || after === before) return []
  const notice = { selfStatuses: operation.forced === true ? [210] : [], selfId: operation.id }
  return showNickChange(before, after, former, occupant, notice)
}

export function renderRole(before: RoomState, operation: Of<'role'>, after: RoomState): readonly Delivery[] {
  const former = before.occupants.get(operation.nick)
  const occupant = after.occupants.get(operation.nick)
  if (former === undefined || occupant === undefined || former === occupant) return []
  const notice = { actor: actorIn(before, operation.actor), reason: operation.reason }
  return showPresence(after, occupant, notice, isShown(before, former))
}

const departureStatus: Readonly<Record<Departure['cause'], readonly number[]>> = {
  left: [],
  kicked: [307],
  banned: [301],
  affiliation: [321],
  'members-only': [322],
  shutdown: [332],
  error: [333],
  unreachable: [333],
}

export function renderLeave(before: RoomState, operation: Of<'leave'>, after: RoomState): readonly Delivery[] {
  const occupant = before.occupants.get(operation.nick)
  if (occupant === undefined || before === after) return []
  const { departure, status } = operation
  const notice: Notice = {
    statuses: departureStatus[departure.cause],
    status,
    ...('actor' in departure ? { actor: actorIn(before, departure.actor) } : {}),
    ...('reason' in departure ? { reason: departure.reason } : {}),
  }
  const remains = after.occupants.get(operation.nick)
  const stay = remains === undefined ? [] : sessionsOf(after, remains)
  const gone = sessionsOf(before, occupant).filter((jid) => !stay.includes(jid))
  // §11.2: when the service stops, each is told of itself alone.
  if (departure.cause === 'shutdown' && occupant.home === before.jid)
    return gone.map((session) => removal(before, after, occupant, notice, session))
  if (remains === undefined) return showDeparture(before, after, occupant, notice)
  const shown =
    remains.sessions[0] === occupant.sessions[0] ? [] : showPresence(after, remains, {}, isShown(before, occupant))
  return [...gone.map((session) => removal(before, after, occupant, notice, session)), ...shown]
}
