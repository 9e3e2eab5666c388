/** What a room in memory needs of the service it belongs to. `Room` is the room itself: ./live-room.ts. */
import type { DmucLimits } from '../../dmuc/replica.js'
import type { Signer } from '../../dmuc/signing.js'
import type { RoomPolicy } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { Store } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import type { Random } from '../../util/random.js'
import type { Jid } from '../../xmpp/jid.js'
import type { RateLimits } from './rates.js'
import type { ChangeEffect } from './room-output.js'

export interface RoomEnvironment<Room> {
  readonly router: Router
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly policy: RoomPolicy
  readonly limits: DmucLimits
  /** Signs the logs of our rooms; absent where none is distributed. */
  readonly signer: Signer | undefined
  /** Results on one page of an archive at most (XEP-0313). */
  readonly archivePage: number
  readonly rates: RateLimits
  /** Is this a domain of our own? */
  readonly isLocal: (domain: string) => boolean
  readonly isAdmin: (bareJid: string) => boolean
  readonly mayCreate: (from: Jid) => boolean
  /** Does a joiner belong at a healthy shadow (XEP-0281 §4.5)? Its JID, then. */
  readonly redirect: (room: Room, from: Jid) => string | undefined
  /** Hears of each change once it is shown. */
  readonly changed: (room: Room, effect: ChangeEffect) => void
  /** Something did not reach this instance: its link may be down. */
  readonly unreachable: (instance: string) => void
  /** A shadow gave itself up. */
  readonly left: (room: Room, instance: string) => void
  /** A new shadow can be joined now. */
  readonly joined: (room: Room, instance: string) => void
  /** Who holds the room, or is to, may be others than before. */
  readonly place: (room: Room) => void
  /** An instance lost the room, as with its disk. */
  readonly lost: (room: Room, instance: string) => void
  /** The room is over; nothing refers to it any more. */
  readonly ended: (room: Room) => void
  /** A batch failed: what is in memory beyond the disk must go. */
  readonly failed: (room: Room, error: unknown) => void
}
