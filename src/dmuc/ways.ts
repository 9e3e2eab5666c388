/** By which way an instance is reached: directly, or, in a partial split, by a third that reaches it (./through.ts). */
import { otherInstance, type Peer, type Replica } from './replica.js'

const isOpen = (peer: Peer | undefined): boolean => peer?.link === 'up' || peer?.link === 'greeting'

/** Is what we send to it on its way at once? */
export const isInTouch = ({ peers }: Replica, jid: string): boolean => isOpen(peers.get(jid))

/** The instance that passes on to `to`, which is out of our own reach; undefined where none is known to reach it. */
export function thirdTo(replica: Replica, to: string): string | undefined {
  const peer = replica.peers.get(to)
  const by = peer?.through.by
  if (peer === undefined || by === undefined || peer.incarnation === undefined || isOpen(peer)) return undefined
  if (peer.closed || peer.diverged || otherInstance(replica, to)?.kind !== 'sync') return undefined
  return otherInstance(replica, by)?.kind === 'sync' && replica.peers.get(by)?.link === 'up' ? by : undefined
}

/** Where a stanza for `to` goes; undefined where it cannot be reached. */
export const wayTo = (replica: Replica, to: string): string | undefined =>
  isInTouch(replica, to) ? to : thirdTo(replica, to)
