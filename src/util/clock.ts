/** Time is passed in, never imported, so that everything above can run in a simulation. */

export interface Timer {
  /** Idempotent; a timer that has fired may still be cancelled. */
  cancel(): void
}

export interface Clock {
  /** Whole milliseconds since the Unix epoch. May step backward when the operator sets the clock. */
  now(): number
  /** Milliseconds that never go backward; only differences mean anything. */
  monotonic(): number
  /** Calls `run` once after `delayMs`. The timer does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, run) {
    const timeout = setTimeout(run, delayMs)
    timeout.unref()
    return { cancel: () => clearTimeout(timeout) }
  },
}

/** A clock that stands still until `advance` moves it; due timers run in order of their time. */
export class ManualClock implements Clock {
  #nowMs: number
  #elapsedMs = 0
  #timers: { readonly at: number; readonly run: () => void }[] = []

  constructor(nowMs = Date.UTC(2026, 0, 1)) {
    this.#nowMs = nowMs
  }

  now(): number {
    return Math.round(this.#nowMs)
  }

  monotonic(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { at: this.#elapsedMs + Math.max(0, delayMs), run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  advance(ms: number): void {
    const end = this.#elapsedMs + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.at <= end).sort((a, b) => a.at - b.at)[0]
      if (due === undefined) break
      this.#timers = this.#timers.filter((timer) => timer !== due)
      this.#nowMs += due.at - this.#elapsedMs
      this.#elapsedMs = due.at
      due.run()
    }
    this.#nowMs += end - this.#elapsedMs
    this.#elapsedMs = end
  }
}
