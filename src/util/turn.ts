/**
 * How long one turn of the event loop is taken up by what follows from what the disk has confirmed: by all rooms and accounts together. Reading
 * and writing have times of their own (src/net), so that what is made here does not outrun what leaves.
 */
import type { Clock } from './clock.js'

/** What each does at least in a turn, and collecting garbage, comes on top. */
const turnMs = 4

const turns = new WeakMap<Clock, Turn>()

export class Turn {
  readonly #clock: Clock
  #began: number | undefined
  #askedAt = 0
  #waiting: (() => void)[] = []

  private constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The same for all who go by this clock. */
  static of(clock: Clock): Turn {
    const turn = turns.get(clock) ?? new Turn(clock)
    turns.set(clock, turn)
    return turn
  }

  /**
   * Is there time in this turn for more? Who is told that there is none does what it has to at least, and goes on by `next`.
   * What was done since somebody asked last is taken for what comes next.
   */
  hasTime(): boolean {
    const now = this.#clock.monotonic()
    const began = this.#began ?? this.#begin(now)
    const last = now - this.#askedAt
    this.#askedAt = now
    return now + last - began < turnMs
  }

  /** Calls `run` in the next turn: `setImmediate` alone may mean the end of this one. */
  next(run: () => void): void {
    if (this.#began === undefined) setImmediate(run)
    else this.#waiting.push(run)
  }

  #begin(now: number): number {
    this.#began = now
    this.#askedAt = now
    setImmediate(this.#over)
    return now
  }

  readonly #over = (): void => {
    this.#began = undefined
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    for (const run of waiting) setImmediate(run)
  }
}
