/**
 * Invitations (XEP-0401, XEP-0445): each a secret that lets one person make one account. The store holds their hashes, so who reads a
 * backup has no invitation; all that are outstanding are in memory, so that names they reserve are known at once.
 */
import { createHash } from 'node:crypto'
import type { Host } from '../../server/module.js'
import type { Write } from '../../store/store.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { InvitedService } from '../services.js'

export const inviteService = 'invites'

export interface InviteRequest {
  /** Localpart, prepared; undefined where the guest chooses. */
  readonly name?: string
  /** Bare JID of an account of the host who becomes the guest's contact, and the guest theirs. */
  readonly contact?: string
  /** Who made it: a bare JID, or '' for the operator. */
  readonly by: string
}

export interface Invite extends InviteRequest {
  /** Milliseconds since the epoch. */
  readonly expiresAt: number
}

export interface MadeInvite {
  readonly invite: Invite
  /** The only copy. */
  readonly token: string
  /** XEP-0445 §2, XEP-0401 §6.1. */
  readonly uri: string
  /** Of the page for people without a client; undefined where the HTTP server is not reached by anybody. */
  readonly page: string | undefined
}

/** What other parts ask of invitations. */
export interface InviteService {
  /** Resolves when it is durable. Throws StanzaError `resource-constraint`, or `conflict` for a name that is taken. */
  make(request: InviteRequest): Promise<MadeInvite>
}

const kind = 'invite'

export class Invites implements InviteService, InvitedService {
  readonly #host: Host
  readonly #validMs: number
  /** By the hash of their tokens. */
  readonly #known = new Map<string, Invite>()
  /** One after the other, so that each counts before the next is looked at. */
  #latest: Promise<unknown> = Promise.resolve()
  /** An account is being made with them. */
  readonly #inUse = new Set<string>()

  constructor(host: Host, validMs: number) {
    this.#host = host
    this.#validMs = validMs
  }

  async load(): Promise<void> {
    const { store, domain, clock } = this.#host
    for (const key of await store.dataKeys(domain, kind)) {
      const text = await store.data(domain, kind, key)
      if (text !== undefined) this.#known.set(key, JSON.parse(text) as Invite)
    }
    const expired = [...this.#known].filter(([, { expiresAt }]) => expiresAt <= clock.now())
    await this.#forget(expired.map(([key]) => key))
  }

  get outstanding(): number {
    return this.#known.size
  }

  make(request: InviteRequest): Promise<MadeInvite> {
    const made = this.#latest.then(() => this.#make(request))
    this.#latest = made.catch(() => undefined)
    return made
  }

  async #make(request: InviteRequest): Promise<MadeInvite> {
    const { store, domain, clock, random } = this.#host
    await this.#forget([...this.#known].flatMap(([key, { expiresAt }]) => (expiresAt <= clock.now() ? [key] : [])))
    await this.#check(request)
    const token = random.bytes(24).toString('base64url')
    const invite = { ...request, expiresAt: clock.now() + this.#validMs }
    const value = JSON.stringify(invite)
    await store.commit([{ type: 'data.put', owner: domain, kind, key: hashOf(token), value }])
    this.#known.set(hashOf(token), invite)
    return { invite, token, uri: uriOf(domain, invite, token), page: this.#page(token) }
  }

  /** Undefined for what is none, or no more. */
  find(token: string): Invite | undefined {
    const invite = this.#known.get(hashOf(token))
    return invite !== undefined && invite.expiresAt > this.#host.clock.now() ? invite : undefined
  }

  /** Whether this name is kept for who has another invitation than `token`. */
  reserves(name: string, token: string | undefined): boolean {
    const own = token === undefined ? undefined : hashOf(token)
    const now = this.#host.clock.now()
    return [...this.#known].some(([key, each]) => each.name === name && key !== own && each.expiresAt > now)
  }

  /** Runs `work` with what makes the invitation used up in the same batch; of two at once one is refused. */
  async use(token: string, work: (used: readonly Write[]) => Promise<void>): Promise<void> {
    const key = hashOf(token)
    if (this.#inUse.has(key) || !this.#known.has(key))
      throw new StanzaError('not-allowed', { text: 'This invitation was used already' })
    this.#inUse.add(key)
    try {
      await work([{ type: 'data.put', owner: this.#host.domain, kind, key, value: undefined }])
      this.#known.delete(key)
    } finally {
      this.#inUse.delete(key)
    }
  }

  redeem(token: string, bareJid: string, work: (used: readonly Write[]) => Promise<void>): Promise<void> | undefined {
    const isOpen = this.find(token)?.contact === bareJid && !this.#inUse.has(hashOf(token))
    return isOpen ? this.use(token, work) : undefined
  }

  async #check({ name, by }: InviteRequest): Promise<void> {
    const { max_invites, max_invites_per_user } = this.#host.options
    const own = [...this.#known.values()].filter((each) => each.by === by).length
    if (this.#known.size >= Number(max_invites) || (by !== '' && own >= Number(max_invites_per_user)))
      throw new StanzaError('resource-constraint', { text: 'Too many invitations are outstanding' })
    if (name === undefined) return
    const taken = (await this.#host.store.account(`${name}@${this.#host.domain}`)) !== undefined
    if (taken || this.reserves(name, undefined))
      throw new StanzaError('conflict', { text: `${name} is an account already, or is kept for another guest` })
  }

  #page(token: string): string | undefined {
    const base = this.#host.httpBase()
    return base === undefined ? undefined : `${new URL(pagePath(this.#host.domain).slice(1), base).href}/#${token}`
  }

  async #forget(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return
    const owner = this.#host.domain
    await this.#host.store.commit(keys.map((key) => ({ type: 'data.put', owner, kind, key, value: undefined })))
    for (const key of keys) this.#known.delete(key)
  }
}

export const pagePath = (domain: string): string => `/invite/${encodeURIComponent(domain)}`

export function uriOf(domain: string, { name, contact }: Pick<Invite, 'name' | 'contact'>, token: string): string {
  if (contact !== undefined) return `xmpp:${escaped(contact)}?roster;preauth=${token};ibr=y`
  return `xmpp:${name === undefined ? '' : `${encodeURIComponent(name)}@`}${escaped(domain)}?register;preauth=${token}`
}

const escaped = (jid: string): string => jid.split('@').map(encodeURIComponent).join('@')

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64url')
