/**
 * Accounts in memory. The first stanza from or to a bare JID loads the account and what modules need of it; until that
 * is there, and while a change of it is being written, its stanzas wait in its mailbox, in order. Nothing is decided on
 * what is not loaded, and nothing is changed in memory that did not become durable.
 */
import { type Store, StoreError, type Write } from '../store/store.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { Handled } from './handled.js'
import { Mailbox } from './mailbox.js'

export interface LoadedAccount {
  /** Bare JID. */
  readonly jid: string
  readonly exists: boolean
  /** What modules' loaders read, by the name of the registration. */
  readonly data: Map<string, unknown>
  /**
   * Hands `batch` to the store; everything else of this account waits until it is confirmed. Then `apply` changes the
   * memory and routes what follows from it. Rejects, with nothing applied, when the store fails.
   */
  write(batch: readonly Write[], apply: () => Handled): Promise<void>
  /**
   * Hands `batch` to the store, which changes nothing in memory; `then` runs in its turn once that is confirmed. Others may begin the same
   * meanwhile. Rejects when the store fails.
   */
  keep(batch: readonly Write[], then: () => Handled): Promise<void>
  /** Runs `task` now, or behind what is being kept. */
  inTurn(task: () => Handled): Handled
  /** Everything else of this account waits until `work` has settled. */
  hold<T>(work: Promise<T>): Promise<T>
}

/** Accounts without sessions that stay in memory. */
const idleAccountLimit = 10_000

class AccountEntry implements LoadedAccount {
  readonly jid: string
  readonly data = new Map<string, unknown>()
  readonly mailbox: Mailbox
  readonly #store: Store
  state: 'loading' | 'ready' | 'failed' = 'loading'
  exists = false
  failure: unknown
  used = true

  constructor(jid: string, store: Store, waiting: number, onIdle: (entry: AccountEntry) => void) {
    this.jid = jid
    this.#store = store
    this.mailbox = new Mailbox(waiting, () => onIdle(this))
  }

  write(batch: readonly Write[], apply: () => Handled): Promise<void> {
    let after: Handled
    const written = this.#store.commit(batch).then(
      () => {
        after = apply()
      },
      (error: unknown) => {
        throw storageRefusal(error)
      },
    )
    return this.hold(written).then(() => after)
  }

  keep(batch: readonly Write[], then: () => Handled): Promise<void> {
    return this.mailbox.follow(this.#store.commit(batch), then, storageRefusal)
  }

  inTurn(task: () => Handled): Handled {
    return this.mailbox.run(task, true)
  }

  hold<T>(work: Promise<T>): Promise<T> {
    this.mailbox.hold(work)
    return work
  }
}

/** A failed write as what the sender is told: try later when there is too much to do, otherwise our own fault. */
const storageRefusal = (error: unknown): unknown =>
  error instanceof StoreError && error.code === 'overloaded'
    ? new StanzaError('resource-constraint', { cause: error })
    : error

export interface AccountLoader {
  readonly name: string
  readonly load: (bareJid: string) => Promise<unknown>
}

export class AccountRegistry {
  readonly #entries = new Map<string, AccountEntry>()
  readonly #store: Store
  readonly #loaders: () => readonly AccountLoader[]
  readonly #inUse: (bareJid: string) => boolean
  readonly #waiting: number

  /**
   * `inUse`: the account has sessions, so it stays in memory. `waiting`: so many stanzas of one account may wait; what comes after is
   * refused with `resource-constraint`.
   */
  constructor(
    store: Store,
    loaders: () => readonly AccountLoader[],
    inUse: (bareJid: string) => boolean,
    waiting: number,
  ) {
    this.#store = store
    this.#loaders = loaders
    this.#inUse = inUse
    this.#waiting = waiting
  }

  /** Only if it is loaded. */
  get(bareJid: string): LoadedAccount | undefined {
    const entry = this.#entries.get(bareJid)
    return entry?.state === 'ready' ? entry : undefined
  }

  /** Nothing of the account waits: a delivery may go past its mailbox. */
  isIdle(bareJid: string): boolean {
    return this.#entries.get(bareJid)?.mailbox.idle ?? true
  }

  /**
   * Runs `task` now if the account is loaded and nothing of it is held, otherwise in its turn. A `mandatory` task is queued
   * however full the mailbox is. One that is `kept` sees to its turn itself (`LoadedAccount.keep`, `inTurn`), so it may begin while others
   * are being kept. Throws or rejects what the task throws, or why the account could not be loaded.
   */
  within(
    bareJid: string,
    task: (account: LoadedAccount) => Handled,
    { mandatory = false, kept = false }: { readonly mandatory?: boolean; readonly kept?: boolean } = {},
  ): Handled {
    const entry = this.#entries.get(bareJid) ?? this.#load(bareJid)
    entry.used = true
    if (entry.state === 'ready' && (kept ? entry.mailbox.open : entry.mailbox.idle)) return task(entry)
    return entry.mailbox.run(() => {
      if (entry.state === 'failed') throw entry.failure
      return task(entry)
    }, mandatory)
  }

  /** The account was made, changed or deleted in the store by somebody else: it is read again when next needed. */
  forget(bareJid: string): void {
    this.#entries.delete(bareJid)
  }

  #load(bareJid: string): AccountEntry {
    this.#evict()
    const entry = new AccountEntry(bareJid, this.#store, this.#waiting, (idle) => {
      if ((idle.state === 'failed' || !idle.exists) && this.#entries.get(bareJid) === idle)
        this.#entries.delete(bareJid)
    })
    this.#entries.set(bareJid, entry)
    entry.mailbox.hold(this.#read(entry))
    return entry
  }

  async #read(entry: AccountEntry): Promise<void> {
    try {
      const loaders = this.#loaders()
      const [account, ...data] = await Promise.all([
        this.#store.account(entry.jid),
        ...loaders.map((loader) => loader.load(entry.jid)),
      ])
      loaders.forEach((loader, index) => {
        entry.data.set(loader.name, data[index])
      })
      entry.exists = account !== undefined
      entry.state = 'ready'
    } catch (error) {
      entry.failure = error
      entry.state = 'failed'
    }
  }

  /** Second chance: an account goes if it has no session and was not used since it was looked at last. */
  #evict(): void {
    if (this.#entries.size < idleAccountLimit) return
    let looks = 64
    for (const [jid, entry] of this.#entries) {
      if (looks-- === 0) break
      this.#entries.delete(jid)
      const keep = entry.used || !entry.mailbox.idle || this.#inUse(jid)
      entry.used = false
      if (keep) this.#entries.set(jid, entry)
    }
  }
}
