/**
 * What a peer says by dialback on a stream that it opened to us: the domains that it claims, as the receiving server (XEP-0220 §2.2.1), several
 * on one stream (§2.6), and its questions about keys of ours, as the authoritative one (§2.2.2).
 */
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import {
  type Dialback,
  type DialbackAnswer,
  type DialbackKeys,
  type DomainPair,
  dialbackError,
  dialbackReply,
  invalid,
  pairKey,
  valid,
} from './dialback.js'

/** How TLS alone proved a domain: a certificate that is valid for it, or the key that the operator wrote down. */
export type TlsProof = 'certificate' | 'pin'

/** What is to be done with a claim: ask the authoritative server, believe the certificate, or refuse. */
export type Admission =
  | { readonly is: 'ask' }
  | { readonly is: 'proved'; readonly by: TlsProof }
  | { readonly is: 'refused'; readonly error: StanzaError }

/** Verified pairs on one stream; for more, the peer opens another. */
const pairLimit = 128
/** Waiting for their authoritative servers at a time. */
const pendingLimit = 32
export interface ClaimsParts {
  readonly log: Logger
  readonly keys: DialbackKeys
  /** Domains may be claimed by it, and keys of ours asked about. */
  readonly dialback: boolean
  /** Domains that may be claimed on one stream. */
  readonly claims: number
  readonly hasHost: (domain: string) => boolean
  readonly admit: (pair: DomainPair) => Admission
  /** It is required, and not there. */
  lacksTls(): boolean
  streamId(): string | undefined
  send(element: Element): void
  /** Ask the authoritative server of `pair.remote` whether the key is its own; then call `answered`. */
  verify(pair: DomainPair, key: string): void
  /** A claim was proved, and the peer told so: `enter` is next. */
  accepted(pair: DomainPair, by: 'dialback' | TlsProof): void
  close(): void
}

const notUsed = (): DialbackAnswer =>
  dialbackError(new StanzaError('not-allowed', { text: 'Dialback is not used here' }))

export class DomainClaims {
  readonly #parts: ClaimsParts
  readonly #pending = new Map<string, DomainPair>()
  readonly #verified = new Map<string, DomainPair>()
  #claims = 0

  constructor(parts: ClaimsParts) {
    this.#parts = parts
  }

  /** By `pairKey`. */
  get verified(): ReadonlyMap<string, DomainPair> {
    return this.#verified
  }

  /** It is verified, by whatever. */
  enter(pair: DomainPair): void {
    this.#verified.set(pairKey(pair), pair)
  }

  /** The authoritative server's answer. For what was not asked it changes nothing. */
  answered(pair: DomainPair, answer: DialbackAnswer, by: 'dialback' | TlsProof = 'dialback'): void {
    if (!this.#pending.delete(pairKey(pair))) return
    if (answer.is === 'valid') this.#accept(pair, by)
    else if (answer.is === 'error') this.#reply(pair, answer)
    else this.#refuse(pair)
  }

  /** What the peer says in the namespace of dialback; undefined for what is none of it. Throws StreamError. */
  take(dialback: Dialback | undefined): void {
    if (dialback === undefined) throw new StreamError('unsupported-stanza-type')
    // XEP-0220 §3.1: an answer in this direction was never asked for.
    if (dialback.answer !== undefined)
      this.#parts.log.warn(
        { from: dialback.from, to: dialback.to, type: dialback.answer.is, kind: dialback.kind },
        'Ignored a dialback answer that nobody asked for',
      )
    else if (!this.#parts.dialback) this.#parts.send(dialbackReply(dialback.kind, dialback, notUsed()))
    else if (dialback.kind === 'result') this.#claim({ local: dialback.to, remote: dialback.from }, dialback.key)
    else this.#parts.send(dialbackReply('verify', dialback, this.#judge(dialback)))
  }

  /** As the authoritative server (XEP-0220 §2.2.2). */
  #judge({ from, to, id, key }: Dialback): DialbackAnswer {
    if (!this.#parts.hasHost(to)) return dialbackError(new StanzaError('item-not-found'))
    if (this.#parts.lacksTls()) return dialbackError(new StanzaError('policy-violation', { text: 'TLS is required' }))
    if (id === undefined) return dialbackError(new StanzaError('bad-request', { text: 'the stream id is missing' }))
    if (this.#parts.keys.matches(key, from, to, id)) return valid
    this.#parts.log.warn(
      { local: to, remote: from },
      `${from} asked about a dialback key that is not ours: somebody else claims to be ${to}`,
    )
    return invalid
  }

  /** As the receiving server (XEP-0220 §2.2.1). */
  #claim(pair: DomainPair, key: string): void {
    if (++this.#claims > this.#parts.claims) throw new StreamError('policy-violation', 'too many domains on one stream')
    const of = pairKey(pair)
    if (this.#pending.has(of)) return
    const admission = this.#verified.has(of) ? undefined : this.#admission(pair)
    if (admission === undefined) this.#reply(pair, valid)
    else if (admission.is === 'proved') this.#accept(pair, admission.by)
    else if (admission.is === 'refused') this.#turnAway(pair, admission.error)
    else {
      this.#pending.set(of, pair)
      this.#parts.verify(pair, key)
    }
  }

  #turnAway(pair: DomainPair, error: StanzaError): void {
    this.#reply(pair, dialbackError(error))
    // Nothing that this peer can still say here would be heard.
    if (this.#parts.lacksTls()) throw new StreamError('policy-violation', 'TLS is required')
  }

  #admission(pair: DomainPair): Admission {
    const { hasHost, admit } = this.#parts
    const refused = (error: StanzaError): Admission => ({ is: 'refused', error })
    if (!hasHost(pair.local)) return refused(new StanzaError('item-not-found'))
    if (hasHost(pair.remote))
      return refused(new StanzaError('not-acceptable', { text: `${pair.remote} is served here` }))
    if (this.#parts.lacksTls()) return refused(new StanzaError('policy-violation', { text: 'TLS is required' }))
    if (this.#verified.size >= pairLimit || this.#pending.size >= pendingLimit)
      return refused(new StanzaError('resource-constraint'))
    return admit(pair)
  }

  #accept(pair: DomainPair, by: 'dialback' | TlsProof): void {
    this.#reply(pair, valid)
    this.#parts.accepted(pair, by)
  }

  /** XEP-0220 §2.2.1: `invalid` costs the stream, so where it serves others too, an error says the same. */
  #refuse(pair: DomainPair): void {
    this.#parts.log.warn(
      { ...pair, streamId: this.#parts.streamId() },
      `${pair.remote} denied the dialback key: the peer of this stream is not ${pair.remote}`,
    )
    if (this.#verified.size + this.#pending.size > 0) {
      this.#reply(pair, dialbackError(new StanzaError('forbidden')))
    } else {
      this.#reply(pair, invalid)
      this.#parts.close()
    }
  }

  #reply({ local, remote }: DomainPair, answer: DialbackAnswer): void {
    this.#parts.send(dialbackReply('result', { from: remote, to: local }, answer))
  }
}
