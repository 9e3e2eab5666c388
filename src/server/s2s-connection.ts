/**
 * One connection to another server: its addresses tried in order, TLS and the check of its certificate, then a stream that
 * several users share (pairs of domains that send, and questions about dialback keys). It ends when nobody uses it.
 */

import { firstAnswer } from '../net/first-answer.js'
import { asOf } from '../net/peer-certificate.js'
import type { ServerTarget } from '../net/resolver.js'
import type { TlsInfo, UpgradableTransport } from '../net/transport.js'
import { type DialbackAnswer, type DialbackKeys, type DomainPair, pairKey } from '../stream/dialback.js'
import { OutgoingServerStream } from '../stream/server-outgoing.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Timer } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import { StreamError } from '../xmpp/stream-error.js'
import { certificateExpired, watchExpiry } from './proof-expiry.js'
import type { Carrier, CarrierUser } from './s2s-carrier.js'
import { type Outcome, openTo, serverNameFor, tryInOrder } from './s2s-dial.js'
import {
  closedFor,
  connectFailure,
  type Failure,
  resolveFailure,
  streamFailure,
  withoutDialback,
} from './s2s-failure.js'
import { Intake } from './s2s-intake.js'
import type { S2sDeps, S2sSettings } from './s2s-options.js'
import { needsEncryption, proofOf } from './s2s-policy.js'
import type { Waiting } from './s2s-queue.js'
import { refusedFor, refusedWithoutTls } from './s2s-refusal.js'
import type { RefusedExternal } from './s2s-refused-external.js'
import { Written } from './s2s-written.js'
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
  readonly #written: Written
  #state: 'connecting' | 'ready' | 'closing' | 'ended' = 'connecting'
  #stream: OutgoingServerStream | undefined
  #transport: UpgradableTransport | undefined
  #intake: Intake | undefined
  /** When the peer sent something last, by the monotonic clock. */
  #heardAt = Number.NEGATIVE_INFINITY
  #target: ServerTarget | undefined
  /** Try SASL EXTERNAL, where the peer offers it. */
  readonly #external: boolean
  /** Why we ended the stream, where that is more than its stream error. */
  #verdict: Failure | undefined
  #abandoned = false
  #deadline: Timer | undefined
  #linger: Timer | undefined
  /** Of the certificate that proved the peer. */
  #expiry: Timer | undefined

  constructor(pair: DomainPair, dedicated: boolean, context: ConnectionContext) {
    this.pair = pair
    this.dedicated = dedicated
    this.#context = context
    this.#written = new Written(context.settings.backlog, context.budget)
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
    return this.#stream?.bidi ?? false
  }

  get tls(): TlsInfo | undefined {
    return asOf(this.#context.deps.clock.now(), this.#transport?.tls)
  }

  get streamId(): string | undefined {
    return this.#stream?.id
  }

  get multiplexesTargets(): boolean {
    const { dialback } = this.#context.settings
    return dialback && this.#state === 'ready' && this.#stream?.multiplexesTargets === true
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
      const leftMs = this.#heardAt + idleMs - clock.monotonic()
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
    return first && this.#stream?.external === 'accepted' ? 'certificate' : 'dialback'
  }

  authorize(pair: DomainPair): void {
    this.#stream?.authorize(pair)
  }

  verify(pair: DomainPair, id: string, key: string): void {
    this.#stream?.verify(pair, id, key)
  }

  get backlog(): number {
    return this.#transport?.backlog ?? 0
  }

  get taken(): number {
    return this.#written.characters - this.backlog
  }

  cutOff(): void {
    this.#context.deps.refused?.('too-slow')
    this.abandon({ condition: 'resource-constraint', reason: `${this.pair.remote} takes what we write too slowly` })
  }

  /** False where the peer takes too little: nothing was written. */
  write(text: string, waiting?: Waiting): boolean {
    const [transport, stream] = [this.#transport, this.#stream]
    return transport !== undefined && stream !== undefined && this.#written.write({ transport, stream }, text, waiting)
  }

  /** In order: what was written before is still delivered. Whoever still uses it has lost it from now on. */
  close(reason?: StreamError): void {
    if (this.#state === 'connecting')
      this.abandon({ condition: 'remote-server-timeout', reason: 'we closed the connection' })
    else if (this.#state === 'ready') {
      this.#state = 'closing'
      const users = [...this.#users]
      this.#users.clear()
      this.#stream?.close(reason)
      for (const user of users) user.lost(this, closedFor(reason))
    }
  }

  /** At once. */
  abandon(failure: Failure): void {
    this.#abandoned = true
    const transport = this.#transport
    this.#end(failure)
    transport?.destroy()
  }

  async #connectTo(targets: readonly ServerTarget[]): Promise<void> {
    const shared = this.dedicated ? undefined : this.#context.sharing(this, targets)
    if (shared !== undefined) {
      this.#moveTo(shared)
      return
    }
    const failure = await tryInOrder(targets, {
      attempt: (place) => this.#attempt(place),
      wanted: () => this.#state === 'connecting',
      log: this.log,
    })
    if (failure !== undefined) this.#end(failure)
  }

  #moveTo(other: ServerConnection): void {
    const users = [...this.#users]
    this.#finish()
    for (const user of users) user.moved(this, other)
  }

  /** All addresses of one machine. */
  async #attempt(place: readonly ServerTarget[]): Promise<Outcome> {
    const { deps, settings } = this.#context
    const open = (to: ServerTarget): Promise<UpgradableTransport> => openTo(to, this.pair.local, deps, settings)
    let target: ServerTarget | undefined
    try {
      const first = await firstAnswer(place, open, (transport) => transport.destroy(), deps.clock)
      const transport = first.connected
      target = first.target
      if (this.#state !== 'connecting') {
        transport.destroy()
        return undefined
      }
      this.#target = target
      if (target.direct === true) {
        const refused = await this.#secureDirectly(transport)
        if (refused !== undefined) return { ...refused, target }
      }
      const outcome = await this.#negotiate(transport)
      return outcome && { ...outcome, target }
    } catch (error) {
      return { failure: connectFailure(error as Error), next: true, target }
    }
  }

  /** XEP-0368: TLS before anything else. Rejects when the handshake fails. */
  async #secureDirectly(transport: UpgradableTransport): Promise<Outcome> {
    const tls = await transport.startTls({ server: false, ...serverNameFor(this.pair.remote) })
    const refused = this.#refusal(tls)
    if (refused === undefined) return undefined
    transport.destroy()
    return { failure: refused, next: false }
  }

  #refusal(tls: TlsInfo): Failure | undefined {
    return refusedFor(this.#context.settings.policy, this.pair.remote, tls, this.log)
  }

  #negotiate(transport: UpgradableTransport): Promise<Outcome> {
    const { settings, deps, keys } = this.#context
    return new Promise((resolve) => {
      const stream = new OutgoingServerStream(
        {
          ...this.pair,
          limits: settings.limits,
          timeouts: settings.timeouts,
          clock: deps.clock,
          log: this.log,
          keys,
          requireEncryption: needsEncryption(settings.policy, this.pair.remote),
          external: this.#external,
          secure: transport.tls !== undefined,
          bidi: settings.bidi,
          management: settings.management,
        },
        {
          output: (text) => transport.write(text),
          upgrade: () => this.#upgrade(transport, stream),
          ready: () => {
            if (settings.dialback || stream.external === 'accepted') {
              resolve(undefined)
              this.#ready()
            } else {
              this.#verdict = withoutDialback(this.pair.remote)
              stream.fail(new StreamError('not-authorized', this.#verdict.reason))
            }
          },
          authorized: (pair, answer) => {
            if (answer.is === 'valid') {
              this.#authorized.add(pairKey(pair))
              this.#watchProof(pair)
            }
            this.#context.authorized(this, pair, answer)
          },
          verified: (pair, id, answer) => this.#context.verified(this, pair, id, answer),
          acknowledged: (count) => {
            this.#written.acknowledged(count)
          },
          unmanaged: () => {
            this.#written.forget()
          },
          stanza: (stanza, pair, settled) => this.#receive(stanza, pair, settled),
          ended: (end) => {
            if (end.is !== 'lost') transport.end()
            // The peer reads all of it before it answers our close.
            if (this.#state === 'closing' && end.is === 'closed' && end.unanswered !== true) this.#written.forget()
            const failure = this.#failureOf(end)
            if (this.#state === 'connecting')
              resolve({ failure, next: end.is === 'lost' && this.#verdict === undefined })
            else this.#end(failure)
          },
        },
      )
      const intake = new Intake(transport, {
        ...{ gateway: deps.gateway, clock: deps.clock, log: this.log },
        ...{ rate: settings.rate, unsettled: settings.unsettled },
        refused: (reason) => deps.refused?.(reason),
        lagging: deps.lagging ?? (() => false),
        heard: (pair) => this.#context.heard(pair),
      })
      this.#intake = intake
      transport.handler = {
        data: (chunk) => {
          stream.receive(chunk)
          intake.read(chunk.length)
        },
        closed: (error) => stream.transportClosed(error),
      }
      this.#transport = transport
      this.#context.budget.add(this)
      this.#stream = stream
      stream.start()
    })
  }

  /** XEP-0288: of a domain that is where we connected to, by DNS as in dialback, or by its certificate. */
  #receive(stanza: Element, pair: DomainPair, settled: () => void): void {
    const { tls } = this
    this.#heardAt = this.#context.deps.clock.monotonic()
    const by = proofOf(this.#context.settings.policy, pair.remote, tls) ?? 'dialback'
    this.#intake?.receive(stanza, pair, { by, encrypted: tls !== undefined }, settled)
  }

  #upgrade(transport: UpgradableTransport, stream: OutgoingServerStream): void {
    transport.startTls({ server: false, ...serverNameFor(this.pair.remote) }).then(
      (tls) => {
        this.#verdict = this.#refusal(tls)
        if (this.#verdict === undefined) stream.secured()
        else stream.fail(new StreamError('not-authorized', this.#verdict.reason))
      },
      (error: Error) => {
        this.#verdict = { condition: 'remote-server-timeout', reason: `the TLS handshake failed: ${error.message}` }
        stream.transportClosed(error)
        transport.destroy()
      },
    )
  }

  #failureOf(end: StreamEnd): Failure {
    if (this.#verdict !== undefined) return this.#verdict
    const failure = streamFailure(end)
    const weRefused = end.is === 'error' && end.by === 'us' && end.error.condition === 'policy-violation'
    if (!weRefused || this.tls !== undefined) return failure
    return refusedWithoutTls(failure, this.#context.settings.policy, this.pair.remote, this.log)
  }

  #ready(): void {
    this.#state = 'ready'
    this.#deadline?.cancel()
    this.#watchProof(this.pair)
    const { protocol, cipher } = this.tls ?? {}
    this.log.info(
      { streamId: this.#stream?.id, address: this.#target?.address, protocol, cipher },
      'Connected to a server',
    )
    for (const user of [...this.#users]) user.ready(this)
  }

  /** Links that have something to send go on over another connection, where the peer may show a new certificate. */
  #watchProof({ remote }: DomainPair): void {
    const { tls } = this
    const { policy } = this.#context.settings
    if (tls?.peer === undefined || this.#expiry !== undefined || proofOf(policy, remote, tls) !== 'certificate') return
    this.#expiry = watchExpiry(this.#context.deps.clock, tls.peer.validUntil, () => {
      this.log.info(
        { remote },
        `The certificate of ${remote} has expired: its stream ends, and the next one needs another`,
      )
      this.#context.deps.refused?.('reset')
      this.close(certificateExpired())
    })
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
    const written = this.#written.take()
    for (const user of users) user.lost(this, failure)
    if (written.length > 0) this.#context.unacknowledged(written, failure)
  }

  /** Nobody was let in, and the peer ended it, not we. */
  get #endedForExternal(): boolean {
    const refused = this.#external && this.#stream?.external === 'refused'
    return (
      refused && this.#authorized.size === 0 && this.#verdict === undefined && this.#users.size > 0 && !this.#abandoned
    )
  }

  #finish(): void {
    this.#state = 'ended'
    this.#deadline?.cancel()
    this.#linger?.cancel()
    this.#expiry?.cancel()
    this.#users.clear()
    this.#context.budget.remove(this)
    this.#context.ended(this)
  }
}
