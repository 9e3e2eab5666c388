/**
 * How fast one connection is read, a client's or a server's: no faster than its rate, and than what it sends is dealt with. What came is
 * never refused for that: nothing more is read for a while.
 */
import type { Transport } from '../net/transport.js'
import type { Clock } from '../util/clock.js'
import { TokenBucket } from '../util/token-bucket.js'
import { Unsettled } from './unsettled.js'

/** Bytes a second, and at once. */
export interface ByteRate {
  readonly bytes: number
  readonly burst: number
}

export interface PaceParts {
  readonly clock: Clock
  /** No limit if undefined. */
  readonly rate: ByteRate | undefined
  /** Stanzas that may wait for the disk or for others (Unsettled). */
  readonly unsettled: number
  /** More waits for the disk than should (Unsettled). */
  readonly lagging: () => boolean
  /** Nothing is read for a while: `slowed-down` or `unsettled`. */
  readonly refused: (reason: string) => void
}

export class ReadingPace {
  readonly #transport: Pick<Transport, 'pause' | 'resume'>
  readonly #parts: PaceParts
  readonly #bucket: TokenBucket | undefined
  /** Why nothing is read now. */
  readonly #pauses = new Set<'rate' | 'unsettled'>()
  readonly #unsettled: Unsettled

  constructor(transport: Pick<Transport, 'pause' | 'resume'>, parts: PaceParts) {
    const { rate, clock, lagging, unsettled, refused } = parts
    this.#transport = transport
    this.#parts = parts
    this.#bucket = rate && new TokenBucket(clock, rate.bytes, rate.burst)
    this.#unsettled = new Unsettled({
      most: unsettled,
      lagging,
      hold: (full) => {
        if (full) refused('unsettled')
        this.#pause('unsettled')
      },
      goOn: () => this.#goOn('unsettled'),
    })
  }

  /** So much was read: what comes next waits until it would have come at the rate. */
  read(length: number): void {
    const { rate, clock, refused } = this.#parts
    if (rate === undefined || this.#bucket?.take(length) !== false) return
    refused('slowed-down')
    this.#pause('rate')
    clock.after((length / rate.bytes) * 1000, () => this.#goOn('rate'))
  }

  /** A stanza came that is not dealt with yet. */
  add(): void {
    this.#unsettled.add()
  }

  /** One of them is. */
  settle(): void {
    this.#unsettled.settle()
  }

  #pause(why: 'rate' | 'unsettled'): void {
    this.#pauses.add(why)
    this.#transport.pause()
  }

  #goOn(why: 'rate' | 'unsettled'): void {
    if (this.#pauses.delete(why) && this.#pauses.size === 0) this.#transport.resume()
  }
}
