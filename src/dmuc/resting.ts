/**
 * A replica that leaves memory (docs/decisions/0018-shared-rooms-rest.md): when it may, what it has to remember beside what is stored
 * anyway, and how it goes on. It goes on where it was, under the same incarnation, only within the same run of the process: after another start
 * the disk may have lost its end, and the replica starts anew.
 */
import { withoutExpired } from './floors.js'
import { standing } from './greet.js'
import { heldOfEarlier, type Instance, others, type Peer, type Replica } from './replica.js'
import { newPeer } from './turn.js'

/** Of a peer, what a split that goes on is known by, what saves its list from being fetched anew, and what it is held to. */
type RestingPeer = Pick<Peer, (typeof kept)[number]>
const kept = [
  ...(['incarnation', 'occupants', 'downSince', 'split', 'seenAt', 'reachedAt'] as const),
  ...(['tip', 'key', 'keyNumber'] as const),
] as const

export interface Memory
  extends Pick<Replica, 'incarnation' | 'nextSeq' | 'tip' | 'signed' | 'stamp' | 'occupantsRevision'> {
  readonly lastGrant: number
  readonly peers: readonly (readonly [string, RestingPeer])[]
}

/** Is nobody in the room, at any instance, and nothing on its way? `now`: wall time in ms. */
export function mayRest(replica: Replica, now: number): boolean {
  const { room, phase, partings, withheld, grants, reserved } = replica
  const shared = others(replica)
  return (
    shared.length > 0 &&
    phase === 'serving' &&
    room.config.persistent &&
    !room.locked &&
    room.occupants.size === 0 &&
    partings.size + withheld.length === 0 &&
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
  return peer.link === 'up' && !peer.listWanted && peer.told === standing(replica) && lacksNothing(replica, peer)
}

/** What it has got from others since its last hello nobody has told us: that is for the digest of all rooms to compare (./shared.ts). */
const lacksNothing = (replica: Replica, { vector }: Peer): boolean =>
  replica.vector.missing(withoutExpired(replica, vector)).length === 0

export function memoryOf(replica: Replica): Memory {
  const { incarnation, nextSeq, tip, signed, stamp, occupantsRevision, lastGrant } = replica
  const peers = [...replica.peers].map(
    ([jid, peer]) => [jid, Object.fromEntries(kept.map((name) => [name, peer[name]])) as RestingPeer] as const,
  )
  return { incarnation, nextSeq, tip, signed, stamp, occupantsRevision, lastGrant, peers }
}

/**
 * The replica as it was when it left; `loaded` as it is after a start. With those in `inTouch` we have been in touch all the while: whatever
 * they had said would have brought the room back. The links to all others are down until they are heard of.
 */
export function goesOn(loaded: Replica, { peers, ...memory }: Memory, inTouch: ReadonlySet<string>): Replica {
  const replica = { ...loaded, ...memory, retrieving: undefined, unsettled: undefined }
  const up = {
    link: 'up',
    touches: 1,
    vector: loaded.vector,
    told: standing(replica),
    toldEarlier: heldOfEarlier(replica),
  } as const
  const known = peers.map(([jid, peer]) => [jid, { ...newPeer, ...peer, ...(inTouch.has(jid) ? up : {}) }] as const)
  return { ...replica, peers: new Map([...known, ...loaded.peers]) }
}
