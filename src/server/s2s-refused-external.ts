/**
 * Peers that end the stream where they do not take our certificate (XEP-0178 §3), so that dialback needs a stream of its own: for a
 * while none begins with SASL EXTERNAL there. What does not work by dialback either is forgotten: our next certificate may be better.
 */
import { type DomainPair, pairKey } from '../stream/dialback.js'
import type { Clock } from '../util/clock.js'

const rememberedMs = 3_600_000
const mostPairs = 1000

export class RefusedExternal {
  readonly #clock: Clock
  /** By pair: until when, by the monotonic clock. */
  readonly #until = new Map<string, number>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  has(pair: DomainPair): boolean {
    return (this.#until.get(pairKey(pair)) ?? 0) > this.#clock.monotonic()
  }

  add(pair: DomainPair): void {
    // Strangers choose the domains: the oldest gives way.
    if (this.#until.size >= mostPairs) this.#until.delete(this.#until.keys().next().value ?? '')
    this.#until.set(pairKey(pair), this.#clock.monotonic() + rememberedMs)
  }

  delete(pair: DomainPair): void {
    this.#until.delete(pairKey(pair))
  }
}
