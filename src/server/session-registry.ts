/** The bound clients of all hosts, by full and by bare JID. */
import type { Jid } from '../xmpp/jid.js'
import type { Session, Sessions } from './session.js'

const none: readonly Session[] = []

export class SessionRegistry implements Sessions {
  readonly #byFull = new Map<string, Session>()
  readonly #byBare = new Map<string, Session[]>()

  get(jid: string): Session | undefined {
    return this.#byFull.get(jid)
  }

  of(bare: string): readonly Session[] {
    return this.#byBare.get(bare) ?? none
  }

  get size(): number {
    return this.#byFull.size
  }

  all(): IterableIterator<Session> {
    return this.#byFull.values()
  }

  /** The full JID must be free. */
  add(session: Session): void {
    const bare = bareOf(session.jid)
    this.#byFull.set(session.jid.toString(), session)
    // A new array each time: a caller that iterates over `of` is not disturbed.
    this.#byBare.set(bare, [...this.of(bare), session])
  }

  /** False if it is not (or no longer) there. */
  remove(session: Session): boolean {
    const full = session.jid.toString()
    if (this.#byFull.get(full) !== session) return false
    this.#byFull.delete(full)
    const bare = bareOf(session.jid)
    const rest = this.of(bare).filter((other) => other !== session)
    if (rest.length === 0) this.#byBare.delete(bare)
    else this.#byBare.set(bare, rest)
    return true
  }
}

const bareOf = (jid: Jid): string => jid.bare().toString()
