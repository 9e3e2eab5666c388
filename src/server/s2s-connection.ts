/**
 * One connection to another server: its addresses tried in order until a stream is ready on one of them, which several users share
 * (pairs of domains that send, and questions about dialback keys). It ends when nobody uses it.
 */

import type { ServerTarget } from '../net/resolver.js'
import type { TlsInfo, UpgradableTransport } from '../net/transport.js'
import { type DialbackAnswer, type DialbackKeys, type DomainPair, pairKey } from '../stream/dialback.js'
import type { Timer } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { StreamError } from '../xmpp/stream-error.js'
import { certificateExpired } from './proof-expiry.js'
import type { Carrier, CarrierUser } from './s2s-carrier.js'
import { type Outcome, tryInOrder } from './s2s-dial.js'
import { DialledStream } from './s2s-dialled-stream.js'
import { closedFor, type Failure, resolveFailure } from './s2s-failure.js'
import type { S2sDeps, S2sSettings } from './s2s-options.js'
import type { Waiting } from './s2s-queue.js'
import type { RefusedExternal } from './s2s-refused-external.js'
import type { Reader, SendBudget } from './send-budget.js'

export interface ConnectionContext {
  readonly settings: S2sSettings
  readonly deps: S2sDeps
  readonly keys: DialbackKeys
  readonly budget: SendBudget
  /** For the log. */
  nameConnection(): string
  /** A connection to one of these addresses on which `connection.pair` may be authorized. */
  sharing(connection: ServerConnection, targets: readonly ServerTarget[]): ServerConnection | undefined
  /** Another one in place of this, which ended because the peer did not take our certificate; `moved` follows. */
  withoutExternal(connection: ServerConnection): ServerConnection
  readonly refusedExternal: RefusedExternal
  authorized(connection: ServerConnection, pair: DomainPair, answer: DialbackAnswer): void
  verified(connection: ServerConnection, pair: DomainPair, id: string, answer: DialbackAnswer): void
  /** What was written last and not acknowledged, in order, when the stream broke. */
  unacknowledged(waiting: readonly Waiting[], failure: Failure): void
  /** Something came on it (XEP-0288). */
  heard(pair: DomainPair): void
  ended(connection: ServerConnection): void
}

export class ServerConnection implements Reader, Carrier {
  readonly pair: DomainPair
  /** Not to be replaced by a connection that exists already. */
  readonly dedicated: boolean
  readonly log: Logger
  readonly #context: ConnectionContext
  readonly #users = new Set<CarrierUser<ServerConnection>>()
  readonly #authorized = new Set<string>()
  #state: 'connecting' | 'ready' | 'closing' | 'ended' = 'connecting'
  /** At the address that was tried last. */
  #dialled: DialledStream | undefined
  #target: ServerTarget | undefined
  /** Try SASL EXTERNAL, where the peer offers it. */
  readonly #external: boolean
  #abandoned = false
  #deadline: Timer | undefined
  #linger: Timer | undefined

  constructor(pair: DomainPair, dedicated: boolean, context: ConnectionContext) {
    this.pair = pair
    this.dedicated = dedicated
    this.#context = context
    this.#external = context.deps.certificates !== undefined && !context.refusedExternal.has(pair)
    const connection = context.nameConnection()
    this.log = context.deps.log.child({ connection, local: pair.local, remote: pair.remote, direction: 'out' })
  }

  get state(): 'connecting' | 'ready' | 'closing' | 'ended' {
    return this.#state
  }

  get target(): ServerTarget | undefined {
    return this.#target
  }

  get remoteAddress(): string | undefined {
    return this.#target?.address
  }

  get bidi(): boolean {
    return this.#dialled?.stream.bidi ?? false
  }

  get tls(): TlsInfo | undefined {
    return this.#dialled?.tls
  }

  get streamId(): string | undefined {
    return this.#dialled?.stream.id
  }

  get multiplexesTargets(): boolean {
    const { dialback } = this.#context.settings
    return dialback && this.#state === 'ready' && this.#dialled?.stream.multiplexesTargets === true
  }

  get isUsable(): boolean {
    return this.#state === 'connecting' || this.#state === 'ready'
  }

  /** Never rejects; the users hear of the outcome. */
  async start(): Promise<void> {
    const { deps, settings } = this.#context
    this.#deadline = deps.clock.after(settings.waits.establishMs, () => {
      const met = this.#target && `, though ${this.#target.address}:${this.#target.port} accepted the connection`
      const reason = `no stream to ${this.pair.remote} within ${settings.waits.establishMs} ms${met ?? ''}`
      this.abandon({ condition: 'remote-server-timeout', reason })
    })
    try {
      const targets = await deps.resolver.resolve(this.pair.remote)
      if (this.#state === 'connecting') await this.#connectTo(targets)
    } catch (error) {
      this.#end(resolveFailure(error))
    }
  }

  join(user: CarrierUser<ServerConnection>): void {
    this.#linger?.cancel()
    this.#users.add(user)
    if (this.#state === 'ready') user.ready(this)
  }

  leave(user: CarrierUser<ServerConnection>): void {
    if (!this.#users.delete(user) || this.#users.size > 0 || !this.isUsable) return
    this.#closeAfter(this.#context.settings.waits.lingerMs)
  }

  /** Unless the peer uses it. */
  #closeAfter(delayMs: number): void {
    const { clock } = this.#context.deps
    const { idleMs } = this.#context.settings.waits
    this.#linger?.cancel()
    this.#linger = clock.after(delayMs, () => {
      const heardAt = this.#dialled?.heardAt ?? Number.NEGATIVE_INFINITY
      const leftMs = heardAt + idleMs - clock.monotonic()
      if (leftMs > 0) this.#closeAfter(leftMs)
      else this.close()
    })
  }

  isAuthorized(pair: DomainPair): boolean {
    return this.#authorized.has(pairKey(pair))
  }

  /** How we proved `pair.local` here. */
  shown(pair: DomainPair): 'certificate' | 'dialback' {
    const first = pairKey(pair) === pairKey(this.pair)
    return first && this.#dialled?.stream.external === 'accepted' ? 'certificate' : 'dialback'
  }

  authorize(pair: DomainPair): void {
    this.#dialled?.stream.authorize(pair)
  }

  verify(pair: DomainPair, id: string, key: string): void {
    this.#dialled?.stream.verify(pair, id, key)
  }

  get backlog(): number {
    return this.#dialled?.transport.backlog ?? 0
  }

  get taken(): number {
    return this.#dialled?.taken ?? 0
  }

  cutOff(): void {
    this.#context.deps.refused?.('too-slow')
    this.abandon({ condition: 'resource-constraint', reason: `${this.pair.remote} takes what we write too slowly` })
  }

  /** False where the peer takes too little: nothing was written. */
  write(text: string, waiting?: Waiting): boolean {
    return this.#dialled?.write(text, waiting) ?? false
  }

  /** In order: what was written before is still delivered. Whoever still uses it has lost it from now on. */
  close(reason?: StreamError): void {
    if (this.#state === 'connecting')
      this.abandon({ condition: 'remote-server-timeout', reason: 'we closed the connection' })
    else if (this.#state === 'ready') {
      this.#state = 'closing'
      const users = [...this.#users]
      this.#users.clear()
      this.#dialled?.close(reason)
      for (const user of users) user.lost(this, closedFor(reason))
    }
  }

  /** At once. */
  abandon(failure: Failure): void {
    this.#abandoned = true
    this.#end(failure)
    this.#dialled?.destroy()
  }

  async #connectTo(targets: readonly ServerTarget[]): Promise<void> {
    const shared = this.dedicated ? undefined : this.#context.sharing(this, targets)
    if (shared !== undefined) {
      this.#moveTo(shared)
      return
    }
    const failure = await tryInOrder(targets, {
      ...{ pair: this.pair, settings: this.#context.settings, deps: this.#context.deps, log: this.log },
      wanted: () => this.#state === 'connecting',
      accepted: (target) => {
        this.#target = target
      },
      negotiate: (transport) => this.#negotiate(transport),
    })
    if (failure !== undefined) this.#end(failure)
  }

  #moveTo(other: ServerConnection): void {
    const users = [...this.#users]
    this.#finish()
    for (const user of users) user.moved(this, other)
  }

  #negotiate(transport: UpgradableTransport): Promise<Outcome> {
    const { settings, deps, keys, budget } = this.#context
    return new Promise((resolve) => {
      this.#dialled = new DialledStream(
        transport,
        { pair: this.pair, settings, deps, keys, budget, log: this.log, external: this.#external },
        {
          ready: () => {
            resolve(undefined)
            this.#ready()
          },
          authorized: (pair, answer) => this.#answered(pair, answer),
          verified: (pair, id, answer) => this.#context.verified(this, pair, id, answer),
          heard: (pair) => this.#context.heard(pair),
          expired: () => {
            deps.refused?.('reset')
            this.close(certificateExpired())
          },
          ended: (failure, next) => {
            if (this.#state === 'connecting') resolve({ failure, next })
            else this.#end(failure)
          },
        },
      )
      budget.add(this)
      this.#dialled.start()
    })
  }

  #answered(pair: DomainPair, answer: DialbackAnswer): void {
    if (answer.is === 'valid') this.#authorized.add(pairKey(pair))
    this.#context.authorized(this, pair, answer)
  }

  #ready(): void {
    this.#state = 'ready'
    this.#deadline?.cancel()
    const { protocol, cipher } = this.tls ?? {}
    this.log.info(
      { streamId: this.streamId, address: this.#target?.address, protocol, cipher },
      'Connected to a server',
    )
    for (const user of [...this.#users]) user.ready(this)
  }

  #end(failure: Failure): void {
    if (this.#state === 'ended') return
    if (this.#endedForExternal) {
      this.log.info(
        { reason: failure.reason },
        'The peer ended the stream over our certificate; dialback is tried on another',
      )
      this.#moveTo(this.#context.withoutExternal(this))
      return
    }
    // Not by dialback either.
    if (this.#authorized.size === 0) this.#context.refusedExternal.delete(this.pair)
    const users = [...this.#users]
    this.#finish()
    const written = this.#dialled?.takeUnacknowledged() ?? []
    for (const user of users) user.lost(this, failure)
    if (written.length > 0) this.#context.unacknowledged(written, failure)
  }

  /** Nobody was let in, and the peer ended it, not we. */
  get #endedForExternal(): boolean {
    const refused = this.#dialled?.refusedExternal === true
    return refused && this.#authorized.size === 0 && this.#users.size > 0 && !this.#abandoned
  }

  #finish(): void {
    this.#state = 'ended'
    this.#deadline?.cancel()
    this.#linger?.cancel()
    this.#users.clear()
    this.#context.budget.remove(this)
    this.#context.ended(this)
  }
}
