/** What strangers begin and never end: TLS from the first byte, streams of servers and of components. Each has a bound in number and in time. */
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { AddressCount } from '../../src/net/address-limit.js'
import { startClientListener } from '../../src/server/c2s.js'
import { startComponentListener } from '../../src/server/component-listener.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { systemRandom } from '../../src/util/random.js'
import { until } from '../net/transport-contract.js'
import { MemoryGateway } from '../server/memory-gateway.js'
import { startPeer, testContexts } from '../server/s2s-peer.js'
import { PeerEnd } from '../server/s2s-wire.js'

let clock: ManualClock
let refused: string[]
const opened: { close(deadlineMs?: number): unknown }[] = []
const endings: Socket[] = []

beforeEach(() => {
  clock = new ManualClock()
  refused = []
})
afterEach(async () => {
  for (const socket of endings.splice(0)) socket.destroy()
  for (const each of opened.splice(0)) await each.close(1000)
})

/** Says this and then nothing more. */
function says(port: number, text: string | Buffer): Socket & { heard?: string } {
  const socket: Socket & { heard?: string } = connect(port, '127.0.0.1')
  socket.heard = ''
  socket.on('data', (chunk) => {
    socket.heard += String(chunk)
  })
  socket.on('error', () => {}).write(text)
  endings.push(socket)
  return socket
}
const closed = (sockets: readonly Socket[]): number => sockets.filter((each) => each.closed).length

/** The header of a record of 512 bytes, and the beginning of a ClientHello in it. */
const helloBegun = Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01, 0x00, 0x01, 0xfc, 0x03, 0x03])
/** Longer than a handshake may take. */
const handshakeMs = 30_000

describe('TLS from the first byte, begun and left', () => {
  test.each(['clients', 'servers'])('of %s: so many of one address, for 30 seconds', async (whose) => {
    const place = { host: '127.0.0.1', port: 0, directTls: true }
    const count = { refused: (reason: string) => refused.push(reason) }
    const certificates = { ...(await testContexts()), has: () => true }
    const parts = { clock, random: systemRandom, log: silentLogger, certificates, ...count }
    const perAddress = { open: 100, strangers: 2 }
    const listener =
      whose === 'clients'
        ? await startClientListener(
            { ...place, requireEncryption: true },
            {
              ...{ ...parts, gateway: new MemoryGateway(), secret: Buffer.from('x'), iterations: 4096 },
              handshakes: new AddressCount(2),
            },
          )
        : await startPeer({
            ...{ domains: ['a.example'], clock, deps: count },
            listener: { endpoints: [place], perAddress },
          })
    opened.push(listener)
    const three = [1, 2, 3].map(() => says(listener.port, helloBegun))
    await until(() => closed(three) === 1)
    expect(refused).toEqual([whose === 'clients' ? 'too-many-connections' : 'policy-violation'])
    clock.advance(handshakeMs)
    await until(() => closed(three) === 3)
    await until(() => refused.length === 3)
    expect(refused.slice(1)).toEqual(['tls-handshake', 'tls-handshake'])
    const next = says(listener.port, helloBegun)
    await new Promise((resolve) => next.once('connect', resolve))
    const more = says(listener.port, helloBegun)
    const last = says(listener.port, helloBegun)
    await until(() => closed([next, more, last]) === 1)
    expect(refused).toHaveLength(4)
  })
})

test('STARTTLS and then silence, of a client: no connection is left after a while', async () => {
  const parts = { clock, random: systemRandom, log: silentLogger, refused: (reason: string) => refused.push(reason) }
  const listener = await startClientListener(
    { host: '127.0.0.1', port: 0, requireEncryption: true },
    {
      ...{ ...parts, gateway: new MemoryGateway(), secret: Buffer.from('x'), iterations: 4096 },
      certificates: { ...(await testContexts()), has: () => true },
    },
  )
  opened.push(listener)
  const silent = says(
    listener.port,
    `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.example' version='1.0'>` +
      `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`,
  )
  await until(() => silent.heard?.includes('<proceed ') === true)
  // The handshake begins when that has left, which is some turns of the loop later.
  await until(() => {
    clock.advance(handshakeMs)
    return silent.closed && listener.size === 0
  })
})

describe('streams of other servers on which no domain proves itself', () => {
  test('end after s2s_unverified_timeout', async () => {
    const b = await startPeer({
      ...{ domains: ['b.example'], clock, listener: { unverifiedMs: 7000 } },
      deps: { refused: (reason) => refused.push(reason) },
    })
    opened.push(b)
    const silent = says(b.port, `<stream:stream `)
    await until(() => b.listener.open === 1)
    clock.advance(6999)
    expect(b.listener.open).toBe(1)
    clock.advance(1)
    await until(() => silent.closed)
    expect(silent.heard).toContain('<connection-timeout ')
    expect(refused).toEqual(['connection-timeout'])
    await until(() => b.listener.open === 0)
  })

  test('all addresses of an IPv6 /64 are one', async () => {
    const b = await startPeer({ domains: ['b.example'], clock, listener: { perAddress: { open: 9, strangers: 2 } } })
    opened.push(b)
    const connects = (address: string): void => b.listener.accept(new PeerEnd({ host: address, port: 5269 }))
    for (let n = 1; n <= 5; n++) connects(`2001:db8:1:2::${n}`)
    expect(b.listener.open).toBe(2)
    connects('2001:db8:1:3::1')
    expect(b.listener.open).toBe(3)
  })
})

test('connections of no component yet: so many, for as long as a login may take', async () => {
  const gateway = { place: () => undefined, receive: () => undefined }
  const listener = await startComponentListener(
    { host: '127.0.0.1', port: 0, strangers: 2, timeouts: { negotiationMs: 3000, closeMs: 1000 } },
    { gateway, clock, random: systemRandom, log: silentLogger, refused: (reason) => refused.push(reason) },
  )
  opened.push(listener)
  const three = [1, 2, 3].map(() => says(listener.port, '<stream:stream '))
  await until(() => closed(three) === 1)
  expect(three.find((each) => each.closed)?.heard).toContain('<policy-violation ')
  clock.advance(3000)
  await until(() => closed(three) === 3)
  expect(refused).toEqual(['policy-violation', 'connection-timeout', 'connection-timeout'])
  const next = says(listener.port, '<stream:stream ')
  const other = says(listener.port, '<nothing/>')
  await until(() => other.closed)
  expect(other.heard).not.toContain('<policy-violation ')
  next.destroy()
})
