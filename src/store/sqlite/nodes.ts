/** Nodes of accounts and their items (XEP-0060) as SQL, for the writer and for readers. */
import type { NodeItem, NodeRecord } from '../store.js'
import type { Connection } from './connection.js'
import type { OtherWrite, Queries } from './protocol.js'

type NodeWrites = {
  readonly [W in OtherWrite as Extract<W['type'], `${'node' | 'item'}.${string}`>]: (write: W) => void
}

export function nodeWrites(db: Connection): NodeWrites {
  const putNode = db.prepare('INSERT OR REPLACE INTO pubsub_node (owner, name, state) VALUES (?, ?, ?)')
  const deleteNode = db.prepare('DELETE FROM pubsub_node WHERE owner = ? AND name = ?')
  const deleteItems = db.prepare('DELETE FROM pubsub_item WHERE owner = ? AND node = ?')
  const putItem = db.prepare(
    'INSERT OR REPLACE INTO pubsub_item (owner, node, id, publisher, at, size, payload) VALUES (?, ?, ?, ?, ?, ?, ?)',
  )
  const deleteItem = db.prepare('DELETE FROM pubsub_item WHERE owner = ? AND node = ? AND id = ?')
  return {
    'node.put': ({ owner, name, state }) => {
      putNode.run(owner, name, state)
    },
    'node.delete': ({ owner, name }) => {
      deleteNode.run(owner, name)
      deleteItems.run(owner, name)
    },
    'item.put': ({ owner, node, item: { id, publisher, at, size }, payload }) => {
      putItem.run(owner, node, id, publisher, at, size, payload)
    },
    'item.delete': ({ owner, node, ids }) => {
      for (const id of ids) deleteItem.run(owner, node, id)
    },
  }
}

interface ItemRow extends NodeItem {
  readonly node: string
}

export function nodeQueries(db: Connection): Pick<Queries, 'nodes' | 'payloads'> {
  const nodes = db.prepare<[string], { name: string; state: string }>(
    'SELECT name, state FROM pubsub_node WHERE owner = ? ORDER BY name',
  )
  const items = db.prepare<[string], ItemRow>(
    'SELECT node, id, publisher, at, size FROM pubsub_item WHERE owner = ? ORDER BY position',
  )
  const payload = db
    .prepare<[string, string, string], string>(
      'SELECT payload FROM pubsub_item WHERE owner = ? AND node = ? AND id = ?',
    )
    .pluck()
  const load = (owner: string): NodeRecord[] => {
    const byNode = new Map<string, NodeItem[]>()
    for (const { node, ...item } of items.all(owner)) {
      const before = byNode.get(node)
      if (before === undefined) byNode.set(node, [item])
      else before.push(item)
    }
    return nodes.all(owner).map(({ name, state }) => ({ name, state, items: byNode.get(name) ?? [] }))
  }
  return {
    // One transaction: nodes and items are of the same moment.
    nodes: db.transaction(load),
    payloads: (owner, node, ids) =>
      new Map(
        ids.flatMap((id) => {
          const found = payload.get(owner, node, id)
          return found === undefined ? [] : [[id, found]]
        }),
      ),
  }
}
