/**
 * What must be durable is durable before anybody sees it (architecture.md, The way of one message). Everything a room does
 * in one turn of the event loop goes to the store as one batch; what is to be seen waits, in order, until that batch and
 * all before it are confirmed. Where nothing is pending, it is done at once. All of it is done in slices (src/util/turn.ts), so
 * that a burst (a thousand people who enter at once) lets the sockets send, and others be served, in between.
 */
import type { Store, Write } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import { Turn } from '../../util/turn.js'

/** How long to wait for clients that have much waiting for them. */
const crowdedMs = 10

interface Chunk {
  readonly writes: Write[]
  readonly runs: { readonly run: () => void; readonly fail: ((error: unknown) => void) | undefined }[]
  /** How many of `runs` were done, and what goes on from the last of them. */
  ran: number
  rest: (() => void)[]
  settled: boolean
  synced: boolean
  readonly done: Promise<void>
  readonly finish: () => void
}

const newChunk = (): Chunk => {
  let finish = (): void => {}
  const done = new Promise<void>((resolve) => {
    finish = resolve
  })
  return { writes: [], runs: [], ran: 0, rest: [], settled: false, synced: false, done, finish }
}

function nextOf(chunk: Chunk): (() => void) | undefined {
  return chunk.rest.shift() ?? chunk.runs[chunk.ran++]?.run
}

export class CommitQueue {
  readonly #store: Store
  readonly #clock: Clock
  readonly #turn: Turn
  readonly #crowded: () => boolean
  readonly #onFailure: (error: unknown) => void
  readonly #onBug: (error: unknown) => void
  #open: Chunk | undefined
  #pending: Chunk[] = []
  #releasing = false

  /**
   * `crowded`: what can wait should (Router). `onFailure` hears once of each failed batch, after everything that waited for it was dropped and failed; `onBug` of what
   * was thrown by something that had waited.
   */
  constructor(
    store: Store,
    clock: Clock,
    crowded: () => boolean,
    onFailure: (error: unknown) => void,
    onBug: (error: unknown) => void,
  ) {
    this.#store = store
    this.#clock = clock
    this.#turn = Turn.of(clock)
    this.#crowded = crowded
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

  /** The batch of this turn is on the disk before anything of it is seen, whatever the durability of the store. */
  sync(): void {
    this.#chunk().synced = true
  }

  /** Runs when everything written so far is durable: now, if it is and there is time. `fail` is called instead if that batch fails. */
  push(run: () => void, fail?: (error: unknown) => void): void {
    if (this.idle && this.#turn.hasTime()) run()
    else this.#chunk().runs.push({ run, fail })
  }

  /** For what runs here: how it goes on, before anything that waits behind it, when there is time. */
  follow(rest: () => void): void {
    if (this.#pending.length === 0) {
      // It ran at once, since nothing waited.
      this.#pending.push({ ...newChunk(), settled: true })
      this.#releasing = true
      this.#goOnLater()
    }
    this.#pending[0]!.rest.push(rest)
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
    this.#store.commit(chunk.writes, { synced: chunk.synced }).then(
      () => {
        chunk.settled = true
        this.#release()
      },
      (error: unknown) => this.#failed(chunk, error),
    )
  }

  #release(): void {
    if (this.#releasing) return
    this.#releasing = true
    // The first counts, too.
    this.#turn.hasTime()
    for (let chunk = this.#pending[0]; chunk?.settled === true; chunk = this.#pending[0]) {
      for (let run = nextOf(chunk); run !== undefined; run = nextOf(chunk)) {
        this.#guarded(run)
        if (!this.#turn.hasTime()) return this.#goOnLater()
      }
      this.#pending.shift()
      chunk.finish()
    }
    this.#releasing = false
  }

  #goOnLater(): void {
    const goOn = (): void => {
      this.#releasing = false
      this.#release()
    }
    if (this.#crowded()) this.#clock.after(crowdedMs, goOn)
    else this.#turn.next(goOn)
  }

  /** What fails here is our own fault, and must not keep back what comes after it. */
  #guarded(run: () => void): void {
    try {
      run()
    } catch (error) {
      this.#onBug(error)
    }
  }

  /** All that was decided on top of the failed batch goes with it; what was confirmed before it stays. */
  #failed(chunk: Chunk, error: unknown): void {
    const at = this.#pending.indexOf(chunk)
    if (at === -1) return
    const dropped = [...this.#pending.splice(at), ...(this.#open === undefined ? [] : [this.#open])]
    this.#open = undefined
    for (const { runs, finish } of dropped) {
      for (const { fail } of runs) if (fail !== undefined) this.#guarded(() => fail(error))
      finish()
    }
    this.#onFailure(error)
  }
}
