/** XEP-0202: Entity Time. The server's clock is shown in UTC, wherever it stands. */
import type { Module } from '../server/module.js'
import { type Element, xml } from '../xml/element.js'
import { result } from '../xmpp/stanza.js'

const timeNs = 'urn:xmpp:time'

export const time: Module = {
  name: 'time',
  xeps: [{ number: 202, version: '2.0', test: 'dialogue/queries.test.ts', features: [timeNs] }],
  hosts: ['user', 'muc'],
  setup: (host) => [
    host.feature(timeNs),
    host.iq('host', 'get', timeNs, 'time', (iq: Element) => {
      const utc = new Date(host.clock.now()).toISOString()
      return result(iq, xml('time', { xmlns: timeNs }, xml('tzo', {}, '+00:00'), xml('utc', {}, utc)))
    }),
  ],
}
