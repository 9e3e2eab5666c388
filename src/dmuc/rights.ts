/**
 * By which rights an event is judged (dmuc.md §3, Judged once): those of the revision under which its origin decided it, so that all
 * instances judge alike, whenever it reaches them. How much an origin knew never falls, so none can go back to better days.
 */
import { affiliationOf } from '../room/occupants.js'
import type { LoggedEvent, RoomState } from '../room/types.js'
import { isSource, revisionOf, unrestricted } from './replica.js'
import { rightsKey } from './revisions.js'
import type { Turn } from './turn.js'

/** Was it decided by the rights that we know as the present ones? */
export const isPresent = ({ replica: { room, identity } }: Turn, { epoch, revision }: LoggedEvent): boolean =>
  epoch === identity.epoch && revision === revisionOf(room)

/** Does its origin claim to know more than we do? At the source nobody can. */
const isAhead = ({ replica }: Turn, { epoch, revision }: LoggedEvent): boolean =>
  epoch === replica.identity.epoch && revision > revisionOf(replica.room)

/** The room with the rights of then; undefined where those are not known any more, or not yet. */
export function roomThen(turn: Turn, event: LoggedEvent): RoomState | undefined {
  const { rights } = turn.replica
  const room = unrestricted(turn.replica)
  if (isPresent(turn, event) || (isAhead(turn, event) && isSource(turn.replica))) return room
  const then = rights.get(rightsKey(event.epoch, event.revision))
  return then && { ...room, config: then.config, register: then.register }
}

/**
 * Is it by somebody who is banned as far as we know, while its origin claims to know better? What the source decided will be here in a
 * moment, and then it can be judged; while the source cannot be reached nobody waits.
 */
export function awaitsRights(turn: Turn, event: LoggedEvent): boolean {
  const { operation } = event
  if (!('jid' in operation) || operation.type === 'register' || !isAhead(turn, event) || isSource(turn.replica))
    return false
  return (
    turn.peer(turn.replica.identity.source).link === 'up' &&
    affiliationOf(unrestricted(turn.replica), operation.jid) === 'outcast'
  )
}

type Decided = Pick<LoggedEvent, 'id' | 'epoch' | 'revision'>

/** Did its origin know more before, in the same start? */
export function hasFallen(turn: Turn, { id, epoch, revision }: Decided): boolean {
  const { said } = turn.peer(id.instance)
  if (said?.incarnation !== id.incarnation || id.seq < said.seq) return false
  return epoch < said.epoch || (epoch === said.epoch && revision < said.revision)
}

/** Keeps how much the origin knew. Whoever has not been greeted is not known as a peer, and does not become one here. */
export function witnessRights(turn: Turn, { id, epoch, revision }: Decided): void {
  const { incarnation, said } = turn.peer(id.instance)
  if (!turn.replica.peers.has(id.instance) || id.incarnation !== incarnation) return
  if (said?.incarnation === incarnation && (id.seq < said.seq || hasFallen(turn, { id, epoch, revision }))) return
  turn.changePeer(id.instance, { said: { incarnation, seq: id.seq, epoch, revision } })
}
