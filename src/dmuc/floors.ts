/**
 * Where logs begin (dmuc.md §3, Retention and erasure): what has expired long ago leaves the log. An origin alone says how far that goes for
 * its own log, and signs it; the source does for those who are instances no more. What somebody had not got by then is a gap, which is
 * kept and shown. A start that is over and of which nothing is left leaves the vector, too.
 */
import type { EventId } from '../room/types.js'
import { isSignedBy } from './heads.js'
import { type Expiry, isSource, type Replica } from './replica.js'
import type { Turn } from './turn.js'
import { originKey, Vector } from './vector.js'
import type { Floor } from './wire/floor.js'

/** Gaps that are remembered. */
const maxGaps = 100
/** Floors of starts that are over: past these, the oldest is forgotten. Who still holds such a start gives it back. */
const maxClosed = 200

const signedText = (roomId: string, { instance, incarnation, seq, closed }: Floor): string =>
  ['urn:xmpp:dmuc-sync:0 expired', roomId, instance, incarnation, seq, closed ? 'closed' : ''].join('\n')

/** Our own retention says so: for our own log, and at the source for those of who is gone. Of the rest their origins speak. */
export function expire(turn: Turn, rows: readonly Expiry[]): void {
  for (const row of rows) {
    const { replica, env } = turn
    const { table, identity, incarnation, vector } = replica
    const isOver = isGone(replica, row.instance) || row.incarnation !== incarnation
    if (row.instance !== turn.self && !(isSource(replica) && isGone(replica, row.instance))) continue
    const { contiguous, above } = vector.get(row)
    const seq = Math.min(row.seq, contiguous)
    const { instance } = row
    const floor = {
      instance,
      incarnation: row.incarnation,
      seq,
      closed: isOver && seq === contiguous && above.length === 0,
    }
    const known = replica.floors.get(originKey(row))
    if (seq === 0 || (known !== undefined && !isHigher(floor, known))) continue
    const signature = env.signer?.sign(signedText(identity.roomId, floor))
    const isDecider = instance === identity.source || table.instances.get(instance)?.gone === true
    if (isDecider && row.revision > replica.expiredRevision) turn.change({ expiredRevision: row.revision })
    raise(turn, { ...floor, ...(signature && { signature }) })
  }
}

/** Those that `from` tells, of its own log and of others: whatever is not the word of who may say so is passed over. */
export function takeFloors(turn: Turn, from: string, floors: readonly Floor[]): void {
  for (const floor of floors) {
    const known = turn.replica.floors.get(originKey(floor))
    if (known !== undefined && !isHigher(floor, known)) continue
    if (floor.instance === from || isByRight(turn, floor)) raise(turn, floor)
  }
}

function isByRight(turn: Turn, floor: Floor): boolean {
  const { identity, table } = turn.replica
  const { signature } = floor
  if (signature === undefined || !table.instances.has(floor.instance)) return false
  const signers = isGone(turn.replica, floor.instance) ? [floor.instance, identity.source] : [floor.instance]
  const text = signedText(identity.roomId, floor)
  return signers.some((signer) => isSignedBy(turn, signer, text, signature))
}

const isGone = ({ table }: Replica, instance: string): boolean => table.instances.get(instance)?.gone === true

const isHigher = (one: Floor, other: Floor): boolean =>
  one.seq > other.seq || (one.seq === other.seq && one.closed && !other.closed)

/** A start of which we kept nothing, and somebody has more than had expired here: it goes on from there. */
export function reopen(turn: Turn, said: Vector): void {
  for (const floor of turn.replica.floors.values()) {
    const { vector } = turn.replica
    const { contiguous, above } = said.get(floor)
    if (!floor.closed || vector.get(floor).contiguous >= floor.seq || (contiguous <= floor.seq && above.length === 0))
      continue
    turn.change({ vector: vector.withFloor(floor, floor.seq) })
    turn.effects.push({ type: 'floor', vector: Vector.of([{ ...floor, contiguous: floor.seq, above: [] }]) })
  }
}

/** Of a start that is over and of which nothing is kept, where `teller` holds no more of it than has expired. */
export function isOver({ floors, peers }: Replica, teller: string, id: EventId): boolean {
  const floor = floors.get(originKey(id))
  return floor?.closed === true && (peers.get(teller)?.vector.get(id).contiguous ?? 0) <= floor.seq
}

/** What lies below counts as held, and leaves the log. */
function raise(turn: Turn, floor: Floor): void {
  const { vector, gaps, floors } = turn.replica
  const { seq } = floor
  const held = vector.get(floor)
  const lacking = vector.missing(Vector.of([{ ...floor, contiguous: seq, above: [] }]))
  // Who has more than the origin says there is gives that back first.
  const closed = floor.closed && held.above.length === 0 && held.contiguous <= seq
  turn.change({
    floors: bounded(new Map(floors).set(originKey(floor), floor)),
    vector: closed ? vector.without(floor) : vector.withFloor(floor, seq),
    gaps: [...gaps, ...lacking.map((range) => ({ ...range, at: turn.env.now }))].slice(-maxGaps),
  })
  if (closed)
    for (const [jid, peer] of turn.replica.peers) {
      const kept = withoutExpired(turn.replica, peer.vector)
      if (kept !== peer.vector) turn.changePeer(jid, { vector: kept })
    }
  turn.effects.push({ type: 'expire', floor: { ...floor, closed } }, { type: 'save' })
  for (const { from, to } of lacking)
    turn.note('warn', `its events ${from} to ${to} have expired before they came here`, floor.instance)
}

function bounded(floors: Map<string, Floor>): ReadonlyMap<string, Floor> {
  const closed = [...floors].filter(([, floor]) => floor.closed)
  for (const [key] of closed.slice(0, Math.max(0, closed.length - maxClosed))) floors.delete(key)
  return floors
}

/** What a new shadow is given: nothing from below is missing to it. */
export function floorsOf(given: readonly Floor[]): Pick<Replica, 'floors' | 'vector'> {
  const open = given.filter(({ closed }) => !closed)
  const vector = Vector.of(open.map((floor) => ({ ...floor, contiguous: floor.seq, above: [] })))
  return { floors: new Map(given.map((floor) => [originKey(floor), floor])), vector }
}

/** What another says that it holds, but for starts that are over and expired: nobody wants these. */
export function withoutExpired({ floors }: Replica, said: Vector): Vector {
  let vector = said
  for (const floor of floors.values()) {
    const { contiguous, above } = said.get(floor)
    if (floor.closed && contiguous > 0 && contiguous <= floor.seq && above.length === 0) vector = vector.without(floor)
  }
  return vector
}

/**
 * Does a member with this revision miss decisions that are in no log any more? It is given what they came to. The last of what has
 * expired was decided under `expiredRevision`, and may be what made the next one.
 */
export const missesDecisions = ({ expiredRevision, room }: Replica, revision: number): boolean =>
  expiredRevision > 0 && revision <= expiredRevision && revision < room.configRevision + room.registerRevision

/** Changes whenever a floor does. */
export function standingOfFloors({ floors }: Replica): string {
  let seqs = 0
  let closed = 0
  for (const floor of floors.values()) {
    seqs += floor.seq
    if (floor.closed) closed += 1
  }
  return `${floors.size} ${closed} ${seqs}`
}
