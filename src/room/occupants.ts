/** Questions about who is in the room. Answers that many stanzas need are kept with the map of occupants they were drawn from. */
import { bareOf, domainOf } from './jids.js'
import { roleAtLeast } from './roles.js'
import type { Affiliation, Occupant, RoomState } from './types.js'

/** By bare JID, then by domain (XEP-0045 §9.2); takes a bare or a full JID. */
export function affiliationOf(state: RoomState, jid: string): Affiliation {
  const { register, restricted } = state
  const [bare, domain] = [bareOf(jid), domainOf(jid)]
  const entry = restricted?.get(bare) ?? register.get(bare) ?? restricted?.get(domain) ?? register.get(domain)
  return entry?.affiliation ?? 'none'
}

interface Index {
  readonly room: string
  readonly bySession: ReadonlyMap<string, Occupant>
  readonly everyone: readonly string[]
  readonly moderators: readonly string[]
  readonly others: readonly string[]
}

const indexes = new WeakMap<RoomState['occupants'], Index>()

function indexOf(state: RoomState): Index {
  const known = indexes.get(state.occupants)
  if (known !== undefined && known.room === state.jid) return known
  const bySession = new Map<string, Occupant>()
  const everyone: string[] = []
  const moderators: string[] = []
  const others: string[] = []
  for (const occupant of state.occupants.values()) {
    if (occupant.home !== state.jid) continue
    const group = occupant.role === 'moderator' ? moderators : others
    for (const { jid } of occupant.sessions) {
      bySession.set(jid, occupant)
      everyone.push(jid)
      group.push(jid)
    }
  }
  const index = { room: state.jid, bySession, everyone, moderators, others }
  indexes.set(state.occupants, index)
  return index
}

/** The occupant whose client here this full JID is. */
export const occupantOf = (state: RoomState, session: string): Occupant | undefined =>
  indexOf(state).bySession.get(session)

/** Full JIDs of all clients whose home is this instance. */
export const localSessions = (state: RoomState): readonly string[] => indexOf(state).everyone

/** Full JIDs of the occupant's clients here; none for one who lives elsewhere. */
export const sessionsOf = (state: RoomState, occupant: Occupant): readonly string[] =>
  occupant.home === state.jid ? occupant.sessions.map(({ jid }) => jid) : []

/** The clients here, by whether they may see real JIDs (§7.2.3, §7.2.4). */
export function audience(state: RoomState): { readonly seeing: readonly string[]; readonly blind: readonly string[] } {
  const { everyone, moderators, others } = indexOf(state)
  return state.config.whois === 'anyone' ? { seeing: everyone, blind: [] } : { seeing: moderators, blind: others }
}

export const maySeeJids = (state: RoomState, occupant: Occupant): boolean =>
  state.config.whois === 'anyone' || occupant.role === 'moderator'

/** The right to speak to all (§5.1.1). */
export const hasVoice = (occupant: Occupant): boolean => roleAtLeast(occupant.role, 'participant')

/** Is the occupant's presence shown to others (`muc#roomconfig_presencebroadcast`)? */
export const isShown = (state: RoomState, occupant: Occupant): boolean =>
  occupant.role !== 'none' && state.config.presenceBroadcast.includes(occupant.role)

/** Where the occupant can be reached: its home and the further ones. */
export const homesOf = (occupant: Occupant): readonly string[] =>
  occupant.elsewhere === undefined ? [occupant.home] : [occupant.home, ...occupant.elsewhere.map(({ home }) => home)]

/** The occupants with this bare JID or, for a domain, of it. */
export function occupantsOf(state: RoomState, jid: string): readonly Occupant[] {
  const isDomain = !jid.includes('@')
  return [...state.occupants.values()].filter(
    (occupant) => occupant.jid === jid || (isDomain && domainOf(occupant.jid) === jid),
  )
}

/** Who has reserved this nick (§7.10): a bare JID. */
export function holderOf(state: RoomState, nick: string): string | undefined {
  return holders(state.register).get(nick)
}

const reservations = new WeakMap<RoomState['register'], ReadonlyMap<string, string>>()

function holders(register: RoomState['register']): ReadonlyMap<string, string> {
  const known = reservations.get(register)
  if (known !== undefined) return known
  const found = new Map<string, string>()
  for (const [jid, { nick }] of register) if (nick !== undefined) found.set(nick, jid)
  reservations.set(register, found)
  return found
}

/** A room that its last occupant has left, wherever they were, and that is temporary or was never configured (§7.14, §10.1.3). */
export const isAbandoned = (state: RoomState): boolean =>
  state.occupants.size === 0 && (state.locked || !state.config.persistent) && !state.destroyed
