/**
 * Does the certificate that a peer showed prove an XMPP domain (RFC 6120 §13.7, RFC 9525)? The domain is checked, never the
 * name that DNS led to; only subjectAltName counts.
 */
import { asciiDomain } from '../xmpp/domain.js'
import { covers } from './certificates.js'
import type { TlsInfo } from './transport.js'

type PeerCertificate = NonNullable<TlsInfo['peer']>

function names(peer: PeerCertificate, domain: string): boolean {
  const name = asciiDomain(domain)
  return covers(peer.subjectAltNames, name) || peer.xmppNames.some((given) => asciiDomain(given) === name)
}

/** Undefined where the domain is proved; otherwise why not, to complete "its certificate …". */
export function unproved(tls: TlsInfo | undefined, domain: string): string | undefined {
  if (tls === undefined) return 'was not asked for, as there is no TLS'
  const { peer } = tls
  if (peer === undefined) return 'was not shown'
  if (!names(peer, domain)) {
    const named = [...peer.subjectAltNames, ...peer.xmppNames].slice(0, 5).join(', ') || 'no domain at all'
    return `names ${named} and not ${domain}`
  }
  if (peer.trusted) return undefined
  const { reason = 'unknown reason', validTo } = peer
  const meaning = Object.hasOwn(meanings, reason) ? `: ${meanings[reason]}` : ''
  return `is not trusted (${reason}; valid to ${validTo})${meaning}`
}

/** As it is at that time, in milliseconds since the epoch: connections may last longer than certificates (RFC 6120 §13.7.2.3). */
export function asOf(now: number, tls: TlsInfo | undefined): TlsInfo | undefined {
  if (tls?.peer === undefined || now <= tls.peer.validUntil) return tls
  return { ...tls, peer: { ...tls.peer, trusted: false, reason: 'CERT_HAS_EXPIRED' } }
}

/** Of OpenSSL's verdicts, those that an operator meets. */
const meanings: Readonly<Record<string, string>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: 'it is self-signed',
  SELF_SIGNED_CERT_IN_CHAIN: 'the authority that signed it is not known here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'the authority that signed it is not known here, or was not shown with it',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'the authority that signed it is not known here, or was not shown with it',
  CERT_HAS_EXPIRED: 'it, or one of those that signed it, has expired',
  CERT_NOT_YET_VALID: 'it is not valid yet; is the clock of this machine right?',
}

/**
 * Does it name the domain, and is made for servers alone? Public authorities make no others any more, and for OpenSSL a
 * server that connects is a client. That verdict may hide another one, so such a certificate proves nothing by itself.
 */
export const isForServersOnly = (tls: TlsInfo | undefined, domain: string): boolean =>
  tls?.peer !== undefined && tls.peer.reason === 'INVALID_PURPOSE' && names(tls.peer, domain)
