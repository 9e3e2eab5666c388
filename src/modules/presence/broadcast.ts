/** A client's own presence, without `to` (RFC 6121 §§4.2, 4.4, 4.5): initial, subsequent and unavailable. */
import type { LoadedAccount } from '../../server/account.js'
import type { Host } from '../../server/module.js'
import type { Session } from '../../server/session.js'
import type { RosterItem } from '../../store/store.js'
import { type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { type BlockingService, blockingService, type RosterService } from '../services.js'
import { readStored } from '../stored-xml.js'
import { directedOf } from './directed.js'
import { isSubscribedTo, isSubscriber } from './subscription.js'

export class Broadcast {
  readonly #host: Host
  readonly #roster: RosterService

  constructor(host: Host, roster: RosterService) {
    this.#host = host
    this.#roster = roster
  }

  available(account: LoadedAccount, session: Session, stanza: Element): void {
    const initial = session.presence === undefined
    session.presence = stanza
    session.priority = priorityOf(stanza)
    this.#host.router.broadcast(stanza, [...this.#subscribers(account), ...this.#available(account)])
    if (initial) this.#introduce(account, session)
    this.#host.presenceChanged(session, stanza)
  }

  renew(account: LoadedAccount, session: Session, stanza: Element): void {
    session.presence = stanza
    this.#host.router.broadcast(stanza, [...this.#subscribers(account), ...this.#available(account)])
  }

  /** Also for a session whose connection is gone; then it is not among those that are told. */
  unavailable(account: LoadedAccount, session: Session, stanza: Element): void {
    const wasAvailable = session.presence !== undefined
    const told = wasAvailable ? [...this.#subscribers(account), ...this.#available(account)] : []
    const bare = new Set(told)
    const directed = [...directedOf(session).keys()].filter((jid) => !bare.has(jid) && !bare.has(withoutResource(jid)))
    directedOf(session).clear()
    session.presence = undefined
    session.priority = 0
    this.#host.router.broadcast(stanza, [...told, ...directed])
    if (wasAvailable) this.#host.presenceChanged(session, stanza)
  }

  /** §4.2: what a client that has just become available has to hear, and who has to hear of it. */
  #introduce(account: LoadedAccount, session: Session): void {
    const { router, sessions } = this.#host
    const from = session.jid.toString()
    for (const other of sessions.of(account.jid))
      if (other !== session && other.presence !== undefined) router.broadcast(other.presence, [from])
    for (const item of this.#roster.items(account).values()) {
      if (isSubscribedTo(item))
        void router.route(xml('presence', { type: 'probe', from: this.#asker(session, item), to: item.jid }))
      // §3.1.2: a request without an answer is sent again, it may have been lost.
      if (item.ask) void router.route(xml('presence', { type: 'subscribe', from: account.jid, to: item.jid }))
      if (item.pendingIn !== undefined) session.outbox.send(readStored(item.pendingIn))
    }
  }

  /**
   * §4.3: the bare JID asks, as a contact need not be let see the client in turn. Of accounts of the same host nobody sees the question, and
   * only the client that has come is answered.
   */
  #asker(session: Session, { jid }: RosterItem): string {
    const here = Jid.parse(jid).domain === this.#host.domain
    return here ? session.jid.toString() : session.jid.bare().toString()
  }

  #subscribers(account: LoadedAccount): string[] {
    const blocking = this.#host.service<BlockingService>(blockingService)
    const subscribers = [...this.#roster.items(account).values()].filter(isSubscriber).map((item) => item.jid)
    return blocking === undefined
      ? subscribers
      : subscribers.filter((jid) => !blocking.isBlocked(account, Jid.parse(jid)))
  }

  /** The account's available clients, the sender included (§4.2.2). */
  #available(account: LoadedAccount): string[] {
    const available = this.#host.sessions.of(account.jid).filter((session) => session.presence !== undefined)
    return available.map((session) => session.jid.toString())
  }
}

/** §4.7.2.3: from -128 to +127; what is no such number counts as 0. */
function priorityOf(stanza: Element): number {
  const text = stanza.getChildText('priority')?.trim() ?? ''
  if (!/^[+-]?\d{1,3}$/.test(text)) return 0
  return Math.min(127, Math.max(-128, Number(text)))
}

const withoutResource = (jid: string): string => (jid.includes('/') ? jid.slice(0, jid.indexOf('/')) : jid)
