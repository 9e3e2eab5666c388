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
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import { bidiFeature, isBidiRequest } from './bidi.js'
import { Counting } from './counting.js'
import {
  type Dialback,
  type DialbackAnswer,
  type DialbackKeys,
  type DomainPair,
  dialbackError,
  dialbackFeature,
  dialbackReply,
  invalid,
  pairKey,
  readDialback,
  valid,
} from './dialback.js'
import { externalFeature, saslFailure, saslSuccess, wrongRequest } from './external.js'
import { type Fact, isPossible } from './feature.js'
import type { Header } from './header.js'
import { limitsFeature, type StreamLimits, type StreamTimeouts } from './limits.js'
import { verifiedPair } from './server-stanza.js'
import { starttls } from './starttls.js'
import { Stream, type StreamEnd } from './stream.js'

/** How TLS alone proved a domain: a certificate that is valid for it, or the key that the operator wrote down. */
export type TlsProof = 'certificate' | 'pin'

/** What is to be done with a claim: ask the authoritative server, believe the certificate, or refuse. */
export type Admission =
  | { readonly is: 'ask' }
  | { readonly is: 'proved'; readonly by: TlsProof }
  | { readonly is: 'refused'; readonly error: StanzaError }

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

/** Verified pairs on one stream; for more, the peer opens another. */
const pairLimit = 128
/** Waiting for their authoritative servers at a time. */
const pendingLimit = 32
/** Failures of SASL on one stream (RFC 6120 §6.4.5). */
const failureLimit = 3

const notUsed = (): DialbackAnswer =>
  dialbackError(new StanzaError('not-allowed', { text: 'Dialback is not used here' }))

export class IncomingServerStream {
  readonly #options: IncomingServerOptions
  readonly #handler: IncomingServerHandler
  readonly #stream: Stream
  readonly #facts = new Set<Fact>()
  readonly #pending = new Map<string, DomainPair>()
  readonly #verified = new Map<string, DomainPair>()
  /** The domain of ours that the first header named. */
  #host: string | undefined
  #claims = 0
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
  }

  get id(): string | undefined {
    return this.#stream.id
  }

  /** The peer's domain by its header, not verified; for the log. */
  get claimed(): string | undefined {
    return this.#stream.header?.from
  }

  get pairs(): readonly DomainPair[] {
    return [...this.#verified.values()]
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
  verified(pair: DomainPair, streamId: string, answer: DialbackAnswer, by: 'dialback' | TlsProof = 'dialback'): void {
    if (streamId !== this.#stream.id || !this.#pending.delete(pairKey(pair))) return
    if (answer.is === 'valid') this.#accept(pair, by)
    else if (answer.is === 'error') this.#reply(pair, answer)
    else this.#refuse(pair)
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
    if (name === 'enable' && this.#verified.size > 0 && this.#counting === undefined) {
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
    else this.#dialback(readDialback(element))
  }

  /** The peer sent it before it saw that we close: lost if it is not taken now, as the peer may close at the same moment. */
  #late(element: Element): void {
    if (element.attrs.xmlns === ns.streamManagement) this.#counting?.element(element)
    else if (isStanza(element) && this.#verified.size > 0) this.#stanza(element)
  }

  #dialback(dialback: Dialback | undefined): void {
    if (dialback === undefined) throw new StreamError('unsupported-stanza-type')
    // XEP-0220 §3.1: an answer in this direction was never asked for.
    if (dialback.answer !== undefined)
      this.#options.log.warn(
        { from: dialback.from, to: dialback.to, type: dialback.answer.is, kind: dialback.kind },
        'Ignored a dialback answer that nobody asked for',
      )
    else if (!this.#options.dialback) this.#stream.send(dialbackReply(dialback.kind, dialback, notUsed()))
    else if (dialback.kind === 'result') this.#claim({ local: dialback.to, remote: dialback.from }, dialback.key)
    else this.#stream.send(dialbackReply('verify', dialback, this.#judge(dialback)))
  }

  /** As the authoritative server (XEP-0220 §2.2.2). */
  #judge({ from, to, id, key }: Dialback): DialbackAnswer {
    if (!this.#options.hasHost(to)) return dialbackError(new StanzaError('item-not-found'))
    if (this.#lacksTls) return dialbackError(new StanzaError('policy-violation', { text: 'TLS is required' }))
    if (id === undefined) return dialbackError(new StanzaError('bad-request', { text: 'the stream id is missing' }))
    if (this.#options.keys.matches(key, from, to, id)) return valid
    this.#options.log.warn(
      { local: to, remote: from },
      `${from} asked about a dialback key that is not ours: somebody else claims to be ${to}`,
    )
    return invalid
  }

  /** As the receiving server (XEP-0220 §2.2.1). */
  #claim(pair: DomainPair, key: string): void {
    if (++this.#claims > this.#options.claims)
      throw new StreamError('policy-violation', 'too many domains on one stream')
    const of = pairKey(pair)
    if (this.#pending.has(of)) return
    const admission = this.#verified.has(of) ? undefined : this.#admission(pair)
    if (admission === undefined) this.#reply(pair, valid)
    else if (admission.is === 'proved') this.#accept(pair, admission.by)
    else if (admission.is === 'refused') this.#turnAway(pair, admission.error)
    else {
      this.#pending.set(of, pair)
      this.#handler.verify(pair, this.#stream.id ?? '', key)
    }
  }

  #turnAway(pair: DomainPair, error: StanzaError): void {
    this.#reply(pair, dialbackError(error))
    // Nothing that this peer can still say here would be heard.
    if (this.#lacksTls) throw new StreamError('policy-violation', 'TLS is required')
  }

  #admission(pair: DomainPair): Admission {
    const { hasHost, admit } = this.#options
    const refused = (error: StanzaError): Admission => ({ is: 'refused', error })
    if (!hasHost(pair.local)) return refused(new StanzaError('item-not-found'))
    if (hasHost(pair.remote))
      return refused(new StanzaError('not-acceptable', { text: `${pair.remote} is served here` }))
    if (this.#lacksTls) return refused(new StanzaError('policy-violation', { text: 'TLS is required' }))
    if (this.#verified.size >= pairLimit || this.#pending.size >= pendingLimit)
      return refused(new StanzaError('resource-constraint'))
    return admit(pair)
  }

  get #lacksTls(): boolean {
    return !this.#facts.has('secure') && this.#options.startTls(this.#host) === 'required'
  }

  #accept(pair: DomainPair, by: 'dialback' | TlsProof): void {
    this.#reply(pair, valid)
    this.#enter(pair, by)
  }

  #enter(pair: DomainPair, by: 'dialback' | TlsProof): void {
    this.#verified.set(pairKey(pair), pair)
    this.#facts.add('authenticated')
    this.#stream.established()
    this.#handler.accepted(pair, by)
  }

  /** XEP-0220 §2.2.1: `invalid` costs the stream, so where it serves others too, an error says the same. */
  #refuse(pair: DomainPair): void {
    this.#options.log.warn(
      { ...pair, streamId: this.#stream.id },
      `${pair.remote} denied the dialback key: the peer of this stream is not ${pair.remote}`,
    )
    if (this.#verified.size + this.#pending.size > 0) {
      this.#reply(pair, dialbackError(new StanzaError('forbidden')))
    } else {
      this.#reply(pair, invalid)
      this.#stream.close()
    }
  }

  #reply({ local, remote }: DomainPair, answer: DialbackAnswer): void {
    this.#stream.send(dialbackReply('result', { from: remote, to: local }, answer))
  }

  #stanza(stanza: Element): void {
    const pair = verifiedPair(stanza, this.#verified)
    this.#handler.stanza(stanza, pair, this.#counting?.arrived() ?? (() => {}))
  }
}
