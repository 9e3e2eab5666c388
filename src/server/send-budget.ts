/**
 * What waits for all clients together. One slow reader is bounded by its own queue; a thousand of them are bounded here:
 * above the budget those with the longest queues are cut off, until half of it is free again. A burst that all of them are taking
 * (a thousand people who enter a room) is no reason for that: whoever made it is told to go on a little later (`crowded`).
 */
import type { Clock } from '../util/clock.js'

export interface Reader {
  /** Bytes that it has not taken. */
  readonly backlog: number
  /** Bytes that it has taken so far. */
  readonly taken: number
  /** Ends it for reading too slowly. */
  cutOff(): void
}

/** How often the queues are added up while some are long. */
const lookMs = 200
/** How often somebody who asks is told anew, and how soon a queue has to be gone at its present pace to be no slow reader's. */
const crowdedMs = 20
const flowingMs = 2000

export class SendBudget {
  /** Each with what it had taken when the crowd was last looked at. */
  readonly #readers = new Map<Reader, number>()
  readonly #clock: Clock
  readonly #bytes: number
  #lookedAt = Number.NEGATIVE_INFINITY
  #crowdedAt = Number.NEGATIVE_INFINITY
  #crowded = false

  constructor(clock: Clock, bytes: number) {
    this.#clock = clock
    this.#bytes = bytes
  }

  add(reader: Reader): void {
    this.#readers.set(reader, reader.taken)
  }

  remove(reader: Reader): void {
    this.#readers.delete(reader)
  }

  /** Does half of the budget wait for readers who are taking it? Then what can wait should; slow readers count for nothing here. */
  get crowded(): boolean {
    const now = this.#clock.monotonic()
    const elapsed = now - this.#crowdedAt
    if (elapsed < crowdedMs) return this.#crowded
    this.#crowdedAt = now
    let flowing = 0
    for (const [reader, before] of this.#readers) {
      const { backlog, taken } = reader
      if (taken !== before) this.#readers.set(reader, taken)
      if (backlog * elapsed <= (taken - before) * flowingMs) flowing += backlog
    }
    this.#crowded = flowing > this.#bytes / 2
    return this.#crowded
  }

  /** To be called when something was queued for a reader whose queue is long already. */
  check(): void {
    const now = this.#clock.monotonic()
    if (now - this.#lookedAt < lookMs) return
    this.#lookedAt = now
    const queues = [...this.#readers.keys()].map((reader) => ({ reader, bytes: reader.backlog }))
    let total = queues.reduce((sum, { bytes }) => sum + bytes, 0)
    if (total <= this.#bytes) return
    for (const { reader, bytes } of queues.sort((a, b) => b.bytes - a.bytes)) {
      if (total <= this.#bytes / 2) return
      reader.cutOff()
      total -= bytes
    }
  }
}
