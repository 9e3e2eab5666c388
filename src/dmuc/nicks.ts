/**
 * Whose a nick is (dmuc.md §3, Nicks): grants and reservations before somebody enters, and the merge rule where two homes hold one nick
 * all the same. Every instance comes to the same by what the presence itself carries, without asking anybody.
 */
import { affiliationOf, holderOf, homesOf } from '../room/occupants.js'
import { type Claimed, mayVouch, personOf } from '../room/standing.js'
import type { Occupant, SoftOperation, Stamp } from '../room/types.js'
import { compareStamps, maxLeadMs } from './clock.js'
import { isGranted } from './grant-proof.js'
import { isOtherNick, otherNick } from './ids.js'
import { isSource, otherInstance, type Replica, speaksFor } from './replica.js'
import { performSoft } from './soft.js'
import type { Turn } from './turn.js'
import { writeUnavailable } from './wire/presence.js'

/** How long the nick of somebody behind a split is kept for the same bare JID. */
export const reservedMs = 10 * 60_000

/**
 * Is the nick kept from this user for the moment: granted to another who did not announce it yet (the source asks this of its own
 * joiners, too), or another's who is behind a split?
 */
export function isKept({ grants, reserved, room }: Replica, nick: string, asker: Claimed, now: number): boolean {
  // Whom we let in ourselves we know.
  const isSame = (kept: Claimed): boolean =>
    asker.home === room.jid ? kept.jid === asker.jid : personOf(room, kept) === personOf(room, asker)
  const isAnother = (kept: (Claimed & { readonly until: number }) | undefined): boolean =>
    kept !== undefined && kept.until > now && !isSame(kept)
  return isAnother(grants.get(nick)) || isAnother(reserved.get(nick))
}

/** Who is shown as gone because of a split finds the nick free on return. */
export function reserve(turn: Turn, occupant: Occupant): void {
  const { now, limits } = turn.env
  const live = [...turn.replica.reserved].filter(([, { until }]) => until > now)
  if (live.length >= limits.maxOccupants) return
  const kept = { jid: occupant.jid, home: occupant.home, until: now + reservedMs }
  turn.change({ reserved: new Map(live).set(occupant.nick, kept) })
}

/** Those of `home` are back, or will not be. */
export function releaseReserved(turn: Turn, home: string): void {
  const { reserved } = turn.replica
  const left = [...reserved].filter(([, kept]) => kept.home !== home)
  if (left.length < reserved.size) turn.change({ reserved: new Map(left) })
}

/**
 * At the source everybody who enters here has a number, as those have who asked for their nick, so that the higher one is the later
 * everywhere. Rooms on one instance need none.
 */
export function withNumber(turn: Turn, operation: SoftOperation): SoftOperation {
  const { replica } = turn
  if (!isSource(replica) || replica.table.instances.size === 1) return operation
  if (operation.type === 'join' && operation.occupant.grant === 0)
    return { ...operation, occupant: { ...operation.occupant, grant: nextGrant(turn) } }
  return operation.type === 'nick' && operation.grant === 0 ? { ...operation, grant: nextGrant(turn) } : operation
}

export function nextGrant(turn: Turn): number {
  const lastGrant = turn.replica.lastGrant + 1
  turn.change({ lastGrant })
  return lastGrant
}

/** Numbers of one epoch; those of the next are above all of them. */
export const grantsOfEpoch = 1_000_000_000_000

/**
 * An occupant as its home announces it, without what cannot be: a number that the source never gave, or that it entered before we last
 * knew who is there (`seenAt`; clocks may differ by five minutes), which would win every clash.
 */
export function plausible(turn: Turn, occupant: Occupant, seenAt: number | undefined): Occupant {
  const { replica } = turn
  const floor: Stamp = { ms: (seenAt ?? 0) - maxLeadMs, counter: 0 }
  const since = compareStamps(occupant.since, floor) < 0 ? floor : occupant.since
  const grant = isSource(replica) && occupant.grant > replica.lastGrant ? 0 : occupant.grant
  return since === occupant.since && grant === occupant.grant ? occupant : { ...occupant, since, grant }
}

/**
 * Two homes hold one nick. If ours has to give way it is renamed at once; theirs is renamed by its own home. In one home the later
 * word counts.
 */
export function settleClash(turn: Turn, known: Occupant, claimed: Occupant): void {
  const sameHome = known.home === claimed.home
  if (!sameHome && keeps(turn.replica, known, claimed)) return turnAway(turn, claimed)
  if (known.home === turn.self) giveWay(turn, known)
  else yieldElsewhere(turn, known, claimed.home)
  performSoft(turn, { type: 'join', occupant: claimed }, claimed.home)
}

/**
 * Who is vouched for, of two by one bare JID; the registered owner; else who has the higher number, those without one coming last but at the source, which gives the numbers; else
 * who entered earlier; else the lower JID.
 */
export function keeps(replica: Replica, a: Occupant, b: Occupant): boolean {
  const { room } = replica
  if (a.jid === b.jid && mayVouch(room, a) !== mayVouch(room, b)) return mayVouch(room, a)
  const owner = holderOf(room, a.nick)
  const [one, other] = [personOf(room, a), personOf(room, b)]
  if (owner === one || owner === other) return owner === one
  const [ours, theirs] = [numberOf(replica, a), numberOf(replica, b)]
  if (ours !== theirs) return ours > theirs
  return (compareStamps(a.since, b.since) || (one < other ? -1 : 1)) < 0
}

function numberOf(replica: Replica, occupant: Occupant): number {
  const { grant, home } = occupant
  if (grant > 0 && isGranted(replica, occupant)) return grant
  return home === replica.identity.source ? Number.POSITIVE_INFINITY : 0
}

/** The nick stays with who has it. A plain peer, which does not know the rule, is told that its occupant is out. */
function turnAway(turn: Turn, claimed: Occupant): void {
  turn.changePeer(claimed.home, { leftOut: true })
  if (otherInstance(turn.replica, claimed.home)?.kind !== 'plain' || !isSource(turn.replica)) return
  const affiliation = affiliationOf(turn.replica.room, claimed.jid)
  const gone = { departure: { cause: 'kicked', reason }, status: undefined, renamed: undefined } as const
  const stanza = writeUnavailable(turn.self, claimed.home, claimed, affiliation, gone, undefined)
  turn.effects.push({ type: 'send', stanza })
}

const reason = 'That nickname is somebody else’s.'

/** Kicked only where not even the other nick is free, or it is refused, too. */
export function giveWay(turn: Turn, { nick, occupantId }: Occupant): void {
  const to = otherNick({ nick, occupantId })
  if (!isOtherNick({ nick, occupantId })) performSoft(turn, { type: 'nick', nick, to, grant: 0, forced: true })
  if (turn.replica.room.occupants.has(nick))
    performSoft(turn, { type: 'leave', nick, departure: { cause: 'kicked', reason } })
}

/** Whoever holds it may be gone already, behind a link that is down: its homes are asked again. */
function yieldElsewhere(turn: Turn, known: Occupant, except: string): void {
  const isOurs = speaksFor(turn.replica, known.home)
  const departure = isOurs ? ({ cause: 'kicked', reason } as const) : ({ cause: 'left' } as const)
  performSoft(turn, { type: 'leave', nick: known.nick, departure }, except)
  for (const home of homesOf(known)) if (home !== turn.self) turn.changePeer(home, { leftOut: true })
}
