/** SASL in the profile of RFC 6120 §6, the receiving side; the stream begins anew when it has succeeded. */
import { encodeSaslData } from '../sasl/base64.js'
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StreamError } from '../xmpp/stream-error.js'
import { type AuthenticationContext, begin, type Profile, refuse, respond, usableMechanisms } from './authentication.js'
import type { Feature } from './feature.js'

export interface SaslContext extends AuthenticationContext {
  /** The success was written: the stream is to be restarted. `password` is there where it was shown. */
  authenticated(username: string, password: string | undefined): void
}

const profile: Profile<SaslContext> = {
  emptyAsEquals: true,
  challenge: (data) => xml('challenge', { xmlns: ns.sasl }, encodeSaslData(data)),
  failure: (condition, text) =>
    xml(
      'failure',
      { xmlns: ns.sasl },
      xml(condition),
      text === undefined ? undefined : xml('text', { 'xml:lang': 'en' }, text),
    ),
  succeed({ username, data, password }, context) {
    // RFC 6120 §6.4.6: what the header said without TLS is nobody's claim.
    if (context.facts.has('secure') && context.named !== undefined && context.named !== username) {
      refuse(profile, context, 'invalid-authzid', 'the stream was opened in the name of another')
      return undefined
    }
    context.stream.send(xml('success', { xmlns: ns.sasl }, data && encodeSaslData(data)))
    context.authenticated(username, password)
    return undefined
  },
}

export const sasl: Feature<SaslContext> = {
  name: 'sasl',
  ns: ns.sasl,
  requires: [],
  excludes: ['authenticated'],

  offer(context) {
    const usable = usableMechanisms(context)
    if (usable.length === 0) return undefined
    return xml('mechanisms', { xmlns: ns.sasl }, ...usable.map(({ name }) => xml('mechanism', {}, name)))
  },

  accept(element: Element, context) {
    if (context.facts.has('authenticated')) throw new StreamError('policy-violation', 'already authenticated')
    const text = element.getText()
    if (element.name === 'auth') begin(profile, element.attrs.mechanism, text === '' ? undefined : text, context)
    else if (element.name === 'response') respond(profile, text, context)
    else if (element.name === 'abort') refuse(profile, context, 'aborted')
    else throw new StreamError('unsupported-stanza-type')
  },
}
