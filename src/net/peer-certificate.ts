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
  return peer.trusted ? undefined : `is not trusted (${peer.reason ?? 'unknown reason'}; valid to ${peer.validTo})`
}

/**
 * Does it name the domain, and is made for servers alone? Public authorities make no others any more, and for OpenSSL a
 * server that connects is a client. That verdict may hide another one, so such a certificate proves nothing by itself.
 */
export const isForServersOnly = (tls: TlsInfo | undefined, domain: string): boolean =>
  tls?.peer !== undefined && tls.peer.reason === 'INVALID_PURPOSE' && names(tls.peer, domain)
