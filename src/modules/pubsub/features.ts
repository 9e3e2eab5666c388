/** What the service tells of itself and of its nodes (XEP-0060 §5, §10; XEP-0163 §6.1). */
import type { DiscoInfo } from '../../server/module.js'
import type { Form } from '../../xmpp/data-form.js'
import { accessModels, capacity } from './config.js'
import { pubsubNs } from './errors.js'
import type { Node } from './node.js'

export const pubsubFeatures: readonly string[] = [
  pubsubNs,
  ...[
    ...accessModels.map((model) => `access-${model}`),
    'auto-create',
    'auto-subscribe',
    'config-node',
    'config-node-max',
    'create-and-configure',
    'create-nodes',
    'delete-items',
    'delete-nodes',
    'filtered-notifications',
    'instant-nodes',
    'item-ids',
    'last-published',
    'manage-subscriptions',
    'member-affiliation',
    'meta-data',
    'modify-affiliations',
    'multi-items',
    'outcast-affiliation',
    'persistent-items',
    'presence-notifications',
    'presence-subscribe',
    'publish',
    'publish-node-full',
    'publish-only-affiliation',
    'publish-options',
    'publisher-affiliation',
    'purge-nodes',
    'retract-items',
    'retrieve-affiliations',
    'retrieve-default',
    'retrieve-items',
    'retrieve-subscriptions',
    'rsm',
    'subscribe',
  ].map((feature) => `${pubsubNs}#${feature}`),
]

/** §5.4, with its metadata. */
export function nodeInfo(node: Node, account: string, most: number): DiscoInfo {
  const { title, description, type, accessModel } = node.config
  const fields: readonly (readonly [string, string])[] = [
    ['pubsub#type', type],
    ['pubsub#title', title],
    ['pubsub#description', description],
    ['pubsub#owner', account],
    ['pubsub#access_model', accessModel],
    ['pubsub#max_items', String(capacity(node.config, most))],
    ['pubsub#num_items', String(node.items.size)],
    ['pubsub#num_subscribers', String(node.subscriptions.size)],
  ]
  const form: Form = {
    type: 'result',
    fields: [
      { var: 'FORM_TYPE', type: 'hidden', values: [`${pubsubNs}#meta-data`] },
      ...fields.flatMap(([name, value]) => (value === '' ? [] : [{ var: name, values: [value] }])),
    ],
  }
  return { identities: [{ category: 'pubsub', type: 'leaf' }], features: [pubsubNs], forms: [form] }
}
