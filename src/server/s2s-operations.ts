/** What an operator can do with the links to other servers: look, close, try one out. */
import type { ServerTarget } from '../net/resolver.js'
import type { Clock } from '../util/clock.js'
import type { Random } from '../util/random.js'
import { xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Router } from './router.js'
import type { LinkInfo } from './s2s-links.js'
import type { S2sPool } from './s2s-pool.js'

export interface ServerLinks {
  /** Both directions, by domain. */
  links(): LinkInfo[]
  /** Closes every stream with the domain, in order; what waits for it stays queued. Returns how many there were. */
  close(domain: string): number
  /** Where DNS or a route says that the domain is. Rejects with a ResolveError. */
  addresses(domain: string): Promise<readonly ServerTarget[]>
  /** Milliseconds from a ping (XEP-0199) to its answer, errors among them; rejects with the StanzaError of our own side. */
  ping(local: string, remote: string): Promise<number>
}

export interface ServerLinksParts {
  readonly pool: S2sPool
  readonly router: Router
  readonly clock: Clock
  readonly random: Random
}

/** What only our own side says of a link that does not work (RFC 6120 §8.3.3). */
const ownConditions = new Set(['remote-server-not-found', 'remote-server-timeout', 'policy-violation'])

export function serverLinks({ pool, router, clock, random }: ServerLinksParts): ServerLinks {
  return {
    links: () => pool.links(),
    close: (domain) => pool.disconnect(domain),
    addresses: (domain) => pool.addresses(domain),
    async ping(local, remote) {
      const startedAt = clock.monotonic()
      const iq = xml(
        'iq',
        { type: 'get', from: local, to: remote, id: random.token() },
        xml('ping', { xmlns: ns.ping }),
      )
      try {
        await router.request(iq)
      } catch (error) {
        const answered = error instanceof StanzaError && !ownConditions.has(error.condition)
        if (!answered || pool.links().every((link) => link.remote !== remote || link.state !== 'up')) throw error
      }
      return Math.round(clock.monotonic() - startedAt)
    },
  }
}
