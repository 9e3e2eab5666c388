/**
 * Taking in events of other origins: in order per origin, each once, judged once (dmuc.md §3 and §4). A refused event is
 * kept as a void identity, so that refusing never keeps two instances apart.
 */

import { handOn } from '../room/content.js'
import { moderation } from '../room/features/moderation.js'
import { judge } from '../room/judge.js'
import { affiliationOf, homesOf } from '../room/occupants.js'
import type { LoggedEvent, Occupant, RoomState } from '../room/types.js'
import { compareStamps, witness } from './clock.js'
import { isConsistent, isContinued, moveTip } from './distrust.js'
import { settleHead } from './heads.js'
import { awaitsHistory } from './history.js'
import { otherNick } from './ids.js'
import { idHere } from './keys.js'
import { leap } from './overtaking.js'
import { reclaim } from './reclaiming.js'
import { passOn, relayRefitted } from './relay.js'
import { isNumbered, isOfRegister, isSource, occupantIdAt, type Replica, revisionOf, unrestricted } from './replica.js'
import { awaitsRights, hasFallen, isPresent, roomThen, witnessRights } from './rights.js'
import type { Turn } from './turn.js'
import type { Origin } from './vector.js'

/** A live event from its origin. What is already held is ignored; what lies above a gap waits for the gap to be pulled. */
export function acceptLive(turn: Turn, event: LoggedEvent): 'taken' | 'known' | 'gap' {
  if (turn.replica.vector.has(event.id, event.id.seq) || !isConsistent(turn, event)) return 'known'
  const peer = turn.peer(event.id.instance)
  if (startsTooOften(turn, event.id)) {
    turn.note('warn', 'began anew too often; an event was dropped', event.id.instance)
    return 'known'
  }
  // An origin holds what it said before.
  turn.changePeer(event.id.instance, { vector: peer.vector.withFloor(event.id, event.id.seq) })
  if (waits(turn, event)) {
    const held = hasRoom(turn, peer.held, event) ? [...peer.held, event] : peer.held
    turn.changePeer(event.id.instance, { held })
    return 'gap'
  }
  accept(turn, event, false)
  releaseHeld(turn, event.id.instance)
  return 'taken'
}

/** Starts of one instance that a vector tells apart: it travels in every hello, and is copied for every event. */
const maxIncarnations = 1000

/** Is this one start too many? */
export function startsTooOften({ replica: { vector } }: Turn, { instance, incarnation }: Origin): boolean {
  if (vector.get({ instance, incarnation }).contiguous > 0) return false
  let starts = 0
  for (const origin of vector.origins()) if (origin.instance === instance) starts++
  return starts >= maxIncarnations
}

/** Characters of what may wait above a gap, for one peer. */
const maxHeldLength = 1024 * 1024

function hasRoom({ env }: Turn, held: readonly LoggedEvent[], event: LoggedEvent): boolean {
  const length = held.reduce((sum, { operation }) => sum + lengthOf(operation), lengthOf(event.operation))
  return held.length < env.limits.maxHeld && length <= maxHeldLength
}

function lengthOf(operation: LoggedEvent['operation']): number {
  switch (operation.type) {
    case 'message':
      return operation.content.length
    case 'subject':
      return operation.text.length
    case 'unknown':
      return operation.body.length
    default:
      return 1000
  }
}

/**
 * Would a decision of the source be taken before one that it was numbered after? It waits, too: what was decided before a
 * restart of the source may come later than what was decided after it. What comes back to the source itself is all that there is.
 */
export const skipsRevision = (turn: Turn, event: LoggedEvent): boolean =>
  event.id.instance === turn.replica.identity.source && !isSource(turn.replica) && isBeyondNext(turn.replica, event)

/** Numbered after a decision that is not known: of its own kind, or of the other. */
function isBeyondNext({ room, identity }: Replica, { operation, epoch, revision }: LoggedEvent): boolean {
  if (operation.type !== 'config' && !isOfRegister(operation)) return false
  const present = operation.type === 'config' ? room.configRevision : room.registerRevision
  return operation.revision > present + 1 || (epoch === identity.epoch && revision > revisionOf(room))
}

/** Is something to be had before it: what its origin said earlier, in this start or another, or the history of a new shadow? */
function waits(turn: Turn, event: LoggedEvent): boolean {
  const { vector } = turn.replica
  const peer = turn.peer(event.id.instance)
  return (
    event.id.seq > vector.get(event.id).contiguous + 1 ||
    peer.incarnation !== event.id.incarnation ||
    peer.behind ||
    awaitsHistory(turn) ||
    skipsRevision(turn, event) ||
    awaitsRights(turn, event)
  )
}

/** Takes held events that a pull has closed the gap to. */
export function releaseHeld(turn: Turn, instance: string): void {
  for (;;) {
    const { held } = turn.peer(instance)
    const next = held.find((event) => !waits(turn, event))
    if (next === undefined) return
    turn.changePeer(instance, { held: held.filter((event) => event !== next) })
    if (!turn.replica.vector.has(next.id, next.id.seq)) accept(turn, next, false)
  }
}

/**
 * Logs the event under its identity, and shows it if it may be shown. `late`: it was missed and is told now; `archived`: so is too much behind
 * it, and a message goes to the archive alone.
 */
export function accept(turn: Turn, event: LoggedEvent, late: boolean, archived = false): void {
  const stanzaId = isContinued(turn, event) ? idHere(turn, event) : undefined
  if (stanzaId === undefined) return
  const { vector } = turn.replica
  const own = { ...disowned(turn, event, late), stanzaId }
  const refusal = event.void === true ? undefined : refuse(turn, event, late)
  const logged: LoggedEvent = refusal === undefined ? own : { ...own, void: true }
  turn.change({
    vector: vector.with(event.id, event.id.seq),
    stamp: witness(turn.replica.stamp, event.stamp, turn.env.now),
  })
  witnessRights(turn, event)
  turn.effects.push({ type: 'log', event: logged })
  moveTip(turn, event)
  settleHead(turn, event.id)
  if (refusal !== undefined)
    turn.note('warn', `refused an event (${event.operation.type}): ${refusal}`, event.id.instance)
  if (logged.void === true) return
  if (isStale(turn, logged)) return reclaim(turn, logged)
  const before = turn.replica.room
  const isBeyond = isBeyondNext(turn.replica, logged)
  turn.perform(logged, late || isByNobody(before, logged), archived && logged.operation.type === 'message')
  passOn(turn, logged)
  if (isOfRegister(event.operation) || event.operation.type === 'config') {
    turn.effects.push({ type: 'save' })
    relayRefitted(turn, logged, before)
    reconsider(turn)
    for (const [jid, { held }] of turn.replica.peers) if (held.length > 0) releaseHeld(turn, jid)
    doubtRefitted(turn, before)
    if (isBeyond && isSource(turn.replica)) leap(turn)
  }
  if (event.operation.type === 'destroy') turn.effects.push({ type: 'end' })
}

/**
 * Its author is not in the room as it is shown here: gone by what we know already, or not come yet since a presence was lost. Clients are
 * told of it as of something that happened before, elsewhere.
 */
function isByNobody({ occupants }: RoomState, { operation }: LoggedEvent): boolean {
  if (operation.type !== 'message' && operation.type !== 'subject') return false
  return occupants.get(operation.nick)?.occupantId !== operation.occupantId
}

/** A revision that a later one, the snapshot at replication, or a new epoch has overtaken: kept, and without effect. */
function isStale(turn: Turn, { operation, epoch }: LoggedEvent): boolean {
  const { configRevision, registerRevision } = turn.replica.room
  if (epoch < turn.replica.identity.epoch && isNumbered(operation)) return true
  if (operation.type === 'config') return operation.revision <= configRevision
  return isOfRegister(operation) && operation.revision <= registerRevision
}

/** Why this event is not to be shown, or undefined. */
function refuse(turn: Turn, event: LoggedEvent, late: boolean): string | undefined {
  const { identity } = turn.replica
  const room = unrestricted(turn.replica)
  const { operation } = event
  const then = roomThen(turn, event)
  if (hasFallen(turn, event)) return 'its origin knew more of what the source decided before'
  if (isUnderAnothersId(turn, event)) return 'its occupant-id is not that of its author'
  switch (operation.type) {
    case 'config':
    case 'register':
    case 'entitle':
    case 'destroy':
      return event.id.instance === identity.source ? undefined : 'only the source decides this'
    case 'unknown':
      return undefined
    case 'moderate':
      return moderation.judge(
        then ?? room,
        operation,
        event.id.instance,
        late || !knowsOccupants(turn, event.id) || !isPresent(turn, event),
      )?.message
    default:
      if (tooLong(turn, event)) return 'it is longer than allowed'
      if (then !== undefined && affiliationOf(then, operation.jid) === 'outcast') return 'its author was banned'
      if (late || !isPresent(turn, event)) return undefined
      if (!knowsOccupants(turn, event.id) || holderOf(turn, event) !== undefined) return undefined
      return judge(room, operation, event.id.instance, turn.env.bounds)?.message
  }
}

/** An origin that may not vouch for the author speaks under the id of somebody of its own (src/room/standing.ts). */
function isUnderAnothersId({ replica }: Turn, { id, epoch, operation }: LoggedEvent): boolean {
  if (epoch !== replica.identity.epoch || !('occupantId' in operation)) return false
  return operation.occupantId !== occupantIdAt(replica, operation.jid, id.instance)
}

/** Who has the author's nick and is not at home at the origin. */
function holderOf({ replica: { room } }: Turn, { id, operation }: LoggedEvent): Occupant | undefined {
  const holder = 'nick' in operation ? room.occupants.get(operation.nick) : undefined
  return holder !== undefined && !homesOf(holder).includes(id.instance) ? holder : undefined
}

/** Said under a nick that somebody else has: kept, and shown under the one that its author will have to take. */
function disowned(turn: Turn, event: LoggedEvent, late: boolean): LoggedEvent {
  const { operation, stamp } = event
  const holder = holderOf(turn, event)
  if (holder === undefined || (operation.type !== 'message' && operation.type !== 'subject')) return event
  const before = compareStamps(stamp, holder.since) < 0 || operation.occupantId === holder.occupantId
  if (late && before) return event
  const { nick, saidAs = nick } = operation
  return { ...event, operation: handOn(operation, { ...operation, nick: otherNick(operation), saidAs }) }
}

/** The source has decided something: who could not be in the room by what we knew may be in it now. */
function reconsider(turn: Turn): void {
  for (const [jid, peer] of turn.replica.peers)
    if (peer.leftOut) turn.changePeer(jid, { leftOut: false, listWanted: true })
}

/**
 * What it did to occupants at home elsewhere may not be what it did to them there, where more may have happened since: their
 * lists are looked at again with the next decision, or in a while.
 */
function doubtRefitted(turn: Turn, before: RoomState): void {
  for (const was of before.occupants.values())
    if (was.home !== turn.self && turn.replica.room.occupants.get(was.nick) !== was)
      turn.changePeer(was.home, { leftOut: true })
}

/** Is our list of the origin's occupants its present one? Just after a start, or a split, it is not. */
function knowsOccupants(turn: Turn, { instance, incarnation }: LoggedEvent['id']): boolean {
  const { link, incarnation: present, listWanted, listAsked, leftOut } = turn.peer(instance)
  return link === 'up' && present === incarnation && !listWanted && !listAsked && !leftOut
}

/** Who spoke before we heard of it may have left since: of what is late, only the size is ours to judge. */
export const tooLong = ({ env: { bounds } }: Turn, { operation }: Pick<LoggedEvent, 'operation'>): boolean =>
  (operation.type === 'message' && operation.content.length > bounds.maxMessageLength) ||
  (operation.type === 'subject' && operation.text.length > bounds.maxSubjectLength)
