/** What another server must show before it is believed, and what an operator is told when it did not. */
import { unproved } from '../net/peer-certificate.js'
import type { TlsInfo } from '../net/transport.js'

export interface S2sPolicy {
  /** `s2s_require_encryption`. */
  readonly requireEncryption: boolean
  /** `s2s_secure_auth`: a certificate that is valid for the domain, not dialback alone. */
  readonly secureAuth: boolean
  /** `s2s_insecure_domains`: dialback suffices although `secureAuth`. */
  readonly insecureDomains?: ReadonlySet<string>
  /** `s2s_secure_domains`: need a certificate although not `secureAuth`. */
  readonly secureDomains?: ReadonlySet<string>
  /** Peers of distributed rooms: they are sent keys and real JIDs, so never without TLS, whatever else is allowed (dmuc.md §4). */
  readonly encryptedDomains?: ReadonlySet<string>
}

export interface Refusal {
  readonly reason: string
  /** The configuration line to change, for whoever wants to have it otherwise. */
  readonly change: string
}

export const needsCertificate = (policy: S2sPolicy, domain: string): boolean =>
  policy.secureDomains?.has(domain) === true || (policy.secureAuth && policy.insecureDomains?.has(domain) !== true)

export const needsEncryption = (policy: S2sPolicy, domain: string): boolean =>
  policy.requireEncryption || policy.encryptedDomains?.has(domain) === true || needsCertificate(policy, domain)

/** Undefined where the TLS layer (or its absence) is good enough for `domain`. */
export function refusal(policy: S2sPolicy, domain: string, tls: TlsInfo | undefined): Refusal | undefined {
  if (needsCertificate(policy, domain)) {
    const why = unproved(tls, domain)
    if (why !== undefined) return { reason: `its certificate ${why}`, change: certificateChange(policy, domain) }
  }
  return tls === undefined && needsEncryption(policy, domain)
    ? { reason: 'it does not use TLS', change: encryptionChange(policy, domain) }
    : undefined
}

function certificateChange(policy: S2sPolicy, domain: string): string {
  if (policy.secureDomains?.has(domain) === true) return `remove "${domain}" from s2s_secure_domains`
  return `set s2s_secure_auth = false or add "${domain}" to s2s_insecure_domains`
}

/** What to change where TLS was required and not there. */
export const encryptionChange = (policy: S2sPolicy, domain: string): string => {
  if (needsCertificate(policy, domain)) return certificateChange(policy, domain)
  return policy.encryptedDomains?.has(domain) === true
    ? `remove "${domain}" from dmuc.allow`
    : 'set s2s_require_encryption = false'
}
