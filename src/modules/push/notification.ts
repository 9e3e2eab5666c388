/** What a push service is told (XEP-0357 §7): that something came, how much, and no more of it than the operator lets. */
import { child, childText, type Element, elements, xml } from '../../xml/element.js'
import { type Field, writeForm } from '../../xmpp/data-form.js'
import { type PushRegistration, publishOptions } from './registration.js'

const pubsub = 'http://jabber.org/protocol/pubsub'
export const pushNs = 'urn:xmpp:push:0'

export interface Privacy {
  readonly withSender: boolean
  readonly withBody: boolean
}

/** Characters of a body that is told: services put it on a small screen. */
const longestBody = 256
/** Told in place of a body, so that services that only wake for one do. */
const wakingBody = 'New message'

/** The IQ request, without an id. */
export function publishRequest(
  from: string,
  { service, node, options, count }: PushRegistration,
  message: Element,
  { withSender, withBody }: Privacy,
): Element {
  const body = childText(message, 'body') ?? undefined
  const summary: Field[] = [
    hidden('urn:xmpp:push:summary'),
    { var: 'message-count', values: [String(count)] },
    ...(withSender ? [{ var: 'last-message-sender', values: [String(message.attrs.from)] }] : []),
    { var: 'last-message-body', values: [withBody && body !== undefined ? body.slice(0, longestBody) : wakingBody] },
  ]
  return xml(
    'iq',
    { type: 'set', from, to: service },
    xml(
      'pubsub',
      { xmlns: pubsub },
      xml(
        'publish',
        { node },
        xml('item', {}, xml('notification', { xmlns: pushNs }, writeForm({ type: 'result', fields: summary }))),
      ),
      options.length === 0
        ? undefined
        : xml('publish-options', {}, writeForm({ type: 'submit', fields: [hidden(publishOptions), ...options] })),
    ),
  )
}

const hidden = (type: string): Field => ({ var: 'FORM_TYPE', type: 'hidden', values: [type] })

const encrypted = ['eu.siacs.conversations.axolotl', 'urn:xmpp:omemo:2', 'urn:xmpp:openpgp:0', 'jabber:x:encrypted']

/** Does somebody want to be woken by it: something said to them, in clear or encrypted, or a call? */
export function isUrgent(message: Element): boolean {
  const { type } = message.attrs
  if (type === 'error' || type === 'headline') return false
  if (childText(message, 'body')) return true
  return elements(message).some(
    (node) =>
      (node.name === 'encrypted' && encrypted.includes(node.getNS() ?? '')) ||
      (node.name === 'x' && node.getNS() === 'jabber:x:encrypted') ||
      (node.name === 'propose' && node.getNS() === 'urn:xmpp:jingle-message:0'),
  )
}

/** A copy of what another client of the account has sent or got is nobody's to be woken by. */
export const isCopy = (message: Element): boolean =>
  child(message, 'sent', 'urn:xmpp:carbons:2') !== undefined ||
  child(message, 'received', 'urn:xmpp:carbons:2') !== undefined
