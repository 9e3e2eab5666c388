/**
 * Who hears of what an account publishes without having subscribed (XEP-0163 §4.3): the clients of contacts and the account's own, by what
 * they say in their presence that they want to hear of.
 */
import type { Host } from '../../server/module.js'
import { child, type Element } from '../../xml/element.js'
import { capsNs } from '../../xmpp/capabilities.js'
import type { CapabilitiesService } from '../services.js'

type Interests = ReadonlySet<string>

interface Heard {
  /** What the client said of itself last. */
  readonly caps: string
  readonly interests: Interests
}

/** Clients that one account knows of; what comes after is not told anything it did not subscribe to. */
const most = 10_000

/** `bob@b.example/phone` without its resource. */
const bareOf = (jid: string): string => (jid.includes('/') ? jid.slice(0, jid.indexOf('/')) : jid)

export class Audience {
  readonly #host: Host
  readonly #capabilities: CapabilitiesService | undefined
  readonly #interested: (owner: string, client: string, nodes: Interests) => void
  /** By account and full JID. */
  readonly #heard = new Map<string, Map<string, Heard>>()

  /** `interested` hears of the nodes that a client has come to want to hear of. */
  constructor(
    host: Host,
    capabilities: CapabilitiesService | undefined,
    interested: (owner: string, client: string, nodes: Interests) => void,
  ) {
    this.#host = host
    this.#capabilities = capabilities
    this.#interested = interested
  }

  /** A client's presence, available or not, as the account `owner` was told. */
  hears(owner: string, presence: Element): void {
    const client: string = presence.attrs.from
    if (presence.attrs.type !== undefined) return this.leaves(owner, client)
    const clients = this.#heard.get(owner) ?? new Map<string, Heard>()
    const before = clients.get(client)
    const caps = capsText(presence)
    if (before?.caps === caps || (before === undefined && clients.size >= most)) return
    const interests: Interests = before?.interests ?? new Set()
    clients.set(client, { caps, interests })
    this.#heard.set(owner, clients)
    this.#capabilities?.interests(presence, owner, (wanted) => this.#learns(owner, client, caps, wanted))
  }

  /** As `hears`, of what clients on this server say that the account has not been told again. */
  hearsOf(owner: string, contact: string): void {
    for (const { presence, jid } of this.#host.sessions.of(contact))
      if (presence !== undefined && !this.#heard.get(owner)?.has(jid.toString())) this.hears(owner, presence)
  }

  leaves(owner: string, client: string): void {
    const clients = this.#heard.get(owner)
    if (clients === undefined) return
    if (client.includes('/')) clients.delete(client)
    else for (const known of [...clients.keys()]) if (bareOf(known) === client) clients.delete(known)
    if (clients.size === 0) this.#heard.delete(owner)
  }

  /** The clients that want to hear of this node, as far as they say so: full JIDs. */
  wanting(owner: string, node: string): string[] {
    const clients = [...(this.#heard.get(owner) ?? [])]
    return clients.filter(([, { interests }]) => interests.has(node)).map(([client]) => client)
  }

  /** What each client of this address wants to hear of. */
  interestsOf(owner: string, contact: string): [string, Interests][] {
    const clients = [...(this.#heard.get(owner) ?? [])]
    return clients
      .filter(([client]) => bareOf(client) === contact)
      .map(([client, { interests }]) => [client, interests])
  }

  #learns(owner: string, client: string, caps: string, wanted: Interests): void {
    const before = this.#heard.get(owner)?.get(client)
    // It has left, or says something else meanwhile.
    if (before?.caps !== caps) return
    this.#heard.get(owner)?.set(client, { caps, interests: wanted })
    const fresh = [...wanted].filter((node) => !before.interests.has(node))
    if (fresh.length > 0) this.#interested(owner, client, new Set(fresh))
  }
}

function capsText(presence: Element): string {
  const caps = child(presence, 'c', capsNs)
  return caps === undefined ? '' : `${caps.attrs.hash} ${caps.attrs.node} ${caps.attrs.ver}`
}
