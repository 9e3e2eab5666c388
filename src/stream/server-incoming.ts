/**
 * A stream that another server opened to us, without I/O: STARTTLS, SASL EXTERNAL, dialback as the receiving and as the authoritative
 * server (XEP-0220 §2.2), several pairs of domains on one stream (§2.6), and stanzas of those pairs that were verified.
 */
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import { type Element, xml } from '../xml/element.js'
import { prepareDomain } from '../xmpp/domain.js'
import { ns } from '../xmpp/namespaces.js'
import { isStanza } from '../xmpp/stanza.js'
import { StreamError } from '../xmpp/stream-error.js'
import { bidiFeature, isBidiRequest } from './bidi.js'
import { Counting } from './counting.js'
import { type DialbackAnswer, type DialbackKeys, type DomainPair, dialbackFeature, readDialback } from './dialback.js'
import { type Admission, DomainClaims, type TlsProof } from './domain-claims.js'
import { externalFeature, saslFailure, saslSuccess, wrongRequest } from './external.js'
import { type Fact, isPossible } from './feature.js'
import type { Header } from './header.js'
import { limitsFeature, type StreamLimits, type StreamTimeouts } from './limits.js'
import { verifiedPair } from './server-stanza.js'
import { starttls } from './starttls.js'
import { Stream, type StreamEnd } from './stream.js'

export interface IncomingServerOptions {
  readonly limits: StreamLimits
  readonly timeouts: StreamTimeouts
  readonly clock: Clock
  readonly mintId: () => string
  readonly log: Logger
  readonly keys: DialbackKeys
  /** TLS is there from the start (XEP-0368). */
  readonly secure: boolean
  /** Offer to send stanzas on it, too (XEP-0288). */
  readonly bidi: boolean
  /** Offer stream management (XEP-0198). */
  readonly management: boolean
  /** Domains may be claimed by it, and keys of ours asked about (XEP-0220). */
  readonly dialback: boolean
  /** Domains that may be claimed on one stream. */
  readonly claims: number
  readonly hasHost: (domain: string) => boolean
  /** `host` is undefined where the peer did not say whom it wants. */
  readonly startTls: (host: string | undefined) => 'none' | 'optional' | 'required'
  readonly admit: (pair: DomainPair) => Admission
  /** What TLS proves of a domain; such a domain is offered SASL EXTERNAL. */
  readonly proof: (remote: string) => TlsProof | undefined
}

export interface IncomingServerHandler {
  output(text: string): void
  /** `<proceed/>` is queued: put TLS under the stream, then call `secured`. */
  upgrade(): void
  /** Ask the authoritative server of `pair.remote` whether the key is its own, then call `verified`. */
  verify(pair: DomainPair, streamId: string, key: string): void
  /** From now on stanzas of this pair are accepted. */
  accepted(pair: DomainPair, by: 'dialback' | TlsProof): void
  /**
   * Of a verified pair; the addresses' local and resource parts are as they were sent. `settled` is called when nothing of
   * it can be lost any more: then it is acknowledged to a peer that counts (XEP-0198).
   */
  stanza(stanza: Element, pair: DomainPair, settled: () => void): void
  /** Stanzas may be sent to the domains that are accepted, by `sendText` (XEP-0288). */
  bidirectional(): void
  /** So many of the stanzas that were sent first are the peer's by now (XEP-0198). */
  acknowledged(count: number): void
  ended(end: StreamEnd): void
}

/** Failures of SASL on one stream (RFC 6120 §6.4.5). */
const failureLimit = 3

export class IncomingServerStream {
  readonly #options: IncomingServerOptions
  readonly #handler: IncomingServerHandler
  readonly #stream: Stream
  readonly #facts = new Set<Fact>()
  readonly #claims: DomainClaims
  /** The domain of ours that the first header named. */
  #host: string | undefined
  #saslFailures = 0
  /** Where the peer counts (XEP-0198). */
  #counting: Counting | undefined
  #bidi = false
  /** Proved by SASL EXTERNAL; accepted once the new stream begins. */
  #external: { readonly pair: DomainPair; readonly by: TlsProof } | undefined

  constructor(options: IncomingServerOptions, handler: IncomingServerHandler) {
    this.#options = options
    this.#handler = handler
    if (options.secure) this.#facts.add('secure')
    this.#stream = new Stream(
      { ...options, role: 'receiving', framing: 'stream', contentNamespace: ns.server },
      {
        output: (text) => handler.output(text),
        opened: (header) => this.#opened(header),
        element: (element) => this.#element(element),
        late: (element) => this.#late(element),
        ended: (end) => handler.ended(end),
      },
    )
    this.#claims = new DomainClaims({
      ...options,
      lacksTls: () => this.#lacksTls,
      streamId: () => this.#stream.id,
      send: (element) => this.#stream.send(element),
      verify: (pair, key) => handler.verify(pair, this.#stream.id ?? '', key),
      accepted: (pair, by) => this.#enter(pair, by),
      close: () => this.#stream.close(),
    })
  }

  get id(): string | undefined {
    return this.#stream.id
  }

  /** The peer's domain by its header, not verified; for the log. */
  get claimed(): string | undefined {
    return this.#stream.header?.from
  }

  get pairs(): readonly DomainPair[] {
    return [...this.#claims.verified.values()]
  }

  receive(chunk: Uint8Array | string): void {
    this.#stream.receive(chunk)
  }

  /** The handshake is done: a new stream begins (RFC 6120 §5.4.3.3). */
  secured(): void {
    this.#facts.add('secure')
    this.#stream.restart()
  }

  /** The authoritative server's answer. Too late or for another stream, it changes nothing. */
  verified(pair: DomainPair, streamId: string, answer: DialbackAnswer, by?: 'dialback' | TlsProof): void {
    if (streamId === this.#stream.id) this.#claims.answered(pair, answer, by)
  }

  /** A stanza to a domain that was accepted, serialised for the namespace `jabber:server`; once the stream is bidirectional. */
  sendText(text: string): void {
    this.#stream.sendText(text)
    this.#counting?.sent(text)
  }

  /** Does the peer acknowledge what it is sent? */
  get managed(): boolean {
    return this.#counting !== undefined
  }

  /** Characters that it has not acknowledged. */
  get unacknowledged(): number {
    return this.#counting?.unacknowledged ?? 0
  }

  /** An empty line, to see whether the peer is still there (RFC 6120 §4.6.1). */
  keepAlive(): void {
    this.#stream.sendText(' ')
  }

  /** In order, as `Stream.close`. */
  close(reason?: StreamError): void {
    this.#counting?.conclude()
    this.#stream.close(reason)
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  transportClosed(error?: Error): void {
    this.#stream.transportClosed(error)
  }

  #opened(header: Header): void {
    const host = header.to === undefined ? undefined : prepareDomain(header.to)
    const known = host !== undefined && this.#options.hasHost(host)
    this.#stream.open({ from: known ? host : header.to && '', to: header.from, lang: 'en' })
    // COMPAT: ejabberd and others do not always say whom they want.
    if (header.to !== undefined && !known) throw new StreamError('host-unknown')
    if (this.#host !== undefined && host !== this.#host)
      throw new StreamError('not-authorized', 'another "to" than before')
    if (header.from !== undefined && prepareDomain(header.from) === undefined)
      throw new StreamError('invalid-from', 'the header\'s "from" is no domain')
    this.#host = host
    const from = prepareDomain(header.from ?? '')
    const external = this.#external
    if (external !== undefined && header.from !== undefined && from !== external.pair.remote)
      throw new StreamError('not-authorized', 'another "from" than before')
    // A server from before XMPP 1.0 knows nothing of features (RFC 6120 §4.7.5).
    if (!header.version.startsWith('0.')) this.#stream.send(this.#features())
    // The way back (XEP-0288) may be used at once, and nothing goes before the features.
    if (external !== undefined) this.#enter(external.pair, external.by)
  }

  #features(): Element {
    const { limits, dialback, management } = this.#options
    const offered = isPossible(starttls, this.#facts) ? starttls.offer(this.#startTls()) : undefined
    const external = this.#provable() === undefined ? undefined : externalFeature()
    const bidi = this.#options.bidi && !this.#bidi ? bidiFeature() : undefined
    return xml(
      'stream:features',
      {},
      offered,
      external,
      dialback ? dialbackFeature() : undefined,
      bidi,
      management ? xml('sm', { xmlns: ns.streamManagement }) : undefined,
      limitsFeature(limits),
    )
  }

  /** XEP-0198 without resumption: the peer sends again what it was not told of. */
  #management(element: Element): void {
    const { name } = element
    if (name === 'enable' && this.#claims.verified.size > 0 && this.#counting === undefined) {
      this.#stream.send(xml('enabled', { xmlns: ns.streamManagement }))
      this.#counting = new Counting({
        clock: this.#options.clock,
        write: (text) => this.#stream.sendText(text),
        acknowledged: (count) => this.#handler.acknowledged(count),
      })
      this.#counting.receive()
    } else if (name === 'enable' || name === 'resume') {
      const condition = name === 'resume' ? 'item-not-found' : 'unexpected-request'
      this.#stream.send(xml('failed', { xmlns: ns.streamManagement }, xml(condition, { xmlns: ns.stanzaErrors })))
    } else this.#counting?.element(element)
  }

  #enableBidi(): void {
    // Twice, or not offered: that changes nothing.
    if (this.#bidi || !this.#options.bidi) return
    this.#bidi = true
    this.#handler.bidirectional()
  }

  /** The pair of the header, where TLS alone proves the peer's domain (XEP-0178 §3). */
  #provable(): { readonly pair: DomainPair; readonly by: TlsProof } | undefined {
    const remote = prepareDomain(this.claimed ?? '')
    const local = this.#host
    if (!this.#facts.has('secure') || this.#facts.has('authenticated')) return undefined
    if (remote === undefined || local === undefined || this.#options.hasHost(remote)) return undefined
    const by = this.#options.proof(remote)
    return by && { pair: { local, remote }, by }
  }

  #sasl(auth: Element): void {
    const provable = this.#provable()
    const wrong = provable === undefined ? 'not-authorized' : wrongRequest(auth, provable.pair.remote)
    if (provable !== undefined && wrong === undefined) {
      this.#external = provable
      this.#facts.add('authenticated')
      this.#stream.send(saslSuccess())
      this.#stream.restart()
    } else {
      this.#stream.send(saslFailure(wrong ?? 'not-authorized'))
      if (++this.#saslFailures >= failureLimit) throw new StreamError('policy-violation', 'too many failures of SASL')
    }
  }

  #startTls(): Parameters<typeof starttls.accept>[1] {
    return {
      stream: this.#stream,
      facts: this.#facts,
      startTls: this.#options.startTls(this.#host),
      upgrade: () => this.#handler.upgrade(),
    }
  }

  #element(element: Element): void {
    if (isStanza(element)) this.#stanza(element)
    else if (element.attrs.xmlns === ns.tls) starttls.accept(element, this.#startTls())
    else if (element.attrs.xmlns === ns.sasl) this.#sasl(element)
    else if (element.attrs.xmlns === ns.streamManagement && this.#options.management) this.#management(element)
    else if (isBidiRequest(element)) this.#enableBidi()
    else this.#claims.take(readDialback(element))
  }

  /** The peer sent it before it saw that we close: lost if it is not taken now, as the peer may close at the same moment. */
  #late(element: Element): void {
    if (element.attrs.xmlns === ns.streamManagement) this.#counting?.element(element)
    else if (isStanza(element) && this.#claims.verified.size > 0) this.#stanza(element)
  }

  get #lacksTls(): boolean {
    return !this.#facts.has('secure') && this.#options.startTls(this.#host) === 'required'
  }

  #enter(pair: DomainPair, by: 'dialback' | TlsProof): void {
    this.#claims.enter(pair)
    this.#facts.add('authenticated')
    this.#stream.established()
    this.#handler.accepted(pair, by)
  }

  #stanza(stanza: Element): void {
    const pair = verifiedPair(stanza, this.#claims.verified)
    this.#handler.stanza(stanza, pair, this.#counting?.arrived() ?? (() => {}))
  }
}
