/**
 * The order of what concerns one bare JID. As long as nothing is held a task runs at once, synchronously; while something
 * is loaded or written, tasks queue in order.
 */
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Handled } from './handled.js'

export class Mailbox {
  readonly #limit: number
  readonly #onIdle: () => void
  #queue: (() => void)[] = []
  #holds = 0
  #draining = false

  /** `limit` bounds what may wait; `onIdle` hears each time that the last waiting task is done. */
  constructor(limit: number, onIdle: () => void = () => {}) {
    this.#limit = limit
    this.#onIdle = onIdle
  }

  /** Nothing has to wait: what a task in its turn brings about is part of it, and goes before what waits. */
  get idle(): boolean {
    return this.#holds === 0 && (this.#draining || this.#queue.length === 0)
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
      this.#queue.push(() => {
        try {
          resolve(task())
        } catch (error) {
          reject(error)
        }
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

  #drain(): void {
    this.#draining = true
    while (this.#holds === 0) {
      const next = this.#queue.shift()
      if (next === undefined) break
      next()
    }
    this.#draining = false
    if (this.idle) this.#onIdle()
  }
}
