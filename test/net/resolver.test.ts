/** Where a domain's server is (RFC 6120 §3.2, RFC 2782), and which answers of DNS are not followed. */
import { describe, expect, test } from '@jest/globals'
import { isPublicAddress } from '../../src/net/address-public.js'
import {
  type Dns,
  DomainResolver,
  type DomainResolverOptions,
  inOrder,
  type SrvRecord,
  SystemDns,
} from '../../src/net/resolver.js'
import { ManualClock } from '../../src/util/clock.js'
import { SeededRandom } from '../../src/util/random.js'
import { leftOut } from '../support/left-out.js'
import { type Zone as DnsZone, startDnsServer } from './dns-server.js'

const srv = (name: string, port: number, priority: number, weight: number): SrvRecord => ({
  name,
  port,
  priority,
  weight,
})
const draw = (...fractions: number[]) => ({ fraction: () => fractions.shift() ?? 0 })

describe('the order of SRV records (RFC 2782)', () => {
  test('lowest priority first', () => {
    const records = [srv('c', 1, 20, 0), srv('a', 1, 5, 0), srv('b', 1, 10, 0)]
    expect(inOrder(records, draw()).map((record) => record.name)).toEqual(['a', 'b', 'c'])
  })

  test('within one priority the running sum of weights decides', () => {
    // Sorted: z 0, a 10, b 30; drawn from 0 to 40 inclusive.
    const records = [srv('b', 1, 0, 30), srv('a', 1, 0, 10), srv('z', 1, 0, 0)]
    const names = (...fractions: number[]) => inOrder(records, draw(...fractions)).map((record) => record.name)
    expect(names(0, 0, 0)).toEqual(['z', 'a', 'b'])
    expect(names(0.03, 0, 0)).toEqual(['a', 'z', 'b'])
    expect(names(10.5 / 41, 0, 0)).toEqual(['a', 'z', 'b'])
    expect(names(11.5 / 41, 0, 0)).toEqual(['b', 'z', 'a'])
    expect(names(0.999, 0.999, 0)).toEqual(['b', 'a', 'z'])
  })

  test('over many draws the first is chosen in proportion to its weight', () => {
    const random = new SeededRandom(7)
    const records = [srv('one', 1, 0, 10), srv('three', 1, 0, 30), srv('six', 1, 0, 60)]
    const firsts: Record<string, number> = { one: 0, three: 0, six: 0 }
    for (let run = 0; run < 10_000; run++) firsts[inOrder(records, random)[0]!.name]! += 1
    expect(firsts.one! / 10_000).toBeCloseTo(0.1, 1)
    expect(firsts.three! / 10_000).toBeCloseTo(0.3, 1)
    expect(firsts.six! / 10_000).toBeCloseTo(0.6, 1)
  })

  test('keeps every record once', () => {
    const random = new SeededRandom(1)
    const records = Array.from({ length: 30 }, (_, index) => srv(`h${index}`, 1, index % 3, (index * 7) % 5))
    const names = inOrder(records, random).map((record) => record.name)
    expect(new Set(names).size).toBe(30)
    expect(names).toHaveLength(30)
  })
})

interface Zone {
  readonly srv?: Readonly<Record<string, readonly SrvRecord[] | Error>>
  readonly hosts?: Readonly<Record<string, readonly string[] | Error>>
}

function resolver(zone: Zone, options: Partial<DomainResolverOptions> = {}) {
  const asked: string[] = []
  const answer = <T>(
    of: Readonly<Record<string, readonly T[] | Error>> | undefined,
    name: string,
  ): Promise<readonly T[]> => {
    asked.push(name)
    const found = of?.[name] ?? []
    return found instanceof Error ? Promise.reject(found) : Promise.resolve(found)
  }
  const dns: Dns = {
    srv: (name) => answer(zone.srv, name),
    addresses: (host) => answer(zone.hosts, host),
  }
  const clock = new ManualClock()
  const fixed = { dns, clock, random: new SeededRandom(1), directTls: !leftOut.has('s2s_direct_tls') }
  return { asked, clock, resolver: new DomainResolver({ ...fixed, ...options }) }
}

const servfail = Object.assign(new Error('queryA ESERVFAIL'), { code: 'ESERVFAIL' })

describe('DNS', () => {
  test('SRV targets, each with all its addresses', async () => {
    const { resolver: found } = resolver({
      srv: { '_xmpp-server._tcp.a.example': [srv('second.example', 5270, 20, 0), srv('first.example', 5269, 10, 0)] },
      hosts: { 'first.example': ['2001:db9::1', '192.0.3.1'], 'second.example': ['192.0.3.2'] },
    })
    expect(await found.resolve('a.example')).toEqual([
      { host: 'first.example', address: '2001:db9::1', port: 5269 },
      { host: 'first.example', address: '192.0.3.1', port: 5269 },
      { host: 'second.example', address: '192.0.3.2', port: 5270 },
    ])
  })

  test('XEP-0368: records for direct TLS and for STARTTLS are mixed by priority', async () => {
    const { resolver: found } = resolver({
      srv: {
        '_xmpp-server._tcp.a.example': [srv('plain.example', 5269, 10, 0)],
        '_xmpps-server._tcp.a.example': [srv('late.example', 5270, 20, 0), srv('early.example', 443, 5, 0)],
      },
      hosts: { 'plain.example': ['192.0.3.1'], 'early.example': ['192.0.3.2'], 'late.example': ['192.0.3.3'] },
    })
    expect(await found.resolve('a.example')).toEqual([
      { host: 'early.example', address: '192.0.3.2', port: 443, direct: true },
      { host: 'plain.example', address: '192.0.3.1', port: 5269 },
      { host: 'late.example', address: '192.0.3.3', port: 5270, direct: true },
    ])
  })

  test('XEP-0368: "." for one kind does not refuse the other; no answer for direct TLS harms nobody', async () => {
    const hosts = { 'b.example': ['192.0.3.2'] }
    const one = resolver({
      srv: {
        '_xmpp-server._tcp.a.example': [srv('.', 0, 0, 0)],
        '_xmpps-server._tcp.a.example': [srv('b.example', 443, 0, 0)],
      },
      hosts,
    })
    expect(await one.resolver.resolve('a.example')).toMatchObject([{ port: 443, direct: true }])
    const other = resolver({
      srv: {
        '_xmpp-server._tcp.a.example': [srv('b.example', 5269, 0, 0)],
        '_xmpps-server._tcp.a.example': servfail,
      },
      hosts,
    })
    expect(await other.resolver.resolve('a.example')).toMatchObject([{ port: 5269 }])
  })

  test('without SRV records, the domain itself at 5269', async () => {
    const { resolver: found } = resolver({ hosts: { 'a.example': ['192.0.3.1'] } })
    expect(await found.resolve('a.example')).toEqual([{ host: 'a.example', address: '192.0.3.1', port: 5269 }])
  })

  test('with SRV records, never the domain itself', async () => {
    const { resolver: found, asked } = resolver({
      srv: { '_xmpp-server._tcp.a.example': [srv('gone.example', 5269, 0, 0)] },
      hosts: { 'a.example': ['192.0.3.1'] },
    })
    await expect(found.resolve('a.example')).rejects.toMatchObject({ kind: 'not-found' })
    expect(asked).toEqual(['_xmpps-server._tcp.a.example', '_xmpp-server._tcp.a.example', 'gone.example'])
  })

  test('a single target of "." means that there is no service', async () => {
    for (const root of ['', '.']) {
      const { resolver: found } = resolver({
        srv: { '_xmpp-server._tcp.a.example': [srv(root, 0, 0, 0)] },
        hosts: { 'a.example': ['192.0.3.1'] },
      })
      await expect(found.resolve('a.example')).rejects.toMatchObject({
        kind: 'not-found',
        message: 'a.example says in DNS that it has no XMPP server for others',
      })
    }
  })

  test('a target that cannot be resolved does not stop the others', async () => {
    const { resolver: found } = resolver({
      srv: { '_xmpp-server._tcp.a.example': [srv('broken.example', 5269, 0, 0), srv('b.example', 5269, 1, 0)] },
      hosts: { 'broken.example': servfail, 'b.example': ['192.0.3.2'] },
    })
    expect(await found.resolve('a.example')).toEqual([{ host: 'b.example', address: '192.0.3.2', port: 5269 }])
  })

  test('nothing known is not the same as nobody answered', async () => {
    await expect(resolver({}).resolver.resolve('a.example')).rejects.toMatchObject({ kind: 'not-found' })
    const silent = resolver({ srv: { '_xmpp-server._tcp.a.example': servfail } })
    await expect(silent.resolver.resolve('a.example')).rejects.toMatchObject({ kind: 'temporary' })
    const fallback = resolver({
      srv: { '_xmpp-server._tcp.a.example': servfail },
      hosts: { 'a.example': ['192.0.3.1'] },
    })
    expect(await fallback.resolver.resolve('a.example')).toHaveLength(1)
  })

  test('internationalised domains are asked for by their A-labels', async () => {
    const { resolver: found, asked } = resolver({ hosts: { 'xn--bcher-kva.example': ['192.0.3.1'] } })
    expect(await found.resolve('bücher.example')).toHaveLength(1)
    expect(asked).toEqual([
      '_xmpps-server._tcp.xn--bcher-kva.example',
      '_xmpp-server._tcp.xn--bcher-kva.example',
      'xn--bcher-kva.example',
    ])
  })

  test('a failure is remembered for ten seconds, an answer is not', async () => {
    const { resolver: found, asked, clock } = resolver({ hosts: { 'b.example': ['192.0.3.1'] } })
    await expect(found.resolve('a.example')).rejects.toThrow()
    await expect(found.resolve('a.example')).rejects.toThrow()
    expect(asked).toHaveLength(3)
    clock.advance(10_000)
    await expect(found.resolve('a.example')).rejects.toThrow()
    expect(asked).toHaveLength(6)
    await found.resolve('b.example')
    await found.resolve('b.example')
    expect(asked).toHaveLength(12)
  })
})

describe('addresses that strangers may not point us to', () => {
  test.each([
    '0.0.0.0',
    '10.1.2.3',
    '100.64.0.1',
    '127.0.0.1',
    '127.255.255.254',
    '169.254.169.254',
    '172.31.0.1',
    '192.168.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::ffff:127.0.0.1',
    '::ffff:8.8.8.8',
    '::127.0.0.1',
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'fd00::1',
    'ff02::1',
    '64:ff9b::7f00:1',
    '64:ff9b::10.0.0.1',
    '2002:7f00:1::',
    '2002:c0a8:101::1',
    'localhost',
    '',
  ])('%s is not public', (address) => {
    expect(isPublicAddress(address)).toBe(false)
  })

  test.each(['8.8.8.8', '172.32.0.1', '192.0.3.1', '2001:4860:4860::8888', '64:ff9b::808:808', '2002:808:808::1'])(
    '%s is public',
    (address) => {
      expect(isPublicAddress(address)).toBe(true)
    },
  )

  test.each([
    [
      'SRV',
      { srv: { '_xmpp-server._tcp.a.example': [srv('b.example', 5269, 0, 0)] }, hosts: { 'b.example': ['10.0.0.1'] } },
    ],
    ['A', { hosts: { 'a.example': ['127.0.0.1', '::1'] } }],
  ])('%s records are refused, with the option that allows them', async (_, zone) => {
    const { resolver: found } = resolver(zone)
    await expect(found.resolve('a.example')).rejects.toMatchObject({
      kind: 'refused',
      message: expect.stringContaining('s2s_allow_private_addresses'),
    })
    expect(await resolver(zone, { allowPrivate: true }).resolver.resolve('a.example')).not.toHaveLength(0)
  })

  test('the public ones among them are used', async () => {
    const { resolver: found } = resolver({ hosts: { 'a.example': ['127.0.0.1', '192.0.3.1'] } })
    expect(await found.resolve('a.example')).toEqual([{ host: 'a.example', address: '192.0.3.1', port: 5269 }])
  })

  test('so are literal addresses', async () => {
    const { resolver: found, asked } = resolver({})
    await expect(found.resolve('127.0.0.1')).rejects.toMatchObject({ kind: 'refused' })
    await expect(found.resolve('[::1]')).rejects.toMatchObject({ kind: 'refused' })
    expect(await found.resolve('192.0.3.1')).toEqual([{ host: '192.0.3.1', address: '192.0.3.1', port: 5269 }])
    expect(await found.resolve('[2001:db9::1]')).toEqual([
      { host: '[2001:db9::1]', address: '2001:db9::1', port: 5269 },
    ])
    expect(asked).toEqual([])
  })
})

describe('static routes', () => {
  const routes = { 'a.example': { host: '127.0.0.1', port: 15269 }, '*': { host: 'hub.example', port: 25269 } }

  test('stand in for DNS and may be private', async () => {
    const { resolver: found, asked } = resolver({}, { routes })
    expect(await found.resolve('a.example')).toEqual([{ host: '127.0.0.1', address: '127.0.0.1', port: 15269 }])
    expect(asked).toEqual([])
  })

  test('the wildcard takes all others, and names are looked up', async () => {
    const { resolver: found } = resolver({ hosts: { 'hub.example': ['10.0.0.9'] } }, { routes })
    expect(await found.resolve('z.example')).toEqual([{ host: 'hub.example', address: '10.0.0.9', port: 25269 }])
    expect(await found.resolve('constructor')).toHaveLength(1)
  })

  test('a route to a name without an address', async () => {
    await expect(resolver({}, { routes }).resolver.resolve('z.example')).rejects.toThrow(
      'the route of z.example, hub.example, has no address',
    )
  })
})

describe('a real name server', () => {
  async function ask<T>(zone: DnsZone, use: (dns: SystemDns) => Promise<T>): Promise<T> {
    const server = await startDnsServer(zone)
    try {
      return await use(new SystemDns([server.address], { timeoutMs: 250 }))
    } finally {
      await server.close()
    }
  }

  test('SRV, A and AAAA records over the wire', async () => {
    const zone: DnsZone = {
      '_xmpp-server._tcp.a.example': [
        { type: 'SRV', priority: 10, weight: 5, port: 5270, target: 'xmpp.a.example' },
        { type: 'SRV', priority: 20, weight: 0, port: 5269, target: 'backup.a.example' },
      ],
      'xmpp.a.example': [
        { type: 'A', address: '192.0.3.1' },
        { type: 'AAAA', groups: [0x2001, 0xdb9, 0, 0, 0, 0, 0, 1] },
      ],
      'backup.a.example': [{ type: 'A', address: '192.0.3.2' }],
    }
    await ask(zone, async (dns) => {
      const found = new DomainResolver({ dns, clock: new ManualClock(), random: new SeededRandom(1) })
      expect((await found.resolve('a.example')).map(({ address, port }) => `${address} ${port}`)).toEqual([
        '2001:db9::1 5270',
        '192.0.3.1 5270',
        '192.0.3.2 5269',
      ])
    })
  })

  test('the root as a target', async () => {
    const zone: DnsZone = {
      '_xmpp-server._tcp.a.example': [{ type: 'SRV', priority: 0, weight: 0, port: 0, target: '' }],
      'a.example': [{ type: 'A', address: '192.0.3.1' }],
    }
    await ask(zone, async (dns) => {
      const found = new DomainResolver({ dns, clock: new ManualClock(), random: new SeededRandom(1) })
      await expect(found.resolve('a.example')).rejects.toThrow('it has no XMPP server for others')
    })
  })

  test('what does not exist is nothing; what is broken is an error', async () => {
    const zone: DnsZone = { 'broken.example': 'SERVFAIL', 'empty.example': [] }
    await ask(zone, async (dns) => {
      expect(await dns.srv('_xmpp-server._tcp.none.example')).toEqual([])
      expect(await dns.addresses('none.example')).toEqual([])
      expect(await dns.addresses('empty.example')).toEqual([])
      await expect(dns.addresses('broken.example')).rejects.toMatchObject({ code: 'ESERVFAIL' })
      await expect(dns.srv('broken.example')).rejects.toMatchObject({ code: 'ESERVFAIL' })
    })
  })

  test('an address is kept for its TTL, and no longer', async () => {
    const zone: Record<string, DnsZone[string]> = { 'a.example': [{ type: 'A', address: '192.0.3.1', ttl: 60 }] }
    const server = await startDnsServer(zone)
    try {
      const clock = new ManualClock()
      const dns = new SystemDns([server.address], { clock })
      const found = new DomainResolver({ dns, clock, random: new SeededRandom(1) })
      const where = async (): Promise<string> => (await found.resolve('a.example')).map((to) => to.address).join()
      const questions = (): number => server.asked.filter((each) => each === 'a.example 1').length
      expect(await where()).toBe('192.0.3.1')
      zone['a.example'] = [{ type: 'A', address: '192.0.3.2', ttl: 0 }]
      clock.advance(59_999)
      expect([await where(), questions()]).toEqual(['192.0.3.1', 1])
      clock.advance(1)
      expect([await where(), questions()]).toEqual(['192.0.3.2', 2])
      // A TTL of 0 is for this question alone (RFC 1035 §3.2.1).
      zone['a.example'] = [{ type: 'A', address: '192.0.3.3', ttl: 60 }]
      expect([await where(), questions()]).toEqual(['192.0.3.3', 3])
      // A domain that moves into a SRV record is found there at once.
      zone['_xmpp-server._tcp.a.example'] = [{ type: 'SRV', priority: 1, weight: 1, port: 5270, target: 'b.example' }]
      zone['b.example'] = [{ type: 'A', address: '192.0.3.4' }]
      expect(await where()).toBe('192.0.3.4')
    } finally {
      await server.close()
    }
  })

  test('what did not exist and then does is found after ten seconds', async () => {
    const zone: Record<string, DnsZone[string]> = {}
    const server = await startDnsServer(zone)
    try {
      const clock = new ManualClock()
      const dns = new SystemDns([server.address], { clock })
      const found = new DomainResolver({ dns, clock, random: new SeededRandom(1) })
      const none = { kind: 'not-found', message: 'DNS knows no server for a.example' }
      await expect(found.resolve('a.example')).rejects.toMatchObject(none)
      zone['a.example'] = [{ type: 'A', address: '192.0.3.1' }]
      const asked = server.asked.length
      clock.advance(9_999)
      await expect(found.resolve('a.example')).rejects.toMatchObject(none)
      expect(server.asked).toHaveLength(asked)
      clock.advance(1)
      expect(await found.resolve('a.example')).toMatchObject([{ address: '192.0.3.1' }])
    } finally {
      await server.close()
    }
  })

  test('one that does not answer', async () => {
    await ask({ 'silent.example': 'silence' }, async (dns) => {
      await expect(dns.srv('silent.example')).rejects.toMatchObject({ code: 'ETIMEOUT' })
    })
  })

  test('without servers of its own, the names of the hosts file count', async () => {
    expect(await new SystemDns().addresses('localhost')).toEqual(
      expect.arrayContaining([expect.stringMatching(/^(127\.|::1)/)]),
    )
  })
})
