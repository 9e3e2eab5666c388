/** The table "TLS and SASL" of security.md: the rows that the tests of each part leave open, counted in calls rather than in time. */
import { beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import type { TlsInfo } from '../../src/net/transport.js'
import type { FoundUser, SaslContext, SaslMechanism } from '../../src/sasl/mechanism.js'
import type { ScramKeys } from '../../src/sasl/scram-keys.js'
import { ManualClock } from '../../src/util/clock.js'
import { SeededRandom } from '../../src/util/random.js'

const real = await import('node:crypto')
/** Names of the functions of node:crypto that were called, in order. */
let calls: string[] = []
const counted = <A extends unknown[], R>(name: string, work: (...args: A) => R) =>
  jest.fn((...args: A): R => {
    calls.push(name)
    return work(...args)
  })
jest.unstable_mockModule('node:crypto', () => ({
  ...real,
  createHash: counted('createHash', real.createHash),
  createHmac: counted('createHmac', real.createHmac),
  pbkdf2: counted('pbkdf2', real.pbkdf2),
  timingSafeEqual: counted('timingSafeEqual', real.timingSafeEqual),
}))
const { mechanisms } = await import('../../src/sasl/mechanisms.js')
const { deriveKeys } = await import('../../src/sasl/scram-keys.js')
const { knowsToken } = await import('../../src/sasl/hashed-token.js')
const { DialbackKeys } = await import('../../src/stream/dialback.js')
const { SlotSigner } = await import('../../src/modules/http-file-share/slots.js')
const { ComponentStream, handshakeOf } = await import('../../src/stream/component-stream.js')
const { defaultTimeouts, serverLimits } = await import('../../src/stream/limits.js')
const { message } = await import('../server/s2s-peer.js')
const { wirePool } = await import('../server/s2s-wire.js')

const context: SaslContext = {
  domain: 'a.example',
  random: new SeededRandom(1),
  secret: Buffer.from('a secret of the server'),
  iterations: 1000,
  offered: { mechanisms: ['SCRAM-SHA-256', 'PLAIN'], bindings: [] },
  binding: () => undefined,
  certified: [],
}
const digestBytes = { sha1: 20, sha256: 32, sha512: 64 }
let keys: Awaited<ReturnType<typeof deriveKeys>>

beforeAll(async () => {
  keys = await deriveKeys('the password', 1000)
})
beforeEach(() => {
  calls = []
})

const byPassword = mechanisms.filter(({ name, plus }) => plus !== true && /^(PLAIN|SCRAM)/.test(name))

/** A login with a wrong password: what was called for it, and how it ended. */
async function attempt(mechanism: SaslMechanism, known: ScramKeys | undefined) {
  const exchange = mechanism.start(context)
  const found: FoundUser | undefined = known && { username: 'user', keys: known }
  calls = []
  const first = exchange.step(Buffer.from(mechanism.hash === undefined ? '\0user\0wrong' : 'n,,n=user,r=abc'))
  expect(first.type).toBe('lookup')
  let step = await exchange.resume(found)
  if (step.type === 'challenge' && mechanism.hash !== undefined) {
    const nonce = /^r=([^,]*)/.exec(String(step.data))?.[1]
    const proof = Buffer.alloc(digestBytes[mechanism.hash], 7).toString('base64')
    step = exchange.step(Buffer.from(`c=biws,r=${nonce},p=${proof}`))
  }
  return { step, calls }
}

const keysOf = ({ hash }: SaslMechanism): ScramKeys => keys[hash ?? 'sha256']

describe('unknown user: the same exchange as a known one', () => {
  test('every mechanism with a password is looked at', () => {
    expect(byPassword.map(({ name }) => name)).toEqual(['SCRAM-SHA-512', 'SCRAM-SHA-256', 'SCRAM-SHA-1', 'PLAIN'])
  })

  test.each(byPassword)('$name: the same work', async (mechanism) => {
    const known = await attempt(mechanism, keysOf(mechanism))
    const unknown = await attempt(mechanism, undefined)
    expect(known.step).toEqual({ type: 'failure', condition: 'not-authorized' })
    expect(unknown.step).toEqual(known.step)
    expect(known.calls).toContain(mechanism.hash === undefined ? 'pbkdf2' : 'createHmac')
    expect(unknown.calls).toEqual(known.calls)
  })
})

describe('every secret comparison: constant time', () => {
  const compared = (): number => calls.filter((name) => name === 'timingSafeEqual').length

  test.each(byPassword)('$name', async (mechanism) => {
    const { step, calls: made } = await attempt(mechanism, keysOf(mechanism))
    expect(step).toMatchObject({ condition: 'not-authorized' })
    expect(made).toContain('timingSafeEqual')
  })

  test('a token of a client (XEP-0484)', () => {
    const channel = Buffer.alloc(0)
    expect(knowsToken({ username: 'user', proof: Buffer.alloc(32) }, 'token', channel)).toBe(false)
    expect(compared()).toBe(1)
  })

  test('a dialback key', () => {
    const dialback = new DialbackKeys('secret')
    const key = dialback.key('b.example', 'a.example', '1')
    expect(dialback.matches(key, 'b.example', 'a.example', '1')).toBe(true)
    expect(dialback.matches(key.replace(/.$/, 'x'), 'b.example', 'a.example', '1')).toBe(false)
    expect(compared()).toBe(2)
  })

  test.each([
    ['secret', 'accepted'],
    ['another', 'ended'],
  ])("a component's handshake with the secret %s: %s", (secret, expected) => {
    const events: string[] = []
    const stream = new ComponentStream(
      { limits: serverLimits, timeouts: defaultTimeouts, clock: new ManualClock(), mintId: () => 'id1' },
      {
        output: () => {},
        secretOf: () => 'secret',
        accepted: () => events.push('accepted'),
        stanza: () => {},
        ended: () => events.push('ended'),
      },
    )
    stream.receive(
      `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='gate.a.example'>`,
    )
    stream.receive(`<handshake>${handshakeOf('id1', secret)}</handshake>`)
    expect(events).toEqual([expected])
    expect(compared()).toBe(1)
  })

  test('a slot of the file share', () => {
    const signer = new SlotSigner(Buffer.from('secret'))
    const slot = { id: 'x'.repeat(32), owner: 'user@a.example', size: 1, type: undefined, until: 10 }
    const signed = signer.sign(slot)
    expect(signer.read(signed, slot.id, 0)).toMatchObject({ size: 1 })
    expect(signer.read(signed.replace(/\.../, '.AA'), slot.id, 0)).toBeUndefined()
    expect(compared()).toBe(2)
  })
})

describe('certificates: the domain is checked, never the DNS target', () => {
  const target = 'xmpp.hosting.example'
  const shown = (names: readonly string[]): TlsInfo => ({
    ...{ protocol: 'TLSv1.3', cipher: 'TLS_AES_256_GCM_SHA384', alpn: undefined },
    peer: {
      ...{ certificate: Buffer.alloc(0), pin: '00', trusted: true, reason: undefined },
      ...{ validTo: 'Jan 1 2099', validUntil: Date.UTC(2099, 0) },
      subjectAltNames: names,
      xmppNames: [],
    },
  })

  /** b.example, whose SRV record points at another name; what its server shows there. */
  async function connected(names: readonly string[]) {
    const wire = wirePool({ policy: { requireEncryption: true, secureAuth: true } })
    wire.dns['b.example'] = [`${target}:5269`]
    wire.pool.send(message('x@a.example', 'y@b.example', '1'))
    await wire.settle()
    const peer = wire.connections[0]!
    peer.handshake = shown(names)
    peer.greets({ more: `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>` })
    peer.sends(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    await wire.settle()
    peer.greets({ id: 's2' })
    await wire.settle()
    return { wire, peer }
  }

  test('the name of the target proves nothing', async () => {
    const { wire, peer } = await connected([target])
    expect(wire.tried).toEqual([`${target}:5269`])
    expect(peer.tls).toBeDefined()
    expect(wire.bounces()).toEqual(['1 policy-violation'])
    expect(wire.pool.links()[0]?.lastError).toContain(`names ${target} and not b.example`)
    expect(peer.state).not.toBe('open')
  })

  test('the domain does, wherever DNS led', async () => {
    const { wire, peer } = await connected(['b.example'])
    expect(peer.state).toBe('open')
    peer.answers('b.example', 'a.example')
    await wire.settle()
    expect(wire.bounces()).toEqual([])
    expect(peer.take()).toContain(`id='1'`)
  })
})
