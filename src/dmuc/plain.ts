/**
 * What a plain peer says of occupants (dmuc.md §3, Plain peers), and how much of it counts: a source rules on affiliations,
 * roles and bans, a shadow on nothing but the coming and going of its own.
 */
import { affiliationOf, homesOf } from '../room/occupants.js'
import { defaultRole, roleAtLeast } from '../room/roles.js'
import type { Affiliation, Departure, Occupant } from '../room/types.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import { performLocal } from './local.js'
import { giveWay } from './nicks.js'
import { otherInstance } from './replica.js'
import { performSoft } from './soft.js'
import type { Turn } from './turn.js'
import type { Available, Unavailable } from './wire/presence.js'

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
 * The source speaks of an occupant of ours: another role or nick, or that it is shut out. Anything else it says under that nick is of
 * somebody else.
 */
export function obey(turn: Turn, ours: Occupant, presence: Available | Unavailable): void {
  const { source } = turn.replica.identity
  if (presence.type === 'available') {
    const { role } = presence.occupant
    if (role !== ours.role) performSoft(turn, { type: 'role', nick: ours.nick, role }, source)
  } else if (presence.renamed !== undefined) rename(turn, ours, presence.renamed.to)
  else shutOut(turn, ours, presence.departure)
}

/** XEP-0045 §7.6: by the service, not by the occupant. Where somebody has that nick here, ours takes another one. */
function rename(turn: Turn, ours: Occupant, to: string): void {
  if (turn.replica.room.occupants.has(to)) giveWay(turn, ours)
  else performSoft(turn, { type: 'nick', nick: ours.nick, to, grant: 0, forced: true }, turn.replica.identity.source)
}

/** What we announced came back: its rule is that of XEP-0045 §7.2, and who sits here cannot stay where the others do not see him. */
export function takeRefusal(turn: Turn, nick: string, { condition, text }: StanzaError): void {
  const { room, identity } = turn.replica
  const ours = room.occupants.get(nick)
  if (ours?.home !== turn.self) return
  if (condition === 'conflict') return giveWay(turn, ours)
  const departure: Departure = { cause: 'kicked', reason: text ?? `${identity.source} does not let you in` }
  performSoft(turn, { type: 'leave', nick, departure }, identity.source)
}

function shutOut(turn: Turn, ours: Occupant, change: Departure): void {
  const { source } = turn.replica.identity
  const { cause } = change
  if (cause === 'banned') {
    const { actor, reason } = change
    const entry = { affiliation: 'outcast', ...(reason === undefined ? {} : { reason }) } as const
    performLocal(turn, [{ type: 'register', jid: ours.jid, entry, revision: 0, ...(actor && { actor }) }])
  } else if (cause === 'kicked' || cause === 'affiliation' || cause === 'members-only')
    performSoft(turn, { type: 'leave', nick: ours.nick, departure: change }, source)
}
