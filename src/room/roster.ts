/** The map of occupants as operations change it: nicks stay unique, order of arrival is kept. */
import { defaultRole, lowerRole, roleAfter, roleFits } from './roles.js'
import { highestRole, personOf, standingOf } from './standing.js'
import type { Occupant, RoomState, Session, SoftOperation } from './types.js'

type Of<Type extends SoftOperation['type']> = Extract<SoftOperation, { readonly type: Type }>

export function replaceOccupant(state: RoomState, occupant: Occupant): RoomState {
  return { ...state, occupants: new Map(state.occupants).set(occupant.nick, occupant) }
}

/** Enters, or adds clients to who is there with the same nick and is the same. Nobody enters over another, nor a banned one. */
export function addOccupant(state: RoomState, arrived: Occupant): RoomState {
  const affiliation = standingOf(state, arrived)
  if (state.destroyed || affiliation === 'outcast' || arrived.sessions.length === 0) return state
  const present = state.occupants.get(arrived.nick)
  if (present === undefined) {
    const role = roleFits(arrived.role, affiliation) ? arrived.role : defaultRole(state.config, affiliation)
    return replaceOccupant(state, role === arrived.role ? arrived : { ...arrived, role })
  }
  if (personOf(state, present) !== personOf(state, arrived)) return state
  return replaceOccupant(state, merged(state.jid, present, arrived))
}

/** One user at several homes is one occupant; ours comes first, where it is one of them. */
function merged(here: string, present: Occupant, arrived: Occupant): Occupant {
  const { grant, grantProof } = present.grant >= arrived.grant ? present : arrived
  const word = grantProof === undefined ? { grant } : { grant, grantProof }
  if (present.home === arrived.home) {
    const names = new Set(arrived.sessions.map(({ jid }) => jid))
    const rest = present.home === here ? present.sessions.filter(({ jid }) => !names.has(jid)) : []
    return { ...unproved(present), ...word, sessions: [...arrived.sessions, ...rest] }
  }
  const elsewhere = present.elsewhere ?? []
  const remembered = (occupant: Occupant): { home: string; session: Session } => ({
    home: occupant.home,
    session: occupant.sessions[0]!,
  })
  if (arrived.home === here) {
    const others = [remembered(present), ...elsewhere.filter(({ home }) => home !== here)]
    return { ...unproved(present), ...word, home: here, sessions: arrived.sessions, elsewhere: others }
  }
  const others = [...elsewhere.filter(({ home }) => home !== arrived.home), remembered(arrived)]
  return { ...unproved(present), ...word, elsewhere: others }
}

function unproved({ grantProof: _, ...occupant }: Occupant): Occupant {
  return occupant
}

/** §7.6. Without effect where the old nick is nobody's, or the new one is another's. */
export function renameOccupant(state: RoomState, { nick, to, grant, grantProof, session }: Of<'nick'>): RoomState {
  const occupant = state.occupants.get(nick)
  if (occupant === undefined || (nick !== to && state.occupants.has(to))) return state
  const speaks = session !== undefined && occupant.sessions.some(({ jid }) => jid === session.jid)
  const rest = speaks && occupant.home === state.jid ? occupant.sessions.filter(({ jid }) => jid !== session.jid) : []
  const renamed: Occupant = {
    ...unproved(occupant),
    nick: to,
    grant,
    ...(grantProof === undefined ? {} : { grantProof }),
    sessions: session !== undefined && (speaks || occupant.home !== state.jid) ? [session, ...rest] : occupant.sessions,
  }
  const occupants = new Map<string, Occupant>()
  for (const [key, value] of state.occupants) {
    if (key === nick) occupants.set(to, renamed)
    else occupants.set(key, value)
  }
  return { ...state, occupants }
}

export function removeOccupant(state: RoomState, { nick, session, home }: Of<'leave'>): RoomState {
  const occupant = state.occupants.get(nick)
  if (occupant === undefined) return state
  const left = remainder(state.jid, occupant, session, home)
  if (left === occupant) return state
  if (left !== undefined) return replaceOccupant(state, left)
  const occupants = new Map(state.occupants)
  occupants.delete(nick)
  return { ...state, occupants }
}

/** What stays of an occupant when one client, one home, or all of it goes; undefined: nothing. */
function remainder(here: string, occupant: Occupant, session?: string, home?: string): Occupant | undefined {
  if (session === undefined && home === undefined) return undefined
  const from = home ?? occupant.home
  const elsewhere = occupant.elsewhere ?? []
  if (from !== occupant.home) {
    const others = elsewhere.filter((other) => other.home !== from)
    return others.length === elsewhere.length ? occupant : { ...occupant, elsewhere: others }
  }
  if (session !== undefined && occupant.home === here) {
    const sessions = occupant.sessions.filter(({ jid }) => jid !== session)
    if (sessions.length === occupant.sessions.length) return occupant
    if (sessions.length > 0) return { ...occupant, sessions }
  }
  const [next, ...others] = elsewhere
  if (next === undefined) return undefined
  return { ...occupant, home: next.home, sessions: [next.session], elsewhere: others }
}

/**
 * Occupants as a new register or configuration wants them: roles follow affiliations (§5.1.3), all have voice where a room is not
 * moderated any more, and where it becomes so nobody but who is a member or was granted it; outcasts are out, and so is who is no member where that became a condition (§§9.1, 9.4, 10.2).
 */
export function refit(before: RoomState, state: RoomState): RoomState {
  const closes = state.config.membersOnly && !before.config.membersOnly
  const givesVoice = before.config.moderated && !state.config.moderated
  const takesVoice = !before.config.moderated && state.config.moderated
  let changed = false
  const occupants = new Map<string, Occupant>()
  for (const [nick, occupant] of state.occupants) {
    const former = standingOf(before, occupant)
    const affiliation = standingOf(state, occupant)
    const shutOut = affiliation === 'none' && (closes || (state.config.membersOnly && former !== 'none'))
    if (affiliation === 'outcast' || shutOut) {
      changed = true
      continue
    }
    let role = former === affiliation ? occupant.role : roleAfter(state.config, occupant.role, former, affiliation)
    if (givesVoice && role === 'visitor') role = 'participant'
    if (takesVoice && role === 'participant') role = lowerRole(role, highestRole(state, occupant))
    if (role !== occupant.role) changed = true
    occupants.set(nick, role === occupant.role ? occupant : { ...occupant, role })
  }
  return changed ? { ...state, occupants } : state
}
