/**
 * The occupants of other instances: each instance owns the list of its own (dmuc.md §3, Durable and soft). A presence is
 * taken only in its place in the list and never before the messages that its home logged earlier; otherwise the
 * whole list is fetched and compared.
 */
import { affiliationOf, homesOf } from '../room/occupants.js'
import { atLeast } from '../room/roles.js'
import { personOf } from '../room/standing.js'
import type { Departure, Occupant, SoftOperation } from '../room/types.js'
import { copy, type Element, elements, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { startsTooOften } from './accept.js'
import { permitted } from './entitled.js'
import { plausible, releaseReserved, reserve, settleClash, withNumber } from './nicks.js'
import { isPlain, obey, weigh } from './plain.js'
import { placeOf } from './relay.js'
import { type Instance, isSource, occupantIdAt, otherInstance, type Replica, speaksFor } from './replica.js'
import { performSoft } from './soft.js'
import type { Turn } from './turn.js'
import { mayVouchFor } from './vouching.js'
import { type ListPlace, type RelayedPresence, readPresence, writeAvailable } from './wire/presence.js'
import { readCount, readToken } from './wire/read.js'

/** A live presence from the instance `home`. */
export function takePresence(turn: Turn, home: string, stanza: Element): void {
  const presence = read(turn, home, stanza)
  if (presence === undefined) return
  const { place } = presence
  if (isPlain(turn, home) || place === undefined) return show(turn, home, presence)
  const peer = turn.peer(home)
  const held = turn.replica.vector.get({ instance: home, incarnation: place.incarnation }).contiguous
  const overtakes = place.seq > held
  if (place.incarnation !== peer.incarnation || overtakes || place.revision > peer.occupants + 1) {
    turn.changePeer(home, { listWanted: true })
    if (place.incarnation === peer.incarnation) learn(turn, home, place)
    return
  }
  if (place.revision <= peer.occupants) return
  turn.changePeer(home, { occupants: place.revision, seenAt: turn.env.now })
  show(turn, home, presence)
}

/** Where its list stands at this seq, it holds the events up to there. */
function learn(turn: Turn, home: string, { incarnation, seq }: Pick<ListPlace, 'incarnation' | 'seq'>): void {
  turn.changePeer(home, { vector: turn.peer(home).vector.withFloor({ instance: home, incarnation }, seq) })
}

const read = (turn: Turn, home: string, stanza: Element): RelayedPresence | undefined =>
  readPresence(stanza, home, {
    occupantId: (jid) => occupantIdAt(turn.replica, jid, home),
    bareJid: (nick) => turn.replica.room.occupants.get(nick)?.jid,
    stamp: turn.replica.stamp,
  })

function show(turn: Turn, home: string, presence: RelayedPresence): void {
  const nick = presence.type === 'available' ? presence.occupant.nick : presence.nick
  const known = turn.replica.room.occupants.get(nick)
  if (known?.home === turn.self && home === turn.replica.identity.source && isPlain(turn, home)) {
    const namesAnother =
      presence.type === 'available' && !presence.occupant.jid.includes('/') && presence.occupant.jid !== known.jid
    if (!namesAnother) return obey(turn, known, presence)
  }
  if (presence.type === 'available') return showAvailable(turn, weigh(turn, presence))
  const { renamed, departure, status } = presence
  if (known === undefined || !homesOf(known).includes(home)) return
  if (renamed !== undefined && !turn.replica.room.occupants.has(renamed.to))
    performSoft(
      turn,
      numbered(
        turn,
        {
          type: 'nick',
          nick,
          to: renamed.to,
          grant: renamed.grant,
          ...(renamed.grantProof && { grantProof: renamed.grantProof }),
          ...(renamed.forced ? { forced: true } : {}),
        },
        home,
      ),
      home,
    )
  else performSoft(turn, { type: 'leave', nick, home, departure, ...(status === undefined ? {} : { status }) }, home)
}

function showAvailable(turn: Turn, occupant: Occupant): void {
  const { home } = occupant
  const { room } = turn.replica
  const affiliation = affiliationOf(room, occupant.jid)
  if (affiliation === 'outcast' || (room.config.membersOnly && affiliation === 'none')) {
    turn.changePeer(home, { leftOut: true })
    return turn.note('warn', `announced an occupant who may not be in this room; ignored`, occupant.home)
  }
  const fault = unvouched(turn, occupant) ?? excess(turn, occupant)
  if (fault !== undefined) return turn.note('warn', `announced an occupant ${fault}; ignored`, home)
  // A plain source rules on roles, and what a plain shadow says was weighed.
  enter(turn, isPlain(turn, home) ? occupant : plausible(turn, permitted(turn, occupant), turn.peer(home).seenAt))
  const shown = turn.replica.room.occupants.get(occupant.nick)
  if (shown?.home === home && shown.role !== occupant.role) turn.changePeer(home, { leftOut: true })
}

/** Who sits at a plain shadow enters at the source, as far as the others are concerned. */
const numbered = (turn: Turn, operation: SoftOperation, home: string): SoftOperation =>
  speaksFor(turn.replica, home) ? withNumber(turn, operation) : operation

function enter(turn: Turn, occupant: Occupant): void {
  const { home } = occupant
  const known = turn.replica.room.occupants.get(occupant.nick)
  if (known === undefined) return performSoft(turn, numbered(turn, { type: 'join', occupant }, home), home)
  if (personOf(turn.replica.room, known) !== personOf(turn.replica.room, occupant))
    return settleClash(turn, known, occupant)
  if (!homesOf(known).includes(home)) return performSoft(turn, { type: 'join', occupant }, home)
  if (known.home !== home) return
  if (known.role !== occupant.role) performSoft(turn, { type: 'role', nick: occupant.nick, role: occupant.role }, home)
  const [was, is] = [known.sessions[0], occupant.sessions[0]]
  if (is !== undefined && (was?.presence !== is.presence || was.jid !== is.jid))
    performSoft(turn, { type: 'presence', nick: occupant.nick, session: is }, home)
}

/** A plain shadow is heard by the source alone, which would show an admin whom it made up as one of its own. */
function unvouched({ replica }: Turn, { jid, home }: Occupant): string | undefined {
  const row = otherInstance(replica, home)
  if (row?.kind !== 'plain' || !isSource(replica) || !atLeast(affiliationOf(replica.room, jid), 'admin'))
    return undefined
  return mayVouchFor(row, jid) ? undefined : 'who is an admin here, and for whom it may not vouch'
}

/** What is too much of an occupant, or of those of its home together (dmuc.md §4, Bounds). */
function excess({ replica, env }: Turn, { nick, home, sessions }: Occupant): string | undefined {
  const { occupants } = replica.room
  if (nick.length > env.bounds.maxNickLength) return 'with a nickname that is too long'
  if (sessions.some(({ presence }) => presence.length > env.bounds.maxPresenceLength))
    return 'with a presence that is too long'
  if (occupants.has(nick) || occupants.size < env.limits.maxOccupants) return undefined
  let theirs = 0
  for (const occupant of occupants.values()) if (homesOf(occupant).includes(home)) theirs++
  return theirs < env.limits.maxOccupants ? undefined : 'beyond the number that one instance may have'
}

/** Our own list, whole, for a peer that asked. */
export function writeList(replica: Replica): Element {
  const place = placeOf(replica)
  const own = [...replica.room.occupants.values()].filter((occupant) => speaksFor(replica, occupant.home))
  return xml(
    'occupants',
    { xmlns: ns.dmucSync, incarnation: place.incarnation, revision: String(place.revision), seq: String(place.seq) },
    ...own.map((occupant) => {
      const affiliation = replica.room.register.get(occupant.jid)?.affiliation ?? 'none'
      const presence = writeAvailable(replica.room.jid, replica.room.jid, occupant, affiliation, place)
      presence.attrs.xmlns = ns.client
      return presence
    }),
  )
}

/**
 * Takes the whole list of `home`: who is not in it is gone. False while events that it presumes are missing, and where a
 * presence that was sent after it has been taken already: an answer may be dealt with later than what came behind it.
 */
export function takeList(turn: Turn, home: string, list: Element): boolean {
  const incarnation = readToken(list.attrs.incarnation)
  const revision = readCount(list.attrs.revision)
  const seq = readCount(list.attrs.seq)
  if (incarnation === undefined || revision === undefined || seq === undefined) return true
  if (turn.replica.vector.get({ instance: home, incarnation }).contiguous < seq) {
    if (!startsTooOften(turn, { instance: home, incarnation })) learn(turn, home, { incarnation, seq })
    return false
  }
  const peer = turn.peer(home)
  if (peer.incarnation === incarnation && revision < peer.occupants) return false
  const entries = elements(list)
    .map((presence) => read(turn, home, unembedded(presence)))
    .filter((entry) => entry?.type === 'available')
  compareList(
    turn,
    home,
    entries.map((entry) => entry.occupant),
  )
  turn.changePeer(home, { incarnation, occupants: revision, seenAt: turn.env.now })
  releaseReserved(turn, home)
  return true
}

/** Shows the difference between the occupants we know of `home` and those it has. */
export function compareList(turn: Turn, home: string, occupants: readonly Occupant[]): void {
  const there = new Set(occupants.map((occupant) => occupant.nick))
  for (const known of turn.replica.room.occupants.values())
    if (homesOf(known).includes(home) && !there.has(known.nick))
      performSoft(turn, { type: 'leave', nick: known.nick, home, departure: departureOf(turn, home, known) }, home)
  const { through } = turn.peer(home)
  const kicks = through.kicks.filter(({ nick }) => there.has(nick))
  if (kicks.length < through.kicks.length) turn.changePeer(home, { through: { ...through, kicks } })
  for (const occupant of occupants) showAvailable(turn, occupant)
}

/** Why somebody is not there any more: we may have had him kicked, by way of a third. */
const departureOf = (turn: Turn, home: string, { nick }: Occupant): Departure =>
  turn.peer(home).through.kicks.find((kick) => kick.nick === nick)?.departure ?? { cause: 'left' }

/** An embedded presence as it would stand on a stream. */
const unembedded = (presence: Element): Element =>
  xml(presence.name, { ...presence.attrs, xmlns: undefined }, ...elements(presence).map(unscoped))

/** A copy that does not name the content namespace, which a stream implies. */
function unscoped(node: Element): Element {
  const twin = copy(node)
  if (twin.attrs.xmlns === ns.client) delete twin.attrs.xmlns
  return twin
}

/** Whatever brought the table: what is known of those that it has not, or not any more, is forgotten. */
export function forgetGone(turn: Turn, before: readonly Instance[]): void {
  for (const { jid } of before) if (otherInstance(turn.replica, jid) === undefined) forgetInstance(turn, jid)
}

/** It is no instance any more: its occupants leave, and should it become one again nothing of it is taken as known. */
export function forgetInstance(turn: Turn, jid: string): void {
  dropOccupants(turn, jid, 'left')
  const peers = new Map(turn.replica.peers)
  peers.delete(jid)
  turn.change({ peers })
}

/** The occupants of `home` leave the room as seen from here: its split outlasted the grace, or it is no instance any more. */
export function dropOccupants(turn: Turn, home: string, cause: 'unreachable' | 'left' = 'unreachable'): void {
  for (const occupant of turn.replica.room.occupants.values()) {
    if (!homesOf(occupant).includes(home)) continue
    if (cause === 'unreachable') reserve(turn, { ...occupant, home })
    performSoft(turn, { type: 'leave', nick: occupant.nick, home, departure: { cause } }, home)
  }
}
