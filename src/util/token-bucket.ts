/** A rate limit: `rate` units a second on average, `burst` at once. */
import type { Clock } from './clock.js'

export class TokenBucket {
  readonly #rate: number
  readonly #burst: number
  readonly #clock: Clock
  #tokens: number
  #filledAt: number

  constructor(clock: Clock, rate: number, burst: number) {
    this.#clock = clock
    this.#rate = rate
    this.#burst = burst
    this.#tokens = burst
    this.#filledAt = clock.monotonic()
  }

  /** Takes `amount` if it is there; a refused amount costs nothing. */
  take(amount = 1): boolean {
    if (!this.has(amount)) return false
    this.#tokens -= amount
    return true
  }

  /** Could `amount` be taken? */
  has(amount = 1): boolean {
    const now = this.#clock.monotonic()
    this.#tokens = Math.min(this.#burst, this.#tokens + ((now - this.#filledAt) / 1000) * this.#rate)
    this.#filledAt = now
    return this.#tokens >= amount
  }
}
