/** One push service that a client has enabled for itself (XEP-0357 §5): what is kept of it, and what is known of it while the server runs. */
import type { Timer } from '../../util/clock.js'
import { child, type Element } from '../../xml/element.js'
import { type Field, formType, readForm } from '../../xmpp/data-form.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export const publishOptions = 'http://jabber.org/protocol/pubsub#publish-options'

/** In the store, as JSON. */
export interface KeptRegistration {
  readonly service: string
  readonly node: string | undefined
  /** What the service wants to be told with each notification: the fields of publish-options but FORM_TYPE. */
  readonly options: readonly { readonly var: string; readonly values: readonly string[] }[]
  /** The full JID of the client that has enabled it: it is not told of what it hears itself. */
  readonly client: string
}

export interface PushRegistration extends KeptRegistration {
  /** Messages since the client was there last. */
  count: number
  /** In a row. */
  errors: number
  /** A notification is under way, or has been of late. */
  resting: Timer | undefined
  /** The latest message that came meanwhile. */
  pending: Element | undefined
}

export const running = (kept: KeptRegistration): PushRegistration => ({
  ...kept,
  count: 0,
  errors: 0,
  resting: undefined,
  pending: undefined,
})

/** A service may be enabled several times, for several nodes. */
export const keyOf = (service: string, node: string | undefined): string => JSON.stringify([service, node ?? null])

const longestText = 1023
const mostOptions = 20

/** Of `<enable/>`. Throws StanzaError. */
export function readEnable(enable: Element, client: Jid): KeptRegistration {
  const service = Jid.tryParse(enable.attrs.jid)
  if (service === undefined) throw new StanzaError('bad-request', { text: 'Which push service?' })
  const { node } = enable.attrs as Readonly<Record<string, string | undefined>>
  const given = child(enable, 'x', ns.dataForm)
  const form = given && readForm(given)
  if (given !== undefined && (form === undefined || formType(form) !== publishOptions))
    throw new StanzaError('bad-request', { text: `What comes with a service is a form of ${publishOptions}` })
  const options = (form?.fields ?? []).flatMap(named)
  const texts = [node ?? '', ...options.flatMap((each) => [each.var, ...each.values])]
  if (options.length > mostOptions || texts.length > 2 * mostOptions || texts.some((text) => text.length > longestText))
    throw new StanzaError('not-acceptable', { text: 'There is too much to tell the service' })
  return { service: service.toString(), node, options, client: client.toString() }
}

const named = ({ var: name, values }: Field): KeptRegistration['options'] =>
  name === undefined || name === 'FORM_TYPE' ? [] : [{ var: name, values }]
