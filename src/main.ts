/**
 * The one place where all is put together. Parts are built in order, each registered with the `Lifecycle`, which closes
 * them in reverse: end the services, stop listening, end the clients' streams, the modules, the streams to other servers, the
 * store, the lock.
 */
import { join } from 'node:path'
import { openCertificates, reloadCertificates } from './admin/certificates.js'
import type { LoginLinks } from './admin/login-links.js'
import { ServerMetrics } from './admin/metrics.js'
import { settlePorts } from './admin/ports.js'
import { version } from './admin/version.js'
import { needRestart } from './config/changes.js'
import type { Config } from './config/config.js'
import { hostsOf, LiveConfig, poolOptionsOf } from './config/live.js'
import { type Endpoint, endpointsOf } from './config/ports.js'
import { type MucService, mucService } from './modules/muc/index.js'
import { isLoopback } from './net/address.js'
import type { Certificates } from './net/certificates.js'
import { type Dns, DomainResolver, SystemDns } from './net/resolver.js'
import { S2sPool } from './server/s2s-pool.js'
import { SendBudget } from './server/send-budget.js'
import { Server } from './server/server.js'
import { openOperatorSocket } from './start/admin-socket.js'
import { listenForClients, listenForComponents, listenForServers } from './start/listeners.js'
import { Logins } from './start/logins.js'
import { type NamedPorts, OpenPorts } from './start/open-ports.js'
import { deadlineMs, lagging, type Surroundings } from './start/surroundings.js'
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
  readonly ports: NamedPorts
  /** For tests and commands: a service that a module offers on a host. */
  service<T>(domain: string, name: string): T | undefined
  /** Takes over what can be taken over without a restart, and reads the certificates again. */
  reload(config: Config): void
  /** Stops in order, within `shutdown_timeout`. Idempotent. */
  close(): Promise<void>
}

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
  readonly #random: Random
  readonly #parts: StartParts
  readonly #around: Surroundings
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
    const { log } = parts
    const budget = new SendBudget(this.#clock, config.limits.c2s_send_queues)
    const [clock, random, metrics] = [this.#clock, this.#random, this.#metrics]
    this.#around = { config, lifecycle, log, clock, random, metrics, open: new OpenPorts(), budget }
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
    const logins = new Logins(this.#around, store)
    const { server, pool } = this.#server(store, certificates, logins.links)
    await server.start()
    this.#measure(store, server, pool)
    this.#watchLinks(server, pool)
    const served = { store, server, pool, certificates }
    await listenForServers(this.#around, ports, served)
    await listenForComponents(this.#around, ports, served)
    await listenForClients(this.#around, ports, served, logins.page())
    this.#lifecycle.add('services', { close: () => server.closeServices() })
    await openOperatorSocket(this.#around, store, server, pool, logins)
    const first = await logins.firstStart(server)
    this.#ready()
    await logins.announce(this.#parts.announce ?? (() => {}), first || this.#parts.showLogin === true)
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
      crowded: () => this.#around.budget.crowded,
      counts: this.#metrics.counts,
      sessionsPerAccount: this.#config.limits.c2s_sessions,
      waitingPerAccount: this.#config.limits.account_queue,
      accountChanged: (jid, change) => {
        if (change !== 'added') links.forget(jid)
      },
      httpBase: () => this.#config.global.http_external_url || this.#around.open.localUrl(),
      remote: ({ servers }) => {
        made = new S2sPool(
          { policy: this.#live.s2sPolicy, ...poolOptionsOf(this.#config) },
          {
            ...{ gateway: servers, certificates, resolver: this.#resolver(), clock, random, log },
            lagging: lagging(store),
            refused: (reason) => this.#metrics.counts.refused('s2s', reason),
          },
        )
        return made
      },
    })
    if (made === undefined) throw new Error('The server made no way to other servers')
    const pool = made
    this.#lifecycle.add('servers', { close: () => pool.close(deadlineMs(this.#around)) })
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
      directTls: !this.#config.leftOut.has('s2s_direct_tls'),
    })
  }

  #ready(): void {
    const outside = this.#around.open.spelt(({ address }) => !isLoopback(address))
    const reach = outside.length === 0 ? 'this machine only' : `also reached from outside: ${outside.join(', ')}`
    const hosts = this.#config.hosts.map(({ domain }) => domain)
    const listening = this.#around.open.spelt()
    this.#log.info({ version, hosts }, `Ready: ${listening.join(', ')}; ${reach}`)
  }

  #running(server: Server, pool: S2sPool, certificates: Certificates): RunningServer {
    return {
      ports: this.#around.open.named(),
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
}
