/** What the owner of a node does with it: create, configure, purge, delete (XEP-0060 §8.1 to §8.5). */
import { child, type Element, elements, xml } from '../../../xml/element.js'
import { writeForm } from '../../../xmpp/data-form.js'
import { StanzaError } from '../../../xmpp/stanza-error.js'
import { checkOwner, noAccess, type Requester } from '../access.js'
import { capacity, configForm, defaultConfig, type NodeConfig, readConfig } from '../config.js'
import { ownerNs, pubsubNs, refusal, unsupported } from '../errors.js'
import type { Node, Operation } from '../node.js'
import { type Decision, type Event, existing, formIn, nodeName, type Scene } from './decision.js'

const configType = `${pubsubNs}#node_config`

/** A node that is not there yet. Throws StanzaError `resource-constraint` where there are too many. */
export function created({ nodes, limits }: Scene, name: string, config: NodeConfig): Node {
  if (nodes.size >= limits.nodes)
    throw refusal('resource-constraint', 'max-nodes-exceeded', {
      text: `An account has at most ${limits.nodes} nodes`,
    })
  return { name, config, affiliations: new Map(), subscriptions: new Map(), items: new Map() }
}

/** `<create/>`, with `<configure/>` beside it (§8.1). Throws StanzaError. */
export function create(scene: Scene, action: Element, pubsub: Element): Decision {
  if (!scene.requester.isAccount) throw new StanzaError('forbidden')
  const isInstant = !action.attrs.node
  const name = isInstant ? scene.freshId : nodeName(action)
  if (scene.nodes.has(name)) throw new StanzaError('conflict')
  const configure = child(pubsub, 'configure', pubsubNs)
  const form = configure && formIn(configure, configType)
  const config = { ...defaultConfig, ...(form && readConfig(form)) }
  const state = created(scene, name, config)
  const answer = xml('pubsub', { xmlns: pubsubNs }, xml('create', { node: name }))
  const operations: Operation[] = [{ type: 'put', name, state }]
  return isInstant ? { operations, events: [], answer } : { operations, events: [] }
}

/** The form to configure a node with (§8.2.1). Throws StanzaError. */
export function configuration({ nodes, requester }: Scene, action: Element): Element {
  const node = existing(nodes, nodeName(action))
  checkOwner(node, requester)
  const form = writeForm(configForm(node.config))
  return xml('pubsub', { xmlns: ownerNs }, xml('configure', { node: node.name }, form))
}

/** What a new node is like (§8.3). Throws StanzaError. */
export function defaults({ requester }: Scene): Element {
  if (!requester.isAccount) throw new StanzaError('forbidden')
  return xml('pubsub', { xmlns: ownerNs }, xml('default', {}, writeForm(configForm(defaultConfig))))
}

/**
 * `<configure/>` (§8.2.3). `subscriber` tells who stands behind a subscription: those whom the new configuration lets in no more lose it
 * (XEP-0163 §7). Throws StanzaError.
 */
export function configure(scene: Scene, action: Element, subscriber: (jid: string) => Requester): Decision {
  const node = existing(scene.nodes, nodeName(action))
  checkOwner(node, scene.requester)
  const form = formIn(action, configType)
  if (form?.type === 'cancel') return { operations: [], events: [] }
  if (form?.type !== 'submit') throw new StanzaError('bad-request', { text: 'A form that was filled in was expected' })
  const config = { ...node.config, ...readConfig(form) }
  const { operations, events } = withAccess({ ...node, config }, subscriber)
  const surplus = node.items.size - capacity(config, scene.limits.items)
  const gone = surplus > 0 ? [...node.items.keys()].slice(0, surplus) : []
  const body = xml(
    'configuration',
    { node: node.name },
    config.deliverPayloads ? writeForm(configForm(config, 'result')) : undefined,
  )
  return {
    operations: [
      ...operations,
      ...(gone.length === 0 ? [] : [{ type: 'retract', name: node.name, ids: gone } as const]),
    ],
    events: [...(config.notifyConfig ? [{ type: 'notify', node, body } as const] : []), ...events],
  }
}

/** The node without the subscriptions of those who may not have one (any more). */
export function withAccess(node: Node, subscriber: (jid: string) => Requester): Decision {
  const lost = [...node.subscriptions.keys()].filter(
    (jid) => noAccess(node, subscriber(jid), 'subscribe') !== undefined,
  )
  const subscriptions = new Map([...node.subscriptions].filter(([jid]) => !lost.includes(jid)))
  return {
    operations: [{ type: 'put', name: node.name, state: { ...node, subscriptions } }],
    events: lost.map((to): Event => ({ type: 'subscription', node: node.name, to, state: 'none' })),
  }
}

/** `<delete/>` (§8.4), with the URI of a node that replaces it. Throws StanzaError. */
export function deleteNode({ nodes, requester }: Scene, action: Element): Decision {
  const node = existing(nodes, nodeName(action))
  checkOwner(node, requester)
  const uri = elements(action).find(({ name }) => name === 'redirect')?.attrs.uri
  const body = xml('delete', { node: node.name }, uri === undefined ? undefined : xml('redirect', { uri }))
  return {
    operations: [{ type: 'delete', name: node.name }],
    events: node.config.notifyDelete ? [{ type: 'notify', node, body }] : [],
  }
}

/** `<purge/>` (§8.5). Throws StanzaError. */
export function purge({ nodes, requester }: Scene, action: Element): Decision {
  const node = existing(nodes, nodeName(action))
  checkOwner(node, requester)
  if (!node.config.persistItems) throw unsupported('persistent-items')
  const body = xml('purge', { node: node.name })
  return {
    operations: node.items.size === 0 ? [] : [{ type: 'retract', name: node.name, ids: [...node.items.keys()] }],
    events: [{ type: 'notify', node, body }],
  }
}
