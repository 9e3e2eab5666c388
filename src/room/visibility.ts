/**
 * Who sees the presence of whom: one stanza for those who may see real JIDs, one for the rest, one for the occupant itself
 * (XEP-0045 §7.2.2 to §7.2.4), and nothing for others where the room does not broadcast presence of that role.
 */
import type { Element } from '../xml/element.js'
import type { Delivery } from './contract.js'
import { audience, isShown, maySeeJids, sessionsOf } from './occupants.js'
import { availablePresence, type Notice, plainPresence, unavailablePresence } from './presence.js'
import type { Occupant, RoomState } from './types.js'

const isPlain = (notice: Notice): boolean =>
  notice.statuses === undefined && notice.actor === undefined && notice.reason === undefined

/** One delivery a group that has somebody in it. */
function toAudience(state: RoomState, except: readonly string[], stanzaFor: (seeing: boolean) => Element): Delivery[] {
  const { seeing, blind } = audience(state)
  const deliveries: Delivery[] = []
  for (const [group, sees] of [[seeing, true] as const, [blind, false] as const]) {
    const to = except.length === 0 ? group : group.filter((jid) => !except.includes(jid))
    if (to.length > 0) deliveries.push({ to, stanza: stanzaFor(sees) })
  }
  return deliveries
}

/**
 * The presence of an occupant who is in the room, to the others and then to its own clients. `wasShown`: the others have it in
 * their lists already, so that they are told if it may not be shown any more.
 */
export function showPresence(after: RoomState, occupant: Occupant, notice: Notice, wasShown: boolean): Delivery[] {
  const own = sessionsOf(after, occupant)
  const others = isShown(after, occupant)
    ? toAudience(after, own, (seeing) =>
        isPlain(notice)
          ? plainPresence(after, occupant, seeing)
          : availablePresence(after, occupant, notice, { seeing, self: false }),
      )
    : wasShown
      ? toAudience(after, own, (seeing) => unavailablePresence(after, occupant, {}, { seeing, self: false }))
      : []
  return [...others, ...showSelf(after, occupant, notice, own)]
}

/** The occupant's presence to some of its own clients (status 110). */
export function showSelf(state: RoomState, occupant: Occupant, notice: Notice, to: readonly string[]): Delivery[] {
  if (to.length === 0) return []
  const view = { seeing: maySeeJids(state, occupant), self: true }
  return [{ to, stanza: availablePresence(state, occupant, notice, view) }]
}

/** One who is gone: its own clients first (a removal), then those who stay. `before` still has the occupant. */
export function showDeparture(before: RoomState, after: RoomState, occupant: Occupant, notice: Notice): Delivery[] {
  return [
    ...sessionsOf(before, occupant).map((session) => removal(before, after, occupant, notice, session)),
    ...(isShown(before, occupant)
      ? toAudience(after, [], (seeing) => unavailablePresence(after, occupant, notice, { seeing, self: false }))
      : []),
  ]
}

/** One client of an occupant is taken out of the room. */
export function removal(
  before: RoomState,
  after: RoomState,
  occupant: Occupant,
  notice: Notice,
  session: string,
): Delivery {
  const view = { seeing: maySeeJids(before, occupant), self: true }
  return { to: [session], stanza: unavailablePresence(after, occupant, notice, view, 'none', session), removal: true }
}

/** §7.6: the old nick goes (status 303), the new one comes, for everybody who sees either. */
export function showNickChange(
  before: RoomState,
  after: RoomState,
  old: Occupant,
  occupant: Occupant,
  notice: Notice,
): Delivery[] {
  const own = sessionsOf(after, occupant)
  const going: Notice = { nick: occupant.nick, statuses: [303] }
  const gone = (seeing: boolean, self: boolean): Element =>
    unavailablePresence(after, old, going, { seeing, self }, occupant.role)
  return [
    ...(isShown(before, old) ? toAudience(after, own, (seeing) => gone(seeing, false)) : []),
    ...(own.length > 0 ? [{ to: own, stanza: gone(maySeeJids(after, occupant), true) }] : []),
    ...showPresence(after, occupant, notice, isShown(before, old)),
  ]
}
