/**
 * What a plain peer says of occupants (dmuc.md §3, Plain peers), and how much of it counts: a source rules on affiliations,
 * roles and bans, a shadow on nothing but the coming and going of its own.
 */
import { affiliationOf, homesOf } from '../room/occupants.js'
import { defaultRole, roleAtLeast } from '../room/roles.js'
import type { Affiliation, Departure, Occupant } from '../room/types.js'
import { performLocal } from './local.js'
import { otherInstance } from './replica.js'
import { performSoft } from './soft.js'
import type { Turn } from './turn.js'
import type { Available } from './wire/presence.js'

export const isPlain = (turn: Turn, jid: string): boolean => otherInstance(turn.replica, jid)?.kind === 'plain'

/** The occupant as it is to be shown; what it is not entitled to is taken back. */
export function weigh(turn: Turn, { occupant, affiliation }: Available): Occupant {
  if (!isPlain(turn, occupant.home)) return occupant
  const named = nameless(turn, occupant)
  if (occupant.home === turn.replica.identity.source) {
    adoptAffiliation(turn, named.jid, affiliation)
    return named
  }
  const { room } = turn.replica
  const known = room.occupants.get(named.nick)
  const most = known?.jid === named.jid ? known.role : defaultRole(room.config, affiliationOf(room, named.jid))
  return { ...named, role: roleAtLeast(most, named.role) ? named.role : most }
}

/** E18 prints no real JID: whoever has the nick at that home is meant then. */
function nameless(turn: Turn, occupant: Occupant): Occupant {
  const known = turn.replica.room.occupants.get(occupant.nick)
  if (!occupant.jid.includes('/') || known === undefined) return occupant
  if (!homesOf(known).includes(occupant.home)) return occupant
  const sessions = occupant.sessions.map((session) => ({ ...session, jid: known.sessions[0]?.jid ?? session.jid }))
  return { ...occupant, jid: known.jid, occupantId: known.occupantId, sessions }
}

/** An affiliation of a real bare JID, as the source tells it beside an occupant. */
function adoptAffiliation(turn: Turn, jid: string, affiliation: Affiliation | undefined): void {
  const present = turn.replica.room.register.get(jid)
  if (affiliation === undefined || jid.includes('/') || (present?.affiliation ?? 'none') === affiliation) return
  performLocal(turn, [{ type: 'register', jid, entry: { ...present, affiliation }, revision: 0 }])
}

/**
 * The source speaks of an occupant of ours: another role, or that it is shut out. Anything else it says under that nick is of
 * somebody else.
 */
export function obey(turn: Turn, ours: Occupant, change: Available | Departure): void {
  const { source } = turn.replica.identity
  if (!('cause' in change)) {
    if (change.occupant.role !== ours.role)
      performSoft(turn, { type: 'role', nick: ours.nick, role: change.occupant.role }, source)
    return
  }
  const { cause } = change
  if (cause === 'banned') {
    const { actor, reason } = change
    const entry = { affiliation: 'outcast', ...(reason === undefined ? {} : { reason }) } as const
    performLocal(turn, [{ type: 'register', jid: ours.jid, entry, revision: 0, ...(actor && { actor }) }])
  } else if (cause === 'kicked' || cause === 'affiliation' || cause === 'members-only')
    performSoft(turn, { type: 'leave', nick: ours.nick, departure: change }, source)
}
