/**
 * The one place where all is put together. Parts are built in order, each registered with the `Lifecycle`, which closes
 * them in reverse: end the services, stop listening, end the clients' streams, the modules, the streams to other servers, the
 * store, the lock.
 */
import { join } from 'node:path'
import { announce } from './admin/announcement.js'
import { clientCertificates, openCertificates, reloadCertificates } from './admin/certificates.js'
import type { LoginLink, Operator } from './admin/command.js'
import { commands } from './admin/commands/index.js'
import { makeFirstStart } from './admin/first-start.js'
import { lastingSecret } from './admin/lasting-secret.js'
import { LoginLinks } from './admin/login-links.js'
import { metricsPage, ServerMetrics } from './admin/metrics.js'
import { settlePorts } from './admin/ports.js'
import { openAdminSocket } from './admin/socket.js'
import { version } from './admin/version.js'
import { webPage } from './admin/web/page.js'
import { needRestart } from './config/changes.js'
import type { Config } from './config/config.js'
import {
  boshOptionsOf,
  clientOptionsOf,
  componentListenerOptionsOf,
  hostsOf,
  httpPaths,
  LiveConfig,
  metricsPath,
  pageSettingsOf,
  poolOptionsOf,
  serverListenerOptionsOf,
} from './config/live.js'
import { type Endpoint, endpointsOf, type PortOption, portOptions, spellEndpoint } from './config/ports.js'
import { type MucService, mucService } from './modules/muc/index.js'
import { isLoopback } from './net/address.js'
import { AddressCount, AddressLimit, exceptLoopback } from './net/address-limit.js'
import type { Certificates } from './net/certificates.js'
import { hostMeta, hostMetaJsonPath, hostMetaPath } from './net/host-meta.js'
import { HttpServer } from './net/http.js'
import { type Dns, DomainResolver, SystemDns } from './net/resolver.js'
import { defaultIterations, deriveKeys } from './sasl/scram-keys.js'
import { putPassword } from './server/account-password.js'
import {
  type ClientDependencies,
  type ClientListener,
  startBoshListener,
  startClientListener,
  startWebSocketListener,
} from './server/c2s.js'
import { startComponentListener } from './server/component-listener.js'
import { FastTokens } from './server/fast-tokens.js'
import { Resumptions } from './server/resumptions.js'
import { startServerListener } from './server/s2s-listener.js'
import { serverLinks } from './server/s2s-operations.js'
import { S2sPool } from './server/s2s-pool.js'
import { SendBudget } from './server/send-budget.js'
import { Server } from './server/server.js'
import { lockDataDirectory } from './store/lock.js'
import { openSqliteStore } from './store/sqlite/store.js'
import type { Store } from './store/store.js'
import { type Clock, systemClock } from './util/clock.js'
import { Lifecycle } from './util/lifecycle.js'
import type { Logger } from './util/logger.js'
import { type Random, systemRandom } from './util/random.js'

export interface StartParts {
  readonly log: Logger
  readonly clock?: Clock
  readonly random?: Random
  /** In place of the system's DNS. */
  readonly dns?: Dns
  /** Text for the operator's terminal, which may hold passwords and login links; nothing is announced without it. */
  readonly announce?: (text: string) => void
  /** Make new login links for the accounts of `[first_start]`. */
  readonly showLogin?: boolean
}

export interface RunningServer {
  /** The ports that are open, each once, in the order of the configuration. */
  readonly ports: Readonly<Record<(typeof shortNames)[PortOption], readonly number[]>>
  /** For tests and commands: a service that a module offers on a host. */
  service<T>(domain: string, name: string): T | undefined
  /** Takes over what can be taken over without a restart, and reads the certificates again. */
  reload(config: Config): void
  /** Stops in order, within `shutdown_timeout`. Idempotent. */
  close(): Promise<void>
}

/** Names of ports that are shown to people and to callers. */
const shortNames = {
  c2s_ports: 'c2s',
  c2s_direct_tls_ports: 'c2sDirectTls',
  s2s_ports: 's2s',
  s2s_direct_tls_ports: 's2sDirectTls',
  http_ports: 'http',
  component_ports: 'components',
} as const

/** Rejects with an Error fit for the operator; then nothing stays open. */
export async function startServer(config: Config, parts: StartParts): Promise<RunningServer> {
  const lifecycle = new Lifecycle((part, error) => parts.log.error({ err: error, part }, 'A part failed to close'))
  try {
    return await new Start(config, parts, lifecycle).run()
  } catch (error) {
    await lifecycle.close()
    throw error
  }
}

class Start {
  readonly #config: Config
  readonly #lifecycle: Lifecycle
  readonly #log: Logger
  readonly #clock: Clock
  /** What waits for all clients, whichever port they came by. */
  readonly #budget: SendBudget
  readonly #random: Random
  readonly #parts: StartParts
  readonly #listening: Endpoint[] = []
  readonly #live: LiveConfig
  readonly #metrics: ServerMetrics

  constructor(config: Config, parts: StartParts, lifecycle: Lifecycle) {
    this.#config = config
    this.#live = new LiveConfig(config)
    this.#parts = parts
    this.#lifecycle = lifecycle
    this.#metrics = lifecycle.add('metrics', new ServerMetrics())
    this.#log = parts.log
    this.#clock = parts.clock ?? systemClock
    this.#random = parts.random ?? systemRandom
    this.#budget = new SendBudget(this.#clock, this.#config.limits.c2s_send_queues)
  }

  async run(): Promise<RunningServer> {
    const { data_path, durability } = this.#config.global
    const lock = this.#lifecycle.add('lock', lockDataDirectory(data_path))
    if (process.getuid?.() === 0)
      this.#log.warn({}, 'Running as root, which nothing here needs: better make a user for the server')
    const ports = await this.#settlePorts()
    const certificates = await this.#certificates()
    const path = join(data_path, 'dmucd.sqlite')
    const store = this.#lifecycle.add('store', await openSqliteStore({ path, durability, lock, log: this.#log }))
    const links = this.#loginLinks(store)
    const { server, pool } = this.#server(store, certificates, links)
    await server.start()
    this.#measure(store, server, pool)
    this.#watchLinks(server, pool)
    await this.#listenForServers(ports, store, server, pool, certificates)
    await this.#listenForComponents(ports, store, server)
    await this.#listenForClients(ports, store, server, certificates, links)
    this.#lifecycle.add('services', { close: () => server.closeServices() })
    await this.#openAdminSocket(store, server, pool, links)
    const first = await this.#firstStart(store, server, links)
    this.#ready()
    await this.#announce(links, first || this.#parts.showLogin === true)
    return this.#running(server, pool, certificates)
  }

  async #settlePorts(): Promise<readonly Endpoint[]> {
    const { global, firstStart } = this.#config
    const named = endpointsOf(this.#config)
    const { ports, shift, missing } = await settlePorts(named, firstStart?.shift_ports === true ? 1000 : 0)
    for (const { address } of new Map(missing.map((each) => [each.address, each])).values())
      this.#log.info({ address }, 'This machine does not have the address; the others serve')
    if (shift > 0)
      this.#log.warn(
        { c2s: global.c2s_ports.map((port) => port + shift), http: global.http_ports.map((port) => port + shift) },
        `A port was taken, so all ports are ${shift} higher than configured`,
      )
    return ports
  }

  async #certificates(): Promise<Certificates> {
    const { global, hosts, firstStart } = this.#config
    const certificates = await openCertificates({
      directory: global.certificates,
      authorities: global.s2s_ca_file === '' ? undefined : global.s2s_ca_file,
      domains: hosts.map(({ domain }) => domain),
      selfSigned: firstStart?.self_signed === true,
      clock: this.#clock,
      log: this.#log,
    })
    const reload = (): void => reloadCertificates(certificates, this.#log)
    this.#lifecycle.add('watch for certificates', certificates.watch(reload))
    return certificates
  }

  #server(
    store: Store,
    certificates: Certificates,
    links: LoginLinks,
  ): { readonly server: Server; readonly pool: S2sPool } {
    const log = this.#log
    const [clock, random] = [this.#clock, this.#random]
    let made: S2sPool | undefined
    const server = new Server({
      hosts: hostsOf(this.#config),
      store,
      clock,
      random,
      log,
      crowded: () => this.#budget.crowded,
      counts: this.#metrics.counts,
      sessionsPerAccount: this.#config.limits.c2s_sessions,
      accountChanged: (jid, change) => {
        if (change !== 'added') links.forget(jid)
      },
      httpBase: () => this.#config.global.http_external_url || this.#localUrl(),
      remote: ({ servers }) => {
        made = new S2sPool(
          { policy: this.#live.s2sPolicy, ...poolOptionsOf(this.#config) },
          { gateway: servers, certificates, resolver: this.#resolver(), clock, random, log, lagging: lagging(store) },
        )
        return made
      },
    })
    if (made === undefined) throw new Error('The server made no way to other servers')
    const pool = made
    this.#lifecycle.add('servers', { close: () => pool.close(this.#deadlineMs) })
    this.#lifecycle.add('hosts', server)
    return { server, pool }
  }

  #measure(store: Store, server: Server, pool: S2sPool): void {
    const services = this.#config.hosts.filter(({ type }) => type === 'muc')
    this.#metrics.measure({
      version,
      startedAt: this.#clock.now(),
      sessions: () => server.sessions.all(),
      links: () => pool.links(),
      rooms: () =>
        Promise.all(services.map(async ({ domain }) => ({ service: domain, rooms: await store.roomCount(domain) }))),
      pendingWrites: () => store.pending,
    })
  }

  /** Distributed rooms hear of streams that broke, to find out what was lost with them, and of peers that are there again. */
  #watchLinks(server: Server, pool: S2sPool): void {
    const services = this.#config.hosts.flatMap(({ domain }) => server.service<MucService>(domain, mucService) ?? [])
    this.#live.demands = (remote) => {
      const demands = services.map(({ distribution }) => distribution.demands(remote))
      return demands.find((demand) => demand === 'certificate') ?? demands.find((demand) => demand !== undefined)
    }
    const interrupted = (remote: string): void => {
      for (const service of services) service.interrupted(remote)
    }
    const reached = (remote: string): void => {
      for (const { distribution } of services) distribution.reached(remote)
    }
    for (const { distribution } of services) distribution.through(pool)
    this.#lifecycle.add('watch for links', {
      close: pool.watch({ down: interrupted, up: reached, heard: reached }),
    })
  }

  #resolver(): DomainResolver {
    const live = this.#live
    return new DomainResolver({
      dns: this.#parts.dns ?? new SystemDns(this.#config.global.dns_servers, { clock: this.#clock }),
      clock: this.#clock,
      random: this.#random,
      get routes() {
        return live.routes
      },
      allowPrivate: this.#config.global.s2s_allow_private_addresses,
    })
  }

  async #listenForServers(
    ports: readonly Endpoint[],
    store: Store,
    server: Server,
    pool: S2sPool,
    certificates: Certificates,
  ): Promise<void> {
    const endpoints = ports.filter(({ option }) => option === 's2s_ports' || option === 's2s_direct_tls_ports')
    const listener = await startServerListener(
      {
        endpoints: endpoints.map(({ option, address, port }) => ({
          ...{ host: address, port, directTls: option === 's2s_direct_tls_ports' },
        })),
        ...serverListenerOptionsOf(this.#config),
      },
      {
        ...{ gateway: server.servers, certificates, pool, lagging: lagging(store) },
        refused: (reason) => this.#metrics.counts.refused('s2s', reason),
        ...{ clock: this.#clock, random: this.#random, log: this.#log },
      },
    )
    this.#lifecycle.add('s2s_ports', { close: () => listener.close(this.#deadlineMs) })
    endpoints.forEach((endpoint, index) => {
      this.#listening.push({ ...endpoint, port: listener.ports[index] ?? endpoint.port })
    })
  }

  async #listenForComponents(ports: readonly Endpoint[], store: Store, server: Server): Promise<void> {
    const parts = { gateway: server.components, clock: this.#clock, random: this.#random, log: this.#log }
    for (const port of ports.filter(({ option }) => option === 'component_ports')) {
      const listener = await startComponentListener(
        { host: port.address, port: port.port, ...componentListenerOptionsOf(this.#config) },
        {
          ...parts,
          lagging: lagging(store),
          refused: (reason) => this.#metrics.counts.refused('component', reason),
        },
      )
      this.#lifecycle.add('component_ports', { close: () => listener.close(this.#deadlineMs) })
      this.#listening.push({ ...port, port: listener.port })
    }
  }

  async #listenForClients(
    ports: readonly Endpoint[],
    store: Store,
    server: Server,
    certificates: Certificates,
    links: LoginLinks,
  ): Promise<void> {
    const { global, limits } = this.#config
    const options = {
      ...clientOptionsOf(this.#config),
      certificates: clientCertificates(global, this.#clock),
    }
    const dependencies: ClientDependencies = {
      gateway: server.clients,
      certificates,
      clock: this.#clock,
      random: this.#random,
      log: this.#log,
      secret: await lastingSecret(store, this.#random),
      iterations: defaultIterations,
      tokens: this.#tokens(store),
      budget: this.#budget,
      lagging: lagging(store),
      refused: (reason) => this.#metrics.counts.refused('c2s', reason),
      perAddress: new AddressCount(limits.c2s_connections),
      failures: new AddressLimit(this.#clock, { rate: limits.c2s_failed_logins / 60, burst: limits.c2s_failed_logins }),
      resumptions: new Resumptions(this.#random),
    }
    const httpConnections = exceptLoopback(new AddressCount(limits.http_connections))
    const bosh = startBoshListener(boshOptionsOf(this.#config), dependencies)
    const meta = hostMeta({ externalUrl: global.http_external_url || undefined, ...httpPaths })
    // All at once, so that their deadlines do not add up.
    const open: { close(deadlineMs: number): Promise<void> }[] = [bosh.connections]
    const closeAll = async (): Promise<void> => {
      await Promise.all(open.map((each) => each.close(this.#deadlineMs)))
    }
    this.#lifecycle.add('listeners for clients', { close: closeAll })
    const opened = (listener: ClientListener, { option, address }: Endpoint): void => {
      open.push(listener)
      this.#listening.push({ option, address, port: listener.port })
    }
    for (const port of ports) {
      const { option, address } = port
      if (option === 'c2s_ports' || option === 'c2s_direct_tls_ports') {
        const directTls = option === 'c2s_direct_tls_ports'
        const place = { host: address, port: port.port, option, directTls }
        opened(await startClientListener({ ...options, ...place }, dependencies), port)
      } else if (option === 'http_ports') {
        const http = await HttpServer.listen({
          ...{ host: address, port: port.port, option, log: this.#log },
          answered: (status) => {
            if (status >= 400) this.#metrics.counts.refused('http', String(status))
          },
          perAddress: httpConnections,
          refused: (reason) => this.#metrics.counts.refused('http', reason),
        })
        open.push(http)
        opened(startWebSocketListener(options, http, dependencies), port)
        http.route(httpPaths.bosh, bosh.handler)
        server.serveHttp(http)
        if (global.openmetrics_allow_ips.length > 0)
          http.route(metricsPath, metricsPage(this.#metrics, global.openmetrics_allow_ips))
        for (const path of [hostMetaPath, hostMetaJsonPath]) http.route(path, meta)
        if (global.web_client) http.route('/', this.#page(links))
      }
    }
  }

  #tokens(store: Store): FastTokens | undefined {
    const lifetimeMs = this.#config.global.fast_token_lifetime * 1000
    const parts = { store, clock: this.#clock, random: this.#random, lifetimeMs }
    return lifetimeMs === 0 ? undefined : new FastTokens(parts)
  }

  #page(links: LoginLinks) {
    return webPage({ settings: pageSettingsOf(this.#config), links: links.accounts.length > 0 ? links : undefined })
  }

  #loginLinks(store: Store): LoginLinks {
    const { firstStart } = this.#config
    return new LoginLinks({
      accounts: firstStart?.login_links === true ? firstStart.accounts : [],
      random: this.#random,
      now: () => this.#clock.now(),
      setPassword: (jid, password) => putPassword(store, deriveKeys, jid, password, this.#clock.now()),
    })
  }

  /** The address of the page with a secret in its fragment; undefined where there is none to be had. */
  async #loginLink(links: LoginLinks, jid: string): Promise<LoginLink | undefined> {
    const page = this.#pageAddress()
    const known = links.knows(jid)
    const secret = page === undefined ? undefined : await links.make(jid)
    if (secret === undefined) return undefined
    const link = `${page}#login=${secret}`
    return known ? { link } : { link, newPassword: await links.password(jid) }
  }

  #pageAddress(): string | undefined {
    return this.#config.global.web_client ? this.#localUrl() : undefined
  }

  /** The HTTP server as it is reached on this machine. */
  #localUrl(): string | undefined {
    const http = this.#listening.find(({ option, address }) => option === 'http_ports' && isLoopback(address))
    return http && `http://localhost:${http.port}/`
  }

  async #openAdminSocket(store: Store, server: Server, pool: S2sPool, links: LoginLinks): Promise<void> {
    const startedAt = this.#clock.now()
    const operator: Operator = {
      store,
      hosts: this.#config.hosts.map(({ domain, type }) => ({ domain, type })),
      now: () => this.#clock.now(),
      deriveKeys: (password) => deriveKeys(password),
      server: {
        version,
        pid: process.pid,
        startedAt,
        listening: this.#spelt(),
        sessions: () => server.sessions.size,
        remotes: () => new Set(pool.links().flatMap(({ state, remote }) => (state === 'up' ? [remote] : []))).size,
      },
      accountChanged: async (jid, change) => {
        if (change !== 'added') links.forget(jid)
        await server.accountChanged(jid)
        if (change === 'password') endSessions(server, jid)
      },
      loginLink: (jid) => this.#loginLink(links, jid),
      service: (domain, name) => server.service(domain, name),
      servers: serverLinks({ pool, router: server.router, clock: this.#clock, random: this.#random }),
    }
    const { admin_socket: path } = this.#config.global
    this.#lifecycle.add('admin socket', await openAdminSocket({ path, commands, operator, log: this.#log }))
  }

  /** True at the first start on this data directory. */
  async #firstStart(store: Store, server: Server, links: LoginLinks): Promise<boolean> {
    const { firstStart } = this.#config
    if (firstStart === undefined) return false
    const { room, room_name: name, welcome: subject, accounts } = firstStart
    const made = await makeFirstStart({
      accounts,
      room: room === '' ? undefined : { jid: room, name, subject },
      store,
      links,
      service: server.service<MucService>(room.slice(room.indexOf('@') + 1), mucService),
      now: this.#clock.now(),
    })
    for (const jid of made.accounts) await server.accountChanged(jid)
    return made.first
  }

  async #announce(links: LoginLinks, withLogins: boolean): Promise<void> {
    const { firstStart } = this.#config
    if (firstStart === undefined) return
    const logins = []
    for (const jid of withLogins ? links.accounts : []) {
      const made = await this.#loginLink(links, jid)
      if (made === undefined) continue
      logins.push({
        jid,
        link: made.link,
        password: await links.password(jid),
        renewed: made.newPassword !== undefined,
      })
    }
    const c2s = this.#listening.find(({ option }) => option === 'c2s_ports')
    const page = this.#pageAddress()
    this.#parts.announce?.(
      announce({
        page,
        logins,
        canLink: firstStart.login_links && page !== undefined,
        room: firstStart.room || undefined,
        clients: c2s,
        selfSigned: firstStart.self_signed,
      }),
    )
  }

  #ready(): void {
    const outside = this.#spelt(({ address }) => !isLoopback(address))
    const reach = outside.length === 0 ? 'this machine only' : `also reached from outside: ${outside.join(', ')}`
    const hosts = this.#config.hosts.map(({ domain }) => domain)
    const listening = this.#spelt()
    this.#log.info({ version, hosts }, `Ready: ${listening.join(', ')}; ${reach}`)
  }

  #running(server: Server, pool: S2sPool, certificates: Certificates): RunningServer {
    const ports: Record<(typeof shortNames)[PortOption], number[]> = {
      ...{ c2s: [], c2sDirectTls: [], s2s: [], s2sDirectTls: [], http: [], components: [] },
    }
    for (const { option, port } of this.#listening)
      if (!ports[shortNames[option]].includes(port)) ports[shortNames[option]].push(port)
    return {
      ports,
      service: (domain, name) => server.service(domain, name),
      reload: (config) => {
        const waiting = needRestart(this.#config, config)
        this.#live.current = config
        this.#log.info({}, 'Took the configuration over')
        if (waiting.length > 0)
          this.#log.warn({ options: waiting }, `Changed, but in effect only after a restart: ${waiting.join(', ')}`)
        reloadCertificates(certificates, this.#log)
        pool.enforce()
      },
      close: () => this.#lifecycle.close(),
    }
  }

  /** In the order of the options, whatever was opened first. */
  #spelt(which: (endpoint: Endpoint) => boolean = () => true): string[] {
    const chosen = this.#listening.filter(which)
    return portOptions.flatMap((option) => chosen.filter((each) => each.option === option).map(spellEndpoint))
  }

  get #deadlineMs(): number {
    return this.#config.global.shutdown_timeout * 1000
  }
}

/** Does more wait for the disk than should? */
const lagging = (store: Store) => (): boolean => store.pending > store.pendingLimit

function endSessions(server: Server, jid: string): void {
  for (const session of server.sessions.of(jid)) session.outbox.close('not-authorized', 'The password was changed')
}
