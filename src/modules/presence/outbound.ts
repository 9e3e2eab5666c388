/** Presence from the account's clients: subscriptions (RFC 6121 §3), directed presence (§4.6), and the broadcast. */
import type { LoadedAccount } from '../../server/account.js'
import type { Handled, Host } from '../../server/module.js'
import type { RosterItem } from '../../store/store.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { readdress } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { emptyItem, type RosterService } from '../services.js'
import type { Broadcast } from './broadcast.js'
import { remember } from './directed.js'
import { inState, isSubscriber, outbound, type SubscriptionType, stateOf, subscriptionTypes } from './subscription.js'

export class Outbound {
  readonly #host: Host
  readonly #roster: RosterService
  readonly #broadcast: Broadcast

  constructor(host: Host, roster: RosterService, broadcast: Broadcast) {
    this.#host = host
    this.#roster = roster
    this.#broadcast = broadcast
  }

  /** The `handle` stage of outbound presence. */
  readonly handle = (stanza: Element, from: Jid, to: Jid): true | undefined | Promise<void> => {
    const account = this.#host.account(from.bare().toString())
    const session = this.#host.sessions.get(from.toString())
    if (account === undefined || session === undefined) return true
    const { type } = stanza.attrs
    if (type !== undefined && subscriptionTypes.has(type)) {
      if (stanza.attrs.to === undefined) throw new StanzaError('bad-request', { text: 'To whom?' })
      return this.#subscription(account, stanza, type as SubscriptionType, to.bare().toString()) ?? true
    }
    if (type !== undefined && type !== 'unavailable') return stanza.attrs.to === undefined ? true : undefined
    if (stanza.attrs.to !== undefined) {
      remember(session, to, stanza, Number(this.#host.options.max_directed_presences))
      return undefined
    }
    if (type === undefined) this.#broadcast.available(account, session, stanza)
    else this.#broadcast.unavailable(account, session, stanza)
    return true
  }

  /** §3.1.2, §3.2.2, §3.3.2, §3.4: from the bare JID to the bare JID, as the table says. */
  #subscription(
    account: LoadedAccount,
    stanza: Element,
    type: SubscriptionType,
    contact: string,
  ): Promise<void> | undefined {
    if (contact === account.jid) return undefined
    const item = this.#roster.items(account).get(contact) ?? emptyItem(contact)
    const { passes, next } = outbound[type][stateOf(item)]
    const changed = approval(type, passes, listed(type, inState(item, next, undefined)))
    const sends = (): Handled => {
      const [before, now] = [isSubscriber(item), isSubscriber(changed)]
      if (before && !now) this.#hidePresence(account, contact)
      const sent = passes ? this.#host.router.route(readdress(stanza, { from: account.jid, to: contact })) : undefined
      if (now && !before) this.#showPresence(account, contact)
      return sent
    }
    const same = next === stateOf(item) && changed.approved === item.approved
    if (same) return sends() ?? undefined
    return this.#roster.put(account, changed, sends)
  }

  /** §3.1.5: who became a subscriber gets the presence of all clients. */
  #showPresence(account: LoadedAccount, contact: string): void {
    for (const { presence } of this.#host.sessions.of(account.jid))
      if (presence !== undefined) this.#host.router.broadcast(presence, [contact])
  }

  /** §3.2.2: while the contact is still a subscriber it sees them leave. */
  #hidePresence(account: LoadedAccount, contact: string): void {
    for (const { presence, jid } of this.#host.sessions.of(account.jid))
      if (presence !== undefined)
        this.#host.router.broadcast(xml('presence', { type: 'unavailable', from: jid.toString() }), [contact])
  }
}

/** §3.4: an approval that nobody asked for yet is kept for when somebody does; a refusal takes it back. */
function approval(type: SubscriptionType, passes: boolean, item: RosterItem): RosterItem {
  if (type === 'subscribed') return { ...item, approved: item.approved || (!passes && !isSubscriber(item)) }
  return type === 'unsubscribed' ? { ...item, approved: false } : item
}

/** Whom the user asks or lets in becomes a contact, and stays one when the subscription ends. */
const listed = (type: SubscriptionType, item: RosterItem): RosterItem =>
  type === 'subscribe' || type === 'subscribed' ? { ...item, name: item.name ?? '' } : item
