/** Questions that tests ask of a state. */

import { occupantOf, type RoomState } from '../../src/room/index.js'
import { isShown, maySeeJids } from '../../src/room/occupants.js'

export { affiliationOf, localSessions, occupantOf } from '../../src/room/index.js'
export const isRoomPresenceShown = isShown

/** May this client, an occupant in this state, see real JIDs? */
export function maySee(state: RoomState, client: string): boolean {
  const occupant = occupantOf(state, client)
  return occupant !== undefined && maySeeJids(state, occupant)
}
