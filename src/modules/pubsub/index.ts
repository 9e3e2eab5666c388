/**
 * XEP-0163: Personal Eventing Protocol: every account is a service of XEP-0060, at its bare JID. What may be done is decided in decide/,
 * becomes durable as one batch, and then is told to those who want to hear of it.
 */
import type { Host, Module } from '../../server/module.js'
import { resultSetNamespace } from '../../xmpp/result-set.js'
import {
  type CapabilitiesService,
  capabilitiesService,
  publishingService,
  type RosterService,
  rosterService,
} from '../services.js'
import { ownerNs, pubsubNs } from './errors.js'
import { pubsubFeatures } from './features.js'
import { Publishing } from './publishing.js'
import { accountData, PubsubService } from './service.js'
import { readNodes } from './storage.js'

const positive = (value: unknown): string | undefined =>
  typeof value === 'number' && value >= 1 ? undefined : 'be 1 or more'

const test = 'dialogue/pubsub.test.ts'

export const pubsub: Module = {
  name: 'pep',
  xeps: [
    { number: 163, version: '1.2.2', test: 'dialogue/pep.test.ts' },
    {
      number: 60,
      version: '1.30.0',
      without: 'services that are no accounts, options of subscriptions',
      test,
      features: pubsubFeatures,
    },
    { number: 84, version: '1.1.4', test: 'dialogue/avatar.test.ts' },
    { number: 222, version: '1.0', test: 'dialogue/pep.test.ts' },
    { number: 223, version: '1.1.1', test: 'dialogue/pep.test.ts' },
  ],
  hosts: ['user'],
  options: {
    pep_max_nodes: {
      type: 'integer',
      default: 300,
      doc: 'Nodes of one account (XEP-0163): bookmarks, avatars, keys of encryption and what else clients publish there.',
      check: positive,
    },
    pep_max_items: {
      type: 'integer',
      default: 1000,
      doc: 'Items of one node of an account, also where it is configured to keep more; the oldest go.',
      check: positive,
    },
    pep_max_payload_size: {
      type: 'integer',
      default: 160_000,
      doc: 'Characters of one item that is published. An avatar is an item.',
      check: positive,
    },
    pep_max_total_size: {
      type: 'integer',
      default: 10_000_000,
      doc: 'Characters of all items of one account together; what comes after is refused until others go.',
      check: positive,
    },
    pep_max_subscriptions: {
      type: 'integer',
      default: 1000,
      doc: 'Subscriptions to one node of an account, and people who have an affiliation with it.',
      check: positive,
    },
  },
  setup(host) {
    const roster = host.service<RosterService>(rosterService)
    if (roster === undefined) throw new Error(`Module "pep" on ${host.domain} needs the module "roster"`)
    const service = new PubsubService(host, roster, host.service<CapabilitiesService>(capabilitiesService))
    host.offer(publishingService, new Publishing(host, service))
    roster.onChanged((account, before, now) => service.rosterChanged(account, before, now))
    return [
      { kind: 'account', name: accountData, load: async (bareJid) => readNodes(await host.store.nodes(bareJid)) },
      { kind: 'identity', at: 'account', identity: { category: 'pubsub', type: 'pep' } },
      ...[...pubsubFeatures, resultSetNamespace].map((feature) => host.feature(feature, 'account')),
      host.iq('account', 'get', pubsubNs, 'pubsub', service.get),
      host.iq('account', 'set', pubsubNs, 'pubsub', service.set),
      host.iq('account', 'get', ownerNs, 'pubsub', service.getAsOwner),
      host.iq('account', 'set', ownerNs, 'pubsub', service.setAsOwner),
      { kind: 'disco-node', at: 'account', info: service.nodeInfo, items: service.nodeItems },
      ...followPresence(host, service),
    ]
  },
}

const followPresence = (host: Host, service: PubsubService) =>
  [
    host.on('inbound', 'presence', 'observe', (presence, from, to) => {
      service.hears(presence, from, to)
      return undefined
    }),
    host.on('outbound', 'message', 'handle', service.answer),
    // Whoever cannot be reached is not there any more.
    host.on('inbound', 'message', 'observe', (message, from, to) => {
      if (message.attrs.type === 'error' && to.isBare) service.bounced(from, to)
      return undefined
    }),
    { kind: 'session', presence: service.ownPresence } as const,
  ] as const
