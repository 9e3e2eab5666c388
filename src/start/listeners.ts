/** The ports: for clients (TCP, WebSocket, BOSH and all else over HTTP), for other servers, for components. */
import { clientCertificates } from '../admin/certificates.js'
import { lastingSecret } from '../admin/lasting-secret.js'
import { metricsPage } from '../admin/metrics.js'
import {
  boshOptionsOf,
  clientOptionsOf,
  componentListenerOptionsOf,
  httpPathsOf,
  httpTimesOf,
  metricsPath,
  serverListenerOptionsOf,
} from '../config/live.js'
import type { Endpoint } from '../config/ports.js'
import { AddressCount, AddressLimit, exceptLoopback } from '../net/address-limit.js'
import type { Certificates } from '../net/certificates.js'
import { hostMeta, hostMetaJsonPath, hostMetaPath } from '../net/host-meta.js'
import { type HttpHandler, HttpServer } from '../net/http.js'
import { defaultIterations } from '../sasl/scram-keys.js'
import {
  type ClientDependencies,
  type ClientListener,
  startBoshListener,
  startClientListener,
  startWebSocketListener,
} from '../server/c2s.js'
import { startComponentListener } from '../server/component-listener.js'
import { FastTokens } from '../server/fast-tokens.js'
import { Resumptions } from '../server/resumptions.js'
import { startServerListener } from '../server/s2s-listener.js'
import type { S2sPool } from '../server/s2s-pool.js'
import type { Server } from '../server/server.js'
import type { Store } from '../store/store.js'
import { deadlineMs, lagging, type Surroundings } from './surroundings.js'

/** What is reached by the ports. */
export interface Served {
  readonly store: Store
  readonly server: Server
  readonly pool: S2sPool
  readonly certificates: Certificates
}

/** All of them in one listener, which shares the limits of those who connect. */
export async function listenForServers(
  around: Surroundings,
  ports: readonly Endpoint[],
  { store, server, pool, certificates }: Served,
): Promise<void> {
  const { config, lifecycle, clock, random, log, metrics, open } = around
  const endpoints = ports.filter(({ option }) => option === 's2s_ports' || option === 's2s_direct_tls_ports')
  const listener = await startServerListener(
    {
      endpoints: endpoints.map(({ option, address, port }) => ({
        ...{ host: address, port, directTls: option === 's2s_direct_tls_ports' },
      })),
      ...serverListenerOptionsOf(config),
    },
    {
      ...{ gateway: server.servers, certificates, pool, lagging: lagging(store) },
      refused: (reason) => metrics.counts.refused('s2s', reason),
      ...{ clock, random, log },
    },
  )
  lifecycle.add('s2s_ports', { close: () => listener.close(deadlineMs(around)) })
  endpoints.forEach((endpoint, index) => {
    open.add({ ...endpoint, port: listener.ports[index] ?? endpoint.port })
  })
}

/** XEP-0114. */
export async function listenForComponents(
  around: Surroundings,
  ports: readonly Endpoint[],
  { store, server }: Pick<Served, 'store' | 'server'>,
): Promise<void> {
  const { config, lifecycle, clock, random, log, metrics, open } = around
  const parts = { gateway: server.components, clock, random, log }
  for (const port of ports.filter(({ option }) => option === 'component_ports')) {
    const listener = await startComponentListener(
      { host: port.address, port: port.port, ...componentListenerOptionsOf(config) },
      {
        ...parts,
        lagging: lagging(store),
        refused: (reason) => metrics.counts.refused('component', reason),
      },
    )
    lifecycle.add('component_ports', { close: () => listener.close(deadlineMs(around)) })
    open.add({ ...port, port: listener.port })
  }
}

/** `page`: what is at the root of the HTTP server, if anything. */
export async function listenForClients(
  around: Surroundings,
  ports: readonly Endpoint[],
  { store, server, certificates }: Omit<Served, 'pool'>,
  page: HttpHandler | undefined,
): Promise<void> {
  const { config, lifecycle, clock, random, log, metrics } = around
  const { global, limits } = config
  const options = {
    ...clientOptionsOf(config),
    certificates: clientCertificates(global, clock),
  }
  const webSocketOptions = { ...options, maxFragments: limits.websocket_fragments }
  const dependencies: ClientDependencies = {
    gateway: server.clients,
    certificates,
    clock,
    random,
    log,
    secret: await lastingSecret(store, random),
    iterations: defaultIterations,
    tokens: tokensOf(around, store),
    budget: around.budget,
    lagging: lagging(store),
    refused: (reason) => metrics.counts.refused('c2s', reason),
    perAddress: new AddressCount(limits.c2s_connections),
    handshakes: exceptLoopback(new AddressCount(limits.c2s_connections)),
    failures: new AddressLimit(clock, { rate: limits.c2s_failed_logins / 60, burst: limits.c2s_failed_logins }),
    resumptions: new Resumptions(random, global.smacks_max_hibernated_sessions, () =>
      metrics.counts.refused('c2s', 'too-many-hibernated'),
    ),
  }
  const httpConnections = exceptLoopback(new AddressCount(limits.http_connections))
  const bosh = startBoshListener(boshOptionsOf(config), dependencies)
  const paths = httpPathsOf(config)
  const meta = hostMeta({ externalUrl: global.http_external_url || undefined, ...paths })
  // All at once, so that their deadlines do not add up.
  const listeners: { close(deadlineMs: number): Promise<void> }[] = [bosh.connections]
  const closeAll = async (): Promise<void> => {
    await Promise.all(listeners.map((each) => each.close(deadlineMs(around))))
  }
  lifecycle.add('listeners for clients', { close: closeAll })
  const opened = (listener: ClientListener, { option, address }: Endpoint): void => {
    listeners.push(listener)
    around.open.add({ option, address, port: listener.port })
  }
  for (const port of ports) {
    const { option, address } = port
    if (option === 'c2s_ports' || option === 'c2s_direct_tls_ports') {
      const directTls = option === 'c2s_direct_tls_ports'
      const place = { host: address, port: port.port, option, directTls }
      opened(await startClientListener({ ...options, ...place }, dependencies), port)
    } else if (option === 'http_ports') {
      const http = await HttpServer.listen({
        ...{ host: address, port: port.port, option, log },
        answered: (status) => {
          if (status >= 400) metrics.counts.refused('http', String(status))
        },
        perAddress: httpConnections,
        times: httpTimesOf(config),
        refused: (reason) => metrics.counts.refused('http', reason),
      })
      listeners.push(http)
      opened(startWebSocketListener(webSocketOptions, http, dependencies), port)
      if (paths.bosh !== undefined && bosh.handler !== undefined) http.route(paths.bosh, bosh.handler)
      server.serveHttp(http)
      if (global.openmetrics_allow_ips.length > 0)
        http.route(metricsPath, metricsPage(metrics, global.openmetrics_allow_ips))
      for (const path of [hostMetaPath, hostMetaJsonPath]) http.route(path, meta)
      if (page !== undefined) http.route('/', page)
    }
  }
}

/** None where tokens are not to be had (XEP-0484). */
function tokensOf({ config, clock, random }: Surroundings, store: Store): FastTokens | undefined {
  const lifetimeMs = config.global.fast_token_lifetime * 1000
  const parts = { store, clock, random, lifetimeMs }
  return lifetimeMs === 0 ? undefined : new FastTokens(parts)
}
