/** Virtual time for a whole simulation: one queue of what is due, and a clock for each process, which may be wrong. */
import type { Clock, Timer } from '../../src/util/clock.js'

interface Due {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

const isBefore = (a: Due, b: Due): boolean => a.at < b.at || (a.at === b.at && a.order < b.order)

export class SimTime {
  /** Milliseconds since the simulation began. */
  now = 0
  #order = 0
  /** What is being done outside of this time, by a thread. */
  #outside = 0
  /** A binary heap, the next one first. */
  readonly #heap: Due[] = []

  after(delayMs: number, run: () => void): Timer {
    const due: Due = { at: this.now + Math.max(0, Math.ceil(delayMs)), order: this.#order++, run }
    this.#push(due)
    return {
      cancel: () => {
        due.run = undefined
      },
    }
  }

  /** Lets everything happen up to `end`. What falls into one millisecond happens in one go, before any promise of it settles. */
  async runUntil(end: number): Promise<void> {
    // What was begun from outside goes on, though nothing may be due.
    await this.#settle()
    for (let next = this.#heap[0]; next !== undefined && next.at <= end; next = this.#heap[0]) {
      this.now = next.at
      let ran = false
      while (this.#heap[0]?.at === this.now) {
        const { run } = this.#pop()
        run?.()
        ran ||= run !== undefined
      }
      if (ran) await this.#settle()
    }
    this.now = end
  }

  /** Time stands still until this is done. */
  async outside<T>(work: Promise<T>): Promise<T> {
    this.#outside++
    try {
      return await work
    } finally {
      this.#outside--
    }
  }

  async #settle(): Promise<void> {
    await settle()
    while (this.#outside > 0) await settle()
  }

  #push(due: Due): void {
    const heap = this.#heap
    let index = heap.push(due) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!isBefore(due, heap[parent]!)) break
      heap[index] = heap[parent]!
      index = parent
    }
    heap[index] = due
  }

  #pop(): Due {
    const heap = this.#heap
    const first = heap[0]!
    const last = heap.pop()!
    if (heap.length === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) child++
      if (!isBefore(heap[child]!, last)) break
      heap[index] = heap[child]!
      index = child
    }
    heap[index] = last
    return first
  }
}

/** Promises, and what waits for the end of the turn of the event loop (the commit queue). */
async function settle(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve))
  await new Promise((resolve) => setImmediate(resolve))
}

const epoch = Date.UTC(2026, 0, 1)

/** The clock of one run of one process; its timers end with it. */
export class ProcessClock implements Clock {
  /** How far it is ahead of the true time. */
  skewMs: number
  readonly #time: SimTime
  #dead = false

  constructor(time: SimTime, skewMs: number) {
    this.#time = time
    this.skewMs = skewMs
  }

  now(): number {
    return epoch + this.#time.now + this.skewMs
  }

  monotonic(): number {
    return this.#time.now
  }

  after(delayMs: number, run: () => void): Timer {
    return this.#time.after(delayMs, () => {
      if (!this.#dead) run()
    })
  }

  end(): void {
    this.#dead = true
  }
}
