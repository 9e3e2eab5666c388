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

export const serviceOf = (site: number): string => `rooms.site${site}.example`
export const roomOf = (site: number): string => `coven@${serviceOf(site)}`

export interface SiteParts {
  readonly time: SimTime
  readonly random: Random
  readonly disk: Disk
  readonly sites: number
  /** How many messages a new shadow asks for. */
  readonly history: number
  /** A stanza that leaves for another domain; `to` where the stanza itself names nobody. */
  readonly send: (stanza: Element, to: string) => void
  readonly note: (level: string, text: string) => void
}

export class Site {
  skewMs = 0
  readonly index: number
  readonly #parts: SiteParts
  #process: { readonly server: Server; readonly clock: ProcessClock; readonly store: Store } | undefined

  constructor(index: number, parts: SiteParts) {
    this.index = index
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

  async start(): Promise<void> {
    const { time, random, disk, sites, history, send, note } = this.#parts
    const clock = new ProcessClock(time, this.skewMs)
    const store = disk.open()
    const allow = Array.from({ length: sites }, (_, other) => serviceOf(other)).filter((_, n) => n !== this.index)
    const isAlive = (): boolean => this.#process?.clock === clock
    const server = new Server({
      hosts: [
        {
          domain: serviceOf(this.index),
          type: 'muc',
          modules: [disco, ping, muc],
          options: { muc: { dmuc: { allow, max_history: history } } },
        },
      ],
      store,
      clock,
      random,
      log: noting((level, text) => isAlive() && note(level, text)),
      remote: {
        send: (stanza) => isAlive() && send(stanza, stanza.attrs.to),
        sendText: (_from, to, _text, stanza) => isAlive() && send(stanza, to),
      },
    })
    this.#process = { server, clock, store }
    await server.start()
  }

  /** As kill -9 does. */
  crash(): void {
    this.#process?.clock.end()
    this.#process = undefined
    this.#parts.disk.crash()
  }

  /** The operator sets the clock. */
  setClock(skewMs: number): void {
    this.skewMs = skewMs
    if (this.#process !== undefined) this.#process.clock.skewMs = skewMs
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
