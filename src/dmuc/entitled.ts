/**
 * Granted roles (dmuc.md §3, The register in a split; XEP-0045 §§8.3, 9.6): a role above the one that affiliation and configuration
 * give is an entry that the source numbers, by occupant-id. The home of an occupant may only lower its role: what it
 * announces beyond that is not believed.
 */
import { defaultRole, lowerRole, roleAtLeast } from '../room/roles.js'
import { highestRole, standingOf } from '../room/standing.js'
import type { Occupant, Operation, RoomState } from '../room/types.js'
import { performLocal } from './local.js'
import { isSource, others, type Replica, speaksFor } from './replica.js'
import { isCutOff } from './restrictions.js'
import type { Turn } from './turn.js'

type RoleChange = Extract<Operation, { readonly type: 'role' }>

/** Does the source of this room number what roles are granted? Not where it speaks XEP-0281 alone, nor of a room on one instance. */
const isKept = ({ table, identity }: Replica): boolean =>
  table.instances.size > 1 && table.instances.get(identity.source)?.kind !== 'plain'

/** The occupant as its home announces it, in no higher role than it is entitled to. */
export function permitted({ replica }: Turn, occupant: Occupant): Occupant {
  const role = lowerRole(occupant.role, highestRole(replica.room, occupant))
  return role === occupant.role || !isKept(replica) ? occupant : { ...occupant, role }
}

const byAffiliation = (room: RoomState, occupant: Occupant): Occupant['role'] =>
  defaultRole(room.config, standingOf(room, occupant))

/** Does it take the word of the source? */
const isAbove = (room: RoomState, occupant: Occupant, { role }: RoleChange): boolean =>
  !roleAtLeast(byAffiliation(room, occupant), role)

/**
 * Who carries a change of role out: the source what is above the affiliation, the homes what is not, and both what takes a granted role
 * away. Who is cut off from the source takes away alone.
 */
export function responsibleForRole(
  replica: Replica,
  operation: RoleChange,
  homes: readonly string[],
): readonly string[] {
  const { room, identity } = replica
  const occupant = room.occupants.get(operation.nick)
  if (occupant === undefined || !isKept(replica)) return homes
  const lowers = roleAtLeast(occupant.role, operation.role)
  if (isCutOff(replica) && lowers) return homes
  if (isAbove(room, occupant, operation)) return [identity.source]
  return room.entitled?.has(occupant.occupantId) ? [...new Set([...homes, identity.source])] : homes
}

/** Is the change of role ours to make, at least in part? */
export function decidesRole(replica: Replica, operation: RoleChange): boolean {
  const occupant = replica.room.occupants.get(operation.nick)
  if (occupant === undefined) return false
  if (isSource(replica) && isKept(replica)) return true
  // A home raises nobody above what he is entitled to.
  const fits = !isKept(replica) || roleAtLeast(highestRole(replica.room, occupant), operation.role)
  return fits && speaksFor(replica, occupant.home)
}

/** What we do of it. */
export function carriedOut(replica: Replica, operation: Operation): readonly Operation[] {
  const { room } = replica
  const occupant = operation.type === 'role' ? room.occupants.get(operation.nick) : undefined
  if (operation.type !== 'role' || occupant === undefined || !isKept(replica)) return [operation]
  const own = speaksFor(replica, occupant.home) ? [operation] : []
  if (!isSource(replica)) return own
  const { role, actor, reason } = operation
  const by = { ...(actor === undefined ? {} : { actor }), ...(reason === undefined ? {} : { reason }) }
  const whom = occupant.occupantId
  if (isAbove(room, occupant, operation)) return [{ type: 'entitle', whom, role, ...by, revision: 0 }]
  return room.entitled?.has(whom) ? [{ type: 'entitle', whom, ...by, revision: 0 }, ...own] : own
}

/** The room gets its first shadow: what was granted before is numbered now. */
export function entitlePresent(turn: Turn): void {
  const { room } = turn.replica
  if (!isKept(turn.replica)) return
  for (const occupant of room.occupants.values()) {
    const { occupantId: whom, role } = occupant
    if (!roleAtLeast(highestRole(room, occupant), role))
      performLocal(turn, [{ type: 'entitle', whom, role, revision: 0 }])
  }
}

/** As time passes: who is gone from everywhere has no role any more. Who is behind a split may come back. */
export function dropEntitled(turn: Turn): void {
  const { replica } = turn
  if (!isSource(replica) || replica.unsettled !== undefined || (replica.room.entitled?.size ?? 0) === 0) return
  if (others(replica).some(({ jid, kind }) => kind === 'sync' && isUnsure(turn, jid))) return
  const present = new Set([...replica.room.occupants.values()].map(({ occupantId }) => occupantId))
  for (const whom of replica.room.entitled?.keys() ?? [])
    if (!present.has(whom)) performLocal(turn, [{ type: 'entitle', whom, revision: 0 }])
}

/** May it have occupants of whom we do not know? */
function isUnsure(turn: Turn, jid: string): boolean {
  const { link, listWanted, listAsked, leftOut } = turn.peer(jid)
  return link !== 'up' || listWanted || listAsked || leftOut
}
