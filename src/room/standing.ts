/**
 * Whose word counts for a real JID (docs/dmuc-sync.md §9). A client has proved its JID to the instance that is its home, and to nobody
 * else: where that may not vouch for the domain, whoever it is counts as somebody of his own, with the rights of a member at most.
 */
import { domainOf } from './jids.js'
import { affiliationOf } from './occupants.js'
import { atLeast, defaultRole, higherRole } from './roles.js'
import type { Affiliation, Occupant, Role, RoomState } from './types.js'

/** A bare JID, and the room JID of the instance that says it. */
export type Claimed = Pick<Occupant, 'jid' | 'home'>

export function mayVouch({ vouches }: Pick<RoomState, 'vouches'>, { jid, home }: Claimed): boolean {
  const domains = vouches?.get(home)
  return domains === undefined || domains.includes(domainOf(jid))
}

/** The affiliation as far as it counts for who is there. A ban counts for all who say that they are it. */
export function standingOf(state: RoomState, claimed: Claimed): Affiliation {
  const affiliation = affiliationOf(state, claimed.jid)
  return atLeast(affiliation, 'admin') && !mayVouch(state, claimed) ? 'member' : affiliation
}

/** The highest role that standing, configuration and what was granted give somebody in a distributed room. */
export function highestRole(state: RoomState, occupant: Claimed & Pick<Occupant, 'occupantId'>): Role {
  const byAffiliation = defaultRole(state.config, standingOf(state, occupant))
  return higherRole(byAffiliation, state.entitled?.get(occupant.occupantId) ?? 'none')
}

/** The same for two occupants if, and only if, they are one user as far as can be known: the bare JID where it is vouched for. */
export const personOf = (state: Pick<RoomState, 'vouches'>, claimed: Claimed): string =>
  mayVouch(state, claimed) ? claimed.jid : `${claimed.jid}\n${claimed.home}`
