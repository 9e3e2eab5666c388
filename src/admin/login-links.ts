/**
 * Login links: a secret in the fragment of the page's address, which the page exchanges, once, for the password of an
 * account. Only hashes of outstanding secrets are kept; passwords that this process has made are kept in memory alone,
 * as the store has SCRAM keys only. A link for an account whose password is not known (after a restart, or after the
 * operator changed it) therefore gives the account a new password.
 */
import { createHash } from 'node:crypto'
import type { Random } from '../util/random.js'

/** How long a link is good, in ms: a working day, so that one printed in the morning works in the evening. */
export const linkValidMs = 12 * 3_600_000
const outstandingLimit = 100

export interface Login {
  readonly jid: string
  readonly password: string
}

export interface LoginLinksParts {
  /** Bare JIDs that may have links. */
  readonly accounts: readonly string[]
  readonly random: Random
  now(): number
  /** Makes the password the account's; resolves when that is durable. */
  setPassword(jid: string, password: string): Promise<void>
}

export class LoginLinks {
  readonly #parts: LoginLinksParts
  readonly #passwords = new Map<string, string>()
  /** By the SHA-256 of the secret, oldest first. */
  readonly #outstanding = new Map<string, { readonly jid: string; readonly expiresAt: number }>()

  constructor(parts: LoginLinksParts) {
    this.#parts = parts
  }

  get accounts(): readonly string[] {
    return this.#parts.accounts
  }

  /** Gives the account a new random password, returns it and remembers it. */
  async renewPassword(jid: string): Promise<string> {
    const password = this.#parts.random.bytes(12).toString('base64url')
    await this.#parts.setPassword(jid, password)
    this.#passwords.set(jid, password)
    return password
  }

  /** Somebody else has changed the password. */
  forget(jid: string): void {
    this.#passwords.delete(jid)
    for (const [hash, link] of this.#outstanding) if (link.jid === jid) this.#outstanding.delete(hash)
  }

  /** Does this process know the password, so that a link needs no new one? */
  knows(jid: string): boolean {
    return this.#passwords.has(jid)
  }

  /** The password of the account, a new one where this process does not know it. */
  async password(jid: string): Promise<string> {
    return this.#passwords.get(jid) ?? (await this.renewPassword(jid))
  }

  /** A new secret for one of `accounts`; undefined for any other. */
  async make(jid: string): Promise<string | undefined> {
    if (!this.#parts.accounts.includes(jid)) return undefined
    await this.password(jid)
    const secret = this.#parts.random.bytes(32).toString('base64url')
    this.#outstanding.set(hashOf(secret), { jid, expiresAt: this.#parts.now() + linkValidMs })
    for (const [hash] of this.#outstanding) {
      if (this.#outstanding.size <= outstandingLimit) break
      this.#outstanding.delete(hash)
    }
    return secret
  }

  /** What a secret is good for; it is good for nothing afterwards. */
  exchange(secret: string): Login | undefined {
    const hash = hashOf(secret)
    const link = this.#outstanding.get(hash)
    this.#outstanding.delete(hash)
    if (link === undefined || link.expiresAt < this.#parts.now()) return undefined
    const password = this.#passwords.get(link.jid)
    return password === undefined ? undefined : { jid: link.jid, password }
  }
}

/** Looked up by its hash, so that the time of a comparison tells nothing of a secret. */
const hashOf = (secret: string): string => createHash('sha256').update(secret).digest('base64')
