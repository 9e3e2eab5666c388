/**
 * What waits for all clients together. One slow reader is bounded by its own queue; a thousand of them are bounded here:
 * above the budget those with the longest queues are cut off, until half of it is free again.
 */
import type { Clock } from '../util/clock.js'

export interface Reader {
  /** Bytes that it has not taken. */
  readonly backlog: number
  /** Ends it for reading too slowly. */
  cutOff(): void
}

/** How often the queues are added up while some are long. */
const lookMs = 200

export class SendBudget {
  readonly #readers = new Set<Reader>()
  readonly #clock: Clock
  readonly #bytes: number
  #lookedAt = Number.NEGATIVE_INFINITY

  constructor(clock: Clock, bytes: number) {
    this.#clock = clock
    this.#bytes = bytes
  }

  add(reader: Reader): void {
    this.#readers.add(reader)
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader)
  }

  /** To be called when something was queued for a reader whose queue is long already. */
  check(): void {
    const now = this.#clock.monotonic()
    if (now - this.#lookedAt < lookMs) return
    this.#lookedAt = now
    const queues = [...this.#readers].map((reader) => ({ reader, bytes: reader.backlog }))
    let total = queues.reduce((sum, { bytes }) => sum + bytes, 0)
    if (total <= this.#bytes) return
    for (const { reader, bytes } of queues.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.#bytes / 2) return
      reader.cutOff()
      total -= bytes
    }
  }
}
