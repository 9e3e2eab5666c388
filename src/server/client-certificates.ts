/**
 * Certificates of clients (XEP-0178 §2): of an authority that the operator named for this, with the JIDs in them, or with a key that
 * is pinned to an account. The authorities of the web say nothing about our users.
 */
import { X509Certificate } from 'node:crypto'
import { subjectNames } from '../net/subject-names.js'
import { pinOf } from '../net/tls.js'
import { Jid } from '../xmpp/jid.js'

/** For `extendedKeyUsage`: TLS clients. */
const clientAuth = '1.3.6.1.5.5.7.3.2'

export interface ClientAuthorities {
  /** PEM of certificates that sign those of clients. */
  readonly authorities: readonly string[]
  /** By bare JID: SHA-256 of public keys, in hexadecimal. */
  readonly pins: ReadonlyMap<string, readonly string[]>
}

export class ClientCertificates {
  readonly #authorities: readonly X509Certificate[]
  readonly #pins: ReadonlyMap<string, readonly string[]>
  readonly #now: () => number

  /** Throws Error where an authority is not a certificate. */
  constructor({ authorities, pins }: ClientAuthorities, now: () => number) {
    this.#authorities = authorities.map((pem) => new X509Certificate(pem))
    this.#pins = pins
    this.#now = now
  }

  /** Clients are asked for one at all: some show a dialogue to their users then. */
  get wanted(): boolean {
    return this.#authorities.length > 0 || this.#pins.size > 0
  }

  /** When it proves nothing any more: milliseconds since the epoch. An authority may end before what it signed. */
  until(certificate: Buffer): number {
    const shown = new X509Certificate(certificate)
    const signers = this.#isPinned(shown) ? [] : this.#signers(shown)
    const ends = signers.map(({ validTo }) => Date.parse(validTo))
    return Math.min(Date.parse(shown.validTo), ...(ends.length > 0 ? [Math.max(...ends)] : []))
  }

  #isPinned(shown: X509Certificate): boolean {
    const pin = pinOf(shown)
    return [...this.#pins.values()].some((keys) => keys.includes(pin))
  }

  /** Localparts at `domain` that the certificate (DER) proves. */
  accounts(certificate: Buffer, domain: string): readonly string[] {
    const shown = new X509Certificate(certificate)
    if (!this.#isCurrent(shown)) return []
    const pin = pinOf(shown)
    const pinned = [...this.#pins].flatMap(([jid, keys]) => (keys.includes(pin) ? [jid] : []))
    const named = this.#signers(shown).length > 0 ? subjectNames(certificate).jids : []
    const jids = [...pinned, ...named].flatMap((text) => Jid.tryParse(text) ?? [])
    return [...new Set(jids.filter((jid) => jid.isBare && jid.domain === domain).map(({ local }) => local))]
  }

  #isCurrent({ validFrom, validTo }: X509Certificate): boolean {
    const now = this.#now()
    return Date.parse(validFrom) <= now && now <= Date.parse(validTo)
  }

  /** Those of the authorities that signed it: of those below them, name each. */
  #signers(shown: X509Certificate): readonly X509Certificate[] {
    const usage: readonly string[] | undefined = shown.keyUsage
    if (shown.ca || (usage !== undefined && !usage.includes(clientAuth))) return []
    return this.#authorities.filter(
      (authority) => this.#isCurrent(authority) && shown.checkIssued(authority) && shown.verify(authority.publicKey),
    )
  }
}

/** The certificates in a file of PEM. */
export const certificatesIn = (pem: string): readonly string[] =>
  pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? []
