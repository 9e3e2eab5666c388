/** XEP-0199: XMPP Ping. The server answers for itself, and for an account when its own clients ask. */

import type { Module } from '../server/module.js'
import type { Element } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { result } from '../xmpp/stanza.js'
import { ownAccount } from './own-account.js'

export const ping: Module = {
  name: 'ping',
  xeps: [{ number: 199, version: '2.0.1', test: 'dialogue/queries.test.ts', features: [ns.ping] }],
  hosts: ['user', 'muc'],
  setup: (host) => [
    host.feature(ns.ping),
    host.iq('host', 'get', ns.ping, 'ping', (iq: Element) => result(iq)),
    host.iq('account', 'get', ns.ping, 'ping', (iq: Element, from: Jid, to: Jid) => {
      ownAccount(from, to)
      return result(iq)
    }),
  ],
}
