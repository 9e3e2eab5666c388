/** XEP-0092: Software Version. Without the operating system: it is nobody's business. */
import { createRequire } from 'node:module'
import type { Module } from '../server/module.js'
import { type Element, xml } from '../xml/element.js'
import { result } from '../xmpp/stanza.js'

const versionNs = 'jabber:iq:version'
const release = createRequire(import.meta.url)('../../package.json') as {
  readonly name: string
  readonly version: string
}

export const version: Module = {
  name: 'version',
  xeps: [{ number: 92, version: '1.1', test: 'dialogue/queries.test.ts', features: [versionNs] }],
  hosts: ['user', 'muc'],
  setup: (host) => [
    host.feature(versionNs),
    host.iq('host', 'get', versionNs, 'query', (iq: Element) =>
      result(
        iq,
        xml('query', { xmlns: versionNs }, xml('name', {}, release.name), xml('version', {}, release.version)),
      ),
    ),
  ],
}
