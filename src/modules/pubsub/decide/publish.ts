/** Publishing an item and retracting one (XEP-0060 §7). */
import type { NodeItem } from '../../../store/store.js'
import { child, copy, type Element, elements, xml } from '../../../xml/element.js'
import { serialize } from '../../../xml/writer.js'
import { StanzaError } from '../../../xmpp/stanza-error.js'
import { affiliationOf, mayPublish } from '../access.js'
import { capacity, checkPreconditions, defaultConfig, type NodeConfig, readConfig } from '../config.js'
import { pubsubNs, refusal, unsupported } from '../errors.js'
import { apply, type Node, type Operation, sizeOf } from '../node.js'
import { type Decision, type Event, existing, formIn, longestName, nodeName, type Scene } from './decision.js'
import { created } from './nodes.js'

/** `<publish/>`, with `<publish-options/>` beside it (§7.1). Throws StanzaError. */
export function publish(scene: Scene, action: Element, pubsub: Element): Decision {
  const name = nodeName(action)
  const wanted = preconditions(pubsub)
  const known = scene.nodes.get(name)
  if (known === undefined && !scene.requester.isAccount) throw new StanzaError('item-not-found')
  const node = known ?? created(scene, name, { ...defaultConfig, ...wanted })
  if (!mayPublish(node, scene.requester)) throw new StanzaError('forbidden')
  if (known !== undefined) checkPreconditions(node.config, wanted, scene.limits.items)
  const making: Operation[] = known === undefined ? [{ type: 'put', name, state: node }] : []
  const item = itemOf(action, node.config)
  if (item === undefined) return { operations: making, events: notify(node, xml('items', { node: name })) }
  return publishItem(scene, node, item, making)
}

/** What `<publish-options/>` asks the node to be. */
function preconditions(pubsub: Element): Partial<NodeConfig> {
  const given = child(pubsub, 'publish-options', pubsubNs)
  const form = given && formIn(given, `${pubsubNs}#publish-options`)
  return form === undefined ? {} : readConfig(form, { known: true })
}

/** The one item, as the node is configured to have it (§7.1.3.6); undefined where it is a notification alone. */
function itemOf(action: Element, { persistItems, deliverPayloads, type }: NodeConfig): Element | undefined {
  const items = elements(action).filter(({ name }) => name === 'item')
  const [item] = items
  if (items.length > 1) throw refusal('bad-request', 'invalid-payload', { text: 'One item is published at a time' })
  const bare = !persistItems && !deliverPayloads
  if (item === undefined) {
    if (bare) return undefined
    throw refusal('bad-request', 'item-required')
  }
  if (bare) throw refusal('bad-request', 'item-forbidden')
  const payloads = elements(item)
  if (payloads.length === 0) throw refusal('bad-request', 'payload-required')
  if (payloads.length > 1 || (type !== '' && payloads[0]?.getNS() !== type))
    throw refusal('bad-request', 'invalid-payload')
  return item
}

/** `given` is the `<item/>`; `making` makes the node where it is new. Throws StanzaError. */
export function publishItem(scene: Scene, node: Node, given: Element, making: readonly Operation[] = []): Decision {
  const { limits, requester, nodes } = scene
  const { name, config } = node
  const id = given.attrs.id || scene.freshId
  if (id.length > longestName)
    throw new StanzaError('bad-request', { text: `The id of an item has at most ${longestName} characters` })
  const content = copy(elements(given)[0]!)
  const payload = serialize(content)
  if (payload.length > limits.payload)
    throw refusal('not-acceptable', 'payload-too-big', { text: `An item has at most ${limits.payload} characters` })
  const item: NodeItem = { id, publisher: requester.jid.toString(), at: scene.now, size: payload.length }
  const answer = xml('pubsub', { xmlns: pubsubNs }, xml('publish', { node: name }, xml('item', { id })))
  const told = notify(node, itemsOf(name, id, config.deliverPayloads ? content : undefined))
  if (!config.persistItems) return { operations: making, events: told, answer }
  const gone = displaced(node, id, capacity(config, limits.items))
  const operations: readonly Operation[] = [
    ...making,
    { type: 'publish', name, item, payload },
    ...(gone.length === 0 ? [] : [{ type: 'retract', name, ids: gone } as const]),
  ]
  const after = operations.reduce(apply, nodes)
  if (sizeOf(after) > limits.total)
    throw new StanzaError('resource-constraint', { text: `All items together have at most ${limits.total} characters` })
  const isList = capacity(config, limits.items) > 1
  const removed = config.nodeFull === 'retract-oldest' && config.notifyRetract && isList ? gone : []
  return {
    operations,
    events: [...told, ...(removed.length === 0 ? [] : notify(node, retracted(name, removed)))],
    answer,
  }
}

/** The ids of the oldest, which have to make room for `id` (§7.1.2). Throws StanzaError `conflict` where they do not. */
function displaced({ items, config }: Node, id: string, most: number): string[] {
  const others = [...items.keys()].filter((other) => other !== id)
  const surplus = others.length + 1 - most
  if (surplus <= 0) return []
  if (config.nodeFull === 'reject') throw refusal('conflict', 'node-full')
  return others.slice(0, surplus)
}

export const itemsOf = (node: string, id: string, payload: Element | undefined): Element =>
  xml('items', { node }, xml('item', { id }, payload && copy(payload)))

const retracted = (node: string, ids: readonly string[]): Element =>
  xml('items', { node }, ...ids.map((id) => xml('retract', { id })))

const notify = (node: Node, body: Element): Event[] =>
  node.config.deliverNotifications ? [{ type: 'notify', node, body }] : []

/** `<retract/>` (§7.2). Throws StanzaError. */
export function retract(scene: Scene, action: Element): Decision {
  const { nodes, requester } = scene
  const node = existing(nodes, nodeName(action))
  const given = elements(action).filter(({ name }) => name === 'item')
  const ids = [...new Set(given.map(({ attrs }) => attrs.id))]
  if (ids.length === 0 || ids.some((id) => !id)) throw refusal('bad-request', 'item-required')
  if (affiliationOf(node, requester) !== 'owner' && !mayPublish(node, requester)) throw new StanzaError('forbidden')
  if (!node.config.persistItems) throw unsupported('persistent-items')
  const items = ids.map((id) => node.items.get(id))
  if (items.some((item) => item === undefined)) throw new StanzaError('item-not-found')
  const foreign = (item: NodeItem | undefined): boolean => !isBy(item!, requester.bare)
  if (affiliationOf(node, requester) !== 'owner' && items.some(foreign)) throw new StanzaError('forbidden')
  const told = notifies(action.attrs.notify) ?? node.config.notifyRetract
  return retractItems(node, ids, told)
}

export const retractItems = (node: Node, ids: readonly string[], told: boolean): Decision => ({
  operations: [{ type: 'retract', name: node.name, ids }],
  events: told ? notify(node, retracted(node.name, ids)) : [],
})

const isBy = ({ publisher }: NodeItem, bare: string): boolean => publisher === bare || publisher.startsWith(`${bare}/`)

/** §7.2.2.1: what the publisher says of it; undefined where nothing. */
function notifies(value: string | undefined): boolean | undefined {
  if (value === '1' || value === 'true') return true
  return value === '0' || value === 'false' ? false : undefined
}
