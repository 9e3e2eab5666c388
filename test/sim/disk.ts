/**
 * A store whose commits take time, and which a crash leaves as a disk is left: with what was confirmed, perhaps some of what
 * was on its way, and without the rest.
 */
import { openMemoryStore } from '../../src/store/memory.js'
import type { Store, Write } from '../../src/store/store.js'
import type { Random } from '../../src/util/random.js'
import type { SimTime } from './time.js'

/** The longest that a commit takes. */
const commitMs = 20

export class Disk {
  readonly #time: SimTime
  readonly #random: Random
  readonly #inner = openMemoryStore()
  /** Batches that were handed over and are not confirmed, oldest first. */
  #pending: (readonly Write[])[] = []
  #run = 0
  #lastAt = 0

  constructor(time: SimTime, random: Random) {
    this.#time = time
    this.#random = random
  }

  /** As one run of a process sees it; after the crash of that run it takes nothing and confirms nothing. */
  open(): Store {
    const run = this.#run
    // What a service keeps of its own is there before anything happens.
    const commit = (batch: readonly Write[]): Promise<void> =>
      batch.every(({ type }) => type === 'data.put')
        ? this.#inner.commit(batch)
        : run === this.#run
          ? this.#commit(batch, run)
          : new Promise(() => {})
    return new Proxy(this.#inner, {
      get(target, key) {
        if (key === 'commit') return commit
        const value: unknown = Reflect.get(target, key)
        return typeof value === 'function' ? value.bind(target) : value
      },
    })
  }

  /** The process dies. Of what was not confirmed yet, a part may have reached the disk. */
  crash(): void {
    this.#run += 1
    const reached = Math.floor(this.#random.fraction() * (this.#pending.length + 1))
    for (const batch of this.#pending.slice(0, reached)) void this.#inner.commit(batch)
    this.#pending = []
    this.#lastAt = 0
  }

  #commit(batch: readonly Write[], run: number): Promise<void> {
    this.#pending.push(batch)
    this.#lastAt = Math.max(this.#lastAt, this.#time.now + Math.floor(this.#random.fraction() * commitMs))
    return new Promise((resolve, reject) => {
      this.#time.after(this.#lastAt - this.#time.now, () => {
        if (run !== this.#run) return
        this.#pending.shift()
        this.#inner.commit(batch).then(resolve, reject)
      })
    })
  }
}
