/** The types of channel binding that a client may use, beside the mechanisms (XEP-0440). */
import { xml } from '../xml/element.js'
import { StreamError } from '../xmpp/stream-error.js'
import { type AuthenticationContext, usableMechanisms } from './authentication.js'
import type { Feature } from './feature.js'

const bindingNs = 'urn:xmpp:sasl-cb:0'

export const channelBinding: Feature<AuthenticationContext> = {
  name: 'channel binding',
  ns: bindingNs,
  requires: ['secure'],
  excludes: ['authenticated'],

  offer(context) {
    if (!usableMechanisms(context).some(({ plus }) => plus === true)) return undefined
    const types = context.bindings.map((type) => xml('channel-binding', { type }))
    return xml('sasl-channel-binding', { xmlns: bindingNs }, ...types)
  },

  accept() {
    throw new StreamError('unsupported-stanza-type')
  },
}
