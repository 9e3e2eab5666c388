/** Many rooms of two occupants each. */
import { measure } from '../measure.mjs'
import { dmucdFull } from '../servers/dmucd.mjs'

const users = 40
/** About so many messages in all, at least two in each room; and so many at a time, so that nothing grows but the number of rooms. */
const messages = 20_000
const atOnce = 100

/** @param {number} rooms */
export function manyRooms(rooms, certificate) {
  const each = Math.max(2, Math.round(messages / rooms))
  const window = Math.ceil(atOnce / rooms)
  const settings = { n: users, rooms, atOnce, window, messages: each, warmUp: Math.max(1, each >> 2) }
  return measure(dmucdFull, { name: 'rooms', load: 'rooms', users, settings }, certificate)
}
