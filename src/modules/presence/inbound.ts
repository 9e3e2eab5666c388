/** Presence to an account, from wherever (RFC 6121 §§3, 4.3, 8.5.2, 8.5.3). */
import type { LoadedAccount } from '../../server/account.js'
import type { Handled, Host } from '../../server/module.js'
import type { Session } from '../../server/session.js'
import type { RosterItem } from '../../store/store.js'
import { child, type Element, xml } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import type { Jid } from '../../xmpp/jid.js'
import { readdress } from '../../xmpp/stanza.js'
import { emptyItem, type InvitedService, invitedService, type RosterService } from '../services.js'
import { directedOf, forget, sentTo } from './directed.js'
import {
  inbound,
  inState,
  isSubscriber,
  outbound,
  type SubscriptionType,
  stateOf,
  subscriptionTypes,
} from './subscription.js'

const parsNs = 'urn:xmpp:pars:0'

/** Characters of a request that is kept as it came; of a longer one only who asked is kept. */
const longestRequest = 4096

export class Inbound {
  readonly #host: Host
  readonly #roster: RosterService

  constructor(host: Host, roster: RosterService) {
    this.#host = host
    this.#roster = roster
  }

  /** The `handle` stage of inbound presence. */
  readonly handle = (stanza: Element, from: Jid, to: Jid): true | Promise<void> => {
    const account = this.#host.account(to.bare().toString())
    if (account === undefined) return true
    const { type } = stanza.attrs
    if (type !== undefined && subscriptionTypes.has(type)) {
      // §8.5.3.2.2
      if (to.isFull && type !== 'subscribe' && this.#host.sessions.get(to.toString()) === undefined) return true
      return this.#subscription(account, stanza, type as SubscriptionType, from.bare().toString()) ?? true
    }
    if (type === 'probe') this.#probe(account, from, to, stanza.attrs.id)
    else this.#deliver(stanza, from, to)
    return true
  }

  /** §8.5.2.1.2 and §8.5.3.1: to the addressed client, or to all available ones. */
  #deliver(stanza: Element, from: Jid, to: Jid): void {
    const session = to.isBare ? undefined : this.#host.sessions.get(to.toString())
    // §4.6.1
    if (stanza.attrs.type !== undefined)
      for (const each of session === undefined ? this.#host.sessions.of(to.toString()) : [session]) forget(each, from)
    if (to.isBare) this.#toAll(to.toString(), stanza, ({ presence }) => presence !== undefined)
    else session?.outbox.send(stanza)
  }

  /** §4.3.2: the presence of those clients that the asker may see; a stranger is told that there is no subscription. */
  #probe(account: LoadedAccount, from: Jid, to: Jid, id: string | undefined): void {
    const asker = from.toString()
    const sessions = this.#host.sessions.of(account.jid).filter((s) => to.isBare || s.jid.equals(to))
    if (!this.#maySee(account, from)) {
      const shown = sessions.filter((session) => sentTo(session, from))
      for (const session of shown) {
        const presence = directedOf(session).get(asker)
        if (presence !== undefined) this.#host.router.broadcast(presence, [asker])
      }
      if (shown.length === 0) this.#say(account.jid, from.bare().toString(), 'unsubscribed', id)
      return
    }
    const available = sessions.flatMap(({ presence }) => presence ?? [])
    for (const presence of available) this.#host.router.broadcast(presence, [asker])
    if (available.length === 0) this.#say(to.toString(), asker, 'unavailable', id)
  }

  #subscription(account: LoadedAccount, stanza: Element, type: SubscriptionType, contact: string): Handled {
    if (contact === account.jid) return undefined
    const item = this.#roster.items(account).get(contact) ?? emptyItem(contact)
    const { passes, next } = inbound[type][stateOf(item)]
    if (type === 'subscribe' && (isSubscriber(item) || item.approved)) return this.#grant(account, item)
    const welcomed = type === 'subscribe' ? this.#byInvitation(account, item, stanza) : undefined
    if (welcomed !== undefined) return welcomed
    if (!passes) return undefined
    if (type === 'subscribe' && this.#isOverrun(account, contact)) return undefined
    const delivered = readdress(stanza, { from: contact, to: account.jid })
    return this.#roster.put(account, inState(item, next, requestText(delivered)), () => {
      const request = type === 'subscribe'
      this.#toAll(account.jid, delivered, (session) => (request ? session.presence !== undefined : session.interested))
      if (type === 'unsubscribe' && isSubscriber(item)) this.#leave(account, contact)
    })
  }

  /** Strangers' requests must not take the place of contacts: beyond a number of them, new ones are dropped. */
  #isOverrun(account: LoadedAccount, contact: string): boolean {
    const mostStrangers = Number(this.#host.options.max_stranger_requests)
    const items = this.#roster.items(account)
    if (items.has(contact) || items.size < mostStrangers) return false
    let strangers = 0
    for (const item of items.values()) if (stateOf(item) === 'none in' && item.name === undefined) strangers++
    if (strangers < mostStrangers) return false
    this.#host.counts.refused('stanza', 'too-many-strangers')
    return true
  }

  /** §3.1.3, §3.4: who has the subscription, or was approved in advance, is answered for the user. */
  #grant(account: LoadedAccount, item: RosterItem): Handled {
    const answer = (): void => this.#letIn(account, item)
    if (isSubscriber(item)) return answer()
    const asked = inbound.subscribe[stateOf(item)].next
    return this.#roster.put(account, inState(item, outbound.subscribed[asked].next, undefined), answer)
  }

  #letIn(account: LoadedAccount, item: RosterItem): void {
    this.#say(account.jid, item.jid, 'subscribed')
    for (const { presence } of this.#host.sessions.of(account.jid))
      if (presence !== undefined) this.#host.router.broadcast(presence, [item.jid])
  }

  /** XEP-0379: who was invited and has an account already is let in for the user, and asked in turn. */
  #byInvitation(account: LoadedAccount, item: RosterItem, stanza: Element): Handled {
    const token: string | undefined = child(stanza, 'preauth', parsNs)?.attrs.token
    if (token === undefined) return undefined
    const { next } = outbound.subscribed[inbound.subscribe[stateOf(item)].next]
    const mutual = outbound.subscribe[next].next
    return this.#host.service<InvitedService>(invitedService)?.redeem(token, account.jid, (used) =>
      this.#roster.put(
        account,
        inState(item, mutual, undefined),
        () => {
          this.#letIn(account, item)
          if (mutual !== next) this.#say(account.jid, item.jid, 'subscribe')
        },
        used,
      ),
    )
  }

  /** §3.3.3: who unsubscribed sees the clients leave. */
  #leave(account: LoadedAccount, contact: string): void {
    for (const { presence, jid } of this.#host.sessions.of(account.jid))
      if (presence !== undefined)
        void this.#host.router.route(xml('presence', { type: 'unavailable', from: jid.toString(), to: contact }))
  }

  #maySee(account: LoadedAccount, other: Jid): boolean {
    const bare = other.bare().toString()
    return bare === account.jid || isSubscriber(this.#roster.items(account).get(bare))
  }

  #toAll(bareJid: string, stanza: Element, which: (session: Session) => boolean): void {
    for (const session of this.#host.sessions.of(bareJid)) if (which(session)) session.outbox.send(stanza)
  }

  /** `id` is that of the probe which this answers (§4.3.2.1). */
  #say(from: string, to: string, type: string, id?: string): void {
    void this.#host.router.route(xml('presence', { type, from, to, id }))
  }
}

/** What is kept of a request until the user answers it. */
function requestText(request: Element): string {
  const text = serialize(request)
  if (text.length <= longestRequest) return text
  const { from, to, type } = request.attrs
  return serialize(xml('presence', { type, from, to }))
}
