/**
 * What must be durable is durable before anybody sees it (architecture.md, The way of one message). Everything a room does
 * in one turn of the event loop goes to the store as one batch; what is to be seen waits, in order, until that batch and
 * all before it are confirmed. Where nothing is pending, it is done at once.
 */
import type { Store, Write } from '../../store/store.js'

interface Chunk {
  readonly writes: Write[]
  readonly runs: { readonly run: () => void; readonly fail: ((error: unknown) => void) | undefined }[]
  settled: boolean
  readonly done: Promise<void>
  readonly finish: () => void
}

const newChunk = (): Chunk => {
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  return { writes: [], runs: [], settled: false, done, finish }
}

export class CommitQueue {
  readonly #store: Store
  readonly #onFailure: (error: unknown) => void
  readonly #onBug: (error: unknown) => void
  #open: Chunk | undefined
  #pending: Chunk[] = []

  /**
   * `onFailure` hears once of each failed batch, after everything that waited for it was dropped and failed; `onBug` of what
   * was thrown by something that had waited.
   */
  constructor(store: Store, onFailure: (error: unknown) => void, onBug: (error: unknown) => void) {
    this.#store = store
    this.#onFailure = onFailure
    this.#onBug = onBug
  }

  /** Is nothing waiting? */
  get idle(): boolean {
    return this.#open === undefined && this.#pending.length === 0
  }

  /** Adds to the batch of this turn. */
  write(...writes: Write[]): void {
    this.#chunk().writes.push(...writes)
  }

  /** Runs when everything written so far is durable: now, if it is. `fail` is called instead if that batch fails. */
  push(run: () => void, fail?: (error: unknown) => void): void {
    if (this.idle) run()
    else this.#chunk().runs.push({ run, fail })
  }

  /** Settles when everything so far is dealt with; undefined when it is already. */
  settled(): Promise<void> | undefined {
    return (this.#open ?? this.#pending.at(-1))?.done
  }

  #chunk(): Chunk {
    if (this.#open === undefined) {
      this.#open = newChunk()
      setImmediate(() => this.#flush())
    }
    return this.#open
  }

  #flush(): void {
    const chunk = this.#open
    if (chunk === undefined) return
    this.#open = undefined
    this.#pending.push(chunk)
    if (chunk.writes.length === 0) {
      chunk.settled = true
      this.#release()
      return
    }
    this.#store.commit(chunk.writes).then(
      () => {
        chunk.settled = true
        this.#release()
      },
      (error: unknown) => this.#failed(chunk, error),
    )
  }

  #release(): void {
    while (this.#pending[0]?.settled === true) {
      const chunk = this.#pending.shift()!
      for (const { run } of chunk.runs) this.#guarded(run)
      chunk.finish()
    }
  }

  /** What fails here is our own fault, and must not keep back what comes after it. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#onBug(error)
    }
  }

  /** All that was decided on top of the failed batch goes with it. */
  #failed(chunk: Chunk, error: unknown): void {
    if (!this.#pending.includes(chunk)) return
    const dropped = [...this.#pending, ...(this.#open === undefined ? [] : [this.#open])]
    this.#pending = []
    this.#open = undefined
    for (const { runs, finish } of dropped) {
      for (const { fail } of runs) if (fail !== undefined) this.#guarded(() => fail(error))
      finish()
    }
    this.#onFailure(error)
  }
}
