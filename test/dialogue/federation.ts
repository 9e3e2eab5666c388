/** Several live servers in one process, each a domain with a service of rooms, joined by links that a test can cut. */

import { modules } from '../../src/modules/index.js'
import { type MucService, mucService } from '../../src/modules/muc/index.js'
import { type HostOptions, Server } from '../../src/server/server.js'
import { openMemoryStore } from '../../src/store/memory.js'
import type { Store } from '../../src/store/store.js'
import { ManualClock } from '../../src/util/clock.js'
import type { Logger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import { copy, type Element, elements } from '../../src/xml/element.js'
import { Jid } from '../../src/xmpp/jid.js'
import { ns } from '../../src/xmpp/namespaces.js'
import { errorReply } from '../../src/xmpp/stanza.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { Traffic } from '../support/schemas.js'
import { addAccount, Client, settled } from './stage.js'

type Options = Readonly<Record<string, unknown>>

export interface Site {
  readonly domain: string
  readonly rooms: string
  store: Store
  server: Server
  /** What the log said, for failures of tests. */
  readonly notes: string[]
}

export class Federation {
  readonly clock = new ManualClock()
  readonly sites: readonly Site[]
  readonly #cut = new Set<string>()
  readonly #dmuc: Options
  readonly #muc: Options
  /** Domains whose servers are of a release that neither knows nor says these children of `<iq/>`, in `urn:xmpp:dmuc-sync:0`. */
  readonly older = new Map<string, string>()
  readonly #random = new SeededRandom(11)
  /** Every stanza that crossed a link. */
  readonly wire: string[] = []
  readonly #traffic = new Traffic()

  private constructor(names: readonly string[], dmuc: Options, muc: Options) {
    this.#dmuc = dmuc
    this.#muc = muc
    this.sites = names.map((domain) => ({
      domain,
      rooms: `rooms.${domain}`,
      store: openMemoryStore(),
      notes: [],
      server: undefined as unknown as Server,
    }))
    for (const site of this.sites) site.server = this.#serverOf(site, dmuc)
  }

  static async open(names: readonly string[], dmuc: Options = {}, muc: Options = {}): Promise<Federation> {
    const federation = new Federation(names, dmuc, muc)
    for (const { server } of federation.sites) await server.start()
    return federation
  }

  site(domain: string): Site {
    return this.sites.find((site) => site.domain === domain) as Site
  }

  async client(jid: string): Promise<Client> {
    const full = Jid.parse(jid)
    await addAccount(this.site(full.domain).store, full.bare().toString())
    return new Client(full.local, this.site(full.domain).server, full, {})
  }

  cut(a: string, b: string): void {
    this.#cut.add(`${a} ${b}`).add(`${b} ${a}`)
  }

  heal(a: string, b: string): void {
    this.#cut.delete(`${a} ${b}`)
    this.#cut.delete(`${b} ${a}`)
  }

  /** Lets time pass, with all that it brings. */
  async wait(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 500) {
      this.clock.advance(Math.min(500, left))
      await settled()
    }
  }

  /** Ends a site at once, as kill -9 does, and starts it again on what its store has. Its clients are gone. */
  async crash(domain: string): Promise<void> {
    const site = this.site(domain)
    site.server = this.#serverOf(site, this.#dmuc)
    await site.server.start()
    for (const other of this.sites)
      if (other !== site) other.server.service<MucService>(other.rooms, mucService)?.interrupted(site.rooms)
  }

  async close(): Promise<void> {
    for (const { server, store } of this.sites) {
      await server.close()
      await store.close()
    }
    this.#traffic.check()
  }

  #serverOf(site: Site, dmuc: Options): Server {
    const allow = this.sites.map(({ rooms }) => rooms).filter((rooms) => rooms !== site.rooms)
    let self: Server | undefined
    // What a crashed server still says reaches nobody.
    const send = (stanza: Element): void => {
      if (self === site.server) this.#cross(site, stanza)
    }
    const userModules = modules.filter((module) => module.hosts.includes('user'))
    const mucModules = modules.filter((module) => module.hosts.includes('muc'))
    const hosts: HostOptions[] = [
      { domain: site.domain, type: 'user', modules: userModules },
      {
        domain: site.rooms,
        type: 'muc',
        modules: mucModules,
        options: { muc: { dmuc: { allow, ...dmuc }, ...this.#muc } },
      },
    ]
    self = new Server({
      hosts,
      store: site.store,
      clock: this.clock,
      random: this.#random,
      log: noting(site.notes),
      remote: { send, sendText: (_from, to, _text, stanza) => send(addressed(stanza, to)) },
    })
    return self
  }

  #cross(from: Site, stanza: Element): void {
    const to = this.sites.find(({ domain, rooms }) => [domain, rooms].includes(Jid.parse(stanza.attrs.to).domain))
    const crossed = copy(stanza)
    setImmediate(() => {
      const payload = elements(crossed)[0]
      const asks = payload?.getNS() === ns.dmucSync && ['get', 'set'].includes(String(crossed.attrs.type))
      if (asks && this.older.get(from.domain) === payload.name) return
      if (asks && to !== undefined && this.older.get(to.domain) === payload.name) {
        const refusal = errorReply(crossed, new StanzaError('service-unavailable'))
        if (refusal !== undefined) this.#cross(to, refusal)
        return
      }
      if (to !== undefined && !this.#cut.has(`${from.domain} ${to.domain}`)) {
        this.wire.push(crossed.toString())
        this.#traffic.add(crossed)
        void to.server.servers.receive(crossed)
        return
      }
      const bounce = errorReply(crossed, new StanzaError('remote-server-not-found', { text: 'the link is cut' }))
      if (bounce !== undefined) void from.server.router.route(bounce)
    })
  }
}

const addressed = (stanza: Element, to: string): Element => {
  const twin = copy(stanza)
  twin.attrs.to = to
  return twin
}

const noting = (notes: string[]): Logger => {
  const note =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void =>
      void notes.push(`${level} ${message} ${fields.err instanceof Error ? fields.err.stack : JSON.stringify(fields)}`)
  const log: Logger = {
    debug: () => {},
    info: note('info'),
    warn: note('warn'),
    error: note('error'),
    child: () => log,
  }
  return log
}
