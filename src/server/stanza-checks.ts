/** What every stanza from outside must be before anybody looks into it (RFC 6120 §8.2.3, RFC 6121 §4.7.1, §5.2.2). */
import { type Element, elements } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'

const iqTypes: ReadonlySet<string> = new Set(['get', 'set', 'result', 'error'])
const presenceTypes: ReadonlySet<string> = new Set([
  'error',
  'probe',
  'subscribe',
  'subscribed',
  'unavailable',
  'unsubscribe',
  'unsubscribed',
])

/** Of what is kept, logged and repeated beside the content. */
const longestAttribute = 1023

/** Throws StanzaError `bad-request`. A message of an unknown type counts as `normal`, so it is never refused here. */
export function checkStanza(stanza: Element): void {
  const { type, id, 'xml:lang': lang } = stanza.attrs
  if (id?.length > longestAttribute || lang?.length > longestAttribute)
    throw badRequest(`an id or a language has at most ${longestAttribute} characters`)
  if (stanza.name === 'presence' && type !== undefined && !presenceTypes.has(type)) throw badRequest('unknown type')
  if (stanza.name !== 'iq') return
  if (!iqTypes.has(type)) throw badRequest('an IQ is of type get, set, result or error')
  if (!id) throw badRequest('an IQ needs an id')
  if ((type === 'get' || type === 'set') && elements(stanza).length !== 1)
    throw badRequest('a request has exactly one child element')
}

const badRequest = (text: string): StanzaError => new StanzaError('bad-request', { text })
