/** What the server offered becomes part of what both sides of SCRAM sign (XEP-0474): nobody on the way can shorten the list unseen. */
import type { Xep } from '../xmpp/xep.js'
import { digest, type ScramHash } from './scram-keys.js'

export const downgradeProtectionXep: Xep = { number: 474, version: '0.5.0', test: 'sasl/scram.test.ts' }

/** XML allows neither in a name (§5.1). */
const between = '\x1e'
const before = '\x1f'

/** The attribute `h` of the first message, in base64. All names are ASCII, so their order is that of octets. */
export function offerDigest(
  hash: ScramHash,
  { mechanisms, bindings }: { readonly mechanisms: readonly string[]; readonly bindings: readonly string[] },
): string {
  const list = (names: readonly string[]): string => [...names].sort().join(between)
  const offer = list(mechanisms) + (bindings.length === 0 ? '' : before + list(bindings))
  return digest(hash, Buffer.from(offer)).toString('base64')
}
