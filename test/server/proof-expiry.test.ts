/** RFC 6120 §13.7.2.3: certificates that end while the streams that they authenticated are open. Clocks are moved by hand. */
import { X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { pinOf, type TlsContexts } from '../../src/net/tls.js'
import type { TlsInfo } from '../../src/net/transport.js'
import { watchExpiry } from '../../src/server/proof-expiry.js'
import { ManualClock } from '../../src/util/clock.js'
import { authority, contextsOf, type Pair, selfSigned } from '../net/certificate-files.js'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from './s2s-peer.js'
import { idsIn, type PeerEnd, wirePool } from './s2s-wire.js'

const dayMs = 86_400_000

describe('the watch', () => {
  const begin = Date.UTC(2026, 0, 1)
  const watched = (leftMs: number) => {
    const clock = new ManualClock(begin)
    const delays: number[] = []
    let calls = 0
    const timers = {
      now: () => clock.now(),
      monotonic: () => clock.monotonic(),
      after: (delayMs: number, run: () => void) => {
        delays.push(delayMs)
        return clock.after(delayMs, run)
      },
    }
    const watch = watchExpiry(timers, begin + leftMs, () => {
      calls += 1
    })
    return { clock, delays, watch, calls: () => calls }
  }

  test('of ninety days: once, at the end, by timers of a day at most', () => {
    const { clock, delays, calls } = watched(90 * dayMs)
    clock.advance(90 * dayMs)
    expect(calls()).toBe(0)
    clock.advance(1)
    clock.advance(dayMs)
    expect(calls()).toBe(1)
    expect(Math.max(...delays)).toBe(dayMs)
  })

  test('of what has ended: soon, and not before the caller has what cancels it', () => {
    const { clock, watch, calls } = watched(-dayMs)
    expect(calls()).toBe(0)
    clock.advance(0)
    expect(calls()).toBe(1)
    watch.cancel()
  })

  test('is over when it is cancelled, on whichever day', () => {
    const { clock, watch, calls } = watched(3 * dayMs)
    clock.advance(2.5 * dayMs)
    watch.cancel()
    clock.advance(dayMs)
    expect(calls()).toBe(0)
  })
})

let ca: Awaited<ReturnType<typeof authority>>
let pairs: Record<'a' | 'rooms' | 'b' | 'self', Pair>
/** When those that are made to end do: not soon by the clock that OpenSSL judges by, in ten seconds by that of the servers. */
let end: number
const leftMs = 10_000

beforeAll(async () => {
  ca = await authority()
  end = Math.floor(Date.now() / 1000) * 1000 + dayMs
  pairs = {
    a: await ca.sign(['a.example']),
    rooms: await ca.sign(['rooms.a.example'], new Date(end)),
    b: await ca.sign(['b.example'], new Date(end)),
    self: await selfSigned(['b.example'], new Date(end)),
  }
})

const open: Peer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((peer) => peer.close()))
})

/** Certificates that can be renewed. */
function renewable(pair: Pair): TlsContexts & { now: TlsContexts } {
  const held = { now: contexts(pair), contextFor: (name: string | undefined) => held.now.contextFor(name) }
  return held
}
const contexts = (pair: Pair): TlsContexts => contextsOf(pair, ['a.example', 'rooms.a.example', 'b.example'], ca.cert)

/** Of `a`, which lasts, and `b`, which shows one that ends. */
async function both(shown: TlsContexts, options: Partial<PeerOptions> = {}) {
  const clock = new ManualClock(end - leftMs)
  const shared = { clock, policy: { secureAuth: true } }
  const a = await startPeer({ ...shared, domains: ['a.example'], tls: contexts(pairs.a), ...options })
  const b = await startPeer({ ...shared, domains: ['b.example', 'rooms.a.example'], tls: shown })
  open.push(a, b)
  connectPeers({ 'a.example': a, 'b.example': b, 'rooms.a.example': b })
  return { a, b, clock, expire: () => clock.advance(leftMs + 1) }
}

const links = (peer: Peer, direction: 'in' | 'out') => peer.pool.links().filter((each) => each.direction === direction)
const ends = (peer: Peer): unknown[] =>
  peer.log.filter(({ fields }) => String(fields.reason).includes('reset')).map(({ fields }) => fields.reason)

describe('between servers', () => {
  test('a stream that came with it is closed with reset, and the next one, with another, is let in', async () => {
    const shown = renewable(pairs.b)
    const { a, b, expire } = await both(shown)
    b.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => a.received.length === 1, 'the message')
    expect(links(a, 'in')).toMatchObject([{ authenticated: 'certificate' }])
    expire()
    await until(() => links(a, 'in').length === 0 && ends(b).length > 0, 'the stream to go')
    expect(ends(b)).toEqual(['the peer ended the stream: reset: your certificate has expired'])
    shown.now = contexts(await ca.sign(['b.example']))
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => a.received.length === 2, 'the next message')
    expect(links(a, 'in')).toMatchObject([{ authenticated: 'certificate', stanzas: 1 }])
  })

  test('a stream to the one that showed it is closed with reset, and the next one meets another', async () => {
    const shown = renewable(pairs.b)
    const { a, b, expire } = await both(shown)
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the message')
    expire()
    expect(ends(a)).toEqual(['we closed the stream: reset: your certificate has expired'])
    shown.now = contexts(await ca.sign(['b.example']))
    // At once: nothing has failed that would have to be waited for.
    a.pool.send(message('x@a.example', 'y@b.example', '2'))
    await until(() => b.received.length === 2, 'the next message')
    await until(() => links(b, 'in').length === 1, 'the first stream to go')
    expect(links(a, 'out')).toMatchObject([{ state: 'up', authenticated: 'certificate', lastError: undefined }])
  })

  test.each<[string, () => Pair, () => PeerOptions['policy']]>([
    ['dialback', () => pairs.self, () => ({ secureAuth: false })],
    [
      'a pin',
      () => pairs.b,
      () => ({ secureAuth: true, pins: new Map([['b.example', pinOf(new X509Certificate(pairs.b.cert))]]) }),
    ],
  ])('what was proved by %s goes on', async (_, pair, policy) => {
    const { a, b, expire } = await both(renewable(pair()), { policy: policy() ?? {} })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => a.received.length === 1 && b.received.length === 1, 'the messages')
    const before = [...links(a, 'in'), ...links(a, 'out')].map(({ streamId }) => streamId)
    expire()
    a.pool.send(message('x@a.example', 'y@b.example', '3'))
    b.pool.send(message('y@b.example', 'x@a.example', '4'))
    await until(() => a.received.length === 2 && b.received.length === 2, 'more of them')
    expect([...links(a, 'in'), ...links(a, 'out')].map(({ streamId }) => streamId)).toEqual(before)
    expect([...ends(a), ...ends(b)]).toEqual([])
  })

  test('a further domain on a stream that dialback proved: its certificate counts as long as it lasts', async () => {
    const { a, b, expire } = await both(renewable(pairs.rooms), { policy: { secureAuth: false } })
    b.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => a.received.length === 1, 'the first domain')
    expire()
    b.pool.send(message('r@rooms.a.example', 'x@a.example', '2'))
    await until(() => a.received.length === 2, 'the second')
    expect(links(a, 'in').map(({ remote, authenticated }) => [remote, authenticated])).toEqual([
      ['b.example', 'dialback'],
      ['rooms.a.example', 'dialback'],
    ])
  })

  describe('what was written and not acknowledged (XEP-0198)', () => {
    const sm = `<sm xmlns='urn:xmpp:sm:3'/>`
    const acknowledged = (h: number): string => `<a xmlns='urn:xmpp:sm:3' h='${h}'/>`

    /** A link that is up, over TLS with a certificate that ends in ten seconds; three stanzas are written and one acknowledged. */
    async function written() {
      const wire = wirePool()
      wire.dns['b.example'] = ['10.0.0.2:5269']
      const validUntil = wire.clock.now() + leftMs
      const tls: TlsInfo = {
        ...{ protocol: 'TLSv1.3', cipher: 'x', alpn: undefined },
        peer: {
          ...{ certificate: Buffer.alloc(0), pin: '00', trusted: true, reason: undefined },
          ...{ subjectAltNames: ['b.example'], xmppNames: [], validTo: '', validUntil },
        },
      }
      const send = (id: string) => wire.pool.send(message('x@a.example', 'y@b.example', id))
      const up = async (): Promise<PeerEnd> => {
        await wire.settle()
        const peer = wire.connections.at(-1)!
        peer.handshake = tls
        peer.greets({ more: `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>` })
        peer.sends(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
        await wire.settle()
        peer.greets({ more: sm })
        peer.answers('b.example', 'a.example')
        return peer
      }
      for (const id of ['1', '2', '3']) send(id)
      const peer = await up()
      peer.sends(acknowledged(1))
      peer.take()
      wire.clock.advance(leftMs + 1)
      expect(peer.take()).toMatch(
        /<stream:error><reset [^>]*\/><text [^>]*>[^<]*<\/text><\/stream:error><\/stream:stream>$/,
      )
      return { wire, peer, send, up }
    }

    test('is not sent again where the peer has read it all', async () => {
      const { wire, peer, send, up } = await written()
      peer.sends('</stream:stream>')
      send('4')
      expect(idsIn((await up()).take())).toEqual(['4'])
      expect(wire.bounces()).toEqual([])
    })

    test('is sent again where the peer does not answer', async () => {
      const { wire, peer, up } = await written()
      peer.sends(acknowledged(2))
      wire.clock.advance(5000)
      expect(peer.state).toBe('ended')
      expect(idsIn((await up()).take())).toEqual(['3'])
      expect(wire.bounces()).toEqual([])
    })
  })
})
