/**
 * What was written to another server on one stream, ours or its own: no more than it takes; and where it counts (XEP-0198), what it has not
 * acknowledged, to be sent again should the stream break.
 */
import type { Transport } from '../net/transport.js'
import type { Waiting } from './s2s-queue.js'
import type { SendBudget } from './send-budget.js'

/** Bytes that count as a long queue. */
const longBacklog = 512 * 1024

/** The stream and what carries it. */
export interface WayOut {
  readonly transport: Pick<Transport, 'backlog'>
  readonly stream: { readonly unacknowledged: number; readonly managed: boolean; sendText(text: string): void }
}

export class Written {
  /** Characters that the peer may leave untaken. */
  readonly #limit: number
  readonly #budget: SendBudget
  /** In step with the stream's count; undefined for what nobody would send again. */
  #kept: (Waiting | undefined)[] = []
  #characters = 0

  constructor(limit: number, budget: SendBudget) {
    this.#limit = limit
    this.#budget = budget
  }

  /** In all. */
  get characters(): number {
    return this.#characters
  }

  /** False where the peer takes too little: nothing was written. */
  write({ transport, stream }: WayOut, text: string, waiting: Waiting | undefined): boolean {
    if (transport.backlog > this.#limit || stream.unacknowledged > this.#limit) return false
    this.#characters += text.length
    stream.sendText(text)
    if (stream.managed) this.#kept.push(waiting)
    if (transport.backlog > longBacklog) this.#budget.check()
    return true
  }

  /** So many of those that were written first are the peer's. */
  acknowledged(count: number): void {
    this.#kept = this.#kept.slice(count)
  }

  /** All of it is the peer's, or is not counted. */
  forget(): void {
    this.#kept = []
  }

  /** What the peer may not have, in order. */
  take(): readonly Waiting[] {
    const kept = this.#kept.flatMap((waiting) => waiting ?? [])
    this.#kept = []
    return kept
  }
}
