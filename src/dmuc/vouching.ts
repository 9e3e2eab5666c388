/**
 * For which users an instance may vouch (docs/dmuc-sync.md §9; src/room/standing.ts): the source for all, every other for those that its row
 * in the table names, as its service had them when it was taken in, so that all who know the row judge alike. Plain shadows are heard by
 * the source alone, which weighs what they say (./plain.ts).
 */
import { domainOf } from '../room/jids.js'
import { lowerRole } from '../room/roles.js'
import { refit } from '../room/roster.js'
import { highestRole, mayVouch, personOf } from '../room/standing.js'
import type { Occupant, RoomState } from '../room/types.js'
import { Jid } from '../xmpp/jid.js'
import { occupantIdOf } from './ids.js'
import type { Instance, Replica } from './replica.js'

/** In a row: for the users of all domains. */
export const everybody = '*'

/** A service's own domain, and the one above it, whose rooms it is for. */
export const ownUsers = (service: string): readonly string[] => [
  ...new Set([service, service.slice(service.indexOf('.') + 1)]),
]

const usersOf = ({ jid, users }: Instance): readonly string[] => users ?? ownUsers(Jid.parse(jid).domain)

/** Of a plain shadow, which the source asks. */
export const mayVouchFor = (row: Instance, jid: string): boolean =>
  usersOf(row).some((domain) => domain === everybody || domain === domainOf(jid))

function vouchesOf({ identity, table }: Replica): RoomState['vouches'] {
  const rows = [...table.instances.values()]
  const isPlain = table.instances.get(identity.source)?.kind === 'plain'
  const limited = rows.filter(({ jid, kind }) => kind === 'sync' && jid !== identity.source)
  if (isPlain || limited.length === 0) return undefined
  return new Map(
    limited
      .map((row): [string, readonly string[]] => [row.jid, usersOf(row)])
      .filter(([, users]) => !users.includes(everybody)),
  )
}

/** The replica after its table or its source changed: who is there counts for what may be known of it now. */
export function withVouches(replica: Replica): Replica {
  const { room } = replica
  const vouches = vouchesOf(replica)
  if (isSame(room.vouches, vouches)) return replica
  const { vouches: _, ...rest } = room
  const next: RoomState = vouches === undefined ? rest : { ...rest, vouches }
  const fitted = refit(room, next)
  return { ...replica, room: { ...fitted, occupants: reidentified(replica, room, fitted) } }
}

function reidentified({ keys, identity }: Replica, before: RoomState, after: RoomState): RoomState['occupants'] {
  const changed = [...after.occupants.values()].filter((one) => mayVouch(before, one) !== mayVouch(after, one))
  if (changed.length === 0) return after.occupants
  const occupants = new Map<string, Occupant>(after.occupants)
  for (const one of changed) {
    // What was granted was granted to who he was.
    const is = { ...one, occupantId: occupantIdOf(keys, identity.roomId, personOf(after, one)) }
    occupants.set(one.nick, { ...is, role: lowerRole(is.role, highestRole(after, is)) })
  }
  return occupants
}

const isSame = (one: RoomState['vouches'], other: RoomState['vouches']): boolean =>
  JSON.stringify(one && [...one]) === JSON.stringify(other && [...other])
