/** How a shadow ends (checklist 48): its occupants leave as from a destroyed room, and are told where the source is. */
import { signLog } from './heads.js'
import { leaveFor } from './parting.js'
import { withdrawAll } from './relay.js'
import { isSource, linked } from './replica.js'
import type { Turn } from './turn.js'

/** The source took the room back from us. */
export function endHere(turn: Turn): void {
  if (turn.replica.room.destroyed) return
  const { source } = turn.replica.identity
  // What was said here last is proved by those who heard it.
  signLog(turn)
  const event = turn.logOwn({ type: 'destroy', alternate: source, reason: 'This service holds the room no more.' })
  turn.perform(event)
  turn.effects.push({ type: 'end' })
}

/** How long a shadow waits for configuration and roster. Who wants it to have them asks again. */
const patienceMs = 60_000

/** As time passes: a shadow that is given no more of the room than it has (its source may have destroyed it meanwhile) ends. */
export function expireHidden(turn: Turn): void {
  const { phase, hiddenSince } = turn.replica
  const { now } = turn.env
  if (phase === 'serving' || isSource(turn.replica)) return
  if (hiddenSince === undefined) return turn.change({ hiddenSince: now })
  if (now < hiddenSince + patienceMs) return
  turn.note('warn', 'did not give us the room that it asked us to hold', turn.replica.identity.source)
  endHere(turn)
}

/** We give our shadow up. A plain source knows nothing of `<leave/>`: to it our occupants leave one by one. */
export function giveUpShadow(turn: Turn): void {
  const { source } = turn.replica.identity
  if (isSource(turn.replica)) return
  for (const { jid, kind } of linked(turn.replica)) if (kind === 'plain') withdrawAll(turn, jid)
  turn.effects.push({ type: 'send', stanza: leaveFor(turn, source) })
  endHere(turn)
}
