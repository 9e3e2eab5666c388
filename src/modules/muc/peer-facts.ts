/** How the other instances of a room are, for its operator: in touch or not, how far behind, what they know to be decided. */
import { withoutExpired } from '../../dmuc/floors.js'
import { type Gap, others, type Peer, type Replica, type Revisions } from '../../dmuc/replica.js'
import { eventsIn, type Range } from '../../dmuc/vector.js'
import { isInTouch } from '../../dmuc/ways.js'
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
  /** Events that we hold and it does not, and the other way round; where it cannot be asked, as far as it has told. */
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
  /** Events of its log that had expired there before they came here (src/dmuc/floors.ts). */
  readonly gaps?: readonly Gap[]
}

/** One that says that it holds the room, and is not believed, or not in all (src/dmuc/unproved.ts). */
export interface ClaimFacts {
  readonly jid: string
  readonly state: 'diverged'
  readonly reason: string
}

export const claimFacts = ({ replica }: LiveRoom): readonly ClaimFacts[] =>
  [...replica.claims].map(([jid, reason]) => ({ jid, state: 'diverged', reason: `it ${reason}` }))

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
  // Its answer comes behind that to our hello, as of a room that has just come back into memory.
  const asked = kind === 'sync' && isInTouch(room.replica, jid)
  const before = room.replica.vector
  const standing = asked ? await standingOf(room, jid, parts.router).catch(() => undefined) : undefined
  const { replica } = room
  const role = jid === replica.identity.source ? 'source' : 'shadow'
  const ours = revisionsOf(replica)
  const peer = replica.peers.get(jid)
  if (peer === undefined) return { jid, kind, role, state: 'unreachable', behind: 0, ahead: 0, lagMs: 0, ours }
  // Where it cannot be asked, it holds at least what it said in its last hello.
  const holds = withoutExpired(replica, standing?.vector ?? peer.vector)
  const gaps = replica.gaps.filter(({ instance }) => instance === jid)
  const lacks = kind === 'plain' ? [] : holds.missing(before)
  const behind = eventsIn(lacks)
  const ahead = kind === 'plain' ? 0 : eventsIn(replica.vector.missing(holds))
  const revisions = standing?.revisions ?? peer.revisions
  return {
    jid,
    kind,
    role,
    state: stateOf(peer, behind + ahead),
    behind,
    ahead,
    lagMs: await lagOf(replica, lacks, peer, parts),
    ours,
    ...(revisions === undefined ? {} : { revisions }),
    ...(peer.downSince === undefined ? {} : { since: peer.downSince }),
    ...(peer.lastError === undefined ? {} : { lastError: peer.lastError }),
    ...(gaps.length === 0 ? {} : { gaps }),
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

function stateOf({ link, split, diverged, pulls, held }: Peer, apart: number): PeerFacts['state'] {
  switch (link) {
    case 'joining':
      return 'being set up'
    case 'greeting':
      return 'greeting'
    case 'down':
      if (diverged) return 'diverged'
      return split ? 'cut off' : 'unreachable'
    case 'up':
      return pulls.length > 0 || held.length > 0 || apart > 0 ? 'catching up' : 'in step'
  }
}
