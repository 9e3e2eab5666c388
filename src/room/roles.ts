/** Roles and affiliations (XEP-0045 §5): their order, the role an affiliation enters with, and what one does to the other. */
import type { Affiliation, Role, RoomConfig } from './types.js'

const affiliationRank: Readonly<Record<Affiliation, number>> = { outcast: 0, none: 1, member: 2, admin: 3, owner: 4 }
const roleRank: Readonly<Record<Role, number>> = { none: 0, visitor: 1, participant: 2, moderator: 3 }

/** Is the affiliation the other one or a higher one? */
export const atLeast = (affiliation: Affiliation, least: Affiliation): boolean =>
  affiliationRank[affiliation] >= affiliationRank[least]

export const outranks = (one: Affiliation, other: Affiliation): boolean => affiliationRank[one] > affiliationRank[other]

export const roleAtLeast = (role: Role, least: Role): boolean => roleRank[role] >= roleRank[least]

/** §5.1.2: the role one enters with; `none` for an outcast, who does not enter. */
export function defaultRole(config: RoomConfig, affiliation: Affiliation): Role {
  switch (affiliation) {
    case 'owner':
    case 'admin':
      return 'moderator'
    case 'member':
      return 'participant'
    case 'none':
      return config.moderated ? 'visitor' : 'participant'
    case 'outcast':
      return 'none'
  }
}

/** The higher of the two. */
export const higherRole = (one: Role, other: Role): Role => (roleAtLeast(one, other) ? one : other)

/** The lower of the two. */
export const lowerRole = (one: Role, other: Role): Role => (roleAtLeast(one, other) ? other : one)

/**
 * §5.1.3: the role of an occupant whose affiliation changed. Admins and owners are moderators; a new member has voice; what
 * is lost with an affiliation falls back to the default, but a role that a moderator granted stays.
 */
export function roleAfter(config: RoomConfig, role: Role, before: Affiliation, after: Affiliation): Role {
  if (atLeast(after, 'admin') || after === 'outcast') return defaultRole(config, after)
  if (atLeast(before, 'admin')) return defaultRole(config, after)
  if (after === 'member') return role === 'visitor' && before !== 'member' ? 'participant' : role
  return role === 'participant' && before === 'member' ? defaultRole(config, after) : role
}

/** May this role go with this affiliation? Nobody takes voice from an admin or owner (§8.4); an outcast has no role. */
export const roleFits = (role: Role, affiliation: Affiliation): boolean =>
  role !== 'none' && affiliation !== 'outcast' && (!atLeast(affiliation, 'admin') || role === 'moderator')
