/** Subscriptions and affiliations, of who has them (XEP-0060 §5.6, §5.7, §6.1, §6.2) and as the owner manages them (§8.8, §8.9). */
import { type Element, elements, xml } from '../../../xml/element.js'
import { booleanValue, type Form, value } from '../../../xmpp/data-form.js'
import { Jid } from '../../../xmpp/jid.js'
import { StanzaError } from '../../../xmpp/stanza-error.js'
import { affiliationOf, checkOwner, noAccess, type Requester } from '../access.js'
import { ownerNs, pubsubNs, refusal } from '../errors.js'
import type { Affiliation, Node, SubscriptionState } from '../node.js'
import { type Decision, type Event, existing, nodeName, type Scene } from './decision.js'
import { withAccess } from './nodes.js'

const put = (node: Node, change: Partial<Pick<Node, 'subscriptions' | 'affiliations'>>) =>
  ({ type: 'put', name: node.name, state: { ...node, ...change } }) as const

/** The JID in `jid`, as it is prepared: the requester's own, full or bare. */
function ownJid(action: Element, { jid, bare }: Requester, refused: StanzaError): string {
  const given = Jid.tryParse(action.attrs.jid)?.toString()
  if (given === undefined || (given !== bare && given !== jid.toString())) throw refused
  return given
}

const subscriptionElement = (node: string, jid: string, state: string): Element =>
  xml('subscription', { node, jid, subscription: state })

const answered = (body: Element): Element => xml('pubsub', { xmlns: pubsubNs }, body)

/** `<subscribe/>` (§6.1). Throws StanzaError. */
export function subscribe({ nodes, requester, limits }: Scene, action: Element): Decision {
  const node = existing(nodes, nodeName(action))
  const jid = ownJid(action, requester, refusal('bad-request', 'invalid-jid'))
  const refused = noAccess(node, requester, 'subscribe')
  if (refused !== undefined) throw refused
  const before = node.subscriptions.get(jid)
  if (before === 'pending') throw refusal('not-authorized', 'pending-subscription')
  if (before === undefined && node.subscriptions.size >= limits.subscriptions)
    throw refusal('policy-violation', 'too-many-subscriptions')
  const waits = node.config.accessModel === 'authorize' && affiliationOf(node, requester) === undefined
  const state: SubscriptionState = before ?? (waits ? 'pending' : 'subscribed')
  const answer = answered(subscriptionElement(node.name, jid, state))
  if (before !== undefined) return { operations: [], events: [], answer }
  const operations = [put(node, { subscriptions: new Map([...node.subscriptions, [jid, state]]) })]
  if (waits) return { operations, events: [{ type: 'ask', node: node.name, subscriber: jid }], answer }
  const sendsLast = node.config.sendLast !== 'never'
  return { operations, events: sendsLast ? [{ type: 'last', node: node.name, to: jid }] : [], answer }
}

/** `<unsubscribe/>` (§6.2). Throws StanzaError. */
export function unsubscribe({ nodes, requester }: Scene, action: Element): Decision {
  const node = existing(nodes, nodeName(action))
  const jid = ownJid(action, requester, new StanzaError('forbidden'))
  if (!node.subscriptions.has(jid)) throw refusal('unexpected-request', 'not-subscribed', { type: 'cancel' })
  if (action.attrs.subid) throw refusal('not-acceptable', 'invalid-subid')
  const subscriptions = new Map([...node.subscriptions].filter(([other]) => other !== jid))
  return {
    operations: [put(node, { subscriptions })],
    events: [],
    answer: answered(subscriptionElement(node.name, jid, 'none')),
  }
}

const asked = (nodes: Scene['nodes'], action: Element): readonly Node[] =>
  action.attrs.node ? [existing(nodes, nodeName(action))] : [...nodes.values()]

/** The requester's own subscriptions, to one node or to all (§5.6). Throws StanzaError. */
export function ownSubscriptions({ nodes, requester }: Scene, action: Element): Element {
  const isOwn = (jid: string): boolean => jid === requester.bare || jid.startsWith(`${requester.bare}/`)
  const found = asked(nodes, action).flatMap(({ name, subscriptions }) =>
    [...subscriptions].filter(([jid]) => isOwn(jid)).map(([jid, state]) => subscriptionElement(name, jid, state)),
  )
  return answered(xml('subscriptions', { node: action.attrs.node || undefined }, ...found))
}

/** The requester's own affiliations (§5.7). Throws StanzaError. */
export function ownAffiliations({ nodes, requester }: Scene, action: Element): Element {
  const found = asked(nodes, action).flatMap((node) => {
    const affiliation = affiliationOf(node, requester)
    return affiliation === undefined ? [] : [xml('affiliation', { node: node.name, affiliation })]
  })
  return answered(xml('affiliations', { node: action.attrs.node || undefined }, ...found))
}

function managed({ nodes, requester }: Scene, action: Element): Node {
  const node = existing(nodes, nodeName(action))
  checkOwner(node, requester)
  return node
}

/** All subscriptions to a node, for its owner (§8.8.1). Throws StanzaError. */
export function allSubscriptions(scene: Scene, action: Element): Element {
  const { name, subscriptions } = managed(scene, action)
  const listed = [...subscriptions].map(([jid, state]) => xml('subscription', { jid, subscription: state }))
  return xml('pubsub', { xmlns: ownerNs }, xml('subscriptions', { node: name }, ...listed))
}

/** All affiliations with a node, for its owner (§8.9.1). Throws StanzaError. */
export function allAffiliations(scene: Scene, action: Element, account: string): Element {
  const { name, affiliations } = managed(scene, action)
  const listed = [[account, 'owner'] as const, ...affiliations].map(([jid, affiliation]) =>
    xml('affiliation', { jid, affiliation }),
  )
  return xml('pubsub', { xmlns: ownerNs }, xml('affiliations', { node: name }, ...listed))
}

/** What each `element` says of a JID; throws StanzaError `bad-request` for what cannot be read. */
function entries(action: Element, element: string, allowed: readonly string[]): [Jid, string][] {
  return elements(action)
    .filter(({ name }) => name === element)
    .map(({ attrs }) => {
      const jid = Jid.tryParse(attrs.jid)
      const value = attrs[element]
      if (jid === undefined || value === undefined || !allowed.includes(value))
        throw new StanzaError('bad-request', { text: `Each ${element} has a JID and one of ${allowed.join(', ')}` })
      return [jid, value]
    })
}

/** `<subscriptions/>` of the owner (§8.8.2): all of them, or none. Throws StanzaError. */
export function manageSubscriptions(scene: Scene, action: Element): Decision {
  const node = managed(scene, action)
  const subscriptions = new Map(node.subscriptions)
  const events: Event[] = []
  for (const [jid, state] of entries(action, 'subscription', ['none', 'pending', 'subscribed', 'unconfigured'])) {
    const to = jid.toString()
    const before = subscriptions.get(to)
    if (state === 'none') subscriptions.delete(to)
    else subscriptions.set(to, state === 'pending' ? 'pending' : 'subscribed')
    const after = subscriptions.get(to)
    if (before === after) continue
    events.push({ type: 'subscription', node: node.name, to, state: after ?? 'none' })
    if (after === 'subscribed' && node.config.sendLast !== 'never') events.push({ type: 'last', node: node.name, to })
  }
  if (subscriptions.size > Math.max(scene.limits.subscriptions, node.subscriptions.size))
    throw refusal('policy-violation', 'too-many-subscriptions')
  return { operations: [put(node, { subscriptions })], events }
}

/** What the owner answered to whom asked to be let in (§8.6): `form` names the node and the subscriber. Throws StanzaError. */
export function answerRequest({ nodes, requester }: Scene, form: Form): Decision {
  const node = existing(nodes, value(form, 'pubsub#node') ?? '')
  checkOwner(node, requester)
  const to = Jid.tryParse(value(form, 'pubsub#subscriber_jid'))?.toString() ?? ''
  const lets = booleanValue(form, 'pubsub#allow') === true
  // Somebody else has answered it, or the request was taken back.
  if (node.subscriptions.get(to) !== 'pending') return { operations: [], events: [] }
  const subscriptions = new Map(node.subscriptions)
  if (lets) subscriptions.set(to, 'subscribed')
  else subscriptions.delete(to)
  const told: Event = { type: 'subscription', node: node.name, to, state: lets ? 'subscribed' : 'none' }
  const last: Event[] = lets && node.config.sendLast !== 'never' ? [{ type: 'last', node: node.name, to }] : []
  return { operations: [put(node, { subscriptions })], events: [told, ...last] }
}

/** `<affiliations/>` of the owner (§8.9.2): all of them, or none; the account stays the owner. Throws StanzaError. */
export function manageAffiliations(
  scene: Scene,
  action: Element,
  account: string,
  subscriber: (jid: string) => Requester,
): Decision {
  const node = managed(scene, action)
  const affiliations = new Map(node.affiliations)
  const allowed = ['owner', 'publisher', 'publish-only', 'member', 'none', 'outcast']
  for (const [jid, affiliation] of entries(action, 'affiliation', allowed)) {
    const bare = jid.bare().toString()
    if (bare === account && affiliation !== 'owner')
      throw new StanzaError('not-acceptable', { text: 'The account itself stays the owner of its nodes' })
    if (bare === account) continue
    if (affiliation === 'none') affiliations.delete(bare)
    else affiliations.set(bare, affiliation as Affiliation)
  }
  if (affiliations.size > Math.max(scene.limits.subscriptions, node.affiliations.size))
    throw new StanzaError('resource-constraint', {
      text: `A node has at most ${scene.limits.subscriptions} affiliations`,
    })
  return withAccess({ ...node, affiliations }, subscriber)
}
