/** How a process reaches the other sites: stanza by stanza as the model does it, or by the real pool of s2s over ./wires.ts. */

import type { ServerGateway } from '../../src/server/gateway.js'
import { attest } from '../../src/server/peer-proof.js'
import type { Remote } from '../../src/server/router.js'
import type { WayToPeers } from '../../src/server/s2s-links.js'
import { startServerListener } from '../../src/server/s2s-listener.js'
import { S2sPool } from '../../src/server/s2s-pool.js'
import type { Server } from '../../src/server/server.js'
import type { Logger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import type { Port } from './network.js'
import type { ProcessClock } from './time.js'
import { addressOf, siteAt, type Wires } from './wires.js'

export interface Way {
  readonly remote: Remote
  /** Absent where nothing waits on the way. */
  readonly peers?: WayToPeers
  /** Of incoming connections, where there are any. */
  readonly accept?: NonNullable<Port['accept']>
}

export interface WayParts {
  readonly site: number
  readonly server: Server
  readonly clock: ProcessClock
  readonly log: Logger
  readonly isAlive: () => boolean
  /** A stanza for somebody who is at no site's service, or for a site where that is modelled. */
  readonly send: (stanza: Element, to: string) => void
  /** The way to this domain is lost. */
  readonly interrupted: (domain: string) => void
  /** It may be there again. */
  readonly reached: (domain: string) => void
}

export type MakeWay = (parts: WayParts) => Promise<Way>

export const modelled: MakeWay = async ({ isAlive, send }) => ({
  remote: {
    send: (stanza) => isAlive() && send(stanza, stanza.attrs.to),
    sendText: (_from, to, _text, stanza) => isAlive() && send(stanza, to),
  },
})

/** These wires have no TLS, without which rooms are not shared. */
const asIfEncrypted = (gateway: ServerGateway): ServerGateway => ({
  hasHost: (domain) => gateway.hasHost(domain),
  receive: (stanza) => {
    attest(stanza, { by: 'dialback', encrypted: true })
    return gateway.receive(stanza)
  },
})

/** `siteOf`: the number of the site that serves a domain, -1 for none. */
export const overWires =
  (wires: Wires, seed: number, siteOf: (domain: string) => number): MakeWay =>
  async ({ site, server, clock, log, isAlive, send, interrupted, reached }) => {
    const random = new SeededRandom((seed * 31 + site * 101 + clock.monotonic()) >>> 0)
    const deps = { gateway: asIfEncrypted(server.servers), certificates: undefined, clock, random, log }
    const pool = new S2sPool(
      { policy: { requireEncryption: false, secureAuth: false } },
      {
        ...deps,
        resolver: { resolve: async (domain) => [{ host: domain, address: addressOf(siteOf(domain)), port: 5269 }] },
        connect: ({ host, timeoutMs = 10_000 }) => wires.connect(site, siteAt(host), timeoutMs),
      },
    )
    const again = (domain: string): unknown => isAlive() && reached(domain)
    pool.watch({ down: (domain) => isAlive() && interrupted(domain), up: again, heard: again })
    const listener = await startServerListener({ endpoints: [] }, { ...deps, pool })
    const isSite = (to: string): boolean => siteOf(Jid.parse(to).domain) >= 0
    return {
      peers: pool,
      accept: (transport) => listener.accept(transport),
      remote: {
        send: (stanza) => {
          if (!isAlive()) return
          if (isSite(stanza.attrs.to)) pool.send(stanza)
          else send(stanza, stanza.attrs.to)
        },
        sendText: (from, to, text, stanza) => {
          if (!isAlive()) return
          if (isSite(to)) pool.sendText(from, to, text, stanza)
          else send(stanza, to)
        },
      },
    }
  }
