/**
 * Tokens of clients (XEP-0484), two at most for each installation of one: the one in use, and the one that is to follow it. A token
 * is worth nothing once the password was changed, as it is tied to the salt of that.
 */
import type { Store } from '../store/store.js'
import type { Tokens, TokenUse } from '../stream/fast.js'
import type { Clock } from '../util/clock.js'
import type { Random } from '../util/random.js'

const kind = 'fast'
/** Installations of one account that have tokens; of more, the one whose token ends first has none any more. */
const installations = 32
const dayMs = 86_400_000

interface Token {
  readonly token: string
  readonly mechanism: string
  readonly issuedAt: number
  readonly expiresAt: number
  readonly salt: string
}

interface Slots {
  readonly current?: Token
  readonly next?: Token
}

export interface FastTokenParts {
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly lifetimeMs: number
}

export class FastTokens {
  readonly #parts: FastTokenParts

  constructor(parts: FastTokenParts) {
    this.#parts = parts
  }

  /** Those of one host. */
  at(domain: string): Tokens {
    return {
      use: (username, by) => this.#use(`${username}@${domain}`, by),
      issue: (username, to) => this.#issue(`${username}@${domain}`, to),
    }
  }

  async #use(jid: string, by: Parameters<Tokens['use']>[1]): Promise<TokenUse> {
    const { clock, lifetimeMs } = this.#parts
    const [account, slots] = await Promise.all([this.#parts.store.account(jid), this.#read(jid, by.agent)])
    const isIt = (token: Token | undefined): token is Token =>
      token !== undefined &&
      by.fits(token.token) &&
      token.mechanism === by.mechanism &&
      token.salt === account?.sha256.salt
    // Both are compared, whichever it is.
    const [next, current] = [isIt(slots.next), isIt(slots.current)]
    const used = next ? slots.next : current ? slots.current : undefined
    if (account === undefined || used === undefined) return { is: 'unknown' }
    const now = clock.now()
    if (used.expiresAt <= now) return { is: 'expired' }
    if (by.invalidate) await this.#write(jid, by.agent, undefined)
    else if (next) await this.#write(jid, by.agent, { current: used })
    const due = now - used.issuedAt >= Math.min(dayMs, lifetimeMs / 2)
    return { is: 'good', token: used.token, due, disabled: account.disabled }
  }

  async #issue(
    jid: string,
    { agent, mechanism }: Parameters<Tokens['issue']>[1],
  ): Promise<{ readonly token: string; readonly expiresAt: number }> {
    const { store, clock, random, lifetimeMs } = this.#parts
    const [account, slots] = await Promise.all([store.account(jid), this.#read(jid, agent)])
    if (account === undefined) throw new Error(`there is no account ${jid} to give a token to`)
    if (slots.current === undefined && slots.next === undefined) await this.#makeRoom(jid)
    const now = clock.now()
    const token = random.bytes(32).toString('base64url')
    const expiresAt = now + lifetimeMs
    const next = { token, mechanism, issuedAt: now, expiresAt, salt: account.sha256.salt }
    await this.#write(jid, agent, slots.current === undefined ? { next } : { current: slots.current, next })
    return { token, expiresAt }
  }

  async #makeRoom(jid: string): Promise<void> {
    const agents = await this.#parts.store.dataKeys(jid, kind)
    if (agents.length < installations) return
    const ends = async (agent: string): Promise<number> => {
      const { current, next } = await this.#read(jid, agent)
      return Math.max(current?.expiresAt ?? 0, next?.expiresAt ?? 0)
    }
    const known = await Promise.all(agents.map(async (agent) => ({ agent, endsAt: await ends(agent) })))
    const [first] = known.sort((a, b) => a.endsAt - b.endsAt)
    if (first !== undefined) await this.#write(jid, first.agent, undefined)
  }

  async #read(jid: string, agent: string): Promise<Slots> {
    const text = await this.#parts.store.data(jid, kind, agent)
    return text === undefined ? {} : (JSON.parse(text) as Slots)
  }

  #write(jid: string, agent: string, slots: Slots | undefined): Promise<void> {
    const value = slots && JSON.stringify(slots)
    return this.#parts.store.commit([{ type: 'data.put', owner: jid, kind, key: agent, value }])
  }
}
