/** Which certificate proves which domain (RFC 9525, RFC 6120 §13.7), and what an operator reads when one does not. */
import { describe, expect, test } from '@jest/globals'
import type { TlsInfo } from '../../src/net/transport.js'
import { refusal, type S2sPolicy } from '../../src/server/s2s-policy.js'
import { message } from './s2s-peer.js'
import { idsIn, wirePool } from './s2s-wire.js'

const tls = (names: readonly string[], trusted = true): TlsInfo => ({
  protocol: 'TLSv1.3',
  cipher: 'TLS_AES_256_GCM_SHA384',
  alpn: undefined,
  peer: {
    certificate: Buffer.alloc(0),
    pin: 'ab12',
    trusted,
    reason: trusted ? undefined : 'CERT_HAS_EXPIRED',
    subjectAltNames: names,
    xmppNames: [],
    validTo: 'Jan  1 00:00:00 2026 GMT',
    validUntil: Date.UTC(2026, 0),
  },
})
const anonymous: TlsInfo = { ...tls([]), peer: undefined }
const secure: S2sPolicy = { requireEncryption: true, secureAuth: true }
const lax: S2sPolicy = { requireEncryption: true, secureAuth: false }

describe('s2s_secure_auth', () => {
  test.each([
    ['b.example', ['b.example']],
    ['b.example', ['other.example', 'b.example']],
    ['rooms.b.example', ['*.b.example']],
    ['bücher.example', ['xn--bcher-kva.example']],
  ])('%s is proved by a certificate for %j', (domain, names) => {
    expect(refusal(secure, domain, tls(names))).toBeUndefined()
  })

  test.each([
    ['b.example', ['c.example'], 'its certificate names c.example and not b.example'],
    ['b.example', ['xmpp.b.example'], 'its certificate names xmpp.b.example and not b.example'],
    ['b.example', ['*.b.example'], 'its certificate names *.b.example and not b.example'],
    ['x.rooms.b.example', ['*.b.example'], 'its certificate names *.b.example and not x.rooms.b.example'],
    ['b.example', ['*.example', '*'], undefined],
    ['b.example', [], 'its certificate names no domain at all and not b.example'],
  ])('%s by one for %j', (domain, names, reason) => {
    expect(refusal(secure, domain, tls(names))?.reason).toBe(reason)
  })

  test('a chain that is not trusted, no certificate, no TLS', () => {
    expect(refusal(secure, 'b.example', tls(['b.example'], false))).toEqual({
      reason:
        'its certificate is not trusted (CERT_HAS_EXPIRED; valid to Jan  1 00:00:00 2026 GMT): it, or one of those that signed it, has expired',
      change: 'set s2s_secure_auth = false or add "b.example" to s2s_insecure_domains',
    })
    expect(refusal(secure, 'b.example', anonymous)?.reason).toBe('its certificate was not shown')
    expect(refusal(secure, 'b.example', undefined)?.reason).toContain('there is no TLS')
  })
})

describe('the lists', () => {
  test('an insecure domain may do without a certificate, but not without TLS', () => {
    const policy = { ...secure, insecureDomains: new Set(['b.example']) }
    expect(refusal(policy, 'b.example', anonymous)).toBeUndefined()
    expect(refusal(policy, 'c.example', anonymous)).toBeDefined()
    expect(refusal(policy, 'b.example', undefined)).toEqual({
      reason: 'it does not use TLS',
      change: 'set s2s_require_encryption = false',
    })
  })

  test('a secure domain needs a certificate whatever the default is', () => {
    const policy = { ...lax, requireEncryption: false, secureDomains: new Set(['b.example']) }
    expect(refusal(policy, 'b.example', anonymous)?.change).toBe('remove "b.example" from s2s_secure_domains')
    expect(refusal(policy, 'b.example', undefined)).toBeDefined()
    expect(refusal(policy, 'c.example', undefined)).toBeUndefined()
  })
})

describe('an outgoing connection', () => {
  const features = (inner: string): string =>
    `<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' ` +
    `xmlns:stream='http://etherx.jabber.org/streams' id='s1' version='1.0'><stream:features>${inner}</stream:features>`
  const starttls = `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`

  async function encrypted(handshake: TlsInfo | undefined, policy = secure) {
    const wire = wirePool({ policy })
    wire.dns['b.example'] = ['10.0.0.2:5269']
    wire.pool.send(message('x@a.example', 'y@b.example', '1'))
    await wire.settle()
    const peer = wire.connections[0]!
    peer.handshake = handshake
    peer.sends(features(starttls))
    expect(peer.take()).toContain('<starttls ')
    peer.sends(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    await wire.settle()
    return { wire, peer }
  }

  test('goes on with a certificate that proves the domain', async () => {
    const { wire, peer } = await encrypted(tls(['b.example']))
    peer.sends(features('<dialback xmlns="urn:xmpp:features:dialback"><errors/></dialback>'))
    peer.answers('b.example', 'a.example')
    expect(idsIn(peer.take())).toEqual(['1'])
    expect(wire.pool.links()[0]).toMatchObject({ state: 'up', encrypted: true, authenticated: 'certificate' })
  })

  test('shares no stream with a domain that its certificate does not prove', async () => {
    const { wire, peer } = await encrypted(tls(['b.example']))
    peer.sends(features('<dialback xmlns="urn:xmpp:features:dialback"><errors/></dialback>'))
    peer.answers('b.example', 'a.example')
    wire.dns['c.example'] = ['10.0.0.2:5269']
    wire.pool.send(message('x@a.example', 'y@c.example', '2'))
    await wire.settle()
    expect(wire.connections).toHaveLength(2)
  })

  test('ends with one that does not', async () => {
    const { wire, peer } = await encrypted(tls(['evil.example']))
    expect(peer.take()).not.toContain('db:result')
    expect(wire.bounces()).toEqual(['1 policy-violation'])
    expect(wire.pool.links()[0]?.lastError).toBe(
      'b.example was refused: its certificate names evil.example and not b.example',
    )
  })

  test('ends where the handshake fails, and does not go on without TLS', async () => {
    const { wire, peer } = await encrypted(undefined, lax)
    expect(wire.bounces()).toEqual(['1 remote-server-timeout'])
    expect(peer.state).toBe('destroyed')
    expect(wire.tried).toHaveLength(1)
  })
})
