/** The table "s2s" of security.md, row by row, on sockets: what other servers say that must not be believed, and what becomes of it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { DomainResolver } from '../../src/net/resolver.js'
import { Server } from '../../src/server/server.js'
import { openMemoryStore } from '../../src/store/memory.js'
import { DialbackKeys } from '../../src/stream/dialback.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { connectPeers, message, type Peer, startPeer, until } from '../server/s2s-peer.js'
import { wirePool } from '../server/s2s-wire.js'
import { Stranger } from '../server/stranger.js'
import { parse } from '../support/xml-match.js'

const plain = { tls: false, policy: { requireEncryption: false } } as const
const secret = 's3cr3t'
const key = (receiving: string, originating: string, id: string): string =>
  new DialbackKeys(secret).key(receiving, originating, id)

/** a.example, whose keys we know, and b.example, which is attacked; the same with both ways on one stream (XEP-0288). */
describe.each([false, true])('both ways on one stream: %s', (bidi) => {
  let a: Peer
  let b: Peer
  const strangers: Stranger[] = []

  beforeAll(async () => {
    a = await startPeer({
      domains: ['a.example', 'rooms.a.example'],
      ...plain,
      options: { dialbackSecret: secret, bidi },
    })
    b = await startPeer({
      ...{ domains: ['b.example'], ...plain, options: { bidi } },
      listener: { perAddress: { open: 40, strangers: 20 } },
    })
    connectPeers({ 'a.example': a, 'rooms.a.example': a, 'b.example': b })
  })
  afterAll(async () => {
    for (const each of strangers) each.end()
    await Promise.all([a.close(), b.close()])
  })

  async function stranger(from: string): Promise<{ readonly who: Stranger; readonly id: string }> {
    const who = new Stranger(b.port)
    strangers.push(who)
    const id = await who.hello(from, 'b.example')
    if (bidi) who.say(`<bidi xmlns='urn:xmpp:bidi'/>`)
    return { who, id }
  }

  /** Verified as a.example by the true key. */
  async function verified(): Promise<Stranger> {
    const { who, id } = await stranger('a.example')
    who.say(`<db:result from='a.example' to='b.example'>${key('b.example', 'a.example', id)}</db:result>`)
    await until(() => who.text.includes("type='valid'"), 'the answer')
    return who
  }

  test.each(['result', 'verify'])(
    'db:%s of type valid nobody asked for: ignored, logged, authorises nothing',
    async (kind) => {
      const { who } = await stranger('evil.example')
      const from = b.log.length
      who.say(`<db:${kind} from='evil.example' to='b.example' id='x' type='valid'/>`)
      await until(() => b.log.length > from, 'the log')
      expect(b.log.slice(from).map(({ message: text }) => text)).toContain(
        'Ignored a dialback answer that nobody asked for',
      )
      who.say(`<message from='x@evil.example' to='y@b.example'/>`)
      await until(() => who.closed, 'the end')
      expect(who.text).toContain('<not-authorized ')
      expect(b.received).toEqual([])
      expect(b.pool.links().filter(({ remote }) => remote === 'evil.example')).toEqual([])
    },
  )

  test.each([
    ['on another stream', 'a.example', (_: string) => key('b.example', 'a.example', 'another')],
    ['for another sender', 'rooms.a.example', (id: string) => key('b.example', 'a.example', id)],
    ['for another receiver', 'a.example', (id: string) => key('c.example', 'a.example', id)],
    ['of another secret', 'a.example', (id: string) => new DialbackKeys('x').key('b.example', 'a.example', id)],
  ])('a dialback key %s: invalid', async (_, from, used) => {
    const { who, id } = await stranger(from)
    who.say(`<db:result from='${from}' to='b.example'>${used(id)}</db:result>`)
    await until(() => who.text.includes('</stream:stream>'), 'the end')
    expect(who.text).toContain("type='invalid'/></stream:stream>")
    who.say(`<message from='x@${from}' to='y@b.example'/></stream:stream>`)
    await until(() => who.closed, 'the close')
    expect(b.received).toEqual([])
  })

  test.each([
    [
      'a stream verified for a.example sends from c.example',
      `<message from='x@c.example' to='y@b.example'/>`,
      'invalid-from',
    ],
    ['to a domain that it was not verified for', `<message from='x@a.example' to='y@c.example'/>`, 'host-unknown'],
    ['from our own domain', `<message from='x@b.example' to='y@b.example'/>`, 'invalid-from'],
    ['missing from', `<message to='y@b.example'/>`, 'improper-addressing'],
    ['missing to', `<presence from='x@a.example'/>`, 'improper-addressing'],
  ])('%s', async (_, stanza, condition) => {
    const who = await verified()
    who.say(stanza)
    await until(() => who.closed, 'the end')
    expect(who.text).toContain(`<${condition} `)
    expect(b.received).toEqual([])
  })

  test('a thousand domain claims on one stream that is not let in: policy-violation', async () => {
    const { who } = await stranger('a.example')
    who.say(
      Array.from({ length: 1000 }, (_, n) => `<db:result from='d${n}.example' to='nobody.example'>k</db:result>`).join(
        '',
      ),
    )
    await until(() => who.closed, 'the end')
    expect(who.text).toContain('<policy-violation ')
    expect(b.pool.links().length).toBeLessThan(40)
  })

  test('a thousand domain claims on one stream that is let in: policy-violation', async () => {
    const who = await verified()
    who.say(
      Array.from({ length: 1000 }, (_, n) => `<db:result from='d${n}.example' to='nobody.example'>k</db:result>`).join(
        '',
      ),
    )
    await until(() => who.closed, 'the end')
    expect(who.text).toContain('<policy-violation ')
    expect(who.text).toContain('too many domains on one stream')
    // The first one was a.example's own.
    expect(who.text.match(/type='error'/g)).toHaveLength(511)
  })

  test('a thousand streams from one address: limited, and others are let in again when they are gone', async () => {
    const crowd = Array.from({ length: 1000 }, () => new Stranger(b.port))
    await until(() => crowd.filter((each) => each.closed).length >= 960, 'the refusals')
    expect(b.listener.open).toBeLessThanOrEqual(40)
    expect(crowd.filter((each) => each.text.includes('<policy-violation ')).length).toBeGreaterThanOrEqual(900)
    for (const each of [...crowd, ...strangers]) each.end()
    await until(() => b.listener.open < 5, 'all to be gone')
    await stranger('a.example')
  })
})

describe('TLS stripped by the peer while required: closed, and what waits is bounced', () => {
  const stripped = async (features: string) => {
    const wire = wirePool({ policy: { requireEncryption: true, secureAuth: false } })
    wire.dns['b.example'] = ['10.0.0.2:5269']
    for (const id of ['1', '2']) wire.pool.send(message('x@a.example', 'y@b.example', id))
    await wire.settle()
    const peer = wire.connections[0]!
    peer.sends(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:db='jabber:server:dialback' ` +
        `xmlns:stream='http://etherx.jabber.org/streams' id='s' version='1.0'>${features}`,
    )
    await wire.settle()
    return { wire, peer }
  }

  test.each([
    ['no starttls among the features', '<stream:features/>'],
    [
      'bidi and dialback, no starttls',
      `<stream:features><bidi xmlns='urn:xmpp:features:bidi'/><dialback xmlns='urn:xmpp:features:dialback'/></stream:features>`,
    ],
  ])('%s', async (_, features) => {
    const { wire, peer } = await stripped(features)
    expect(peer.take()).toMatch(/<starttls [^>]*>$/)
    peer.sends(`<db:result from='b.example' to='a.example' type='valid'/></stream:stream>`)
    await wire.settle()
    expect(peer.state).not.toBe('open')
    expect(peer.take()).not.toContain('db:result')
    expect(wire.bounces()).toEqual(['1 policy-violation', '2 policy-violation'])
  })

  test.each([
    ['a refusal of STARTTLS', `<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`],
    [
      'plain XML behind <proceed/>',
      `<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><db:result from='b.example' to='a.example' type='valid'/>`,
    ],
  ])('%s', async (_, answer) => {
    const { wire, peer } = await stripped(
      `<stream:features><starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:features>`,
    )
    peer.sends(answer)
    await wire.settle()
    expect(peer.take()).not.toContain('db:result')
    expect(peer.state).not.toBe('open')
    expect(wire.bounces().map((line) => line.replace(/ remote-server-timeout$| policy-violation$/, ''))).toEqual([
      '1',
      '2',
    ])
  })
})

describe('SRV or A records that point to loopback or private addresses', () => {
  const dns = (address: string) => ({
    srv: async (name: string) =>
      name === '_xmpp-server._tcp.srv.example' ? [{ name: 'host.example', port: 1, priority: 0, weight: 0 }] : [],
    addresses: async (host: string) => (host === 'srv.example' ? [] : [address]),
  })
  const tried: string[] = []
  const peerWith = (address: string, allowPrivate: boolean): Promise<Peer> =>
    startPeer({
      domains: ['a.example'],
      deps: {
        resolver: new DomainResolver({
          ...{ dns: dns(address), clock: new ManualClock(), random: new SeededRandom(1), allowPrivate },
        }),
        connect: ({ host }) => {
          tried.push(host)
          return Promise.reject(new Error('nobody there'))
        },
      },
    })

  test.each(['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', 'fd00::1', '::ffff:127.0.0.1'])(
    '%s: refused unless the operator allows it',
    async (address) => {
      for (const domain of ['srv.example', 'plain.example']) {
        const [strict, lax] = [await peerWith(address, false), await peerWith(address, true)]
        tried.length = 0
        strict.pool.send(message('x@a.example', `y@${domain}`, 'm'))
        await until(() => strict.received.length === 1, 'the bounce')
        expect(strict.received[0]?.toString()).toContain('s2s_allow_private_addresses')
        expect(strict.received[0]?.toString()).toContain('<remote-server-not-found ')
        expect(tried).toEqual([])
        lax.pool.send(message('x@a.example', `y@${domain}`, 'm'))
        await until(() => lax.received.length === 1, 'the attempt')
        expect(tried).toEqual([address])
        await Promise.all([strict.close(), lax.close()])
      }
    },
  )
})

describe('remote JIDs that are not prepared', () => {
  const replies: Element[] = []
  const server = new Server({
    hosts: [{ domain: 'a.example', type: 'user', modules: modules.filter(({ hosts }) => hosts.includes('user')) }],
    ...{ store: openMemoryStore(), clock: new ManualClock(), random: new SeededRandom(1), log: silentLogger },
    remote: { send: (stanza) => void replies.push(stanza), sendText: () => {} },
  })
  beforeAll(() => server.start())
  afterAll(() => server.close())

  const ask = async (from: string, to: string): Promise<Element | undefined> => {
    replies.length = 0
    await server.servers.receive(
      parse(`<iq type='get' id='1' from='${from}' to='${to}'><ping xmlns='urn:xmpp:ping'/></iq>`),
    )
    await new Promise((resolve) => setImmediate(resolve))
    return replies[0]
  }

  test('are prepared', async () => {
    expect((await ask('J\u00fcRGEN@B.Example/Home', 'A.EXAMPLE'))?.attrs).toMatchObject({
      ...{ type: 'result', to: 'j\u00fcrgen@b.example/Home', from: 'a.example' },
    })
  })

  test.each([' x@a.example', 'a b@a.example', 'x\u200b\u2028@a.example', '@a.example', 'x@a.example/'])(
    'or the sender hears jid-malformed: to %j',
    async (to) => {
      const reply = await ask('x@b.example', to)
      expect(reply?.attrs).toMatchObject({ type: 'error', to: 'x@b.example' })
      expect(reply?.getChild('error')?.getChild('jid-malformed')).toBeDefined()
    },
  )

  test.each(['a b@b.example', '@b.example', ''])('or there is nobody to tell: from %j', async (from) => {
    expect(await ask(from, 'a.example')).toBeUndefined()
  })
})
