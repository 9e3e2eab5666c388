/**
 * How fast people may speak in a room, each and all together: messages, presence and questions count alike. Leaving is always possible.
 * Owners and admins are bound by the rate of the whole room alone.
 */
import type { Clock } from '../../util/clock.js'
import { TokenBucket } from '../../util/token-bucket.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export interface RateLimits {
  /** Stanzas a second on average, for each occupant and for all together; 0: no limit. */
  readonly occupant: number
  readonly room: number
  /** Seconds' worth that may come at once. */
  readonly burst: number
}

/** Buckets kept; past it those that nobody has used for as long as they take to fill are dropped. */
const maxBuckets = 1000

export class Rates {
  readonly #clock: Clock
  readonly #limits: RateLimits
  readonly #all: TokenBucket | undefined
  readonly #each = new Map<string, { readonly bucket: TokenBucket; usedAt: number }>()

  constructor(clock: Clock, limits: RateLimits) {
    this.#clock = clock
    this.#limits = limits
    this.#all = limits.room > 0 ? this.#bucket(limits.room) : undefined
  }

  /** Counts one stanza of this bare JID, unless it is too much: then the refusal, and it costs nothing. */
  take(jid: string, exempt: boolean): StanzaError | undefined {
    const { occupant, room } = this.#limits
    if (!exempt && occupant > 0 && !this.#own(jid).take())
      return new StanzaError('policy-violation', {
        type: 'wait',
        text: `You are too fast: this room takes ${occupant} stanzas a second from each`,
      })
    if (this.#all?.take() === false)
      return new StanzaError('resource-constraint', {
        text: `There is too much going on: this room takes ${room} stanzas a second in all`,
      })
    return undefined
  }

  #own(jid: string): TokenBucket {
    const now = this.#clock.monotonic()
    const known = this.#each.get(jid)
    if (known !== undefined) {
      known.usedAt = now
      return known.bucket
    }
    if (this.#each.size >= maxBuckets) this.#dropFull(now)
    const bucket = this.#bucket(this.#limits.occupant)
    this.#each.set(jid, { bucket, usedAt: now })
    return bucket
  }

  #dropFull(now: number): void {
    for (const [jid, { usedAt }] of this.#each) if (now - usedAt >= this.#limits.burst * 1000) this.#each.delete(jid)
  }

  #bucket(rate: number): TokenBucket {
    return new TokenBucket(this.#clock, rate, Math.max(1, rate * this.#limits.burst))
  }
}
