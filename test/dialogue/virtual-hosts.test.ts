/** Virtual hosts and components of one process talk without a way to other servers: nothing of it goes through s2s. */
import { expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { Server } from '../../src/server/server.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'

test('a ping from one virtual host to another, and disco between them, with a remote that may never be used', async () => {
  const used: string[] = []
  const server = new Server({
    hosts: [
      { domain: 'a.example', type: 'user', modules: modules.filter(({ hosts }) => hosts.includes('user')) },
      { domain: 'b.example', type: 'user', modules: modules.filter(({ hosts }) => hosts.includes('user')) },
    ],
    store: openMemoryStore(),
    clock: new ManualClock(),
    random: new SeededRandom(1),
    log: silentLogger,
    remote: {
      send: (stanza) => void used.push(String(stanza.attrs.to)),
      sendText: (_from, to) => void used.push(to),
    },
  })
  await server.start()
  const ask = (from: string, to: string, id: string) =>
    server.router.request(xml('iq', { type: 'get', from, to, id }, xml('ping', { xmlns: 'urn:xmpp:ping' })))
  expect((await ask('a.example', 'b.example', '1')).attrs).toMatchObject({ from: 'b.example', type: 'result' })
  expect((await ask('b.example', 'a.example', '2')).attrs).toMatchObject({ from: 'a.example', type: 'result' })
  expect(used).toEqual([])
  await server.router.route(xml('message', { from: 'a.example', to: 'x@elsewhere.example', id: '3' }))
  expect(used).toEqual(['x@elsewhere.example'])
  await server.close()
})
