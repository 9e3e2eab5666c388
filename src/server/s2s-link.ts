/**
 * The way from one domain of ours to one domain elsewhere: a queue while there is no authorized stream, and after a
 * failure a wait that grows. Every stanza is written once, in order, or returned to its sender with an error.
 *
 *   idle ──send──▶ connecting ──ready──▶ authorizing ──valid──▶ up ──idle, or lost──▶ idle
 *                      └────────────┴──failure──▶ waiting ──time, or the peer woke us──▶ connecting
 *
 * What was written to a stream that then breaks is sent again where the peer counts (XEP-0198); elsewhere it may be lost.
 */
import type { DialbackAnswer, DomainPair } from '../stream/dialback.js'
import type { Clock, Timer } from '../util/clock.js'
import type { Random } from '../util/random.js'
import type { Carrier, CarrierUser } from './s2s-carrier.js'
import { dialbackFailure, type Failure } from './s2s-failure.js'
import type { S2sSettings } from './s2s-options.js'
import { StanzaQueue, type Waiting } from './s2s-queue.js'

export interface LinkContext {
  readonly settings: S2sSettings
  readonly clock: Clock
  readonly random: Random
  /** One that exists and is none of `except`, or a new one; not joined yet. */
  carrierFor(pair: DomainPair, except: ReadonlySet<Carrier>): Carrier
  /** Tells the sender. */
  bounce(waiting: Waiting, failure: Failure): void
  up(link: ServerLink): void
  /** `again`: it was down before, for the same reason. */
  down(link: ServerLink, failure: Failure, again: boolean): void
}

type State =
  | { readonly is: 'idle' | 'closed' }
  | { readonly is: 'connecting'; readonly connection: Carrier; readonly joined: boolean }
  | {
      readonly is: 'authorizing'
      readonly connection: Carrier
      readonly joined: boolean
      readonly timer: Timer
    }
  | { readonly is: 'up'; readonly connection: Carrier }
  | { readonly is: 'waiting'; readonly timer: Timer; readonly startedAt: number; readonly retryAt: number }

export class ServerLink implements CarrierUser {
  readonly pair: DomainPair
  readonly #context: LinkContext
  readonly #queue: StanzaQueue
  /** Connections of others that did not let us in. */
  readonly #refusedBy = new Set<Carrier>()
  #state: State = { is: 'idle' }
  #since: number
  #attempts = 0
  #lastFailure: Failure | undefined
  #usedAt = 0
  #idle: Timer | undefined
  #stanzas = 0
  #bytes = 0

  constructor(pair: DomainPair, context: LinkContext) {
    this.pair = pair
    this.#context = context
    this.#queue = new StanzaQueue(context.settings.queue)
    this.#since = context.clock.now()
  }

  get state(): State['is'] {
    return this.#state.is
  }

  get connection(): Carrier | undefined {
    return 'connection' in this.#state ? this.#state.connection : undefined
  }

  /** When the state began, milliseconds since the epoch. */
  get since(): number {
    return this.#since
  }

  get queued(): number {
    return this.#queue.length
  }

  get lastError(): string | undefined {
    return this.#lastFailure?.reason
  }

  /** What the operator may change, where the last failure was a refusal of ours. */
  get remedy(): string | undefined {
    return this.#lastFailure?.change
  }

  /** When the next attempt begins, milliseconds since the epoch; undefined where none is waited for. */
  get retryAt(): number | undefined {
    return this.#state.is === 'waiting' ? this.#state.retryAt : undefined
  }

  /** Written so far: stanzas, and their characters. */
  get written(): { readonly stanzas: number; readonly bytes: number } {
    return { stanzas: this.#stanzas, bytes: this.#bytes }
  }

  /** Nothing would be lost by forgetting this link. */
  get isIdle(): boolean {
    return this.#state.is === 'idle' && this.#queue.length === 0
  }

  send(waiting: Waiting): void {
    const state = this.#state
    if (state.is === 'closed') {
      this.#context.bounce(waiting, { condition: 'service-unavailable', reason: 'the server is shutting down' })
    } else if (state.is === 'up') {
      this.#usedAt = this.#context.clock.monotonic()
      if (state.connection.write(waiting.text, waiting)) {
        this.#stanzas++
        this.#bytes += waiting.text.length
      } else this.#context.bounce(waiting, full(this.pair, 'takes what we write too slowly'))
    } else if (!this.#queue.push(waiting)) {
      this.#context.bounce(waiting, full(this.pair, 'has too many stanzas waiting for it'))
    } else if (state.is === 'idle') {
      this.#connect()
    }
  }

  /** The peer was heard of, or somebody has to know: a wait lasts a moment and no longer. */
  wake(): void {
    const { clock, settings } = this.#context
    const state = this.#state
    if (state.is !== 'waiting') return
    const leftMs = state.startedAt + settings.waits.retryMs / 2 - clock.monotonic()
    const retryAt = Math.round(clock.now() + leftMs)
    if (retryAt >= state.retryAt) return
    state.timer.cancel()
    if (leftMs <= 0) this.#retry()
    else this.#state = { ...state, timer: clock.after(leftMs, () => this.#retry()), retryAt }
  }

  ready(connection: Carrier): void {
    if (this.#state.is !== 'connecting' || this.#state.connection !== connection) return
    if (connection.isAuthorized(this.pair)) {
      this.#open(connection)
      return
    }
    const { clock, settings } = this.#context
    const timer = clock.after(settings.waits.establishMs, () => {
      const reason = `${this.pair.remote} did not answer to dialback within ${settings.waits.establishMs} ms`
      connection.leave(this)
      this.#fail({ condition: 'remote-server-timeout', reason })
    })
    this.#enter({ is: 'authorizing', connection, joined: this.#state.joined, timer })
    connection.authorize(this.pair)
  }

  moved(from: Carrier, to: Carrier): void {
    const state = this.#state
    if ((state.is !== 'connecting' && state.is !== 'authorizing') || state.connection !== from) return
    if (state.is === 'authorizing') state.timer.cancel()
    this.#enter({ is: 'connecting', connection: to, joined: to.state === 'ready' })
    to.join(this)
  }

  closed(connection: Carrier): void {
    if (this.connection !== connection) return
    this.#idle?.cancel()
    this.#enter({ is: 'idle' })
  }

  lost(connection: Carrier, failure: Failure): void {
    const state = this.#state
    if (!('connection' in state) || state.connection !== connection) return
    if (state.is === 'authorizing') state.timer.cancel()
    if (state.is === 'up') {
      this.#idle?.cancel()
      this.#lastFailure = failure
      this.#enter({ is: 'idle' })
      this.#context.down(this, failure, false)
    } else if (state.is === 'authorizing' && state.joined) this.#connectElsewhere(connection)
    else this.#fail(failure)
  }

  /** The answer to our `authorize`. */
  authorized(connection: Carrier, answer: DialbackAnswer): void {
    const state = this.#state
    if (state.is !== 'authorizing' || state.connection !== connection) return
    state.timer.cancel()
    const failure = dialbackFailure(answer)
    if (failure === undefined) {
      this.#open(connection)
      return
    }
    connection.leave(this)
    // XEP-0220 §2.5: without room on that stream, another one is worth a try.
    if (state.joined && answer.is === 'error' && answer.error.condition === 'resource-constraint')
      this.#connectElsewhere(connection)
    else this.#fail(failure)
  }

  /** Returns what is queued to its senders, and takes nothing more. */
  close(): void {
    const state = this.#state
    this.#idle?.cancel()
    if ('timer' in state) state.timer.cancel()
    this.#enter({ is: 'closed' })
    if ('connection' in state) state.connection.leave(this)
    this.#returnAll({ condition: 'service-unavailable', reason: 'the server is shutting down' })
  }

  #connect(): void {
    const connection = this.#context.carrierFor(this.pair, this.#refusedBy)
    this.#enter({ is: 'connecting', connection, joined: connection.state === 'ready' })
    connection.join(this)
  }

  #connectElsewhere(connection: Carrier): void {
    this.#refusedBy.add(connection)
    this.#connect()
  }

  #open(connection: Carrier): void {
    const { clock } = this.#context
    this.#enter({ is: 'up', connection })
    this.#attempts = 0
    this.#lastFailure = undefined
    this.#refusedBy.clear()
    this.#usedAt = clock.monotonic()
    this.#watchIdle(this.#context.settings.waits.idleMs)
    for (const waiting of this.#queue.take()) this.send(waiting)
    this.#context.up(this)
  }

  #watchIdle(delayMs: number): void {
    const { clock, settings } = this.#context
    this.#idle = clock.after(delayMs, () => {
      const leftMs = this.#usedAt + settings.waits.idleMs - clock.monotonic()
      if (leftMs > 0) this.#watchIdle(leftMs)
      else this.#rest()
    })
  }

  #rest(): void {
    const { connection } = this
    this.#enter({ is: 'idle' })
    connection?.leave(this)
  }

  #fail(failure: Failure): void {
    const { clock, random, settings } = this.#context
    const { retryMs, retryLimitMs } = settings.waits
    const waitMs = Math.min(retryLimitMs, retryMs * 2 ** Math.min(this.#attempts, 20)) * (0.5 + random.fraction() / 2)
    const again = this.#attempts > 0 && this.#lastFailure?.reason === failure.reason
    this.#attempts++
    this.#lastFailure = failure
    this.#refusedBy.clear()
    const timer = clock.after(waitMs, () => this.#retry())
    this.#enter({ is: 'waiting', timer, startedAt: clock.monotonic(), retryAt: Math.round(clock.now() + waitMs) })
    this.#returnAll(failure)
    this.#context.down(this, failure, again)
  }

  #retry(): void {
    if (this.#queue.length > 0) this.#connect()
    else this.#enter({ is: 'idle' })
  }

  #returnAll(failure: Failure): void {
    for (const waiting of this.#queue.take()) this.#context.bounce(waiting, failure)
  }

  #enter(state: State): void {
    this.#state = state
    this.#since = this.#context.clock.now()
  }
}

const full = ({ remote }: DomainPair, why: string): Failure => ({
  condition: 'resource-constraint',
  reason: `${remote} ${why}`,
})
