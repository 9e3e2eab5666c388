/**
 * Numbers of decisions that a source lost with its disk, and that others know of (dmuc.md §3, Revisions): none is given again for something else.
 */
import { askConfig, configPayload } from './relay.js'
import { isSource, others, revisionOf } from './replica.js'
import type { Turn } from './turn.js'
import { writeRoom } from './wire/room.js'

/** How many decisions more than we know of a member may speak of. */
const maxLead = 10_000

export const isWithinReach = (ours: number, theirs: number): boolean => theirs <= ours + maxLead

/** Before we number something: no number is given that a member has for something else. */
export function overtake(turn: Turn): void {
  const { unsettled, room } = turn.replica
  if (!isSource(turn.replica) || unsettled !== undefined) return
  const known = others(turn.replica).flatMap(({ jid }) => turn.peer(jid).revisions ?? [])
  const above = (ours: number, theirs: readonly number[]): number =>
    Math.max(
      ours,
      ...theirs.filter((number) => number > ours && isWithinReach(ours, number)).map((number) => number + 1),
    )
  const configRevision = above(
    room.configRevision,
    known.map(({ config }) => config),
  )
  const registerRevision = above(
    room.registerRevision,
    known.map(({ register }) => register),
  )
  if (configRevision === room.configRevision && registerRevision === room.registerRevision) return
  turn.change({ room: { ...room, configRevision, registerRevision } })
  turn.note(
    'warn',
    'what is decided here takes the place of what was decided before data were lost, and nobody can prove',
  )
  tellAll(turn)
}

/** All that is in force. Whoever knows less is told by what its next hello says (./floors.ts). */
export function tellAll(turn: Turn): void {
  turn.change({ expiredRevision: Math.max(turn.replica.expiredRevision, revisionOf(turn.replica.room)) })
  turn.effects.push({ type: 'save' })
  for (const { jid, kind } of others(turn.replica))
    if (kind === 'sync' && turn.peer(jid).link === 'up')
      askConfig(turn, jid, configPayload(turn.replica, writeRoom(turn.replica)))
}
