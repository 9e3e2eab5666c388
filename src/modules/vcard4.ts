/** XEP-0292: vCard4 over XMPP: what a user publishes at one node, like everything else that is published (XEP-0222). */
import type { Module } from '../server/module.js'
import { publishingService } from './services.js'

const vcard4Ns = 'urn:ietf:params:xml:ns:vcard-4.0'

export const vcard4: Module = {
  name: 'vcard4',
  xeps: [{ number: 292, version: '0.12.0', test: 'dialogue/avatar.test.ts', features: [vcard4Ns] }],
  hosts: ['user'],
  setup: (host) => (host.service(publishingService) === undefined ? [] : [host.feature(vcard4Ns, 'account')]),
}
