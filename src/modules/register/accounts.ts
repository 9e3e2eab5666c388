/** Making an account for somebody who asks for one: what the name and the asker have to fulfil, whichever way they came. */
import { AddressLimit } from '../../net/address-limit.js'
import type { Host } from '../../server/module.js'
import type { RosterItem, Write } from '../../store/store.js'
import { TokenBucket } from '../../util/token-bucket.js'
import { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { emptyItem, type RosterService, rosterService } from '../services.js'
import type { Invite, Invites } from './invites.js'

export interface Applicant {
  readonly address: string
  readonly name: string
  readonly password: string
  readonly invitation: { readonly token: string; readonly invite: Invite } | undefined
}

export interface AccountRules {
  /** Also without an invitation. */
  readonly open: boolean
  /** Accounts that one address may make within `periodSeconds`; from all addresses together ten times as many. */
  readonly most: number
  readonly periodSeconds: number
}

/** What a client shows in a list; longer ones are made to look like others. */
const longestName = 64

export class AccountMaking {
  readonly #host: Host
  readonly #invites: Invites | undefined
  readonly #rules: AccountRules
  readonly #addresses: AddressLimit
  readonly #all: TokenBucket

  constructor(host: Host, invites: Invites | undefined, rules: AccountRules) {
    const rate = rules.most / rules.periodSeconds
    this.#host = host
    this.#invites = invites
    this.#rules = rules
    this.#addresses = new AddressLimit(host.clock, { rate, burst: rules.most })
    this.#all = new TokenBucket(host.clock, 10 * rate, 10 * rules.most)
  }

  /** Can anybody make an account now? */
  get possible(): boolean {
    return this.#rules.open || (this.#invites?.outstanding ?? 0) > 0
  }

  /** The new bare JID, once it is durable. Throws StanzaError. */
  async make({ address, name, password, invitation }: Applicant): Promise<string> {
    if (!this.#rules.open && invitation === undefined)
      throw new StanzaError('not-allowed', { text: 'Who has no invitation cannot register here' })
    const jid = this.#jid(name, invitation)
    if (password === '') throw new StanzaError('not-acceptable', { text: 'A password is needed' })
    this.#admit(address, invitation !== undefined)
    const { accounts, log } = this.#host
    if (invitation === undefined || this.#invites === undefined) await accounts.create(jid, password)
    else
      await this.#invites.use(invitation.token, (used) =>
        accounts.create(jid, password, [...used, ...contactWrites(jid, invitation.invite)]),
      )
    log.info({ jid, address, invitedBy: invitation?.invite.by }, 'An account was registered')
    await this.#introduce(jid, invitation?.invite.contact)
    return jid
  }

  #jid(given: string, invitation: Applicant['invitation']): string {
    const jid = accountJid(given, this.#host.domain)
    if (jid === undefined)
      throw new StanzaError('not-acceptable', { text: `A name has at most ${longestName} characters, and no @ or /` })
    const name = jid.local
    const wanted = invitation?.invite.name
    if (wanted !== undefined && wanted !== name)
      throw new StanzaError('not-acceptable', { text: `This invitation is for the name ${wanted}` })
    // An administrator's name whose account is not made yet would make a stranger one.
    const isKept = wanted === undefined && this.#host.admins.has(jid.toString())
    if (isKept || this.#invites?.reserves(name, invitation?.token))
      throw new StanzaError('conflict', { text: 'There is an account with this name' })
    return jid.toString()
  }

  #admit(address: string, invited: boolean): void {
    if (invited || (this.#addresses.admit(address) && this.#all.take())) return
    this.#host.log.warn({ address }, 'A registration was refused: too many accounts (registration_throttle_max)')
    throw new StanzaError('resource-constraint', { text: 'Too many accounts were made of late; try again later' })
  }

  /** The other side of a contact's invitation: who invited has the guest in the roster, too. */
  async #introduce(jid: string, contact: string | undefined): Promise<void> {
    const roster = this.#host.service<RosterService>(rosterService)
    if (contact === undefined || roster === undefined) return
    try {
      await this.#host.withAccount(contact, (account) => {
        const known = roster.items(account).get(jid) ?? emptyItem(jid)
        return account.exists ? roster.put(account, befriended(known), () => {}) : undefined
      })
    } catch (error) {
      this.#host.log.error({ err: error, jid, contact }, 'A guest could not be put into the roster of who invited')
    }
  }
}

const befriended = (item: RosterItem): RosterItem => ({
  ...item,
  subscription: 'both',
  ask: false,
  pendingIn: undefined,
})

const contactWrites = (jid: string, { contact }: Invite): readonly Write[] =>
  contact === undefined ? [] : [{ type: 'roster.put', owner: jid, item: befriended(emptyItem(contact)) }]

/** Undefined for what cannot be the name of an account. */
export function accountJid(name: string, domain: string): Jid | undefined {
  try {
    const jid = name === '' ? undefined : Jid.of(name, domain)
    return jid !== undefined && [...jid.local].length <= longestName ? jid : undefined
  } catch {
    return undefined
  }
}
