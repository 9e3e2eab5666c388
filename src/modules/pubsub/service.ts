/** The publish-subscribe service that an account is (XEP-0163 §3.1): requests in, answers and notices out. */
import type { LoadedAccount } from '../../server/account.js'
import type { DiscoInfo, DiscoItem, Handled, Host, IqHandler } from '../../server/module.js'
import type { Session } from '../../server/session.js'
import type { RosterItem, Write } from '../../store/store.js'
import { child, type Element, elements, xml } from '../../xml/element.js'
import { formType, readForm } from '../../xmpp/data-form.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { writeResultSet } from '../../xmpp/result-set.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { CapabilitiesService, RosterService, StandIn } from '../services.js'
import { readStored } from '../stored-xml.js'
import { noAccess, type Requester } from './access.js'
import { Audience } from './audience.js'
import { defaultConfig } from './config.js'
import type { Decision, Limits, Scene } from './decide/decision.js'
import { configuration, configure, create, defaults, deleteNode, purge, withAccess } from './decide/nodes.js'
import { itemsOf, publish, retract } from './decide/publish.js'
import {
  allAffiliations,
  allSubscriptions,
  answerRequest,
  manageAffiliations,
  manageSubscriptions,
  ownAffiliations,
  ownSubscriptions,
  subscribe,
  unsubscribe,
} from './decide/subscriptions.js'
import { pubsubNs, refusal, unsupported } from './errors.js'
import { nodeInfo } from './features.js'
import { apply, type Node, type Nodes } from './node.js'
import { Notices, requestType } from './notices.js'
import { retrieve } from './retrieve.js'
import { writeOf } from './storage.js'

/** Of the account's data in memory. */
export const accountData = 'pubsub'

export class PubsubService {
  readonly #host: Host
  readonly #roster: RosterService
  readonly #audience: Audience
  readonly #notices: Notices
  readonly limits: Limits
  readonly #standIns = new Map<string, StandIn>()
  readonly #followers: ((account: LoadedAccount, nodes: ReadonlySet<string>) => void)[] = []

  constructor(host: Host, roster: RosterService, capabilities: CapabilitiesService | undefined) {
    this.#host = host
    this.#roster = roster
    this.#audience = new Audience(host, capabilities, (owner, client, nodes) => this.#came(owner, client, nodes))
    this.#notices = new Notices(host, roster, this.#audience, nodesOf)
    const option = (name: string): number => host.options[`pep_max_${name}`] as number
    this.limits = {
      nodes: option('nodes'),
      items: option('items'),
      payload: option('payload_size'),
      total: option('total_size'),
      subscriptions: option('subscriptions'),
    }
  }

  readonly get: IqHandler = (iq, from, to) => {
    const { account, scene, action, pubsub } = this.#request(iq, from, to)
    const standIn = this.#standIn(scene, action)
    switch (action.name) {
      case 'items':
        if (standIn !== undefined) return this.#standInItems(iq, account, standIn, action)
        return this.#items(iq, account, scene, action, pubsub)
      case 'subscriptions':
        return result(iq, ownSubscriptions(scene, action))
      case 'affiliations':
        return result(iq, ownAffiliations(scene, action))
      case 'options':
        throw unsupported('subscription-options')
      case 'default':
        throw unsupported('retrieve-default-sub')
      default:
        throw new StanzaError('bad-request')
    }
  }

  readonly set: IqHandler = (iq, from, to) => {
    const { account, scene, action, pubsub } = this.#request(iq, from, to)
    const standIn = this.#standIn(scene, action)
    switch (action.name) {
      case 'publish':
        if (standIn !== undefined) return this.#standInPublish(iq, account, standIn, action)
        return this.#carryOut(iq, account, publish(scene, action, pubsub))
      case 'retract':
        return this.#carryOut(iq, account, retract(scene, action))
      case 'create':
        return this.#carryOut(iq, account, create(scene, action, pubsub))
      case 'subscribe':
        return this.#carryOut(iq, account, subscribe(scene, action))
      case 'unsubscribe':
        return this.#carryOut(iq, account, unsubscribe(scene, action))
      case 'options':
        throw unsupported('subscription-options')
      default:
        throw new StanzaError('bad-request')
    }
  }

  readonly getAsOwner: IqHandler = (iq, from, to) => {
    const { account, scene, action } = this.#request(iq, from, to)
    switch (action.name) {
      case 'configure':
        return result(iq, configuration(scene, action))
      case 'default':
        return result(iq, defaults(scene))
      case 'subscriptions':
        return result(iq, allSubscriptions(scene, action))
      case 'affiliations':
        return result(iq, allAffiliations(scene, action, account.jid))
      default:
        throw new StanzaError('bad-request')
    }
  }

  readonly setAsOwner: IqHandler = (iq, from, to) => {
    const { account, scene, action } = this.#request(iq, from, to)
    const subscriber = (jid: string): Requester => this.#notices.requester(account, Jid.parse(jid))
    switch (action.name) {
      case 'configure':
        return this.#carryOut(iq, account, configure(scene, action, subscriber))
      case 'delete':
        return this.#carryOut(iq, account, deleteNode(scene, action))
      case 'purge':
        return this.#carryOut(iq, account, purge(scene, action))
      case 'subscriptions':
        return this.#carryOut(iq, account, manageSubscriptions(scene, action))
      case 'affiliations':
        return this.#carryOut(iq, account, manageAffiliations(scene, action, account.jid, subscriber))
      default:
        throw new StanzaError('bad-request')
    }
  }

  /** A message of the account to itself that answers a request to be let in (§8.6); undefined for every other. */
  readonly answer = (message: Element, from: Jid, to: Jid): true | undefined | Promise<void> => {
    const account = this.#host.account(to.bare().toString())
    const x = child(message, 'x', ns.dataForm)
    const form = x && readForm(x)
    const isAnswer = form?.type === 'submit' && formType(form) === requestType
    if (account === undefined || !isAnswer || !to.isBare || !from.bare().equals(to)) return undefined
    return this.apply(account, answerRequest(this.#scene(account, from), form)) ?? true
  }

  readonly nodeInfo = (name: string, from: Jid, to: Jid): DiscoInfo | undefined => {
    const node = this.#shown(from, to).find((each) => each.name === name)
    return node && nodeInfo(node, to.bare().toString(), this.limits.items)
  }

  /** Of the account, its nodes (§5.2); of a node, its items (§5.5): what the asker may retrieve, and nothing else. */
  readonly nodeItems = (name: string, from: Jid, to: Jid): readonly DiscoItem[] => {
    const jid = to.bare().toString()
    const shown = this.#shown(from, to)
    if (name === '')
      return shown.map((node) => ({ jid, node: node.name, ...(node.config.title && { name: node.config.title }) }))
    const node = shown.find((each) => each.name === name)
    return [...(node?.items.keys() ?? [])].map((id) => ({ jid, name: id }))
  }

  /** Presence to the account from somebody else's client. */
  hears(presence: Element, from: Jid, to: Jid): void {
    const owner = to.bare().toString()
    const account = this.#host.account(owner)
    const { type } = presence.attrs
    if (account === undefined || (type !== undefined && type !== 'unavailable' && type !== 'error')) return
    const contact = this.#roster.items(account).get(from.bare().toString())
    if (contact === undefined || contact.subscription === 'none') return
    if (type !== undefined || from.isFull) this.#audience.hears(owner, presence)
  }

  readonly ownPresence = (session: Session, presence: Element): void => {
    const owner = session.jid.bare().toString()
    const account = this.#host.account(owner)
    if (account === undefined) return
    this.#audience.hears(owner, presence)
    // Contacts on this server do not tell those who come what they told before.
    if (presence.attrs.type === undefined)
      for (const { jid, subscription } of this.#roster.items(account).values())
        if (subscription === 'both' && this.#host.sessions.of(jid).length > 0) this.#audience.hearsOf(owner, jid)
  }

  bounced(from: Jid, to: Jid): void {
    if (from.isFull) this.#audience.leaves(to.toString(), from.toString())
  }

  /** XEP-0163 §7: who lost access loses subscriptions, who gained it is told what there is. */
  rosterChanged(account: LoadedAccount, before: RosterItem | undefined, now: RosterItem | undefined): void {
    const contact = (now ?? before)?.jid
    if (contact === undefined) return
    const requester = (item: RosterItem | undefined): Requester => ({
      ...this.#notices.requester(account, Jid.parse(contact)),
      contact: item,
    })
    const open = (item: RosterItem | undefined): Node[] =>
      [...nodesOf(account).values()].filter((node) => noAccess(node, requester(item), 'subscribe') === undefined)
    const [had, has] = [open(before), open(now)]
    if (had.some((node) => !has.includes(node) && isSubscribedTo(node, contact))) this.#cancel(account, contact)
    if (now?.subscription === 'both') this.#audience.hearsOf(account.jid, contact)
    const gained = new Set(has.filter((node) => !had.includes(node)).map(({ name }) => name))
    for (const [client, interests] of this.#audience.interestsOf(account.jid, contact))
      this.#came(account.jid, client, new Set([...interests].filter((node) => gained.has(node))))
  }

  #cancel(account: LoadedAccount, contact: string): void {
    const cancelled = account.inTurn(() => {
      const nodes = [...nodesOf(account).values()].filter((node) => isSubscribedTo(node, contact))
      const decisions = nodes.map((node) => withAccess(node, (jid) => this.#notices.requester(account, Jid.parse(jid))))
      return this.apply(account, {
        operations: decisions.flatMap(({ operations }) => operations),
        events: decisions.flatMap(({ events }) => events),
      })
    })
    cancelled?.catch((error: unknown) => {
      this.#host.log.error({ err: error, jid: account.jid }, 'Subscriptions of a former contact could not be ended')
    })
  }

  /** A client wants to hear of these nodes from now on (§4.3.4 of XEP-0163): of what was published last, too. */
  #came(owner: string, client: string, wanted: ReadonlySet<string>): void {
    void this.#host.withAccount(owner, (account) => {
      for (const node of nodesOf(account).values())
        if (wanted.has(node.name) && node.config.sendLast === 'on_sub_and_presence')
          void this.#notices.last(account, node.name, client)
    })
  }

  #shown(from: Jid, to: Jid): Node[] {
    const account = this.#host.account(to.bare().toString())
    if (account === undefined) return []
    const requester = this.#notices.requester(account, from)
    return [...nodesOf(account).values()].filter((node) => noAccess(node, requester, 'retrieve') === undefined)
  }

  async #items(iq: Element, account: LoadedAccount, scene: Scene, action: Element, pubsub: Element): Promise<Element> {
    const { node, ids, set } = retrieve(scene, action, pubsub)
    const payloads = await this.#host.store.payloads(account.jid, node.name, ids)
    const items = ids.flatMap((id) => {
      const text = payloads.get(id)
      return text === undefined ? [] : [xml('item', { id }, readStored(text))]
    })
    const listed = xml('items', { node: node.name }, ...items)
    return result(iq, xml('pubsub', { xmlns: pubsubNs }, listed, set && writeResultSet(set)))
  }

  async #carryOut(iq: Element, account: LoadedAccount, decision: Decision): Promise<Element> {
    await this.apply(account, decision)
    return result(iq, decision.answer)
  }

  /** Durable first, with `writes`; then what is in memory, and what others are told. Throws or rejects where it fails. */
  apply(account: LoadedAccount, { operations, events }: Decision, writes: readonly Write[] = []): Handled {
    const after = (): void => {
      account.data.set(accountData, operations.reduce(apply, nodesOf(account)))
      for (const event of events) this.#notices.tell(account, event)
      const changed = new Set(operations.map(({ name }) => name))
      if (changed.size > 0) for (const follower of this.#followers) follower(account, changed)
    }
    if (operations.length + writes.length === 0) return after()
    return account.write([...operations.map((operation) => writeOf(account.jid, operation)), ...writes], after)
  }

  standIn(node: string, forIt: StandIn): void {
    this.#standIns.set(node, forIt)
  }

  onChanged(listener: (account: LoadedAccount, nodes: ReadonlySet<string>) => void): void {
    this.#followers.push(listener)
  }

  /** Tells the account's own clients. */
  tellOwn(account: LoadedAccount, node: string, body: Element): void {
    const config = { ...defaultConfig, accessModel: 'whitelist' } as const
    const own = { name: node, config, affiliations: new Map(), subscriptions: new Map(), items: new Map() }
    this.#notices.tell(account, { type: 'notify', node: own, body })
  }

  requester(account: LoadedAccount, jid: Jid): Requester {
    return this.#notices.requester(account, jid)
  }

  #standIn({ requester }: Scene, { attrs }: Element): StandIn | undefined {
    return requester.isAccount && attrs.node !== undefined ? this.#standIns.get(attrs.node) : undefined
  }

  async #standInItems(iq: Element, account: LoadedAccount, standIn: StandIn, { attrs }: Element): Promise<Element> {
    const body = itemsOf(String(attrs.node), standIn.id, await standIn.read(account))
    return result(iq, xml('pubsub', { xmlns: pubsubNs }, body))
  }

  async #standInPublish(iq: Element, account: LoadedAccount, standIn: StandIn, action: Element): Promise<Element> {
    const item = elements(action).find(({ name }) => name === 'item')
    const [content] = item === undefined ? [] : elements(item)
    if (content === undefined) throw refusal('bad-request', 'payload-required')
    // Nothing else of the account comes between what is read and what is written.
    await account.hold(standIn.write(account, content))
    const published = xml('publish', { node: action.attrs.node }, xml('item', { id: standIn.id }))
    return result(iq, xml('pubsub', { xmlns: pubsubNs }, published))
  }

  #request(iq: Element, from: Jid, to: Jid) {
    const pubsub = payload(iq) as Element
    const [action] = elements(pubsub)
    const account = this.#host.account(to.bare().toString())
    if (account === undefined) throw new StanzaError('service-unavailable')
    if (action === undefined) throw new StanzaError('bad-request', { text: 'Nothing is asked for' })
    return { account, scene: this.#scene(account, from), action, pubsub }
  }

  #scene(account: LoadedAccount, from: Jid): Scene {
    return {
      nodes: nodesOf(account),
      requester: this.#notices.requester(account, from),
      limits: this.limits,
      now: this.#host.clock.now(),
      freshId: this.#host.random.token(),
    }
  }
}

export const nodesOf = (account: LoadedAccount): Nodes => account.data.get(accountData) as Nodes

const isSubscribedTo = ({ subscriptions }: Node, contact: string): boolean =>
  [...subscriptions.keys()].some((jid) => jid === contact || jid.startsWith(`${contact}/`))
