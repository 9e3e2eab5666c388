/** Nodes as the store keeps them, and operations as its writes. */
import type { NodeRecord, Write } from '../../store/store.js'
import { defaultConfig } from './config.js'
import type { Affiliation, Node, NodeState, Nodes, Operation, SubscriptionState } from './node.js'

export const readNodes = (records: readonly NodeRecord[]): Nodes =>
  new Map(records.map((record) => [record.name, readNode(record)]))

interface Kept {
  readonly config: Partial<NodeState['config']>
  readonly affiliations: readonly (readonly [string, Affiliation])[]
  readonly subscriptions: readonly (readonly [string, SubscriptionState])[]
}

function readNode({ name, state, items }: NodeRecord): Node {
  const { config, affiliations, subscriptions } = JSON.parse(state) as Kept
  return {
    name,
    config: { ...defaultConfig, ...config },
    affiliations: new Map(affiliations),
    subscriptions: new Map(subscriptions),
    items: new Map(items.map((item) => [item.id, item])),
  }
}

const stateText = ({ config, affiliations, subscriptions }: NodeState): string =>
  JSON.stringify({ config, affiliations: [...affiliations], subscriptions: [...subscriptions] } satisfies Kept)

export function writeOf(owner: string, operation: Operation): Write {
  const { name } = operation
  switch (operation.type) {
    case 'put':
      return { type: 'node.put', owner, name, state: stateText(operation.state) }
    case 'delete':
      return { type: 'node.delete', owner, name }
    case 'publish':
      return { type: 'item.put', owner, node: name, item: operation.item, payload: operation.payload }
    case 'retract':
      return { type: 'item.delete', owner, node: name, ids: operation.ids }
  }
}
