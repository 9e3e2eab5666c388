/** Servers with certificates of an authority that both trust: SASL EXTERNAL (XEP-0178), pins, direct TLS (XEP-0368). */
import { X509Certificate } from 'node:crypto'
import { afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { pinOf, type TlsContexts } from '../../src/net/tls.js'
import { peerProof } from '../../src/server/peer-proof.js'
import { authority, contextsOf, type Pair } from '../net/certificate-files.js'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from './s2s-peer.js'

let ca: Awaited<ReturnType<typeof authority>>
let pairs: Record<'a' | 'b' | 'other' | 'expired', Pair>

beforeAll(async () => {
  ca = await authority()
  pairs = {
    a: await ca.sign(['a.example', '*.a.example']),
    b: await ca.sign(['b.example']),
    other: await ca.sign(['other.example']),
    expired: await ca.sign(['b.example'], new Date(Date.now() - 86_400_000)),
  }
})

const contexts = (pair: Pair): TlsContexts => contextsOf(pair, ['a.example', 'rooms.a.example', 'b.example'], ca.cert)

const open: Peer[] = []
async function start(options: PeerOptions): Promise<Peer> {
  const peer = await startPeer(options)
  open.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((peer) => peer.close()))
})

const secure = { secureAuth: true }
const links = (peer: Peer, direction: 'in' | 'out') => peer.pool.links().filter((each) => each.direction === direction)
const link = (peer: Peer, direction: 'in' | 'out') => links(peer, direction)[0]

async function both(b: Partial<PeerOptions> = {}, a: Partial<PeerOptions> = {}): Promise<[Peer, Peer]> {
  const one = await start({ domains: ['a.example', 'rooms.a.example'], policy: secure, tls: contexts(pairs.a), ...a })
  const two = await start({ domains: ['b.example'], policy: secure, tls: contexts(pairs.b), ...b })
  connectPeers({ 'a.example': one, 'rooms.a.example': one, 'b.example': two })
  return [one, two]
}

describe('SASL EXTERNAL', () => {
  test('both ways, without a single question of dialback', async () => {
    const [a, b] = await both()
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the message')
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => a.received.length === 1, 'the answer')
    for (const peer of [a, b]) {
      expect(link(peer, 'out')).toMatchObject({ state: 'up', authenticated: 'certificate', shown: 'certificate' })
      expect(link(peer, 'in')).toMatchObject({ authenticated: 'certificate', stanzas: 1 })
      expect(link(peer, 'out')?.tls?.certificate).toMatchObject({ trusted: true, reason: undefined })
    }
    // A second stream would have been made for a question.
    expect(a.listener.open + b.listener.open).toBe(2)
    expect(peerProof(b.received[0]!)).toEqual({ by: 'certificate', encrypted: true })
  })

  test('another domain of ours shares the stream by dialback', async () => {
    const [a, b] = await both()
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the first')
    a.pool.send(message('x@rooms.a.example', 'y@b.example', '2'))
    await until(() => b.received.length === 2, 'the second')
    expect(b.listener.open).toBe(1)
    expect(
      b.pool
        .links()
        .filter(({ direction }) => direction === 'in')
        .map((each) => each.authenticated),
    ).toEqual(['certificate', 'certificate'])
  })

  test.each([
    ['of another domain', 'other' as const, /its certificate names other\.example and not b\.example/],
    ['that has expired', 'expired' as const, /its certificate is not trusted \(CERT_HAS_EXPIRED; valid to /],
  ])('a certificate %s is refused both ways, and the reason is kept', async (_, which, reason) => {
    const [a, b] = await both({ tls: contexts(pairs[which]) })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('<policy-violation ')
    expect(link(a, 'out')?.lastError).toMatch(reason)
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => b.received.length === 1, 'the other bounce')
    expect(b.texts()[0]).toMatch(reason)
  })

  test('where dialback suffices, the expired one still federates, by dialback', async () => {
    const lax = { policy: { secureAuth: false } }
    const [a, b] = await both({ tls: contexts(pairs.expired), ...lax }, lax)
    b.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => a.received.length === 1, 'the message')
    expect(link(a, 'in')?.authenticated).toBe('dialback')
    expect(link(b, 'out')).toMatchObject({ authenticated: 'certificate', shown: 'dialback' })
    expect(peerProof(a.received[0]!)).toEqual({ by: 'dialback', encrypted: true })
    expect(link(a, 'in')?.tls?.certificate).toMatchObject({ trusted: false, reason: 'CERT_HAS_EXPIRED' })
    expect(link(a, 'in')?.tls?.certificate?.validTo).toBeLessThan(Date.now())
  })
})

describe('without dialback', () => {
  const options = { options: { leftOut: new Set(['dialback'] as const) } }

  test('certificates do, on a stream for each domain of ours', async () => {
    const [a, b] = await both(options, options)
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    a.pool.send(message('x@rooms.a.example', 'y@b.example', '2'))
    await until(() => b.received.length === 2, 'both messages')
    expect(links(b, 'in').map(({ local, authenticated }) => [local, authenticated])).toEqual([
      ['b.example', 'certificate'],
      ['b.example', 'certificate'],
    ])
    expect(b.listener.open).toBe(2)
  })

  test('a peer that does not take our certificate cannot be spoken to, and the operator learns why', async () => {
    const lax = { policy: { secureAuth: false } }
    const [a] = await both({ tls: contexts(pairs.other), ...lax }, { ...options, ...lax, tls: contexts(pairs.other) })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(link(a, 'out')).toMatchObject({
      lastError: 'b.example does not take our certificate, and dialback is left out',
      remedy: 'remove "dialback" from modules_disabled',
    })
  })

  test('a claim by dialback is refused, and the stream goes on', async () => {
    const [a, b] = await both(options)
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the first')
    a.pool.send(message('x@rooms.a.example', 'y@b.example', '2'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('Dialback is not used here')
    a.pool.send(message('x@a.example', 'y@b.example', '3'))
    await until(() => b.received.length === 2, 'the third')
    expect(b.listener.open).toBe(1)
  })
})

describe('a certificate for servers alone, as public authorities sign them', () => {
  test('proves the domain where its own server shows the same key', async () => {
    const [a, b] = await both({ tls: contexts(await ca.sign(['b.example'], undefined, true)) })
    b.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => a.received.length + b.received.length === 1, 'the message')
    expect(b.texts()).toEqual([])
    expect(link(a, 'in')).toMatchObject({ authenticated: 'certificate' })
  })

  test('of an authority that nobody knows proves nothing', async () => {
    const stranger = await (await authority()).sign(['b.example'], undefined, true)
    const [a, b] = await both({ tls: contexts(stranger) })
    b.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => a.received.length + b.received.length === 1, 'the bounce')
    expect(a.received).toEqual([])
  })

  test('with another key than its server shows proves nothing', async () => {
    const [a, b] = await both({}, {})
    const thief = await start({
      domains: ['b.example'],
      policy: secure,
      tls: contexts(await ca.sign(['b.example'], undefined, true)),
    })
    thief.routes['a.example'] = { host: '127.0.0.1', port: a.port }
    thief.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => thief.received.length === 1, 'the bounce')
    expect(a.received).toEqual([])
    expect(b.received).toEqual([])
  })
})

describe('s2s_auth with a pin', () => {
  const pin = (pair: Pair): string => pinOf(new X509Certificate(pair.cert))

  test('the key proves the domain, whoever signed it and whatever it names', async () => {
    const policy = { ...secure, pins: new Map([['b.example', pin(pairs.other)]]) }
    const [a, b] = await both({ tls: contexts(pairs.other) }, { policy })
    b.pool.send(message('y@b.example', 'x@a.example', '1'))
    await until(() => a.received.length === 1, 'the message')
    expect(link(a, 'in')?.authenticated).toBe('pin')
    expect(peerProof(a.received[0]!)?.by).toBe('pin')
    a.pool.send(message('x@a.example', 'y@b.example', '2'))
    await until(() => b.received.length === 1, 'the answer')
    expect(link(a, 'out')?.authenticated).toBe('pin')
  })

  test('another key is refused, however good its certificate is', async () => {
    const policy = { ...secure, pins: new Map([['b.example', pin(pairs.other)]]) }
    const [a, b] = await both({}, { policy })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(link(a, 'out')?.lastError).toContain('which is not the pinned one')
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => b.received.length === 1, 'the other bounce')
    expect(a.received).toHaveLength(1)
  })
})

describe('s2s_allow and s2s_deny', () => {
  test.each([
    ['denied', { denied: new Set(['b.example']) }, 'it is in s2s_deny'],
    ['not allowed', { allowed: new Set(['c.example']) }, 'it is not in s2s_allow'],
  ])('%s: nothing goes out, nothing comes in', async (_, lists, reason) => {
    const [a, b] = await both({}, { policy: { ...secure, ...lists } })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain(`b.example is not spoken to: ${reason}`)
    expect(b.listener.open).toBe(0)
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => b.received.length === 1, 'the other bounce')
    expect(b.texts()[0]).toContain(reason)
    expect(a.received).toHaveLength(1)
  })
})

test('a domain that is denied while it is connected loses its streams, both ways', async () => {
  const denied = new Set<string>()
  const [a, b] = await both({}, { policy: { ...secure, denied } })
  a.pool.send(message('x@a.example', 'y@b.example', '1'))
  b.pool.send(message('y@b.example', 'x@a.example', '2'))
  await until(() => a.received.length === 1 && b.received.length === 1, 'both messages')
  a.pool.enforce()
  expect(a.listener.open + b.listener.open).toBe(2)
  denied.add('b.example')
  a.pool.enforce()
  await until(() => a.listener.open + b.listener.open === 0, 'the streams to go')
  b.pool.send(message('y@b.example', 'x@a.example', '3'))
  await until(() => b.received.length === 2, 'the bounce')
  expect(a.received).toHaveLength(1)
})

describe('XEP-0368', () => {
  const listener = { listener: { endpoints: [{ host: '127.0.0.1', port: 0, directTls: true }] } }

  test('TLS from the first byte, both ways', async () => {
    const [a, b] = await both(listener, listener)
    for (const [from, to] of [
      [a, b],
      [b, a],
    ] as const)
      for (const domain of from === a ? ['b.example'] : ['a.example'])
        from.routes[domain] = { host: '127.0.0.1', port: to.port, direct: true }
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the message')
    b.pool.send(message('y@b.example', 'x@a.example', '2'))
    await until(() => a.received.length === 1, 'the answer')
    for (const peer of [a, b])
      expect(link(peer, 'out')).toMatchObject({ encrypted: true, authenticated: 'certificate', shown: 'certificate' })
  })

  test('a certificate that does not prove the domain is refused there too', async () => {
    const [a, b] = await both({ ...listener, tls: contexts(pairs.other) })
    a.routes['b.example'] = { host: '127.0.0.1', port: b.port, direct: true }
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('<policy-violation ')
  })
})
