/** Soft operations, those on occupants: applied, shown, and told to the other instances by the occupant's home. */
import type { Occupant, RoomState, SoftOperation } from '../room/types.js'
import { relaySoft } from './relay.js'
import type { Turn } from './turn.js'

/**
 * Applies the operation and relays what the others see of it. A session less or more of one nick may change nothing. `except`: the
 * instance that told us.
 */
export function performSoft(turn: Turn, operation: SoftOperation, except?: string): void {
  const before = turn.replica.room
  turn.perform(operation)
  if (turn.replica.room === before) return
  if (operation.type === 'unlock' || operation.type === 'ephemeral' || operation.type === 'asked') return
  const [was, is] = [occupantBefore(before, operation), occupantAfter(turn.replica.room, operation)]
  if (was !== is) relaySoft(turn, operation, was, is, except)
}

/** Another source may vouch for others (./vouching.ts): what that makes of who is here is shown. */
export function showPersons(turn: Turn, before: RoomState): void {
  const after = turn.replica.room
  for (const was of before.occupants.values()) {
    const is = after.occupants.get(was.nick)
    if (is === undefined || (is.role === was.role && is.occupantId === was.occupantId)) continue
    const change: SoftOperation = { type: 'role', nick: was.nick, role: is.role }
    turn.effects.push({ type: 'change', before, change, late: false, after })
  }
}

type OnOccupant = Exclude<SoftOperation, { type: 'unlock' | 'ephemeral' | 'asked' }>

const nickOf = (operation: OnOccupant): string => (operation.type === 'join' ? operation.occupant.nick : operation.nick)

const occupantBefore = (room: RoomState, operation: OnOccupant): Occupant | undefined =>
  room.occupants.get(nickOf(operation))

const occupantAfter = (room: RoomState, operation: OnOccupant): Occupant | undefined =>
  room.occupants.get(operation.type === 'nick' ? operation.to : nickOf(operation))
