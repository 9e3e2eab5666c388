/**
 * How fast a peer may tell us what happens at it (dmuc.md §4, Bounds). What is too much is dropped and the link counts as down for a moment:
 * then it is greeted, and what was missed is pulled at our own pace.
 */
import type { Clock } from '../../util/clock.js'
import { TokenBucket } from '../../util/token-bucket.js'

/** Seconds' worth that may come at once. */
const burst = 10

/** How long one that was too fast is not listened to. */
export const restMs = 1000

export class PeerRates {
  readonly #clock: Clock
  readonly #rate: number
  readonly #buckets = new Map<string, TokenBucket>()

  /** `rate`: stanzas a second of one service on average; 0: no limit. */
  constructor(clock: Clock, rate: number) {
    this.#clock = clock
    this.#rate = rate
  }

  /** Counts a stanza of an instance at this service; false: it is too much. Only for services that hold instances: one bucket for each. */
  take(service: string): boolean {
    if (this.#rate === 0) return true
    const known = this.#buckets.get(service)
    if (known !== undefined) return known.take()
    const bucket = new TokenBucket(this.#clock, this.#rate, this.#rate * burst)
    this.#buckets.set(service, bucket)
    return bucket.take()
  }
}
