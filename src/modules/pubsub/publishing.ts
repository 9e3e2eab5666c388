/** What other modules do with the nodes of an account (src/modules/services.ts). */
import type { LoadedAccount } from '../../server/account.js'
import type { Host } from '../../server/module.js'
import type { Write } from '../../store/store.js'
import { copy, type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import type { NodeChange, PublishingService, StandIn } from '../services.js'
import { readStored } from '../stored-xml.js'
import { noAccess } from './access.js'
import { defaultConfig, readConfig } from './config.js'
import type { Decision, Scene } from './decide/decision.js'
import { created } from './decide/nodes.js'
import { itemsOf, publishItem, retractItems } from './decide/publish.js'
import { apply, type Nodes } from './node.js'
import { nodesOf, type PubsubService } from './service.js'

export class Publishing implements PublishingService {
  readonly #host: Host
  readonly #service: PubsubService

  constructor(host: Host, service: PubsubService) {
    this.#host = host
    this.#service = service
  }

  ids(account: LoadedAccount, node: string): readonly string[] {
    return [...(nodesOf(account).get(node)?.items.keys() ?? [])]
  }

  async payloads(account: LoadedAccount, node: string, ids: readonly string[]): Promise<ReadonlyMap<string, Element>> {
    if (ids.length === 0) return new Map()
    const texts = await this.#host.store.payloads(account.jid, node, ids)
    return new Map([...texts].map(([id, text]) => [id, readStored(text)]))
  }

  mayRetrieve(account: LoadedAccount, name: string, other: Jid): boolean {
    const node = nodesOf(account).get(name)
    return node !== undefined && noAccess(node, this.#service.requester(account, other), 'retrieve') === undefined
  }

  accessModel(account: LoadedAccount, node: string): string | undefined {
    return nodesOf(account).get(node)?.config.accessModel
  }

  async change(account: LoadedAccount, changes: readonly NodeChange[], writes: readonly Write[] = []): Promise<void> {
    const decisions: Decision[] = []
    let nodes = nodesOf(account)
    for (const change of changes) {
      const decision = this.#decide(account, nodes, change)
      nodes = decision.operations.reduce(apply, nodes)
      decisions.push(decision)
    }
    await this.#service.apply(
      account,
      {
        operations: decisions.flatMap(({ operations }) => operations),
        events: decisions.flatMap(({ events }) => events),
      },
      writes,
    )
  }

  onChanged(listener: (account: LoadedAccount, nodes: ReadonlySet<string>) => void): void {
    this.#service.onChanged(listener)
  }

  standIn(node: string, forIt: StandIn): void {
    this.#service.standIn(node, forIt)
  }

  tellOwn(account: LoadedAccount, node: string, id: string, payload: Element): void {
    this.#service.tellOwn(account, node, itemsOf(node, id, payload))
  }

  #decide(account: LoadedAccount, nodes: Nodes, change: NodeChange): Decision {
    const known = nodes.get(change.node)
    if ('retract' in change) {
      const ids = change.retract.filter((id) => known?.items.has(id))
      return known === undefined || ids.length === 0 ? { operations: [], events: [] } : retractItems(known, ids, true)
    }
    const scene: Scene = {
      nodes,
      requester: this.#service.requester(account, Jid.parse(account.jid)),
      limits: this.#service.limits,
      now: this.#host.clock.now(),
      freshId: this.#host.random.token(),
    }
    const { id, payload } = change.publish
    const item = xml('item', { id }, copy(payload))
    if (known !== undefined) return publishItem(scene, known, item)
    const fields = Object.entries(change.options).map(([name, value]) => ({ var: `pubsub#${name}`, values: [value] }))
    const node = created(scene, change.node, { ...defaultConfig, ...readConfig({ type: 'submit', fields }) })
    return publishItem(scene, node, item, [{ type: 'put', name: change.node, state: node }])
  }
}
