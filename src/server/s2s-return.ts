/**
 * The way back on a stream that another server opened to us (XEP-0288): stanzas to the domains that were verified on it, from the domains
 * of ours that they were verified for. It lasts as long as the peer keeps the stream.
 */
import type { TlsInfo, UpgradableTransport } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import type { IncomingServerStream } from '../stream/server-incoming.js'
import type { StreamError } from '../xmpp/stream-error.js'
import type { Carrier, CarrierUser } from './s2s-carrier.js'
import { closedFor, type Failure } from './s2s-failure.js'
import type { Waiting } from './s2s-queue.js'
import { Written } from './s2s-written.js'
import type { Reader, SendBudget } from './send-budget.js'

export interface ReturnParts {
  readonly transport: UpgradableTransport
  readonly stream: IncomingServerStream
  readonly budget: SendBudget
  /** Characters that the peer may leave untaken. */
  readonly backlog: number
  /** The peer takes what we write too slowly. */
  readonly tooSlow: () => void
  /** What was written last and not acknowledged, in order, when the stream broke. */
  unacknowledged(waiting: readonly Waiting[], failure: Failure): void
  /** Nothing can be sent on it from now on. */
  over(back: ReturnPath): void
}

export class ReturnPath implements Carrier, Reader {
  readonly pair: DomainPair
  readonly bidi = true
  readonly #parts: ReturnParts
  readonly #users = new Set<CarrierUser>()
  readonly #written: Written
  #state: 'ready' | 'closing' | 'ended' = 'ready'

  /** `pair`: the first that was verified. */
  constructor(pair: DomainPair, parts: ReturnParts) {
    this.pair = pair
    this.#parts = parts
    this.#written = new Written(parts.backlog, parts.budget)
    parts.budget.add(this)
  }

  get state(): 'ready' | 'closing' | 'ended' {
    return this.#state
  }

  get tls(): TlsInfo | undefined {
    return this.#parts.transport.tls
  }

  get streamId(): string | undefined {
    return this.#parts.stream.id
  }

  get remoteAddress(): string {
    return this.#parts.transport.remoteAddress
  }

  get backlog(): number {
    return this.#parts.transport.backlog
  }

  get taken(): number {
    return this.#written.characters - this.backlog
  }

  cutOff(): void {
    this.#parts.tooSlow()
    this.abandon({ condition: 'resource-constraint', reason: `${this.pair.remote} takes what we write too slowly` })
  }

  join(user: CarrierUser): void {
    this.#users.add(user)
    user.ready(this)
  }

  leave(user: CarrierUser): void {
    this.#users.delete(user)
  }

  isAuthorized({ local, remote }: DomainPair): boolean {
    return this.#parts.stream.pairs.some((pair) => pair.local === local && pair.remote === remote)
  }

  /** Nobody asks: it is found by pairs that were verified. */
  authorize({ local, remote }: DomainPair): never {
    throw new Error(`${local} is not authorized on a stream of ${remote}`)
  }

  shown(): undefined {
    return undefined
  }

  write(text: string, waiting?: Waiting): boolean {
    return this.#written.write(this.#parts, text, waiting)
  }

  acknowledged(count: number): void {
    this.#written.acknowledged(count)
  }

  close(reason?: StreamError): void {
    if (this.#state !== 'ready') return
    this.#state = 'closing'
    this.#parts.over(this)
    this.#parts.stream.close(reason)
    this.#lose(closedFor(reason))
  }

  abandon(failure: Failure): void {
    this.ended(failure)
    this.#parts.transport.destroy()
  }

  /** The stream is over; `inOrder` where the peer closed it. */
  ended(failure: Failure, inOrder = false): void {
    if (this.#state === 'ended') return
    // The peer reads all of it before it answers our close.
    if (this.#state === 'closing' && inOrder) this.#written.forget()
    this.#state = 'ended'
    this.#parts.over(this)
    this.#parts.budget.remove(this)
    const written = this.#written.take()
    if (inOrder) for (const user of this.#leaving()) user.closed(this)
    else this.#lose(failure)
    if (written.length > 0) this.#parts.unacknowledged(written, failure)
  }

  #lose(failure: Failure): void {
    for (const user of this.#leaving()) user.lost(this, failure)
  }

  #leaving(): readonly CarrierUser[] {
    const users = [...this.#users]
    this.#users.clear()
    return users
  }
}
