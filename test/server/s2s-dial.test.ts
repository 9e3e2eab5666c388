/** The addresses of a server: what becomes of a connection that nobody waits for any more. */
import { expect, test } from '@jest/globals'
import type { TlsInfo } from '../../src/net/transport.js'
import { tryInOrder } from '../../src/server/s2s-dial.js'
import { settingsOf } from '../../src/server/s2s-options.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import { leftOut } from '../support/left-out.js'
import { PeerEnd } from './s2s-wire.js'

/** XEP-0368: its handshake lasts until the test ends it. */
class DirectEnd extends PeerEnd {
  readonly tlsInfo: TlsInfo = {
    protocol: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    peer: undefined,
    alpn: undefined,
  }
  finish: () => void = () => {}

  override startTls(): Promise<TlsInfo> {
    return new Promise((resolve) => {
      this.finish = () => resolve(this.tlsInfo)
    })
  }
}

test.each([[true], [false]])('direct TLS that is done while it is wanted: %s', async (wantedThen) => {
  let wanted = true
  let negotiated = 0
  const ends: DirectEnd[] = []
  const clock = new ManualClock()
  const tried = tryInOrder([{ host: 'b.example', address: '10.0.0.2', port: 5270, direct: true }], {
    pair: { local: 'a.example', remote: 'b.example' },
    settings: settingsOf({ policy: { requireEncryption: true, secureAuth: false }, leftOut }),
    deps: {
      gateway: { hasHost: () => true, receive: () => undefined },
      resolver: { resolve: () => Promise.resolve([]) },
      certificates: undefined,
      clock,
      random: new SeededRandom(1),
      log: silentLogger,
      connect: (to) => {
        const end = new DirectEnd(to)
        ends.push(end)
        return Promise.resolve(end)
      },
    },
    log: silentLogger,
    wanted: () => wanted,
    accepted: () => {},
    negotiate: () => {
      negotiated++
      return Promise.resolve(undefined)
    },
  })
  await new Promise((resolve) => setImmediate(resolve))
  wanted = wantedThen
  ends[0]!.finish()
  expect(await tried).toBeUndefined()
  expect([negotiated, ends[0]!.state]).toEqual(wantedThen ? [1, 'open'] : [0, 'destroyed'])
})
