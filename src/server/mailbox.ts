/**
 * The order of what concerns one bare JID. As long as nothing is held a task runs at once, synchronously; while something
 * is loaded or written, tasks queue in order. What only has to become durable before it is shown follows in its place: others may begin
 * the same meanwhile, so that many share one commit.
 */
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Handled } from './handled.js'

interface Waiting {
  run: () => void
  /** What it follows has settled, or it follows nothing. */
  due: boolean
  readonly follows: boolean
}

export class Mailbox {
  readonly #limit: number
  readonly #onIdle: () => void
  #queue: Waiting[] = []
  /** Of them, how many follow something. */
  #following = 0
  #holds = 0
  #draining = false
  /** What the task that is running has put in front of the others: it belongs to its turn. */
  #ahead = 0

  /** `limit` bounds what may wait; `onIdle` hears each time that the last waiting task is done. */
  constructor(limit: number, onIdle: () => void = () => {}) {
    this.#limit = limit
    this.#onIdle = onIdle
  }

  /** Nothing has to wait: what a task in its turn brings about is part of it, and goes before what waits. */
  get idle(): boolean {
    return this.#holds === 0 && (this.#draining ? this.#ahead === 0 : this.#queue.length === 0)
  }

  /** Nothing waits but what is on its way to the disk: what it follows may be joined. */
  get open(): boolean {
    return this.idle || (this.#holds === 0 && this.#following === this.#queue.length)
  }

  /**
   * Runs the task now or in its turn. Throws what the task throws, or rejects with it if it had to wait; throws StanzaError
   * `resource-constraint` when too many wait, unless the task is `mandatory`.
   */
  run(task: () => Handled, mandatory = false): Handled {
    if (this.idle) return task()
    if (this.#queue.length >= this.#limit && !mandatory)
      throw new StanzaError('resource-constraint', { text: 'Too many stanzas wait for this address' })
    return new Promise((resolve, reject) => {
      this.#enqueue({ run: settling(task, resolve, reject), due: true, follows: false })
    })
  }

  /** Runs the task in its turn, once `work` is done; rejects with what `refusal` makes of its failure, in its turn, too. */
  follow(work: Promise<unknown>, task: () => Handled, refusal = (error: unknown): unknown => error): Promise<void> {
    return new Promise((resolve, reject) => {
      const waiting: Waiting = { run: settling(task, resolve, reject), due: false, follows: true }
      this.#enqueue(waiting)
      this.#following += 1
      const due = (): void => {
        waiting.due = true
        if (!this.#draining) this.#drain()
      }
      work.then(due, (error: unknown) => {
        waiting.run = () => reject(refusal(error))
        due()
      })
    })
  }

  /** Tasks that come from now on wait until `work` has settled; several may be held at once. */
  hold(work: Promise<unknown>): void {
    this.#holds += 1
    const release = (): void => {
      this.#holds -= 1
      this.#drain()
    }
    work.then(release, release)
  }

  #enqueue(waiting: Waiting): void {
    if (this.#draining) this.#queue.splice(this.#ahead++, 0, waiting)
    else this.#queue.push(waiting)
  }

  #drain(): void {
    this.#draining = true
    while (this.#holds === 0 && this.#queue[0]?.due === true) {
      const next = this.#queue.shift()!
      if (next.follows) this.#following -= 1
      this.#ahead = 0
      next.run()
    }
    this.#ahead = 0
    this.#draining = false
    if (this.idle) this.#onIdle()
  }
}

const settling =
  (task: () => Handled, resolve: (done: Handled) => void, reject: (error: unknown) => void) => (): void => {
    try {
      resolve(task())
    } catch (error) {
      reject(error)
    }
  }
