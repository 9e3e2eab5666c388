/** How people come to their first login: links to the page, and what the terminal shows at the first start. */
import { announce } from '../admin/announcement.js'
import type { LoginLink } from '../admin/command.js'
import { makeFirstStart } from '../admin/first-start.js'
import { LoginLinks } from '../admin/login-links.js'
import { webPage } from '../admin/web/page.js'
import { pageSettingsOf } from '../config/live.js'
import { type MucService, mucService } from '../modules/muc/index.js'
import type { HttpHandler } from '../net/http.js'
import { deriveKeys } from '../sasl/scram-keys.js'
import { putPassword } from '../server/account-password.js'
import type { Server } from '../server/server.js'
import type { Store } from '../store/store.js'
import type { Surroundings } from './surroundings.js'

export class Logins {
  readonly links: LoginLinks
  readonly #around: Surroundings
  readonly #store: Store

  constructor(around: Surroundings, store: Store) {
    const { config, clock, random } = around
    const { firstStart } = config
    this.#around = around
    this.#store = store
    this.links = new LoginLinks({
      accounts: firstStart?.login_links === true ? firstStart.accounts : [],
      random,
      now: () => clock.now(),
      setPassword: (jid, password) => putPassword(store, deriveKeys, jid, password, clock.now()),
    })
  }

  /** What is at the root of the HTTP server. */
  page(): HttpHandler | undefined {
    const { config } = this.#around
    if (!config.global.web_client) return undefined
    return webPage({
      settings: pageSettingsOf(config),
      links: this.links.accounts.length > 0 ? this.links : undefined,
    })
  }

  /** The address of the page with a secret in its fragment; undefined where there is none to be had. */
  async link(jid: string): Promise<LoginLink | undefined> {
    const page = this.#pageAddress()
    const known = this.links.knows(jid)
    const secret = page === undefined ? undefined : await this.links.make(jid)
    if (secret === undefined) return undefined
    const link = `${page}#login=${secret}`
    return known ? { link } : { link, newPassword: await this.links.password(jid) }
  }

  /** True at the first start on this data directory. */
  async firstStart(server: Server): Promise<boolean> {
    const { config, clock } = this.#around
    const { firstStart } = config
    if (firstStart === undefined) return false
    const { room, room_name: name, welcome: subject, accounts } = firstStart
    const made = await makeFirstStart({
      accounts,
      room: room === '' ? undefined : { jid: room, name, subject },
      store: this.#store,
      links: this.links,
      service: server.service<MucService>(room.slice(room.indexOf('@') + 1), mucService),
      now: clock.now(),
    })
    for (const jid of made.accounts) await server.accountChanged(jid)
    return made.first
  }

  /** Logins where `withLogins`; nothing without `[first_start]`. */
  async announce(tell: (text: string) => void, withLogins: boolean): Promise<void> {
    const { config, open } = this.#around
    const { firstStart } = config
    if (firstStart === undefined) return
    const logins = []
    for (const jid of withLogins ? this.links.accounts : []) {
      const made = await this.link(jid)
      if (made === undefined) continue
      logins.push({
        jid,
        link: made.link,
        password: await this.links.password(jid),
        renewed: made.newPassword !== undefined,
      })
    }
    const c2s = open.first('c2s_ports')
    const page = this.#pageAddress()
    tell(
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

  #pageAddress(): string | undefined {
    const { config, open } = this.#around
    return config.global.web_client ? open.localUrl() : undefined
  }
}
