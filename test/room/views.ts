/** Questions that tests ask of a state. */
import { occupantOf, type RoomState } from '../../src/room/index.js'
import { maySeeJids } from '../../src/room/occupants.js'

export { affiliationOf, isShown, localSessions, occupantOf } from '../../src/room/occupants.js'

/** May this client, an occupant in this state, see real JIDs? */
export function maySee(state: RoomState, client: string): boolean {
  const occupant = occupantOf(state, client)
  return occupant !== undefined && maySeeJids(state, occupant)
}
