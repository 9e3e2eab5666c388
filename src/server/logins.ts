/** What logging in needs of accounts: which keys a host can check, keys that are made when a password is shown, and guests. */
import { deriveScramKeys, type ScramHash } from '../sasl/scram-keys.js'
import type { Store } from '../store/store.js'
import type { Logger } from '../util/logger.js'
import type { Jid } from '../xmpp/jid.js'
import { type Guests, guestsService } from './guests.js'
import type { LocalHost } from './host.js'

export interface Logins {
  /** Every account of the host has keys of these. */
  hashes(domain: string): readonly ScramHash[]
  /** Is the host for those who have no account, and for nobody else (RFC 4505)? */
  takesGuests(domain: string): boolean
  /** Makes an account for one of them; its localpart. Rejects where the store fails. */
  guest(domain: string): Promise<string>
  /** One that never bound a resource is gone. */
  guestLeft(account: Jid): void
  /** Who logged in has shown the password: keys that the account has not yet are made of it. Never rejects. */
  passwordShown(account: Jid, password: string): Promise<void>
}

const fewer: readonly ScramHash[] = ['sha1', 'sha256']
const all: readonly ScramHash[] = ['sha1', 'sha256', 'sha512']

export interface LoginParts {
  readonly store: Store
  readonly host: (domain: string) => LocalHost | undefined
  readonly log: Logger
}

export class LocalLogins implements Logins {
  readonly #parts: LoginParts
  /** Domains of which each account has keys of every hash. */
  readonly #complete = new Set<string>()

  constructor(parts: LoginParts) {
    this.#parts = parts
  }

  /** To be called at the start, and whenever an account was added, changed or deleted. */
  async look(domain: string): Promise<void> {
    if (await this.#parts.store.lacksSha512(domain)) this.#complete.delete(domain)
    else this.#complete.add(domain)
  }

  hashes(domain: string): readonly ScramHash[] {
    return this.#complete.has(domain) ? all : fewer
  }

  takesGuests(domain: string): boolean {
    return this.#guests(domain) !== undefined
  }

  guest(domain: string): Promise<string> {
    const guests = this.#guests(domain)
    return guests === undefined ? Promise.reject(new Error(`${domain} takes no guests`)) : guests.make()
  }

  guestLeft(account: Jid): void {
    this.#guests(account.domain)?.left(account.bare().toString())
  }

  async passwordShown(account: Jid, password: string): Promise<void> {
    const { store, log } = this.#parts
    if (this.#complete.has(account.domain)) return
    const jid = account.bare().toString()
    try {
      const found = await store.account(jid)
      if (found === undefined || found.sha512 !== undefined) return
      const keys = await deriveScramKeys('sha512', password)
      await store.commit([{ type: 'account.sha512', jid, keys, given: found.sha256 }])
      await this.look(account.domain)
    } catch (error) {
      log.error({ err: error, jid }, 'Keys for SCRAM-SHA-512 could not be stored; the next login tries again')
    }
  }

  #guests(domain: string): Guests | undefined {
    return this.#parts.host(domain)?.service<Guests>(guestsService)
  }
}
