/** Whose a stanza on a stream between servers is: both addresses are needed, and their domains a pair that was verified (RFC 6120 §8.1). */
import type { Element } from '../xml/element.js'
import { prepareDomain } from '../xmpp/domain.js'
import { StreamError } from '../xmpp/stream-error.js'
import { type DomainPair, pairKey } from './dialback.js'

/** `verified`: by their keys. Throws StreamError `not-authorized`, `improper-addressing`, `host-unknown` or `invalid-from`. */
export function verifiedPair(stanza: Element, verified: ReadonlyMap<string, DomainPair>): DomainPair {
  if (verified.size === 0) throw new StreamError('not-authorized', 'no domain was verified yet')
  const { from, to } = stanza.attrs as Readonly<Record<string, string | undefined>>
  if (!from || !to) throw new StreamError('improper-addressing', 'a stanza needs "from" and "to"')
  const [remote, local] = [domainOf(from), domainOf(to)]
  const pair =
    verified.get(pairKey({ local, remote })) ??
    verified.get(pairKey({ local: prepareDomain(local) ?? '', remote: prepareDomain(remote) ?? '' }))
  if (pair !== undefined) return pair
  const other = [...verified.values()].some((each) => each.remote === prepareDomain(remote))
  throw new StreamError(
    other ? 'host-unknown' : 'invalid-from',
    `${remote} was not verified for ${local}`.slice(0, 300),
  )
}

/** The domainpart, not prepared. */
function domainOf(address: string): string {
  const slash = address.indexOf('/')
  const bare = slash === -1 ? address : address.slice(0, slash)
  return bare.slice(bare.indexOf('@') + 1)
}
