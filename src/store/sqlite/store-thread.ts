/**
 * The outside of a store thread. Requests of one turn of the event loop travel as one message, and are answered in order.
 * A thread that dies takes what it was asked with it (each promise is rejected, none hangs) and is started again; one that
 * dies three times without answering anything is given up.
 */
import { Worker } from 'node:worker_threads'
import { systemClock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import { Turn } from '../../util/turn.js'
import { StoreError } from '../store.js'
import { errorText, type Failure } from './errors.js'
import { pack, type Request } from './packing.js'
import type { Replies, Requests, ThreadData } from './protocol.js'

interface Waiting<T> {
  readonly request: T
  readonly resolve: (value: unknown) => void
  readonly reject: (error: Error) => void
  /** Once it is answered. */
  value: unknown
  failure: Failure | undefined
}

/** So much of what was answered is settled in each turn of the event loop. */
const settledAtOnce = 32

const turn = Turn.of(systemClock)

type State = 'starting' | 'ready' | 'failed' | 'closed'

export interface StoreThreadOptions {
  readonly name: string
  readonly file: URL
  readonly data: ThreadData
  /** What comes while it works is gathered for its next message: it would take it no sooner, and each message costs a wake-up. */
  readonly gathers?: boolean
  readonly log: Logger
}

export class StoreThread<T extends Request> {
  readonly #options: StoreThreadOptions
  #state: State = 'starting'
  #worker: Worker
  /** Not posted yet. */
  #queued: Waiting<T>[] = []
  /** Posted and not answered, in the order of posting. */
  #posted: Waiting<T>[] = []
  /** Answered, and not settled yet. */
  readonly #answered: Waiting<T>[] = []
  #flushing = false
  /** Was the thread told to close? Once is enough: it may hear the second time when it has closed. */
  #dismissed = false
  #deaths = 0
  #lastError: unknown
  #closing: Promise<void> | undefined
  readonly #opened: Promise<void>
  #settleOpened: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined
  #onClosed: (() => void) | undefined

  private constructor(options: StoreThreadOptions) {
    this.#options = options
    this.#opened = new Promise((resolve, reject) => {
      this.#settleOpened = { resolve, reject }
    })
    this.#worker = this.#start()
  }

  /** Rejects with StoreError 'io' when the thread cannot open the database. */
  static async open<T extends Request>(options: StoreThreadOptions): Promise<StoreThread<T>> {
    const thread = new StoreThread<T>(options)
    await thread.#opened
    return thread
  }

  /** Requests without an answer yet. */
  get pending(): number {
    return this.#queued.length + this.#posted.length
  }

  /** Answers come in the order of the calls. Rejects with the StoreError of the request, 'io' when the thread died. */
  request(request: T): Promise<unknown> {
    if (this.#state === 'failed') return Promise.reject(this.#died())
    if (this.#closing !== undefined) return Promise.reject(new StoreError('closed', 'the store is closed'))
    return new Promise((resolve, reject) => {
      this.#queued.push({ request, resolve, reject, value: undefined, failure: undefined })
      this.#flushSoon()
    })
  }

  /** Answers all that was asked before, then ends the thread. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => {
      if (this.#state === 'failed') {
        resolve()
        return
      }
      this.#onClosed = resolve
      this.#flushSoon()
    })
    return this.#closing
  }

  #start(): Worker {
    this.#dismissed = false
    const worker = new Worker(this.#options.file, { workerData: this.#options.data, name: this.#options.name })
    worker.on('message', (replies: Replies) => this.#receive(replies))
    worker.on('error', (error) => {
      this.#lastError = error
    })
    worker.on('exit', () => this.#exited())
    return worker
  }

  #flushSoon(): void {
    if (this.#flushing) return
    this.#flushing = true
    setImmediate(() => {
      this.#flushing = false
      this.#flush()
    })
  }

  #flush(): void {
    if (this.#state !== 'ready' || (this.#options.gathers && this.#posted.length > 0)) return
    if (this.#queued.length > 0) {
      const queued = this.#queued
      this.#queued = []
      // What cannot be cloned (a function where text belongs: our bug) fails alone.
      if (!this.#post(queued)) for (const waiting of queued) if (!this.#post([waiting])) waiting.reject(uncloneable())
    }
    if (this.#closing === undefined || this.#dismissed) return
    this.#dismissed = true
    this.#worker.postMessage('close' satisfies Requests)
  }

  #post(batch: readonly Waiting<T>[]): boolean {
    try {
      this.#worker.postMessage(pack(batch.map(({ request }) => request)) satisfies Requests)
    } catch {
      return false
    }
    for (const waiting of batch) this.#posted.push(waiting)
    return true
  }

  #receive(replies: Replies): void {
    switch (replies.type) {
      case 'ready':
        this.#state = 'ready'
        this.#lastError = undefined
        this.#settleOpened?.resolve()
        this.#settleOpened = undefined
        this.#flushSoon()
        return
      case 'refused':
        this.#lastError = new StoreError(replies.failure.code, replies.failure.message)
        this.#fail()
        return
      case 'answers':
        this.#deaths = 0
        this.#answer(replies.values, replies.failures)
        return
    }
  }

  #answer(values: readonly unknown[], failures: readonly (readonly [number, Failure])[]): void {
    const answered = this.#posted.splice(0, values.length)
    if (this.#options.gathers) this.#flush()
    const isSettling = this.#answered.length > 0
    const failed = new Map(failures)
    answered.forEach((waiting, index) => {
      waiting.value = values[index]
      waiting.failure = failed.get(index)
      this.#answered.push(waiting)
    })
    if (!isSettling) this.#settle()
  }

  /** In their order; what there is no time for in this turn of the event loop comes in the next. */
  #settle(): void {
    settle(this.#answered.splice(0, settledAtOnce))
    if (this.#answered.length === 0) return
    // What follows from those comes first: only then is it known how long it takes.
    queueMicrotask(() => {
      if (turn.hasTime()) this.#settle()
      else turn.next(() => this.#settle())
    })
  }

  #exited(): void {
    if (this.#state === 'failed') return
    settle(this.#answered.splice(0))
    if (this.#closing !== undefined && this.pending === 0) {
      this.#closed()
      return
    }
    this.#deaths += 1
    if (this.#state === 'starting' || this.#deaths >= 3) {
      this.#fail()
      return
    }
    this.#rejectAll()
    this.#options.log.error(
      { thread: this.#options.name, err: this.#lastError },
      'a store thread died and is started again',
    )
    this.#state = 'starting'
    this.#worker = this.#start()
  }

  #closed(): void {
    this.#state = 'closed'
    if (this.#lastError !== undefined) {
      this.#options.log.error({ thread: this.#options.name, err: this.#lastError }, 'a store thread closed badly')
    }
    this.#onClosed?.()
  }

  /** Opening tells its caller; later, the operator has to hear of it too. */
  #fail(): void {
    if (this.#settleOpened === undefined) {
      this.#options.log.error({ thread: this.#options.name, err: this.#lastError }, 'a store thread cannot go on')
    }
    this.#state = 'failed'
    this.#settleOpened?.reject(this.#lastError instanceof StoreError ? this.#lastError : this.#died())
    this.#rejectAll()
    this.#onClosed?.()
  }

  /** Also what was not posted: it may build on what was. */
  #rejectAll(): void {
    const lost = [...this.#posted, ...this.#queued]
    this.#posted = []
    this.#queued = []
    for (const waiting of lost) waiting.reject(this.#died())
  }

  #died(): StoreError {
    const why = this.#lastError === undefined ? 'it ended without an error' : errorText(this.#lastError)
    const text = `the ${this.#options.name} thread of the store died (${why}); what it was writing may or may not be there`
    return new StoreError('io', text, { cause: this.#lastError })
  }
}

const uncloneable = (): StoreError => new StoreError('constraint', 'a request to the store is not plain data')

function settle(answered: readonly Waiting<unknown>[]): void {
  for (const { failure, value, resolve, reject } of answered)
    if (failure === undefined) resolve(value)
    else reject(new StoreError(failure.code, failure.message))
}
