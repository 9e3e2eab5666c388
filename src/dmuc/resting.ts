/**
 * A replica that leaves memory (docs/decisions/0018-shared-rooms-rest.md): when it may, what it has to remember beside what is stored
 * anyway, and how it goes on. It goes on where it was, under the same incarnation, only within the same run of the process: after another start
 * the disk may have lost its end, and the replica starts anew.
 */
import { withoutExpired } from './floors.js'
import { standing } from './greet.js'
import { type Instance, others, type Peer, type Replica } from './replica.js'
import { newPeer } from './turn.js'

/** Of a peer, what a split that goes on is known by, and what saves its list from being fetched anew. */
type RestingPeer = Pick<Peer, 'incarnation' | 'occupants' | 'downSince' | 'split' | 'seenAt' | 'reachedAt'>

export interface Memory
  extends Pick<Replica, 'incarnation' | 'nextSeq' | 'tip' | 'signed' | 'stamp' | 'occupantsRevision'> {
  readonly lastGrant: number
  readonly peers: readonly (readonly [string, RestingPeer])[]
}

/** Is nobody in the room, at any instance, and nothing on its way? `now`: wall time in ms. */
export function mayRest(replica: Replica, now: number): boolean {
  const { room, phase, partings, withheld, grants, reserved, ahead } = replica
  const shared = others(replica)
  return (
    shared.length > 0 &&
    phase === 'serving' &&
    room.config.persistent &&
    !room.locked &&
    room.occupants.size === 0 &&
    partings.size + withheld.length + ahead.size === 0 &&
    replica.heir === undefined &&
    replica.retrieving === undefined &&
    replica.unsettled === undefined &&
    isSigned(replica) &&
    [...grants.values(), ...reserved.values()].every(({ until }) => until <= now) &&
    shared.every((instance) => isQuiet(replica, instance))
  )
}

const isSigned = ({ nextSeq, signed, incarnation }: Replica): boolean =>
  nextSeq === 1 || (signed?.incarnation === incarnation && signed.seq >= nextSeq - 1)

/** In step with us, or out of reach for so long that nobody waits for anything. */
function isQuiet(replica: Replica, { jid, kind }: Instance): boolean {
  const peer = replica.peers.get(jid)
  if (kind !== 'sync' || peer === undefined) return false
  if (peer.lied !== undefined || peer.diverged || peer.closed || peer.behind || peer.leftOut) return false
  if (peer.pulls.length + peer.held.length > 0 || peer.listAsked || peer.historyAsked) return false
  if (peer.link === 'down')
    return peer.retryAt === undefined && (peer.split || peer.downSince === undefined) && replica.rights.size === 0
  return peer.link === 'up' && !peer.listWanted && peer.told === standing(replica) && holdsTheSame(replica, peer)
}

function holdsTheSame(replica: Replica, { vector }: Peer): boolean {
  const theirs = withoutExpired(replica, vector)
  return replica.vector.missing(theirs).length === 0 && theirs.missing(replica.vector).length === 0
}

export function memoryOf(replica: Replica): Memory {
  const { incarnation, nextSeq, tip, signed, stamp, occupantsRevision, lastGrant } = replica
  const peers = [...replica.peers].map(
    ([jid, { incarnation, occupants, downSince, split, seenAt, reachedAt }]) =>
      [jid, { incarnation, occupants, downSince, split, seenAt, reachedAt }] as const,
  )
  return { incarnation, nextSeq, tip, signed, stamp, occupantsRevision, lastGrant, peers }
}

/** The replica as it was when it left; `loaded` as it is after a start. Every link is down until it is heard of. */
export function goesOn(loaded: Replica, { peers, ...memory }: Memory): Replica {
  const known = peers.map(([jid, peer]) => [jid, { ...newPeer, ...peer }] as const)
  return {
    ...loaded,
    ...memory,
    peers: new Map([...known, ...loaded.peers]),
    retrieving: undefined,
    unsettled: undefined,
  }
}
