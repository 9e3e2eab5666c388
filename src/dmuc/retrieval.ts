/**
 * What an instance lost with its disk (dmuc.md §3, Crash): the others may have more of what it said in its earlier starts than it has
 * itself. Nobody enters here until they have said what they have, all that is of ours is here again, and they have been told so: then
 * what is said here comes, everywhere, after what was said here before. Who cannot be asked holds nobody up for long.
 */
import { sayHello } from './greet.js'
import { heldOfEarlier, others, type Replica } from './replica.js'
import type { Turn } from './turn.js'

/** After a page: tells those who count on what they know of us that we have more of our earlier starts than `before`. */
export function retell(turn: Turn, before: number): void {
  if (heldOfEarlier(turn.replica) === before) return
  for (const { jid } of unaware(turn)) if (turn.peer(jid).link === 'up') sayHello(turn, jid)
}

/** Ends the time in which nobody enters, once there is nothing to wait for. Called after each step of that time. */
export function endRetrieval(turn: Turn): void {
  const { retrieving, phase } = turn.replica
  if (retrieving === undefined || phase !== 'serving') return
  const { now, limits } = turn.env
  const until = Math.min(retrieving.until ?? Number.POSITIVE_INFINITY, now + limits.retrieveMs)
  const open = unaware(turn)
  if (open.length > 0 && now < until) {
    if (until !== retrieving.until) turn.change({ retrieving: { until } })
    return
  }
  turn.change({ retrieving: undefined })
  turn.effects.push({ type: 'retrieved' })
  for (const { jid } of open)
    turn.note('info', 'people enter before it could be asked for what may have been said here and lost', jid)
}

/** Those that have not said what they have of ours, or have more, or have not heard what we have. */
const unaware = (turn: Turn): ReturnType<typeof others> =>
  others(turn.replica).filter(({ jid, kind }) => kind === 'sync' && !isAware(turn, jid))

export function isAware(turn: Turn, jid: string): boolean {
  const { link, vector, toldEarlier } = turn.peer(jid)
  if (link !== 'up' || toldEarlier !== heldOfEarlier(turn.replica)) return false
  return turn.replica.vector.missing(vector).every(({ instance }) => instance !== turn.self)
}

/** For a replica that starts: is there anybody to ask? */
export const toRetrieve = (replica: Replica): Replica['retrieving'] =>
  others(replica).some(({ kind }) => kind === 'sync') ? {} : undefined
