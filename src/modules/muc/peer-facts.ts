/** How the other instances of a room are, for its operator: in touch or not, how far behind, what they know to be decided. */
import { digest } from '../../dmuc/digest.js'
import { others, type Peer, type Replica, type Revisions } from '../../dmuc/replica.js'
import type { Range, Vector } from '../../dmuc/vector.js'
import { revisionsOf } from '../../dmuc/wire/digest.js'
import type { Router } from '../../server/router.js'
import type { Store } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import { standingOf } from './compare.js'
import type { LiveRoom } from './live-room.js'

export interface PeerFacts {
  readonly jid: string
  readonly kind: 'sync' | 'plain'
  readonly role: 'source' | 'shadow'
  readonly state: 'being set up' | 'greeting' | 'in step' | 'catching up' | 'unreachable' | 'cut off' | 'diverged'
  /** Events that we hold and it does not, as far as it has told, and the other way round. */
  readonly behind: number
  readonly ahead: number
  /** How long ago the oldest event was logged that it lacks, or that we know to lack, in milliseconds. */
  readonly lagMs: number
  /** What it knows to be decided, as it says now, or said last; absent where it never did. */
  readonly revisions?: Revisions
  /** The same of ours. */
  readonly ours: Revisions
  /** Since when the way to it is closed, in milliseconds since the epoch. */
  readonly since?: number
  readonly lastError?: string
}

interface Parts {
  readonly router: Router
  readonly store: Store
  readonly clock: Clock
}

/** Those that are in touch are asked what they know. */
export function peerFacts(room: LiveRoom, parts: Parts): Promise<readonly PeerFacts[]> {
  return Promise.all(others(room.replica).map(({ jid, kind }) => factsOf(room, jid, kind, parts)))
}

async function factsOf(room: LiveRoom, jid: string, kind: PeerFacts['kind'], parts: Parts): Promise<PeerFacts> {
  const asked = kind === 'sync' && room.replica.peers.get(jid)?.link === 'up'
  const standing = asked ? await standingOf(room, jid, parts.router).catch(() => undefined) : undefined
  const { replica } = room
  const role = jid === replica.identity.source ? 'source' : 'shadow'
  const ours = revisionsOf(replica)
  const peer = replica.peers.get(jid)
  if (peer === undefined) return { jid, kind, role, state: 'unreachable', behind: 0, ahead: 0, lagMs: 0, ours }
  // It tells what it holds in its hellos; between them it may have caught up.
  const holdsAll = kind === 'plain' || standing?.digest.events === digest(replica).events
  const lacks = holdsAll ? [] : peer.vector.missing(replica.vector)
  const ahead = kind === 'plain' ? 0 : count(replica.vector.missing(peer.vector))
  const revisions = standing?.revisions ?? peer.revisions
  return {
    jid,
    kind,
    role,
    state: stateOf(peer, ahead),
    behind: count(lacks),
    ahead,
    lagMs: await lagOf(replica, lacks, peer, parts),
    ours,
    ...(revisions === undefined ? {} : { revisions }),
    ...(peer.downSince === undefined ? {} : { since: peer.downSince }),
    ...(peer.lastError === undefined ? {} : { lastError: peer.lastError }),
  }
}

/** Runs of events whose age is looked up in the log. */
const maxRuns = 100

async function lagOf(
  { room }: Replica,
  lacks: readonly Range[],
  { held }: Peer,
  { store, clock }: Parts,
): Promise<number> {
  const firsts = await Promise.all(
    lacks
      .slice(0, maxRuns)
      .map(({ instance, incarnation, from, to }) => store.logRange(room.jid, instance, incarnation, from, to, 1)),
  )
  const stamps = [...firsts.flat().map(({ stampMs }) => stampMs), ...held.slice(0, 1).map(({ stamp }) => stamp.ms)]
  return stamps.length === 0 ? 0 : Math.max(0, clock.now() - Math.min(...stamps))
}

function stateOf({ link, split, diverged, pulls, held }: Peer, ahead: number): PeerFacts['state'] {
  switch (link) {
    case 'joining':
      return 'being set up'
    case 'greeting':
      return 'greeting'
    case 'down':
      if (diverged) return 'diverged'
      return split ? 'cut off' : 'unreachable'
    case 'up':
      return pulls.length > 0 || held.length > 0 || ahead > 0 ? 'catching up' : 'in step'
  }
}

const count = (ranges: ReturnType<Vector['missing']>): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)
