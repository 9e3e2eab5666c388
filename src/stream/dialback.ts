/**
 * Server dialback (XEP-0220): the keys, as XEP-0185 recommends them, and the two elements in both directions. A key is a
 * function of the pair of domains, the stream and our secret, so nothing has to be remembered to check one.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto'
import { child, type Element, xml } from '../xml/element.js'
import { prepareDomain } from '../xmpp/domain.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Xep } from '../xmpp/xep.js'

export const dialbackXep: Xep = { number: 220, version: '1.1.1', test: 'server/s2s.test.ts' }
export const dialbackKeysXep: Xep = { number: 185, version: '1.0', test: 'stream/dialback.test.ts' }

/** A domain of ours and one of the peer's, both prepared. Which of them sends depends on the stream's direction. */
export interface DomainPair {
  readonly local: string
  readonly remote: string
}

export const pairKey = ({ local, remote }: DomainPair): string => `${local} ${remote}`

export class DialbackKeys {
  readonly #secret: string

  /** All servers of a domain must have the same secret; a random one where there is only this one. */
  constructor(secret: string | Buffer) {
    this.#secret = createHash('sha256').update(secret).digest('hex')
  }

  /** The key for stanzas from `originating` to `receiving` on the stream `id`, which the receiving server minted. */
  key(receiving: string, originating: string, id: string): string {
    return createHmac('sha256', this.#secret).update(`${receiving} ${originating} ${id}`).digest('hex')
  }

  /** In constant time. */
  matches(key: string, receiving: string, originating: string, id: string): boolean {
    const given = Buffer.from(key)
    const own = Buffer.from(this.key(receiving, originating, id))
    return given.length === own.length && timingSafeEqual(given, own)
  }
}

export type DialbackAnswer =
  | { readonly is: 'valid' }
  | { readonly is: 'invalid' }
  | { readonly is: 'error'; readonly error: StanzaError }

export const valid: DialbackAnswer = { is: 'valid' }
export const invalid: DialbackAnswer = { is: 'invalid' }
export const dialbackError = (error: StanzaError): DialbackAnswer => ({ is: 'error', error })

/** `result` goes between the initiating and the receiving server, `verify` between that and the authoritative one. */
export type DialbackKind = 'result' | 'verify'

export interface Dialback {
  readonly kind: DialbackKind
  /** Prepared. */
  readonly from: string
  readonly to: string
  /** The stream that a `verify` is about. */
  readonly id: string | undefined
  /** Undefined in a request. */
  readonly answer: DialbackAnswer | undefined
  readonly key: string
}

/** Undefined where it is no dialback element. Throws StreamError `improper-addressing` without two domains. */
export function readDialback(element: Element): Dialback | undefined {
  if (element.attrs.xmlns !== ns.dialback) return undefined
  if (element.name !== 'result' && element.name !== 'verify') return undefined
  const from = prepareDomain(element.attrs.from ?? '')
  const to = prepareDomain(element.attrs.to ?? '')
  if (!from || !to) throw new StreamError('improper-addressing', 'dialback needs a "from" and a "to" that are domains')
  return {
    kind: element.name,
    from,
    to,
    id: element.attrs.id || undefined,
    answer: readAnswer(element),
    key: element.getText().trim(),
  }
}

function readAnswer(element: Element): DialbackAnswer | undefined {
  const { type } = element.attrs
  if (type === undefined) return undefined
  if (type === 'valid') return valid
  return type === 'error' ? dialbackError(StanzaError.from(child(element, 'error', ns.server))) : invalid
}

export interface DialbackAddresses {
  readonly from: string
  readonly to: string
  readonly id?: string | undefined
}

export const dialbackRequest = (kind: DialbackKind, { from, to, id }: DialbackAddresses, key: string): Element =>
  xml(`db:${kind}`, { from, to, id }, key)

/** `request` is what is answered: the addresses change places. */
export const dialbackReply = (kind: DialbackKind, request: DialbackAddresses, answer: DialbackAnswer): Element =>
  xml(
    `db:${kind}`,
    { from: request.to, to: request.from, id: request.id, type: answer.is },
    answer.is === 'error' ? answer.error.toElement() : undefined,
  )

/** XEP-0220 §2.4.2: we understand dialback errors, so one of them does not cost the other domains their stream. */
export const dialbackFeature = (): Element => xml('dialback', { xmlns: ns.dialbackFeature }, xml('errors'))

/** Do these features of the peer say the same? */
export function understandsDialbackErrors(features: Element): boolean {
  const dialback = child(features, 'dialback', ns.dialbackFeature)
  return dialback !== undefined && child(dialback, 'errors', ns.dialbackFeature) !== undefined
}
