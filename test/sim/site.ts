/** A server of the simulation: the real service of rooms on a simulated clock, disk and network. */
import { disco } from '../../src/modules/disco.js'
import { type MucService, muc, mucService } from '../../src/modules/muc/index.js'
import { ping } from '../../src/modules/ping.js'
import { Server } from '../../src/server/server.js'
import type { Store } from '../../src/store/store.js'
import type { Logger } from '../../src/util/logger.js'
import type { Random } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import type { Disk } from './disk.js'
import { ProcessClock, type SimTime } from './time.js'
import type { MakeWay, Way } from './way.js'

export const serviceOf = (site: number): string => `rooms.site${site}.example`

/** The fourth may not vouch for its people: they have the rights of members. */
const usersOf = (site: number): string => (site === 3 ? serviceOf(site) : `people${site}.example`)
export const roomOf = (site: number): string => `coven@${serviceOf(site)}`

export interface SiteParts {
  readonly time: SimTime
  readonly random: Random
  readonly disk: Disk
  readonly sites: number
  /** How many messages a new shadow asks for. */
  readonly history: number
  /** Seconds without use after which a room leaves memory. */
  readonly unloadAfter: number
  readonly way: MakeWay
  /** A stanza that leaves for another domain, but by the real way; `to` where the stanza itself names nobody. */
  readonly send: (stanza: Element, to: string) => void
  readonly note: (level: string, text: string) => void
}

export class Site {
  skewMs = 0
  /** When its process was started last. */
  upSince = 0
  readonly index: number
  readonly disk: Disk
  readonly #parts: SiteParts
  #clock: ProcessClock | undefined
  #process: { readonly server: Server; readonly store: Store; readonly way: Way } | undefined

  constructor(index: number, parts: SiteParts) {
    this.index = index
    this.disk = parts.disk
    this.#parts = parts
  }

  get server(): Server | undefined {
    return this.#process?.server
  }

  get service(): MucService | undefined {
    return this.#process?.server.service<MucService>(serviceOf(this.index), mucService)
  }

  get store(): Store | undefined {
    return this.#process?.store
  }

  get accept(): Way['accept'] {
    return this.#process?.way.accept
  }

  /** What its clock says; it is up. */
  get now(): number {
    return this.#clock?.now() ?? 0
  }

  get isUp(): boolean {
    return this.#clock !== undefined
  }

  async start(): Promise<void> {
    const { time, random, disk, sites, history, unloadAfter, send, note } = this.#parts
    const clock = new ProcessClock(time, this.skewMs)
    this.#clock = clock
    this.upSince = time.now
    const store = await disk.open()
    const allow = Array.from({ length: sites }, (_, other) => serviceOf(other)).filter((_, n) => n !== this.index)
    const users = Object.fromEntries(Array.from({ length: sites }, (_, site) => [serviceOf(site), usersOf(site)]))
    const isAlive = (): boolean => this.#clock === clock
    const log = noting((level, text) => isAlive() && note(level, text))
    let way: Way | undefined
    const server = new Server({
      hosts: [
        {
          domain: serviceOf(this.index),
          type: 'muc',
          modules: [disco, ping, muc],
          options: { muc: { dmuc: { allow, users, max_history: history }, muc_unload_after: unloadAfter } },
        },
      ],
      store,
      clock,
      random,
      log,
      remote: {
        send: (stanza) => way?.remote.send(stanza),
        sendText: (...sent) => way?.remote.sendText(...sent),
      },
    })
    const interrupted = (domain: string): void => this.service?.interrupted(domain)
    const reached = (domain: string): void => this.service?.distribution.reached(domain)
    way = await this.#parts.way({ site: this.index, server, clock, log, isAlive, send, interrupted, reached })
    if (!isAlive()) return
    this.#process = { server, store, way }
    await server.start()
    if (way.peers !== undefined) this.service?.distribution.through(way.peers)
  }

  /** As kill -9 does. */
  crash(losesMs = 0): void {
    this.#clock?.end()
    this.#clock = undefined
    this.#process = undefined
    this.#parts.disk.crash(losesMs)
  }

  /** The operator sets the clock. */
  setClock(skewMs: number): void {
    this.skewMs = skewMs
    if (this.#clock !== undefined) this.#clock.skewMs = skewMs
  }
}

function noting(note: (level: string, text: string) => void): Logger {
  const at =
    (level: string) =>
    (fields: Readonly<Record<string, unknown>>, message: string): void =>
      note(level, `${message} ${fields.err instanceof Error ? fields.err.stack : JSON.stringify(fields)}`)
  const log: Logger = {
    debug: () => {},
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => log,
  }
  return log
}
