/**
 * Does the certificate that a peer showed prove an XMPP domain (RFC 6120 §13.7, RFC 9525)? The domain is checked, never the
 * name that DNS led to; only subjectAltName counts.
 */
import { asciiDomain } from '../xmpp/domain.js'
import { covers } from './certificates.js'
import type { TlsInfo } from './transport.js'

/** Undefined where the domain is proved; otherwise why not, to complete "its certificate …". */
export function unproved(tls: TlsInfo | undefined, domain: string): string | undefined {
  if (tls === undefined) return 'was not asked for, as there is no TLS'
  const { peer } = tls
  if (peer === undefined) return 'was not shown'
  const name = asciiDomain(domain)
  if (!covers(peer.subjectAltNames, name) && !peer.xmppNames.some((given) => asciiDomain(given) === name)) {
    const named = [...peer.subjectAltNames, ...peer.xmppNames].slice(0, 5).join(', ') || 'no domain at all'
    return `names ${named} and not ${domain}`
  }
  return peer.trusted ? undefined : `is not trusted (${peer.reason ?? 'unknown reason'}; valid to ${peer.validTo})`
}
