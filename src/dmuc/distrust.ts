/**
 * An instance that was found out (docs/dmuc-sync.md §7): it signed two logs (./lies.ts), or what it said is not what it signed. It lies, or is
 * broken; in either case nothing of it can be proved to others, and to ask it again would bring the same. Our operator reads which one it is.
 */
import type { LoggedEvent } from '../room/types.js'
import { chained, genesis, isContrary, linkOf } from './chain.js'
import { otherInstance, others } from './replica.js'
import type { Turn } from './turn.js'

/** Nothing is taken of it from now on, in words. */
export function distrust(turn: Turn, instance: string, reason: string): void {
  const { lied, downSince } = turn.peer(instance)
  if (otherInstance(turn.replica, instance) === undefined || lied !== undefined) return
  turn.changePeer(instance, {
    link: 'down',
    downSince: downSince ?? turn.env.now,
    lied: reason,
    lastError: reason,
    diverged: true,
    retryAt: undefined,
    pulls: [],
    held: [],
    listAsked: false,
  })
  turn.effects.push({ type: 'save' })
  turn.note('warn', reason, instance)
  for (const { jid, kind } of others(turn.replica))
    if (kind === 'sync' && jid !== instance && turn.peer(jid).link === 'up')
      turn.effects.push({ type: 'tell-heads', to: jid })
}

const consequence = 'nothing is believed of it any more; it lies or is broken: take the room back from it'

/** Does an event come from its origin as its origin itself says that it is? If not, that is distrusted. */
export function isConsistent(turn: Turn, event: LoggedEvent): boolean {
  if (!isContrary(event)) return true
  distrust(turn, event.id.instance, `what it says in its event ${event.id.seq} is not what it signs: ${consequence}`)
  return false
}

/** Does it follow on what its origin said before? If not, that is distrusted. What cannot be compared may. */
export function isContinued(turn: Turn, { id, prev }: LoggedEvent): boolean {
  if (prev === undefined || otherInstance(turn.replica, id.instance) === undefined) return true
  const before = hashBefore(turn, id)
  if (before === undefined || before === prev) return true
  distrust(turn, id.instance, `its event ${id.seq} does not follow on those before it: ${consequence}`)
  return false
}

function hashBefore(turn: Turn, id: LoggedEvent['id']): string | undefined {
  if (id.seq === 1) return genesis(turn.replica.identity.roomId, id)
  const { tip } = turn.peer(id.instance)
  return tip?.incarnation === id.incarnation && tip.seq === id.seq - 1 ? tip.hash : undefined
}

/** The event is held now. */
export function moveTip(turn: Turn, event: LoggedEvent): void {
  const { instance, incarnation, seq } = event.id
  const peer = turn.replica.peers.get(instance)
  if (peer === undefined || peer.incarnation !== incarnation) return
  const link = linkOf(event)
  const isKnown = link !== undefined && event.prev !== undefined
  if (!isKnown && peer.tip === undefined) return
  turn.changePeer(instance, {
    tip: isKnown ? { incarnation, seq, hash: chained(event.prev, link) } : undefined,
  })
}

/** The signature of the head is none of the chain that its origin told us. */
export const distrustHead = (turn: Turn, instance: string, seq: number): void =>
  distrust(turn, instance, `what it signed up to its event ${seq} is not what it said: ${consequence}`)
