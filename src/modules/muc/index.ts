/** XEP-0045: Multi-User Chat, and XEP-0281: its distribution over several servers: what they add to a host. */
import type { Module } from '../../server/module.js'
import { ns } from '../../xmpp/namespaces.js'
import { resultSetNamespace } from '../../xmpp/result-set.js'
import { dmucPolicy } from './dmuc-policy.js'
import { type DmucValues, mucOptions } from './options.js'
import { MucService, mucService } from './service.js'
import { signingKey } from './signing-key.js'
import { roomXeps } from './xeps.js'

export { MucService, mucService } from './service.js'

export const muc: Module = {
  name: 'muc',
  xeps: roomXeps,
  hosts: ['muc'],
  options: mucOptions,
  setup: async (host) => {
    const isShared = dmucPolicy(host.options.dmuc as DmucValues | undefined).allow.size > 0
    const signer = isShared ? await signingKey(host.store, host.domain, host.random) : undefined
    const service = new MucService(host, signer)
    await service.start()
    host.offer(mucService, service)
    return [
      host.identity('conference', 'text', host.name),
      host.feature(ns.muc),
      // XEP-0486 §4.1: where rooms have avatars.
      host.feature('vcard-temp'),
      // XEP-0421 §4: all rooms have them.
      host.feature(ns.occupantId),
      // §7.4: messages keep the id that their author gave them.
      host.feature('http://jabber.org/protocol/muc#stable_id'),
      host.feature(resultSetNamespace),
      ...service.distribution.registrations(),
      { kind: 'component', handler: (stanza, from, to) => service.receive(stanza, from, to) },
      { kind: 'disco-items', items: (_from, page) => service.publicRooms(page) },
      { kind: 'stop', run: () => service.close() },
    ]
  },
}
