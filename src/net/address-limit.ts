/** How often one address may connect. What is remembered of addresses is bounded, however many there are. */
import type { Clock } from '../util/clock.js'
import { TokenBucket } from '../util/token-bucket.js'
import { addressGroup } from './address.js'

export interface AddressRate {
  /** Connections a second from one address, on average. */
  readonly rate: number
  /** At once. */
  readonly burst: number
}

const remembered = 10_000

export class AddressLimit {
  readonly #clock: Clock
  readonly #rate: AddressRate
  #young = new Map<string, TokenBucket>()
  #old = new Map<string, TokenBucket>()

  constructor(clock: Clock, rate: AddressRate) {
    this.#clock = clock
    this.#rate = rate
  }

  /** Counts a connection; false where it is one too many. */
  admit(address: string): boolean {
    const group = addressGroup(address)
    const known = this.#young.get(group) ?? this.#old.get(group)
    const bucket = known ?? new TokenBucket(this.#clock, this.#rate.rate, this.#rate.burst)
    if (this.#young.size >= remembered) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(group, bucket)
    return bucket.take()
  }
}
