/**
 * A stream that we opened to another server, with the transport that carries it: TLS and the check of the peer's certificate, what is
 * written to the peer and what it sends back (XEP-0288), and why it ended.
 */
import { asOf } from '../net/peer-certificate.js'
import type { TlsInfo, UpgradableTransport } from '../net/transport.js'
import type { DialbackAnswer, DialbackKeys, DomainPair } from '../stream/dialback.js'
import { OutgoingServerStream } from '../stream/server-outgoing.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Timer } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import { StreamError } from '../xmpp/stream-error.js'
import { watchExpiry } from './proof-expiry.js'
import { serverNameFor } from './s2s-dial.js'
import { type Failure, streamFailure, withoutDialback } from './s2s-failure.js'
import { Intake } from './s2s-intake.js'
import type { S2sDeps, S2sSettings } from './s2s-options.js'
import { needsEncryption, proofOf } from './s2s-policy.js'
import type { Waiting } from './s2s-queue.js'
import { refusedFor, refusedWithoutTls } from './s2s-refusal.js'
import { Written } from './s2s-written.js'
import type { SendBudget } from './send-budget.js'

export interface DialledParts {
  /** Of the stream's header. */
  readonly pair: DomainPair
  readonly settings: S2sSettings
  readonly deps: S2sDeps
  readonly keys: DialbackKeys
  readonly budget: SendBudget
  readonly log: Logger
  /** Try SASL EXTERNAL, where the peer offers it. */
  readonly external: boolean
}

export interface DialledHandler {
  /** TLS and the certificate are good enough, and dialback may begin where it is needed. */
  ready(): void
  /** To `stream.authorize`, or by our certificate. */
  authorized(pair: DomainPair, answer: DialbackAnswer): void
  /** To `stream.verify`. */
  verified(pair: DomainPair, id: string, answer: DialbackAnswer): void
  /** Something came of that pair. */
  heard(pair: DomainPair): void
  /** The certificate that proved the peer is no proof any more. */
  expired(): void
  /** Once, and last; `next` where another address of the peer may do better. */
  ended(failure: Failure, next: boolean): void
}

export class DialledStream {
  readonly transport: UpgradableTransport
  /** What was negotiated, and dialback; stanzas go through `write`. */
  readonly stream: OutgoingServerStream
  readonly #parts: DialledParts
  readonly #handler: DialledHandler
  readonly #intake: Intake
  readonly #written: Written
  /** When the peer sent a stanza last, by the monotonic clock. */
  #heardAt = Number.NEGATIVE_INFINITY
  /** Why we ended it, where that is more than its stream error. */
  #verdict: Failure | undefined
  #closing = false
  /** Of the certificate that proved the peer. */
  #expiry: Timer | undefined

  /** Nothing is sent before `start`. The transport is the stream's from now on, which ends it. */
  constructor(transport: UpgradableTransport, parts: DialledParts, handler: DialledHandler) {
    this.transport = transport
    this.#parts = parts
    this.#handler = handler
    this.stream = this.#over(transport)
    this.#intake = this.#intakeOf(transport)
    this.#written = new Written(parts.settings.backlog, parts.budget)
    transport.handler = {
      data: (chunk) => {
        this.stream.receive(chunk)
        this.#intake.read(chunk.length)
      },
      closed: (error) => this.stream.transportClosed(error),
    }
  }

  get tls(): TlsInfo | undefined {
    return asOf(this.#parts.deps.clock.now(), this.transport.tls)
  }

  get heardAt(): number {
    return this.#heardAt
  }

  /** Bytes that the peer has taken so far. */
  get taken(): number {
    return this.#written.characters - this.transport.backlog
  }

  /** The peer did not take our certificate, and it was not we who ended the stream. */
  get refusedExternal(): boolean {
    return this.stream.external === 'refused' && this.#verdict === undefined
  }

  start(): void {
    this.stream.start()
  }

  /** False where the peer takes too little: nothing was written. */
  write(text: string, waiting?: Waiting): boolean {
    return this.#written.write(this, text, waiting)
  }

  /** What the peer may not have, in order; not again. */
  takeUnacknowledged(): readonly Waiting[] {
    return this.#written.take()
  }

  /** In order: what was written before is still delivered. */
  close(reason?: StreamError): void {
    this.#closing = true
    this.stream.close(reason)
  }

  /** At once. */
  destroy(): void {
    this.#expiry?.cancel()
    this.transport.destroy()
  }

  #over(transport: UpgradableTransport): OutgoingServerStream {
    const { pair, settings, deps, keys, log, external } = this.#parts
    const handler = this.#handler
    return new OutgoingServerStream(
      {
        ...pair,
        limits: settings.limits,
        timeouts: settings.timeouts,
        clock: deps.clock,
        log,
        keys,
        requireEncryption: needsEncryption(settings.policy, pair.remote),
        external,
        secure: transport.tls !== undefined,
        bidi: settings.bidi,
        management: settings.management,
      },
      {
        output: (text) => transport.write(text),
        upgrade: () => this.#upgrade(),
        ready: () => this.#ready(),
        authorized: (of, answer) => {
          if (answer.is === 'valid') this.#watchProof(of)
          handler.authorized(of, answer)
        },
        verified: (of, id, answer) => handler.verified(of, id, answer),
        acknowledged: (count) => this.#written.acknowledged(count),
        unmanaged: () => this.#written.forget(),
        stanza: (stanza, of, settled) => this.#receive(stanza, of, settled),
        ended: (end) => this.#ended(end),
      },
    )
  }

  #intakeOf(transport: UpgradableTransport): Intake {
    const { settings, deps, log } = this.#parts
    return new Intake(transport, {
      ...{ gateway: deps.gateway, clock: deps.clock, log },
      ...{ rate: settings.rate, unsettled: settings.unsettled },
      refused: (reason) => deps.refused?.(reason),
      lagging: deps.lagging ?? (() => false),
      heard: (pair) => this.#handler.heard(pair),
    })
  }

  /** XEP-0288: of a domain that is where we connected to, by DNS as in dialback, or by its certificate. */
  #receive(stanza: Element, pair: DomainPair, settled: () => void): void {
    const { tls } = this
    const { deps, settings } = this.#parts
    this.#heardAt = deps.clock.monotonic()
    const by = proofOf(settings.policy, pair.remote, tls) ?? 'dialback'
    this.#intake.receive(stanza, pair, { by, encrypted: tls !== undefined }, settled)
  }

  #upgrade(): void {
    const { pair, settings, log } = this.#parts
    this.transport.startTls({ server: false, ...serverNameFor(pair.remote) }).then(
      (tls) => {
        this.#verdict = refusedFor(settings.policy, pair.remote, tls, log)
        if (this.#verdict === undefined) this.stream.secured()
        else this.stream.fail(new StreamError('not-authorized', this.#verdict.reason))
      },
      (error: Error) => {
        this.#verdict = { condition: 'remote-server-timeout', reason: `the TLS handshake failed: ${error.message}` }
        this.stream.transportClosed(error)
        this.transport.destroy()
      },
    )
  }

  #ready(): void {
    const { pair, settings } = this.#parts
    if (settings.dialback || this.stream.external === 'accepted') {
      this.#watchProof(pair)
      this.#handler.ready()
    } else {
      this.#verdict = withoutDialback(pair.remote)
      this.stream.fail(new StreamError('not-authorized', this.#verdict.reason))
    }
  }

  /** Links that have something to send go on over another connection, where the peer may show a new certificate. */
  #watchProof({ remote }: DomainPair): void {
    const { tls } = this
    const { deps, settings, log } = this.#parts
    if (tls?.peer === undefined || this.#expiry !== undefined) return
    if (proofOf(settings.policy, remote, tls) !== 'certificate') return
    this.#expiry = watchExpiry(deps.clock, tls.peer.validUntil, () => {
      log.info({ remote }, `The certificate of ${remote} has expired: its stream ends, and the next one needs another`)
      this.#handler.expired()
    })
  }

  #ended(end: StreamEnd): void {
    this.#expiry?.cancel()
    if (end.is !== 'lost') this.transport.end()
    // The peer reads all of it before it answers our close.
    if (this.#closing && end.is === 'closed' && end.unanswered !== true) this.#written.forget()
    this.#handler.ended(this.#failureOf(end), end.is === 'lost' && this.#verdict === undefined)
  }

  #failureOf(end: StreamEnd): Failure {
    if (this.#verdict !== undefined) return this.#verdict
    const failure = streamFailure(end)
    const weRefused = end.is === 'error' && end.by === 'us' && end.error.condition === 'policy-violation'
    if (!weRefused || this.tls !== undefined) return failure
    const { pair, settings, log } = this.#parts
    return refusedWithoutTls(failure, settings.policy, pair.remote, log)
  }
}
