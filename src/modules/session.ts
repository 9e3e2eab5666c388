/**
 * COMPAT RFC 3921 §3: clients of that time establish a session after binding. There is nothing to establish any more, so
 * the feature is offered as optional (draft-cridland-xmpp-session) and the request is granted.
 */
import type { Module } from '../server/module.js'
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { result } from '../xmpp/stanza.js'
import { ownAccount } from './own-account.js'

export const session: Module = {
  name: 'session',
  rfc: 'RFC 3921 §3',
  hosts: ['user'],
  setup: (host) => [
    { kind: 'stream-feature', element: () => xml('session', { xmlns: ns.session }, xml('optional')) },
    host.iq('host', 'set', ns.session, 'session', (iq: Element) => result(iq)),
    host.iq('account', 'set', ns.session, 'session', (iq, from, to) => {
      ownAccount(from, to)
      return result(iq)
    }),
  ],
}
