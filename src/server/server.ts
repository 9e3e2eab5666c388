/** The server's middle put together: hosts, sessions and routing. Connections (c2s, s2s) are attached from outside. */
import type { HttpServer } from '../net/http.js'
import type { Store } from '../store/store.js'
import type { Clock } from '../util/clock.js'
import type { Closeable } from '../util/lifecycle.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { type AccountChange, StoredAccounts } from './account-keeper.js'
import { LocalClientGateway } from './client-gateway.js'
import { type ComponentGateway, LocalComponentGateway } from './component-gateway.js'
import { type Counts, uncounted } from './counts.js'
import type { ClientGateway, ServerGateway } from './gateway.js'
import type { HostDefinition } from './host.js'
import { HostRegistry } from './hosts.js'
import type { HostType, Module } from './module.js'
import { Requests } from './requests.js'
import type { Remote, Router } from './router.js'
import { LocalServerGateway } from './server-gateway.js'
import type { Session, Sessions } from './session.js'
import { SessionRegistry } from './session-registry.js'
import { StanzaRouter } from './stanza-router.js'

export interface HostOptions {
  /** Prepared. */
  readonly domain: string
  readonly type: HostType
  /** For people; the domain if it is left out. */
  readonly name?: string
  readonly modules: readonly Module[]
  /** By module name; what is left out has its declared default. */
  readonly options?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Bare JIDs, prepared. */
  readonly admins?: Iterable<string>
}

export interface ServerOptions {
  readonly hosts: readonly HostOptions[]
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** The way to other domains; without one, everything to them is refused. A pool that needs the server is made by a function. */
  readonly remote?: Remote | ((server: Server) => Remote)
  /** Hears of accounts that modules made, changed or deleted, once that is durable. */
  readonly accountChanged?: (bareJid: string, change: AccountChange) => void
  /** Default: nothing is counted. */
  readonly counts?: Counts
  /** Clients of one account at a time; default 50. */
  readonly sessionsPerAccount?: number
  /** Stanzas of one account that may wait while it is read or written; default 1000. */
  readonly waitingPerAccount?: number
  /** Host.httpBase; default: none is known. */
  readonly httpBase?: () => string | undefined
  /** Router.crowded; default: never. */
  readonly crowded?: () => boolean
}

/** For a server that talks to no other. */
const noRemote: Remote = {
  send() {
    throw new StanzaError('remote-server-not-found', { text: 'This server is not connected to others' })
  },
  sendText() {
    throw new StanzaError('remote-server-not-found', { text: 'This server is not connected to others' })
  },
}

export class Server implements Closeable {
  readonly router: Router
  readonly sessions: Sessions
  readonly clients: ClientGateway
  readonly servers: ServerGateway
  readonly components: ComponentGateway
  readonly #clients: LocalClientGateway
  readonly #hosts: HostRegistry
  readonly #requests: Requests
  readonly #accounts: StoredAccounts
  readonly #remote: Remote
  readonly #domains: readonly string[]
  #closing: Promise<void> | undefined

  /** Throws an Error when two hosts have the same domain. The store is the caller's to close, after the server. */
  constructor(options: ServerOptions) {
    const { store, clock, random, log, counts = uncounted } = options
    const sessions = new SessionRegistry()
    this.#requests = new Requests(clock)
    const hosts = (): HostRegistry => this.#hosts
    const router = new StanzaRouter({
      hosts,
      sessions,
      requests: this.#requests,
      remote: () => this.#remote,
      crowded: options.crowded ?? (() => false),
      random,
      log,
      counts,
    })
    const definitions = options.hosts.map(definitionOf)
    this.#domains = definitions.flatMap(({ domain, type }) => (type === 'user' ? [domain] : []))
    const isLocal = (domain: string): boolean => this.#hosts.get(domain) !== undefined
    const httpBase = options.httpBase ?? (() => undefined)
    this.#accounts = new StoredAccounts({
      ...{ store, clock },
      sessionsOf: (jid) => sessionsOf(sessions, jid),
      unbind: (session) => this.clients.unbind(session),
      forget: (bareJid) => this.#hosts.get(domainOf(bareJid))?.accounts.forget(bareJid),
      changed: options.accountChanged ?? (() => {}),
    })
    const shared = {
      accounts: this.#accounts,
      router,
      sessions,
      store,
      clock,
      random,
      log,
      isLocal,
      httpBase,
      definitions,
      counts,
      waitingPerAccount: options.waitingPerAccount ?? 1000,
    }
    this.#hosts = new HostRegistry(definitions, shared)
    this.router = router
    this.sessions = sessions
    this.#clients = new LocalClientGateway({
      ...{ hosts, sessions, router, store, clock, random, log, counts },
      sessionsPerAccount: options.sessionsPerAccount ?? 50,
    })
    this.clients = this.#clients
    this.servers = new LocalServerGateway({ hosts, router, log, counts })
    this.components = new LocalComponentGateway({ hosts, router, counts })
    this.#remote = typeof options.remote === 'function' ? options.remote(this) : (options.remote ?? noRemote)
  }

  /** Sets up every host's modules; rejects with an Error fit for the operator, and nothing stays behind. */
  async start(): Promise<void> {
    await Promise.all(this.#domains.map((domain) => this.#clients.logins.look(domain)))
    await this.#hosts.start()
  }

  /** Stops the services that clients talk to, so that these still hear of it (XEP-0045 §11.2); to be followed by `close`. Idempotent. */
  closeServices(): Promise<void> {
    return this.#hosts.closeServices()
  }

  /** Stops the services, ends all clients' streams with `system-shutdown`, then withdraws the other modules. Idempotent. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  /** A service that a module offers on one of our hosts: what commands of the operator work with. */
  service<T>(domain: string, name: string): T | undefined {
    return this.#hosts.get(domain)?.service(name)
  }

  /** What modules serve over HTTP, once the server has started. Throws an Error where two have the same path. */
  serveHttp(http: Pick<HttpServer, 'route'>): void {
    for (const domain of this.#hosts.domains)
      for (const { path, handler } of this.#hosts.get(domain)?.registrations.httpRoutes ?? []) http.route(path, handler)
  }

  /** To be called after an account was made, changed or deleted in the store by somebody else; ends the clients of a deleted one. */
  async accountChanged(bareJid: string): Promise<void> {
    if ((await this.clients.account(bareJid)) === undefined) this.#accounts.endSessions(bareJid, 'The account is gone')
    await this.#clients.logins.look(domainOf(bareJid))
    this.#hosts.get(domainOf(bareJid))?.accounts.forget(bareJid)
  }

  async #close(): Promise<void> {
    await this.#hosts.closeServices()
    for (const session of [...this.sessions.all()]) {
      this.clients.unbind(session)
      session.outbox.close('system-shutdown')
    }
    await this.#clients.idle()
    await this.#hosts.close()
    this.#requests.close()
  }
}

const domainOf = (bareJid: string): string => bareJid.slice(bareJid.indexOf('@') + 1)

function sessionsOf(sessions: Sessions, jid: string): readonly Session[] {
  const one = sessions.get(jid)
  return one === undefined ? sessions.of(jid) : [one]
}

const definitionOf = (host: HostOptions): HostDefinition => ({
  domain: host.domain,
  type: host.type,
  name: host.name ?? host.domain,
  modules: host.modules,
  options: host.options ?? {},
  admins: new Set(host.admins),
})
