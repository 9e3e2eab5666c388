/** One of our own s2s stacks on loopback, with a gateway that writes down what arrives. */
import { Certificates } from '../../src/net/certificates.js'
import { DomainResolver, type Route } from '../../src/net/resolver.js'
import type { TlsContexts } from '../../src/net/tls.js'
import { type ServerListener, startServerListener } from '../../src/server/s2s-listener.js'
import type { S2sDeps, S2sOptions } from '../../src/server/s2s-options.js'
import { S2sPool } from '../../src/server/s2s-pool.js'
import { type Clock, systemClock } from '../../src/util/clock.js'
import type { Logger } from '../../src/util/logger.js'
import { systemRandom } from '../../src/util/random.js'
import { type Element, xml } from '../../src/xml/element.js'
import { serialize } from '../../src/xml/writer.js'
import { contextsOf, selfSigned } from '../net/certificate-files.js'
import { leftOut, patienceMs } from '../support/left-out.js'

export { Certificates }

export interface Logged {
  readonly level: string
  readonly message: string
  readonly fields: Readonly<Record<string, unknown>>
}

export function recordingLogger(into: Logged[], fixed: Readonly<Record<string, unknown>> = {}): Logger {
  const write = (level: string) => (fields: Readonly<Record<string, unknown>>, message: string) => {
    into.push({ level, message, fields: { ...fixed, ...fields } })
  }
  return {
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    child: (fields) => recordingLogger(into, { ...fixed, ...fields }),
  }
}

export interface PeerOptions {
  readonly domains: readonly string[]
  readonly policy?: Partial<S2sOptions['policy']>
  readonly options?: Partial<S2sOptions>
  readonly deps?: Partial<S2sDeps>
  readonly listener?: Partial<Parameters<typeof startServerListener>[0]>
  readonly clock?: Clock
  /** False: no certificate, so no TLS. */
  readonly tls?: boolean | TlsContexts
}

export interface Peer {
  readonly pool: S2sPool
  readonly listener: ServerListener
  readonly port: number
  /** Filled in by the test when all ports are known. */
  readonly routes: Record<string, Route>
  readonly received: Element[]
  /** Serialised, in order of arrival. */
  texts(): string[]
  readonly log: Logged[]
  readonly events: string[]
  close(): Promise<void>
}

let shared: TlsContexts | undefined

/** One certificate for all peers of a test file: none is trusted anyway. */
export async function testContexts(): Promise<TlsContexts> {
  shared ??= contextsOf(await selfSigned(['a.example', 'b.example', 'c.example']), [
    ...['a', 'b', 'c', 'rooms.a', 'rooms.b', 'rooms.c'].map((name) => `${name}.example`),
  ])
  return shared
}

export async function startPeer({ domains, ...rest }: PeerOptions): Promise<Peer> {
  const received: Element[] = []
  const log: Logged[] = []
  const events: string[] = []
  const routes: Record<string, Route> = {}
  const clock = rest.clock ?? systemClock
  const none: readonly never[] = []
  const deps: S2sDeps = {
    gateway: {
      hasHost: (domain) => domains.includes(domain),
      receive: (stanza) => {
        received.push(stanza)
      },
    },
    certificates: rest.tls === false ? undefined : typeof rest.tls === 'object' ? rest.tls : await testContexts(),
    resolver: new DomainResolver({
      dns: { srv: async () => none, addresses: async () => none },
      clock,
      random: systemRandom,
      routes,
      negativeMs: 0,
    }),
    clock,
    random: systemRandom,
    log: recordingLogger(log),
    ...rest.deps,
  }
  const policy = { requireEncryption: true, secureAuth: false, ...rest.policy }
  const pool = new S2sPool({ leftOut, ...rest.options, policy }, deps)
  pool.watch({
    up: (remote, local) => events.push(`up ${remote} ${local}`),
    down: (remote, local) => events.push(`down ${remote} ${local}`),
    heard: (remote, local) => events.push(`heard ${remote} ${local}`),
  })
  const endpoints = [{ host: '127.0.0.1', port: 0 }]
  const listener = await startServerListener({ endpoints, ...rest.listener }, { ...deps, pool })
  return {
    pool,
    listener,
    port: listener.ports[0]!,
    routes,
    received,
    texts: () => received.map((stanza) => serialize(stanza)),
    log,
    events,
    async close() {
      await Promise.all([pool.close(1000), listener.close(1000)])
    },
  }
}

/** Every peer finds every other one's domains. */
export function connectPeers(peers: Readonly<Record<string, Peer>>): void {
  for (const [domain, { port }] of Object.entries(peers))
    for (const peer of Object.values(peers)) peer.routes[domain] = { host: '127.0.0.1', port }
}

export const message = (from: string, to: string, body: string): Element =>
  xml('message', { from, to, type: 'chat', id: body }, xml('body', {}, body))

export async function until(condition: () => boolean, what = 'the condition'): Promise<void> {
  const waitMs = patienceMs(60_000)
  const end = Date.now() + waitMs
  while (!condition()) {
    if (Date.now() > end) throw new Error(`waited ${waitMs / 1000} s in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
