/** What the service does to occupants on its own account (XEP-0045 §11, §18.1.2). */
import { type Element, xml } from '../xml/element.js'
import { occupantOf } from './occupants.js'
import { userElement } from './presence.js'
import type { RoomState, SoftOperation } from './types.js'

/**
 * §7.2.18: the answer, without `to`, to presence that assumes its sender is in the room `occupantJid` belongs to: so that a client
 * which lost track knows. Also for rooms that do not exist.
 */
export const notInRoom = (occupantJid: string): Element =>
  xml(
    'presence',
    { from: occupantJid, type: 'unavailable' },
    userElement(
      xml('item', { affiliation: 'none', role: 'none' }, xml('reason', {}, 'You are not in the room.')),
      ...['110', '307', '333'].map((code) => xml('status', { code })),
    ),
  )

/** §11.2: everybody who is in the room here leaves with 332, each told of itself alone. */
export const leaveAll = (state: RoomState): readonly SoftOperation[] =>
  [...state.occupants.values()]
    .filter(({ home }) => home === state.jid)
    .map(({ nick }) => ({ type: 'leave', nick, home: state.jid, departure: { cause: 'shutdown' } }))

/** §11.1: a client here is unreachable, its stream or the link to its server broken: it leaves with 333. */
export function removeSession(state: RoomState, session: string): readonly SoftOperation[] {
  const occupant = occupantOf(state, session)
  if (occupant === undefined) return []
  return [{ type: 'leave', nick: occupant.nick, session, home: state.jid, departure: { cause: 'error' } }]
}
