/** The streams that may be resumed (XEP-0198 §5), over all listeners, by their unguessable ids. */
import type { Random } from '../util/random.js'
import type { Jid } from '../xmpp/jid.js'
import type { Session } from './session.js'

/** Streams that were given up and whose count is still known. */
const remembered = 10_000

/** What is resumed. */
interface Resumable {
  readonly session: Session | undefined
  /** By which its client finds it. */
  readonly id: string | undefined
  /** Stanzas of the client that were handled. */
  readonly handled: number
  /** Gives it up. */
  cutOff(): void
}

export class Resumptions<T extends Resumable> {
  readonly #random: Random
  readonly #perAccount: number
  readonly #refused: () => void
  readonly #byId = new Map<string, T>()
  /** By bare JID, in the order in which their connections were lost. */
  readonly #waiting = new Map<string, Set<T>>()
  readonly #former = new Map<string, { readonly account: string; readonly handled: number }>()

  /** `perAccount`: sessions that wait for their clients; of more, the oldest is given up, and `refused` called. */
  constructor(random: Random, perAccount = 10, refused = () => {}) {
    this.#random = random
    this.#perAccount = perAccount
    this.#refused = refused
  }

  /** Returns the new id. */
  add(outbox: T): string {
    const id = this.#random.token()
    this.#byId.set(id, outbox)
    return id
  }

  /** Only the account itself finds its streams. */
  find(id: string, account: Jid): T | undefined {
    const outbox = this.#byId.get(id)
    return outbox?.session?.jid.bare().equals(account.bare()) === true ? outbox : undefined
  }

  /** How many stanzas were handled of a stream that was given up, where that is still known. */
  formerlyHandled(id: string, account: Jid): number | undefined {
    const former = this.#former.get(id)
    return former?.account === account.bare().toString() ? former.handled : undefined
  }

  waits(outbox: T): void {
    const account = accountOf(outbox)
    const waiting = this.#waiting.get(account) ?? new Set()
    this.#waiting.set(account, waiting.add(outbox))
    const [oldest] = waiting
    if (waiting.size <= this.#perAccount) return
    this.#refused()
    oldest?.cutOff()
  }

  goesOn(outbox: T): void {
    const account = accountOf(outbox)
    const waiting = this.#waiting.get(account)
    waiting?.delete(outbox)
    if (waiting?.size === 0) this.#waiting.delete(account)
  }

  ends(outbox: T): void {
    this.goesOn(outbox)
    const { id } = outbox
    if (id === undefined) return
    this.#byId.delete(id)
    this.#former.set(id, { account: accountOf(outbox), handled: outbox.handled })
    const [oldest] = this.#former.keys()
    if (this.#former.size > remembered && oldest !== undefined) this.#former.delete(oldest)
  }
}

const accountOf = (outbox: Resumable): string => outbox.session?.jid.bare().toString() ?? ''
