/**
 * The nodes of one account in memory (XEP-0060): everything but what the items say, which stays on the disk. `apply` is total and
 * pure; what may be applied is decided in decide/.
 */
import type { NodeItem } from '../../store/store.js'
import type { NodeConfig } from './config.js'

export type Affiliation = 'owner' | 'publisher' | 'publish-only' | 'member' | 'outcast'
export type SubscriptionState = 'subscribed' | 'pending'

/** What of a node is written as one. */
export interface NodeState {
  readonly config: NodeConfig
  /** By bare JID; the account itself is always the owner and not here. */
  readonly affiliations: ReadonlyMap<string, Affiliation>
  /** By the subscribed JID, full or bare. */
  readonly subscriptions: ReadonlyMap<string, SubscriptionState>
}

export interface Node extends NodeState {
  readonly name: string
  /** By id, in the order of publication. */
  readonly items: ReadonlyMap<string, NodeItem>
}

/** By name. */
export type Nodes = ReadonlyMap<string, Node>

export type Operation =
  | { readonly type: 'put'; readonly name: string; readonly state: NodeState }
  | { readonly type: 'delete'; readonly name: string }
  | { readonly type: 'publish'; readonly name: string; readonly item: NodeItem; readonly payload: string }
  | { readonly type: 'retract'; readonly name: string; readonly ids: readonly string[] }

export function apply(nodes: Nodes, operation: Operation): Nodes {
  const changed = new Map(nodes)
  const node = nodes.get(operation.name)
  switch (operation.type) {
    case 'put': {
      const { config, affiliations, subscriptions } = operation.state
      const items = node?.items ?? new Map()
      changed.set(operation.name, { name: operation.name, config, affiliations, subscriptions, items })
      return changed
    }
    case 'delete':
      changed.delete(operation.name)
      return changed
    case 'publish':
    case 'retract': {
      if (node === undefined) return nodes
      const items = new Map(node.items)
      for (const id of operation.type === 'publish' ? [operation.item.id] : operation.ids) items.delete(id)
      if (operation.type === 'publish') items.set(operation.item.id, operation.item)
      changed.set(operation.name, { ...node, items })
      return changed
    }
  }
}

/** The item that was published last. */
export function lastItem({ items }: Node): NodeItem | undefined {
  let last: NodeItem | undefined
  for (const item of items.values()) last = item
  return last
}

/** Characters of all that an account keeps. */
export function sizeOf(nodes: Nodes): number {
  let size = 0
  for (const { items } of nodes.values()) for (const item of items.values()) size += item.size
  return size
}
