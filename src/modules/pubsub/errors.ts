/** The namespaces of XEP-0060, and its errors: a condition of RFC 6120 with one of pubsub's own beside it (§10). */
import { xml } from '../../xml/element.js'
import { type ErrorType, StanzaError, type StanzaErrorCondition } from '../../xmpp/stanza-error.js'

export const pubsubNs = 'http://jabber.org/protocol/pubsub'
export const ownerNs = `${pubsubNs}#owner`
export const eventNs = `${pubsubNs}#event`
const errorsNs = `${pubsubNs}#errors`

type PubsubCondition =
  | 'closed-node'
  | 'invalid-jid'
  | 'invalid-options'
  | 'invalid-payload'
  | 'invalid-subid'
  | 'item-forbidden'
  | 'item-required'
  | 'jid-required'
  | 'max-items-exceeded'
  | 'max-nodes-exceeded'
  | 'node-full'
  | 'nodeid-required'
  | 'not-in-roster-group'
  | 'not-subscribed'
  | 'payload-required'
  | 'payload-too-big'
  | 'pending-subscription'
  | 'precondition-not-met'
  | 'presence-subscription-required'
  | 'too-many-subscriptions'

/** The error with pubsub's own condition beside it. */
export const refusal = (
  condition: StanzaErrorCondition,
  own: PubsubCondition,
  options: { readonly text?: string; readonly type?: ErrorType } = {},
): StanzaError => new StanzaError(condition, { ...options, extra: xml(own, { xmlns: errorsNs }) })

/** What this service does not do, by the name of the feature. */
export const unsupported = (feature: string): StanzaError =>
  new StanzaError('feature-not-implemented', { extra: xml('unsupported', { xmlns: errorsNs, feature }) })
