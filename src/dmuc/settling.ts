/**
 * A source that has just started numbers nothing before those whom it reaches have said what they have from it (dmuc.md §3, Revisions): it may
 * have lost the end of its log (an old backup, a disk that was lost), and no number is to mean two things. Chat goes on meanwhile.
 */
import { StanzaError } from '../xmpp/stanza-error.js'
import { tellWhoMisses } from './overtaking.js'
import { isSource, others, type Replica } from './replica.js'
import { isAware } from './retrieval.js'
import type { Turn } from './turn.js'
import { askUnproved } from './unproved.js'

/** For a replica that starts. */
export const toSettle = (replica: Replica): Replica['unsettled'] =>
  isSource(replica) && others(replica).some(({ kind }) => kind === 'sync') ? {} : undefined

/** What follows takes so long at most. */
const answerMs = 10_000

/** Ends the time in which a source numbers nothing. Called after each step of that time. */
export function endSettling(turn: Turn): void {
  const { unsettled } = turn.replica
  if (unsettled === undefined) return
  const { now, limits } = turn.env
  const until = Math.min(unsettled.until ?? Number.POSITIVE_INFINITY, now + limits.settleMs)
  const open = others(turn.replica).some(
    ({ jid, kind }) => kind === 'sync' && mayAnswer(turn, jid) && !isAware(turn, jid),
  )
  const isOver = !isSource(turn.replica) || now >= until + answerMs
  if (isOver || ((!open || now >= until) && !askUnproved(turn))) {
    turn.change({ unsettled: undefined })
    turn.effects.push({ type: 'place' })
    tellWhoMisses(turn)
  } else if (until !== unsettled.until) turn.change({ unsettled: { ...turn.replica.unsettled, until } })
}

/** Is nothing known that keeps it from being asked? */
function mayAnswer(turn: Turn, jid: string): boolean {
  const { link, lastError } = turn.peer(jid)
  return link !== 'down' || lastError === undefined
}

/** What is said to who wants something numbered meanwhile. */
export const notSettled = (): StanzaError =>
  new StanzaError('resource-constraint', {
    type: 'wait',
    text: 'This server has just started and asks the others what was decided before: try again in a moment',
  })
