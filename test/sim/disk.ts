/**
 * A store whose commits take time, and which a crash leaves as a disk is left: with what was confirmed, perhaps some of what
 * was on its way, and without the rest. After a crash it is opened again.
 */
import { openMemoryStore } from '../../src/store/memory.js'
import type { Store, Write } from '../../src/store/store.js'
import type { Random } from '../../src/util/random.js'
import type { SimTime } from './time.js'

/** The longest that a commit takes. */
const commitMs = 20

/** How long after it has confirmed something a disk that lies writes it. */
const pretendMs = 10_000

/** The store that lies below; what has nothing to recover may be the same again. */
export interface Below {
  open(): Promise<Store>
  close(store: Store): Promise<void>
  /** While it is closed: there is nothing in it. */
  empty(): void
}

export class Disk {
  readonly #time: SimTime
  readonly #random: Random
  readonly #below: Below
  /** Settles when what is there may be opened: what reached it before the crash is in, and it is closed. */
  #inner: Promise<Store> | undefined
  /** What was confirmed, and when. */
  #journal: { readonly at: number; readonly batch: readonly Write[] }[] = []
  /** Batches that were handed over and are not confirmed, oldest first. */
  #pending: (readonly Write[])[] = []
  #run = 0
  #lastAt = 0
  /** How many times as long a commit takes. */
  slowness = 1
  /** For tests of the simulator itself: confirms what it has not begun to write. */
  lies = false

  constructor(time: SimTime, random: Random, below: Below) {
    this.#time = time
    this.#random = random
    this.#below = below
  }

  /** As one run of a process sees it; after the crash of that run it takes nothing and confirms nothing. */
  async open(): Promise<Store> {
    const run = this.#run
    this.#inner ??= this.#below.open()
    const inner = await this.#time.outside(this.#inner)
    // What a service keeps of its own is there before anything happens.
    const commit = (batch: readonly Write[]): Promise<void> =>
      batch.every(({ type }) => type === 'data.put')
        ? this.#time.outside(this.#write(inner, batch))
        : run === this.#run
          ? this.#commit(inner, batch, run)
          : new Promise(() => {})
    return new Proxy(inner, {
      get: (target, key) => {
        if (key === 'commit') return commit
        const value: unknown = Reflect.get(target, key)
        if (typeof value !== 'function') return value
        return (...args: unknown[]): unknown => {
          const answer: unknown = value.apply(target, args)
          return answer instanceof Promise ? this.#time.outside(answer) : answer
        }
      },
    })
  }

  /**
   * The process dies. Of what was not confirmed yet, a part may have reached the disk. `losesMs`: what was confirmed since then is gone,
   * as after a power cut, or as from a backup.
   */
  crash(losesMs = 0): void {
    this.#run += 1
    const reached = this.#pending.slice(0, Math.floor(this.#random.fraction() * (this.#pending.length + 1)))
    this.#pending = []
    this.#lastAt = 0
    const before = this.#inner
    const at = this.#time.now
    if (before === undefined) return
    this.#inner = this.#time.outside(
      before.then(async (inner) => {
        for (const batch of reached) await this.#write(inner, batch).catch(() => {})
        await this.#below.close(inner)
        return losesMs > 0 ? this.#openAsOf(at - losesMs) : this.#below.open()
      }),
    )
  }

  async #openAsOf(time: number): Promise<Store> {
    this.#below.empty()
    const store = await this.#below.open()
    this.#journal = this.#journal.filter(({ at }) => at <= time)
    for (const { batch } of this.#journal) await store.commit(batch)
    return store
  }

  async #write(inner: Store, batch: readonly Write[]): Promise<void> {
    const at = this.#time.now
    await inner.commit(batch)
    this.#journal.push({ at, batch })
  }

  /** A simple store that was given the same. */
  async twin(): Promise<Store> {
    const twin = openMemoryStore()
    for (const { batch } of this.#journal) await twin.commit(batch)
    return twin
  }

  async close(): Promise<void> {
    if (this.#inner !== undefined) await this.#below.close(await this.#inner)
  }

  async #pretend(inner: Store, batch: readonly Write[], run: number): Promise<void> {
    this.#time.after(pretendMs, () => {
      if (run === this.#run) this.#time.outside(this.#write(inner, batch)).catch(() => {})
    })
  }

  #commit(inner: Store, batch: readonly Write[], run: number): Promise<void> {
    if (this.lies) return this.#pretend(inner, batch, run)
    this.#pending.push(batch)
    this.#lastAt = Math.max(
      this.#lastAt,
      this.#time.now + Math.floor(this.#random.fraction() * commitMs * this.slowness),
    )
    return new Promise((resolve, reject) => {
      this.#time.after(this.#lastAt - this.#time.now, () => {
        if (run !== this.#run) return
        this.#pending.shift()
        this.#time.outside(this.#write(inner, batch)).then(resolve, reject)
      })
    })
  }
}
