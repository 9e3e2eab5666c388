/** What others are told of an account's nodes, and who they are (XEP-0060 §7.1.2, §8; XEP-0163 §4.3). */
import type { LoadedAccount } from '../../server/account.js'
import type { Host } from '../../server/module.js'
import { type Element, xml } from '../../xml/element.js'
import { writeForm } from '../../xmpp/data-form.js'
import { writeDelay } from '../../xmpp/delay.js'
import { Jid } from '../../xmpp/jid.js'
import { type BlockingService, blockingService, type RosterService } from '../services.js'
import { readStored } from '../stored-xml.js'
import { isSubscribed, noAccess, type Requester, seesPresence } from './access.js'
import type { Audience } from './audience.js'
import type { NodeConfig } from './config.js'
import type { Event } from './decide/decision.js'
import { itemsOf } from './decide/publish.js'
import { eventNs, pubsubNs } from './errors.js'
import { lastItem, type Node, type Nodes } from './node.js'

export class Notices {
  readonly #host: Host
  readonly #roster: RosterService
  readonly #audience: Audience
  readonly #nodes: (account: LoadedAccount) => Nodes

  constructor(host: Host, roster: RosterService, audience: Audience, nodes: (account: LoadedAccount) => Nodes) {
    this.#host = host
    this.#roster = roster
    this.#audience = audience
    this.#nodes = nodes
  }

  tell(account: LoadedAccount, event: Event): void {
    switch (event.type) {
      case 'notify':
        this.#broadcast(account, event.node.config, event.body, this.#recipients(account, event.node))
        return
      case 'last':
        void this.last(account, event.node, event.to)
        return
      case 'subscription': {
        const { node, to, state } = event
        const told = xml('subscription', { node, jid: to, subscription: state })
        this.#send(account.jid, to, xml('pubsub', { xmlns: pubsubNs }, told))
        return
      }
      case 'ask':
        for (const { jid, presence } of this.#host.sessions.of(account.jid))
          if (presence !== undefined) this.#send(account.jid, jid.toString(), requestForm(event.node, event.subscriber))
    }
  }

  /** The last item of a node, to somebody who has come; nothing where they have no right to it. */
  async last(account: LoadedAccount, name: string, to: string): Promise<void> {
    const node = this.#nodes(account).get(name)
    const item = node && lastItem(node)
    if (node === undefined || item === undefined || !this.#isEntitled(account, node, to)) return
    try {
      const payload = (await this.#host.store.payloads(account.jid, name, [item.id])).get(item.id)
      const now = this.#nodes(account).get(name)
      // Something newer has been published and told meanwhile.
      if (payload === undefined || now === undefined || lastItem(now) !== item) return
      const body = itemsOf(name, item.id, node.config.deliverPayloads ? readStored(payload) : undefined)
      this.#broadcast(account, node.config, body, [to], item.at)
    } catch (error) {
      this.#host.log.error({ err: error, jid: account.jid }, 'The last item of a node could not be read')
    }
  }

  requester(account: LoadedAccount, jid: Jid): Requester {
    const bare = jid.bare().toString()
    return { jid, bare, isAccount: bare === account.jid, contact: this.#roster.items(account).get(bare) }
  }

  #recipients(account: LoadedAccount, node: Node): string[] {
    const found = new Set<string>()
    for (const client of this.#audience.wanting(account.jid, node.name))
      if (this.#isEntitled(account, node, client)) found.add(client)
    for (const [jid, state] of node.subscriptions) {
      if (state !== 'subscribed' || !this.#isEntitled(account, node, jid)) continue
      const isReached = !jid.includes('/') && [...found].some((client) => client.startsWith(`${jid}/`))
      if (!isReached) found.add(jid)
    }
    return [...found]
  }

  /** They may have the items, and share presence with the account or have subscribed; and neither has blocked the other. */
  #isEntitled(account: LoadedAccount, node: Node, recipient: string): boolean {
    const jid = Jid.parse(recipient)
    const requester = this.requester(account, jid)
    if (noAccess(node, requester, 'retrieve') !== undefined) return false
    if (!seesPresence(requester) && !isSubscribed(node, requester)) return false
    return requester.isAccount || !this.#isBlocked(account, jid)
  }

  /** Either has blocked the other (XEP-0191), as far as that is known here: what is broadcast asks no more at the recipient's door. */
  #isBlocked(account: LoadedAccount, other: Jid): boolean {
    const blocking = this.#host.service<BlockingService>(blockingService)
    if (blocking === undefined) return false
    const theirs = this.#host.account(other.bare().toString())
    return (
      blocking.isBlocked(account, other) || (theirs !== undefined && blocking.isBlocked(theirs, Jid.parse(account.jid)))
    )
  }

  #broadcast(
    account: LoadedAccount,
    { notificationType: type }: NodeConfig,
    body: Element,
    recipients: readonly string[],
    saidAt?: number,
  ): void {
    if (recipients.length === 0) return
    const attrs = { type: type === 'normal' ? undefined : type, from: account.jid, id: this.#host.random.token() }
    const delay = saidAt === undefined ? undefined : writeDelay({ from: account.jid, stampMs: saidAt })
    this.#host.router.broadcast(xml('message', attrs, xml('event', { xmlns: eventNs }, body), delay), recipients)
  }

  #send(from: string, to: string, ...children: readonly Element[]): void {
    void this.#host.router.route(xml('message', { from, to, id: this.#host.random.token() }, ...children))
  }
}

/** The type of the form that asks an owner to let somebody in (§8.6), and of the answer. */
export const requestType = `${pubsubNs}#subscribe_authorization`

const requestForm = (node: string, subscriber: string): Element =>
  writeForm({
    type: 'form',
    title: 'A subscription request',
    fields: [
      { var: 'FORM_TYPE', type: 'hidden', values: [requestType] },
      { var: 'pubsub#node', type: 'text-single', label: 'Node', values: [node] },
      { var: 'pubsub#subscriber_jid', type: 'jid-single', label: 'Who asks', values: [subscriber] },
      { var: 'pubsub#allow', type: 'boolean', label: 'Let them subscribe?', values: ['0'] },
    ],
  })
