/**
 * XEP-0030: Service Discovery of the host and of its accounts: what the modules registered. An account answers those who
 * may see its presence; to others it does not show that it exists (§8).
 */
import { type Guests, guestsService } from '../server/guests.js'
import type { DiscoInfo, Host, Module } from '../server/module.js'
import { type Element, xml } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { readResultSet, writeResultSet } from '../xmpp/result-set.js'
import { payload, result } from '../xmpp/stanza.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { discoInfoElement } from './disco-info.js'
import { type PresenceService, presenceService } from './services.js'

export const disco: Module = {
  name: 'disco',
  xeps: [{ number: 30, version: '2.5.0', test: 'dialogue/queries.test.ts', features: [ns.discoInfo, ns.discoItems] }],
  hosts: ['user', 'muc'],
  setup: (host) => [
    host.feature(ns.discoInfo),
    host.feature(ns.discoItems),
    ...(host.type === 'user' ? [host.feature(ns.discoInfo, 'account'), host.feature(ns.discoItems, 'account')] : []),
    ...(host.type === 'user' ? [host.identity('server', 'im', host.name)] : []),
    host.iq('host', 'get', ns.discoInfo, 'query', (iq, from, to) => info(host, 'host', iq, from, to, host.registered)),
    host.iq('host', 'get', ns.discoItems, 'query', (iq, from, to) =>
      nodeOf(iq) === undefined ? items(host, iq, from) : nodeItems(host, 'host', iq, from, to),
    ),
    host.iq('account', 'get', ns.discoInfo, 'query', (iq, from, to) => {
      mayAsk(host, from, to)
      const { accountIdentities, accountFeatures } = host.registered
      // XEP-0175 §5: of a guest's.
      const type = host.service<Guests>(guestsService) === undefined ? 'registered' : 'anonymous'
      const identities = [{ category: 'account', type }, ...accountIdentities]
      return info(host, 'account', iq, from, to, { identities, features: accountFeatures })
    }),
    host.iq('account', 'get', ns.discoItems, 'query', (iq, from, to) => {
      mayAsk(host, from, to)
      return nodeItems(host, 'account', iq, from, to)
    }),
  ],
}

/** `own`: what is told without a node. */
function info(host: Host, at: 'host' | 'account', iq: Element, from: Jid, to: Jid, own: DiscoInfo): Element {
  const node = nodeOf(iq)
  const told = node === undefined ? own : host.registered.nodeInfo(at, node, from, to)
  if (told === undefined) throw new StanzaError('item-not-found')
  return result(iq, discoInfoElement(told, node))
}

function nodeItems(host: Host, at: 'host' | 'account', iq: Element, from: Jid, to: Jid): Element {
  const node = nodeOf(iq)
  const listed = host.registered.nodeItems(at, node ?? '', from, to)
  const isThere = node === undefined || host.registered.nodeInfo(at, node, from, to) !== undefined
  if (listed === undefined && !isThere) throw new StanzaError('item-not-found')
  const rows = (listed ?? []).map((each) => item({ ...each, domain: each.jid }))
  return result(iq, xml('query', { xmlns: ns.discoItems, node }, ...rows))
}

/** Items on one page. */
const maxListed = 200

/**
 * Of an account's host, the components of this process; of a component, what its module lists, a page at a time where the asker
 * wants so or the list is longer than a page (XEP-0059).
 */
async function items(host: Host, iq: Element, from: Jid): Promise<Element> {
  if (host.type === 'user') {
    const components = host.siblings().filter(({ type }) => type !== 'user')
    return result(iq, xml('query', { xmlns: ns.discoItems }, ...components.map(item)))
  }
  const asked = readResultSet(payload(iq)!, maxListed)
  if (asked?.index !== undefined)
    throw new StanzaError('feature-not-implemented', { text: 'Pages are asked for by JID' })
  const { items: listed, count } = await host.registered.discoItems(from, {
    limit: asked?.max ?? maxListed,
    backward: asked?.before !== undefined,
    ...(asked?.after === undefined ? {} : { after: asked.after }),
    ...(asked?.before ? { before: asked.before } : {}),
  })
  const rows = listed.map((each) => item({ ...each, domain: each.jid }))
  const set = writeResultSet({ first: listed[0]?.jid, last: listed.at(-1)?.jid, count })
  const isPaged = asked !== undefined || count > listed.length
  return result(iq, xml('query', { xmlns: ns.discoItems }, ...rows, isPaged ? set : undefined))
}

const item = ({ domain, name, node }: { domain: string; name?: string; node?: string }): Element =>
  xml('item', { jid: domain, name, node })

const nodeOf = (iq: Element): string | undefined => payload(iq)?.attrs.node

function mayAsk(host: Host, from: Jid, to: Jid): void {
  const seen = host.service<PresenceService>(presenceService)?.isVisible(to.bare().toString(), from) ?? false
  if (!seen && from.bare().toString() !== to.bare().toString()) throw new StanzaError('service-unavailable')
}
