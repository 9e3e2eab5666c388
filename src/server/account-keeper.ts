/**
 * Making, changing and ending accounts while the server runs: for registration, for administrators, and after a change that the operator
 * made by other means. What becomes of it is durable before anybody is told.
 */
import { deriveKeys, PasswordError } from '../sasl/scram-keys.js'
import type { Store, Write } from '../store/store.js'
import type { Clock } from '../util/clock.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { putPassword } from './account-password.js'
import type { Session } from './session.js'

export type AccountChange = 'added' | 'password' | 'disabled' | 'deleted'

export interface AccountKeeper {
  /** `more` becomes durable with it. Throws StanzaError `conflict`, or `not-acceptable` for a password that cannot be used. */
  create(bareJid: string, password: string, more?: readonly Write[]): Promise<void>
  /** Ends the account's sessions but `except`. Throws StanzaError `item-not-found` or `not-acceptable`. */
  setPassword(bareJid: string, password: string, except?: Session): Promise<void>
  setDisabled(bareJid: string, disabled: boolean): Promise<void>
  /** With all that is kept of it. Contacts see its clients leave; `before` is called when it is durable, before their streams end. */
  remove(bareJid: string, before?: () => void): Promise<void>
  /** Of a bare or a full JID; how many there were. */
  endSessions(jid: string, why: string, except?: Session): number
}

export interface AccountKeeperParts {
  readonly store: Store
  readonly clock: Clock
  readonly sessionsOf: (jid: string) => readonly Session[]
  /** The session is over: nothing of it is left. */
  readonly unbind: (session: Session) => void
  /** What is in memory of the account is read again. */
  readonly forget: (bareJid: string) => void
  readonly changed: (bareJid: string, change: AccountChange) => void
}

export class StoredAccounts implements AccountKeeper {
  readonly #parts: AccountKeeperParts
  /** Being made: two who want one name at the same moment. */
  readonly #making = new Set<string>()

  constructor(parts: AccountKeeperParts) {
    this.#parts = parts
  }

  async create(bareJid: string, password: string, more: readonly Write[] = []): Promise<void> {
    if (this.#making.has(bareJid)) throw taken()
    this.#making.add(bareJid)
    try {
      if ((await this.#parts.store.account(bareJid)) !== undefined) throw taken()
      await this.#put(bareJid, password, more)
    } finally {
      this.#making.delete(bareJid)
    }
    this.#changed(bareJid, 'added')
  }

  async setPassword(bareJid: string, password: string, except?: Session): Promise<void> {
    await this.#existing(bareJid)
    await this.#put(bareJid, password)
    this.endSessions(bareJid, 'The password was changed', except)
    this.#changed(bareJid, 'password')
  }

  async setDisabled(bareJid: string, disabled: boolean): Promise<void> {
    const account = await this.#existing(bareJid)
    await this.#parts.store.commit([{ type: 'account.put', account: { ...account, disabled } }])
    if (disabled) this.endSessions(bareJid, 'The account is disabled')
    this.#changed(bareJid, 'disabled')
  }

  async remove(bareJid: string, before: () => void = () => {}): Promise<void> {
    await this.#existing(bareJid)
    const sessions = this.#parts.sessionsOf(bareJid)
    for (const session of sessions) this.#parts.unbind(session)
    await this.#parts.store.commit([{ type: 'account.delete', jid: bareJid }])
    before()
    for (const session of sessions) session.outbox.close('not-authorized', 'The account is gone')
    this.#changed(bareJid, 'deleted')
  }

  endSessions(jid: string, why: string, except?: Session): number {
    const ended = this.#parts.sessionsOf(jid).filter((session) => session !== except)
    for (const session of ended) {
      this.#parts.unbind(session)
      session.outbox.close('not-authorized', why)
    }
    return ended.length
  }

  async #existing(bareJid: string) {
    const account = await this.#parts.store.account(bareJid)
    if (account === undefined) throw new StanzaError('item-not-found', { text: `There is no account ${bareJid}` })
    return account
  }

  async #put(bareJid: string, password: string, more: readonly Write[] = []): Promise<void> {
    try {
      await putPassword(this.#parts.store, deriveKeys, bareJid, password, this.#parts.clock.now(), more)
    } catch (cause) {
      if (!(cause instanceof PasswordError)) throw cause
      throw new StanzaError('not-acceptable', { text: 'This password cannot be used', cause })
    }
  }

  #changed(bareJid: string, change: AccountChange): void {
    this.#parts.forget(bareJid)
    this.#parts.changed(bareJid, change)
  }
}

const taken = (): StanzaError => new StanzaError('conflict', { text: 'There is an account with this name' })
