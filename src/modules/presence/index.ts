/**
 * RFC 6121 §§3, 4: subscriptions and presence. What a stranger may not see is decided here too: requests to a client go
 * through only from those who may know that it is there (§8.5.3.1).
 */
import type { LoadedAccount } from '../../server/account.js'
import type { Handled, Host, Module } from '../../server/module.js'
import type { Session } from '../../server/session.js'
import type { RosterItem } from '../../store/store.js'
import { type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { between } from '../between.js'
import { type PresenceService, presenceService, type RosterService, rosterService } from '../services.js'
import { Broadcast } from './broadcast.js'
import { directedOf, sentTo } from './directed.js'
import { Inbound } from './inbound.js'
import { Outbound } from './outbound.js'
import { isSubscribedTo, isSubscriber } from './subscription.js'

const preApproval = 'urn:xmpp:features:pre-approval'

export const presence: Module = {
  name: 'presence',
  rfc: { clauses: 'RFC 6121 §§3, 4', test: 'dialogue/presence.test.ts' },
  hosts: ['user'],
  options: {
    max_directed_presences: {
      type: 'integer',
      default: 1000,
      doc: 'Addresses at a time to which one client may have sent directed presence; a room is one.',
      check: between(10, 100_000),
    },
    max_stranger_requests: {
      type: 'integer',
      default: 500,
      doc: 'Subscription requests of strangers that wait for one user; more are dropped, so that contacts have room.',
      check: between(1, 100_000),
    },
  },
  setup(host) {
    const roster = host.service<RosterService>(rosterService)
    if (roster === undefined) throw new Error(`Module "presence" on ${host.domain} needs the module "roster"`)
    const broadcast = new Broadcast(host, roster)
    const outbound = new Outbound(host, roster, broadcast)
    const inbound = new Inbound(host, roster)
    const visibility = new Visibility(host, roster, broadcast)
    host.offer(presenceService, visibility)
    roster.onRemoved((account, item) => endSubscriptions(host, account, item))
    return [
      { kind: 'stream-feature', element: () => xml('sub', { xmlns: preApproval }) },
      host.on('outbound', 'presence', 'handle', outbound.handle),
      host.on('inbound', 'presence', 'handle', inbound.handle),
      host.on('inbound', 'iq', 'authorize', (iq, from, to) => {
        const request = iq.attrs.type === 'get' || iq.attrs.type === 'set'
        if (request && to.isFull && !visibility.mayQuery(to, from)) throw new StanzaError('service-unavailable')
        return undefined
      }),
      {
        kind: 'session',
        closed: (session) => {
          const account = host.account(session.jid.bare().toString())
          if (account === undefined || (session.presence === undefined && directedOf(session).size === 0)) return
          const from = session.jid.toString()
          broadcast.unavailable(account, session, xml('presence', { type: 'unavailable', from }))
        },
      },
    ]
  },
}

class Visibility implements PresenceService {
  readonly #host: Host
  readonly #roster: RosterService
  readonly #broadcast: Broadcast

  constructor(host: Host, roster: RosterService, broadcast: Broadcast) {
    this.#host = host
    this.#roster = roster
    this.#broadcast = broadcast
  }

  renew(account: LoadedAccount, session: Session, presence: Element): void {
    this.#broadcast.renew(account, session, presence)
  }

  isVisible(bareJid: string, other: Jid): boolean {
    const bare = other.bare().toString()
    const account = this.#host.account(bareJid)
    if (account === undefined) return false
    if (bare === bareJid || isSubscriber(this.#roster.items(account).get(bare))) return true
    return this.#host.sessions.of(bareJid).some((session) => sentTo(session, other))
  }

  hide(account: LoadedAccount, whom: (jid: Jid) => boolean): void {
    const subscribers = this.#subscribers(account, whom)
    for (const session of this.#host.sessions.of(account.jid)) {
      const directed = [...directedOf(session).keys()].filter((jid) => whom(Jid.parse(jid)))
      for (const jid of directed) directedOf(session).delete(jid)
      const told = [...(session.presence === undefined ? [] : subscribers), ...directed]
      if (told.length === 0) continue
      const gone = xml('presence', { type: 'unavailable', from: session.jid.toString() })
      this.#host.router.broadcast(gone, [...new Set(told)])
    }
  }

  show(account: LoadedAccount, whom: (jid: Jid) => boolean): void {
    const subscribers = this.#subscribers(account, whom)
    for (const { presence } of this.#host.sessions.of(account.jid))
      if (presence !== undefined) this.#host.router.broadcast(presence, subscribers)
  }

  #subscribers(account: LoadedAccount, whom: (jid: Jid) => boolean): string[] {
    const items = [...this.#roster.items(account).values()].filter(isSubscriber)
    return items.map(({ jid }) => jid).filter((jid) => whom(Jid.parse(jid)))
  }

  /** Whether a request reaches the client `to`: its own server may always ask. */
  mayQuery(to: Jid, from: Jid): boolean {
    if (from.local === '' && from.domain === this.#host.domain) return true
    return this.isVisible(to.bare().toString(), from)
  }
}

/** §2.5.2: with the contact go the subscriptions, both ways; who had one sees the clients leave. */
function endSubscriptions(host: Host, account: LoadedAccount, item: RosterItem): Handled {
  const { router } = host
  const attrs = { from: account.jid, to: item.jid }
  if (isSubscriber(item))
    for (const session of host.sessions.of(account.jid))
      if (session.presence !== undefined)
        void router.route(xml('presence', { type: 'unavailable', from: session.jid.toString(), to: item.jid }))
  if (isSubscribedTo(item) || item.ask) void router.route(xml('presence', { type: 'unsubscribe', ...attrs }))
  if (isSubscriber(item) || item.pendingIn !== undefined)
    void router.route(xml('presence', { type: 'unsubscribed', ...attrs }))
}
