/** What requests to an account's nodes are decided on, and what is decided. Pure: time and ids come with the scene. */
import type { Element } from '../../../xml/element.js'
import { child } from '../../../xml/element.js'
import { type Form, formType, readForm } from '../../../xmpp/data-form.js'
import { ns } from '../../../xmpp/namespaces.js'
import { StanzaError } from '../../../xmpp/stanza-error.js'
import type { Requester } from '../access.js'
import { refusal } from '../errors.js'
import type { Node, Nodes, Operation } from '../node.js'

/** Of one account. */
export interface Limits {
  readonly nodes: number
  /** Of one node. */
  readonly items: number
  /** Characters of one payload, and of all that is kept. */
  readonly payload: number
  readonly total: number
  /** Of one node: subscriptions, and affiliations. */
  readonly subscriptions: number
}

export interface Scene {
  readonly nodes: Nodes
  readonly requester: Requester
  readonly limits: Limits
  readonly now: number
  /** For an item or a node that came without one. */
  readonly freshId: string
}

/** What others are told once the operations are durable. */
export type Event =
  /** Everybody who is subscribed or interested, of the node as it is here; `body` is the child of `<event/>`. */
  | { readonly type: 'notify'; readonly node: Node; readonly body: Element }
  /** The last item, to a new subscriber. */
  | { readonly type: 'last'; readonly node: string; readonly to: string }
  /** What became of a subscription (§8.8.4): to the subscriber. */
  | { readonly type: 'subscription'; readonly node: string; readonly to: string; readonly state: string }
  /** Somebody asks to be let in (§8.6): to the account's clients. */
  | { readonly type: 'ask'; readonly node: string; readonly subscriber: string }

export interface Decision {
  readonly operations: readonly Operation[]
  readonly events: readonly Event[]
  /** The child of the result, where it has one. */
  readonly answer?: Element
}

/** Characters of the name of a node or the id of an item. */
export const longestName = 1023

/** The name in `node`. Throws StanzaError `bad-request` with `nodeid-required`. */
export function nodeName(action: Element): string {
  const name = action.attrs.node
  if (name === undefined || name === '') throw refusal('bad-request', 'nodeid-required')
  if (name.length > longestName)
    throw new StanzaError('bad-request', { text: `The name of a node has at most ${longestName} characters` })
  return name
}

/** Throws StanzaError `item-not-found`. */
export function existing(nodes: Nodes, name: string): Node {
  const node = nodes.get(name)
  if (node === undefined) throw new StanzaError('item-not-found')
  return node
}

/** The form in `parent`, of this FORM_TYPE where it says one. Throws StanzaError `bad-request`. */
export function formIn(parent: Element, type: string): Form | undefined {
  const x = child(parent, 'x', ns.dataForm)
  if (x === undefined) return undefined
  const form = readForm(x)
  if (form === undefined || (formType(form) ?? type) !== type)
    throw new StanzaError('bad-request', { text: `A form of the type ${type} was expected` })
  return form
}
