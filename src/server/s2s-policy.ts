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
  /** `s2s_auth` with a pin: the domain needs a certificate with this public key, whoever signed it (`pinOf`). */
  readonly pins?: ReadonlyMap<string, string>
  /** `s2s_allow`: no others are spoken to; undefined or empty for no such list. */
  readonly allowed?: ReadonlySet<string>
  /** `s2s_deny`: these are not. */
  readonly denied?: ReadonlySet<string>
  /** Peers of distributed rooms: they are sent keys and real JIDs, so never without TLS, whatever else is allowed (dmuc.md §4). */
  readonly encryptedDomains?: ReadonlySet<string>
  /** The same of those that the operator named while running, or that showed a certificate before. */
  readonly demands?: (domain: string) => Demand | undefined
}

export type Demand = 'certificate' | 'tls'

export interface Refusal {
  readonly reason: string
  /** The configuration line to change, for whoever wants to have it otherwise. */
  readonly change: string
}

export const needsCertificate = (policy: S2sPolicy, domain: string): boolean =>
  policy.secureDomains?.has(domain) === true ||
  ((policy.secureAuth || policy.demands?.(domain) === 'certificate') && policy.insecureDomains?.has(domain) !== true)

export const needsEncryption = (policy: S2sPolicy, domain: string): boolean =>
  policy.requireEncryption ||
  policy.encryptedDomains?.has(domain) === true ||
  policy.demands?.(domain) !== undefined ||
  policy.pins?.has(domain) === true ||
  needsCertificate(policy, domain)

/** What the TLS layer proves of `domain`, without asking anybody; undefined where only dialback can. */
export function proofOf(
  policy: S2sPolicy,
  domain: string,
  tls: TlsInfo | undefined,
): 'certificate' | 'pin' | undefined {
  const pin = policy.pins?.get(domain)
  if (pin !== undefined) return tls?.peer?.pin === pin ? 'pin' : undefined
  return tls !== undefined && unproved(tls, domain) === undefined ? 'certificate' : undefined
}

/** Undefined where we speak to `domain` at all. */
export function exclusion(policy: S2sPolicy, domain: string): Refusal | undefined {
  if (policy.denied?.has(domain) === true)
    return { reason: 'it is in s2s_deny', change: `remove "${domain}" from s2s_deny` }
  if (policy.allowed !== undefined && policy.allowed.size > 0 && !policy.allowed.has(domain))
    return { reason: 'it is not in s2s_allow', change: `add "${domain}" to s2s_allow` }
  return undefined
}

/** Undefined where `domain` may be spoken to and the TLS layer (or its absence) is good enough for it. */
export function refusal(policy: S2sPolicy, domain: string, tls: TlsInfo | undefined): Refusal | undefined {
  const excluded = exclusion(policy, domain)
  if (excluded !== undefined) return excluded
  if (policy.pins?.has(domain) === true) return unpinned(policy, domain, tls)
  if (needsCertificate(policy, domain)) {
    const why = unproved(tls, domain)
    if (why !== undefined) return { reason: `its certificate ${why}`, change: certificateChange(policy, domain) }
  }
  return tls === undefined && needsEncryption(policy, domain)
    ? { reason: 'it does not use TLS', change: encryptionChange(policy, domain) }
    : undefined
}

function unpinned(policy: S2sPolicy, domain: string, tls: TlsInfo | undefined): Refusal | undefined {
  if (proofOf(policy, domain, tls) === 'pin') return undefined
  const shown = tls?.peer?.pin
  const change = `if it has a new key (ask its operator), set "${domain}" = "pin:${shown ?? '…'}" in [s2s_auth]`
  return shown === undefined
    ? { reason: 'it showed no certificate, and one is pinned', change: pinChange(domain) }
    : { reason: `its certificate has the key ${shown}, which is not the pinned one`, change }
}

const pinChange = (domain: string): string => `remove "${domain}" from [s2s_auth]`

function certificateChange(policy: S2sPolicy, domain: string): string {
  if (policy.secureDomains?.has(domain) === true) return `remove "${domain}" from s2s_secure_domains`
  return policy.secureAuth
    ? `set s2s_secure_auth = false or add "${domain}" to s2s_insecure_domains`
    : `it showed a valid one before; if it may do without from now on, say dmucctl peer allow ${domain}`
}

/** What to change where TLS was required and not there. */
export const encryptionChange = (policy: S2sPolicy, domain: string): string => {
  if (policy.pins?.has(domain) === true) return pinChange(domain)
  if (needsCertificate(policy, domain)) return certificateChange(policy, domain)
  if (policy.encryptedDomains?.has(domain) === true) return `remove "${domain}" from dmuc.allow`
  return policy.demands?.(domain) === undefined
    ? 'set s2s_require_encryption = false'
    : `say dmucctl peer deny ${domain}`
}
