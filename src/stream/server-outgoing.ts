/**
 * A stream that we open to another server, without I/O: STARTTLS, SASL EXTERNAL (XEP-0178) for the pair of the header,
 * dialback for this and other pairs (XEP-0220 §2.1, §2.6), and questions to the authoritative server. Where both can, stanzas come
 * back on it, too (XEP-0288).
 *
 *   header ──▶ features ──<starttls/>──▶ proceed ──▶ tls ──secured()──▶ header ──▶ features ──▶ ready ──▶ ended
 *                                        features ──<auth/>──▶ sasl ──<success/>──▶ header; a failure ──▶ ready
 */
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import { child, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { isStanza } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import { bidiRequest, offersBidi } from './bidi.js'
import { Counting } from './counting.js'
import {
  type Dialback,
  type DialbackAnswer,
  type DialbackKeys,
  type DomainPair,
  dialbackError,
  dialbackReply,
  dialbackRequest,
  pairKey,
  readDialback,
  understandsDialbackErrors,
  valid,
} from './dialback.js'
import { externalRequest, failureCondition, offersExternal } from './external.js'
import type { Header } from './header.js'
import type { StreamLimits, StreamTimeouts } from './limits.js'
import { verifiedPair } from './server-stanza.js'
import { Stream, type StreamEnd } from './stream.js'

export interface OutgoingServerOptions extends DomainPair {
  readonly limits: StreamLimits
  readonly timeouts: StreamTimeouts
  readonly clock: Clock
  readonly log: Logger
  readonly keys: DialbackKeys
  readonly requireEncryption: boolean
  /** Prove `local` by our certificate where the peer offers SASL EXTERNAL, before dialback is tried. */
  readonly external: boolean
  /** TLS is there from the start (XEP-0368). */
  readonly secure: boolean
  /** Take stanzas on it, where the peer can send them (XEP-0288). */
  readonly bidi: boolean
  /** Count what is sent, where the peer does so, too (XEP-0198). */
  readonly management: boolean
}

export interface OutgoingServerHandler {
  output(text: string): void
  /** The peer is waiting for our handshake: put TLS under the stream, then call `secured`. */
  upgrade(): void
  /** `authorize` and `verify` may be called now. */
  ready(): void
  /** To `authorize`: with `valid`, stanzas of that pair may be sent. */
  authorized(pair: DomainPair, answer: DialbackAnswer): void
  /** To `verify`. */
  verified(pair: DomainPair, streamId: string, answer: DialbackAnswer): void
  /** So many of the stanzas that were sent first are the peer's by now (XEP-0198). */
  acknowledged(count: number): void
  /** The peer does not count after all. */
  unmanaged(): void
  /** Of a pair that was authorized, the other way round; `settled` as in IncomingServerHandler. */
  stanza(stanza: Element, pair: DomainPair, settled: () => void): void
  ended(end: StreamEnd): void
}

type Phase = 'header' | 'features' | 'proceed' | 'tls' | 'sasl' | 'ready' | 'ended'

const withoutTls = (): StreamError => new StreamError('policy-violation', 'TLS is required here, and was not offered')

export class OutgoingServerStream {
  readonly #options: OutgoingServerOptions
  readonly #handler: OutgoingServerHandler
  readonly #stream: Stream
  #phase: Phase = 'header'
  /** STARTTLS was asked for although it was not offered. */
  #unoffered = false
  #secure: boolean
  /** What became of SASL EXTERNAL. */
  #external: 'not tried' | 'accepted' | 'refused' = 'not tried'
  #multiplexesTargets = false
  #offersManagement = false
  /** Undefined where the peer does not count (XEP-0198). */
  #counting: Counting | undefined
  #bidi = false
  readonly #authorized = new Map<string, DomainPair>()
  /** Requests without an answer; nothing else is believed (XEP-0220 §3.1). */
  readonly #authorizing = new Map<string, DomainPair>()
  readonly #verifying = new Map<string, DomainPair>()

  constructor(options: OutgoingServerOptions, handler: OutgoingServerHandler) {
    this.#options = options
    this.#handler = handler
    this.#secure = options.secure
    this.#stream = new Stream(
      {
        ...options,
        role: 'initiating',
        framing: 'stream',
        contentNamespace: ns.server,
        mintId: () => '',
      },
      {
        output: (text) => handler.output(text),
        opened: (header) => this.#opened(header),
        element: (element) => this.#element(element),
        late: (element) => this.#late(element),
        ended: (end) => {
          // COMPAT: some say nothing, and close.
          if (this.#phase === 'sasl') this.#external = 'refused'
          const refused = this.#phase === 'proceed' && this.#unoffered
          this.#phase = 'ended'
          handler.ended(refused ? { is: 'error', by: 'us', error: withoutTls() } : end)
        },
      },
    )
  }

  get id(): string | undefined {
    return this.#stream.id
  }

  get phase(): Phase {
    return this.#phase
  }

  /** Whether the peer believed our certificate. */
  get external(): 'not tried' | 'accepted' | 'refused' {
    return this.#external
  }

  /** Does the peer send stanzas here (XEP-0288)? */
  get bidi(): boolean {
    return this.#bidi
  }

  /** May pairs with another domain of the peer's be authorized here (XEP-0220 §2.6.2)? */
  get multiplexesTargets(): boolean {
    return this.#multiplexesTargets
  }

  start(): void {
    this.#phase = 'header'
    this.#stream.open({ from: this.#options.local, to: this.#options.remote, lang: 'en' })
  }

  receive(chunk: Uint8Array | string): void {
    this.#stream.receive(chunk)
  }

  /** The handshake is done and the certificate is good enough. */
  secured(): void {
    if (this.#phase !== 'tls') return
    this.#secure = true
    this.#stream.restart()
    this.start()
  }

  /** Asks to be let in for a pair (step 1). Once `ready`. */
  authorize(pair: DomainPair): void {
    const { keys } = this.#options
    this.#authorizing.set(pairKey(pair), pair)
    const key = keys.key(pair.remote, pair.local, this.#stream.id ?? '')
    this.#stream.send(dialbackRequest('result', { from: pair.local, to: pair.remote }, key))
  }

  /** Asks `pair.remote` whether it made the key that came on the stream `id` of ours (step 2). Once `ready`. */
  verify(pair: DomainPair, id: string, key: string): void {
    this.#verifying.set(`${pairKey(pair)} ${id}`, pair)
    this.#stream.send(dialbackRequest('verify', { from: pair.local, to: pair.remote, id }, key))
  }

  /** A stanza of an authorized pair, serialised for the namespace `jabber:server`. */
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

  /** Once a pair is authorized: XEP-0198 §3 wants an authenticated stream. */
  #manage(): void {
    if (!this.#offersManagement || this.#counting !== undefined) return
    this.#offersManagement = false
    this.#counting = new Counting({
      clock: this.#options.clock,
      write: (text) => this.#stream.sendText(text),
      acknowledged: (count) => this.#handler.acknowledged(count),
    })
    this.#stream.send(xml('enable', { xmlns: ns.streamManagement }))
  }

  #management(element: Element): void {
    if (element.name === 'enabled') this.#counting?.receive()
    else if (element.name === 'failed') {
      this.#counting = undefined
      this.#handler.unmanaged()
    } else this.#counting?.element(element)
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
    if (header.id === undefined) throw new StreamError('bad-format', 'the answering header has no id')
    this.#phase = 'features'
    if (header.version.startsWith('0.')) this.#begin(undefined)
  }

  #element(element: Element): void {
    if (this.#bidi && isStanza(element)) this.#stanza(element)
    else if (element.attrs.xmlns === ns.tls) this.#startTls(element)
    else if (element.attrs.xmlns === ns.sasl) this.#sasl(element)
    else if (element.attrs.xmlns === ns.streamManagement) this.#management(element)
    else if (element.attrs.xmlns === ns.streams && element.name === 'features') {
      if (this.#phase === 'features') this.#begin(element)
    } else this.#dialback(readDialback(element))
  }

  /** The peer sent it before it saw that we close: lost if it is not taken now, as the peer may close at the same moment. */
  #late(element: Element): void {
    if (element.attrs.xmlns === ns.streamManagement) this.#counting?.element(element)
    else if (isStanza(element) && this.#bidi && this.#authorized.size > 0) this.#stanza(element)
  }

  #begin(features: Element | undefined): void {
    const { requireEncryption } = this.#options
    const offered = features !== undefined && child(features, 'starttls', ns.tls) !== undefined
    // RFC 7590 §3.1: somebody on the way may have taken the offer out.
    if (!this.#secure && features !== undefined && (offered || requireEncryption)) {
      this.#phase = 'proceed'
      this.#unoffered = !offered
      this.#stream.send(xml('starttls', { xmlns: ns.tls }))
      return
    }
    if (!this.#secure && requireEncryption) throw withoutTls()
    this.#multiplexesTargets = features !== undefined && understandsDialbackErrors(features)
    const counts = features !== undefined && child(features, 'sm', ns.streamManagement) !== undefined
    this.#offersManagement = counts && this.#options.management
    if (this.#options.bidi && !this.#bidi && features !== undefined && offersBidi(features)) {
      this.#bidi = true
      this.#stream.send(bidiRequest())
    }
    if (this.#triesExternal(features)) {
      this.#phase = 'sasl'
      this.#stream.send(externalRequest(this.#options.local))
    } else this.#enter()
  }

  #triesExternal(features: Element | undefined): boolean {
    const wanted = this.#secure && this.#options.external && this.#external === 'not tried'
    return wanted && features !== undefined && offersExternal(features)
  }

  #enter(): void {
    const { local, remote } = this.#options
    this.#phase = 'ready'
    if (this.#external === 'accepted') {
      this.#stream.established()
      this.#manage()
      this.#authorized.set(pairKey({ local, remote }), { local, remote })
      this.#handler.authorized({ local, remote }, valid)
    }
    this.#handler.ready()
  }

  /** XEP-0178 §3: after a failure dialback is still possible, where the peer lets us. */
  #sasl(element: Element): void {
    if (this.#phase !== 'sasl') throw new StreamError('not-authorized', 'SASL was not asked for')
    if (element.name === 'success') {
      this.#external = 'accepted'
      this.#stream.restart()
      this.start()
    } else if (element.name === 'challenge') {
      // There is nothing to add to what was said.
      this.#stream.send(xml('response', { xmlns: ns.sasl }))
    } else {
      this.#external = 'refused'
      const reason = failureCondition(element)
      this.#options.log.info({ reason }, 'The peer did not take our certificate; dialback is tried')
      this.#enter()
    }
  }

  #stanza(stanza: Element): void {
    const pair = verifiedPair(stanza, this.#authorized)
    this.#handler.stanza(stanza, pair, this.#counting?.arrived() ?? (() => {}))
  }

  #startTls(element: Element): void {
    if (this.#phase !== 'proceed' || element.name !== 'proceed')
      throw new StreamError('undefined-condition', 'STARTTLS failed at the peer')
    this.#phase = 'tls'
    this.#stream.suspend()
    this.#handler.upgrade()
  }

  #dialback(dialback: Dialback | undefined): void {
    if (dialback === undefined) throw new StreamError('not-authorized', 'this stream carries stanzas one way only')
    const { kind, from, to, id, answer } = dialback
    const pair = { local: to, remote: from }
    if (answer === undefined) {
      // XEP-0288 §2 lets the peer ask on a bidirectional stream; one of its own does as well.
      if (this.#phase === 'ready') this.#refuseRequest(kind, { from, to, id })
    } else if (kind === 'result' && this.#authorizing.delete(pairKey(pair))) {
      if (answer.is === 'valid') {
        this.#stream.established()
        this.#manage()
        this.#authorized.set(pairKey(pair), pair)
      }
      this.#handler.authorized(pair, answer)
    } else if (kind === 'verify' && this.#verifying.delete(`${pairKey(pair)} ${id ?? ''}`)) {
      this.#handler.verified(pair, id ?? '', answer)
    } else {
      const fields = { from, to, kind, type: answer.is, streamId: this.#stream.id }
      this.#options.log.warn(fields, 'Ignored a dialback answer that nobody asked for')
    }
  }

  #refuseRequest(kind: Dialback['kind'], request: { from: string; to: string; id: string | undefined }): void {
    const text = 'Ask on a stream of your own'
    this.#stream.send(dialbackReply(kind, request, dialbackError(new StanzaError('not-allowed', { text }))))
  }
}
