/**
 * What becomes of the occupants behind a split (dmuc.md §3, Failure), as the operator has it: they are shown as gone (status 333), or
 * stay, shown as away, until their home says again who is there.
 */
import { homesOf } from '../room/occupants.js'
import { dropOccupants } from './presences.js'
import { performSoft } from './soft.js'
import type { Turn } from './turn.js'

/** The children of the presence of who is there for all we know, and cannot be reached. */
const away = '<show>away</show>'

/** The grace is over. */
export function loseOccupants(turn: Turn, home: string): void {
  if (turn.env.limits.behindSplit === 'leave') return dropOccupants(turn, home)
  for (const occupant of turn.replica.room.occupants.values()) {
    const [session] = occupant.sessions
    // Who is elsewhere, too, is there still.
    if (occupant.home !== home || homesOf(occupant).length > 1 || session === undefined) continue
    performSoft(turn, { type: 'presence', nick: occupant.nick, session: { ...session, presence: away } }, home)
  }
}
