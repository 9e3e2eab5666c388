/**
 * Numbers of decisions that a source lost with its disk, and that others know of (dmuc.md §3, Revisions): none is given again for something else.
 */
import { decisionsDigest } from './digest.js'
import { missesDecisions } from './floors.js'
import { askConfig, configPayload } from './relay.js'
import { isSource, others, type Revisions, revisionOf } from './replica.js'
import { rightsKey } from './revisions.js'
import type { Turn } from './turn.js'
import { writeRoom } from './wire/room.js'

/** How many decisions more than we know of a member may speak of. */
const maxLead = 10_000

export const isWithinReach = (ours: number, theirs: number): boolean => theirs <= ours + maxLead

/** Before we number something: no number is given that a member has for something else. */
export function overtake(turn: Turn): void {
  const { unsettled, room } = turn.replica
  if (!isSource(turn.replica) || unsettled !== undefined) return
  const { config, register } = highest(turn)
  if (config > room.configRevision || register > room.registerRevision)
    goBeyond(
      turn,
      'what is decided here takes the place of what was decided before data were lost, and nobody can prove',
    )
}

/**
 * A member has another decision under a number that we have given, too: the first was lost here, and is in no log that would bring it back. What
 * is decided here stays, once in each of our starts: a member that means to say so again is not followed.
 */
export function overrule(turn: Turn, jid: string): void {
  const { replica } = turn
  const { link, revisions, decisions, overruled } = turn.peer(jid)
  if (!isSource(replica) || replica.unsettled !== undefined || link !== 'up' || overruled) return
  if (revisions === undefined || decisions === undefined) return
  const revision = revisions.config + revisions.register
  // It is given all that is in force in any case.
  if (missesDecisions(replica, revision)) return
  const ours =
    revision === revisionOf(replica.room)
      ? replica.room
      : replica.rights.get(rightsKey(replica.identity.epoch, revision))
  if (ours === undefined || decisionsDigest(ours) === decisions) return
  turn.changePeer(jid, { overruled: true })
  goBeyond(
    turn,
    `a decision that ${jid} knows was lost here, and its number was given again: what was decided here stays`,
  )
}

/** The highest numbers that members have told, and ours. */
function highest(turn: Turn): Pick<Revisions, 'config' | 'register'> {
  const { configRevision, registerRevision } = turn.replica.room
  const known = others(turn.replica).flatMap(({ jid }) => turn.peer(jid).revisions ?? [])
  const most = (ours: number, theirs: readonly number[]): number =>
    Math.max(ours, ...theirs.filter((number) => isWithinReach(ours, number)))
  return {
    config: most(
      configRevision,
      known.map(({ config }) => config),
    ),
    register: most(
      registerRevision,
      known.map(({ register }) => register),
    ),
  }
}

function goBeyond(turn: Turn, why: string): void {
  const { config, register } = highest(turn)
  turn.change({ room: { ...turn.replica.room, configRevision: config + 1, registerRevision: register + 1 } })
  turn.note('warn', why)
  tellAll(turn)
}

/** A decision of ours came back, and one before it is lost everywhere: nobody gets from there to here by the log. */
export function leap(turn: Turn): void {
  expireUpTo(turn)
  if (turn.replica.unsettled === undefined) tellAll(turn)
}

/** Those members that were not told meanwhile. */
export function tellWhoMisses(turn: Turn): void {
  for (const { jid, kind } of others(turn.replica)) {
    const { link, revisions } = turn.peer(jid)
    if (kind !== 'sync' || link !== 'up' || revisions === undefined || !isSource(turn.replica)) continue
    if (missesDecisions(turn.replica, revisions.config + revisions.register))
      askConfig(turn, jid, configPayload(turn.replica, writeRoom(turn.replica)))
    else overrule(turn, jid)
  }
}

const expireUpTo = (turn: Turn): void =>
  turn.change({ expiredRevision: Math.max(turn.replica.expiredRevision, revisionOf(turn.replica.room)) })

/** All that is in force. Whoever knows less is told by what its next hello says (./floors.ts). */
export function tellAll(turn: Turn): void {
  expireUpTo(turn)
  turn.effects.push({ type: 'save' })
  for (const { jid, kind } of others(turn.replica))
    if (kind === 'sync' && turn.peer(jid).link === 'up')
      askConfig(turn, jid, configPayload(turn.replica, writeRoom(turn.replica)))
}
