/**
 * Is a domain that we are connected to still there? After a silence it is pinged (XEP-0199). The answer comes on a stream
 * of its own to us, as does everything else that it sends, so anything heard from it is an answer.
 */
import type { Clock, Timer } from '../util/clock.js'

export interface HeartbeatOptions {
  readonly clock: Clock
  readonly pingMs: number
  readonly pongMs: number
  /** When the domain was last heard of, by the monotonic clock. */
  readonly heardAt: () => number
  /** False where nothing can be asked now. */
  readonly ping: () => boolean
  readonly dead: () => void
}

export class Heartbeat {
  readonly #options: HeartbeatOptions
  #timer: Timer
  #pingedAt: number | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
    this.#timer = options.clock.after(options.pingMs, () => this.#beat())
  }

  stop(): void {
    this.#timer.cancel()
  }

  /** Counts as gone if it has been silent for so long, without another ping. */
  suspect(silentMs: number): void {
    const { clock, heardAt, dead } = this.#options
    if (clock.monotonic() - heardAt() >= silentMs) dead()
  }

  #beat(): void {
    const { clock, pingMs, pongMs, heardAt, ping, dead } = this.#options
    const now = clock.monotonic()
    const silentMs = now - heardAt()
    if (this.#pingedAt !== undefined && heardAt() < this.#pingedAt) {
      dead()
      return
    }
    this.#pingedAt = silentMs >= pingMs && ping() ? now : undefined
    const nextMs = this.#pingedAt === undefined ? Math.max(pingMs - silentMs, 1000) : pongMs
    this.#timer = clock.after(nextMs, () => this.#beat())
  }
}
