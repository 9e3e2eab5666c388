/** Our own servers over loopback: TLS, dialback both ways, several domains; and strangers at the listener. */

import { afterEach, describe, expect, test } from '@jest/globals'
import { DialbackKeys } from '../../src/stream/dialback.js'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from './s2s-peer.js'
import { Stranger } from './stranger.js'

const open: Peer[] = []

async function start(options: PeerOptions): Promise<Peer> {
  const peer = await startPeer(options)
  open.push(peer)
  return peer
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((peer) => peer.close()))
})

const ids = (peer: Peer): string[] => peer.received.map((stanza) => stanza.attrs.id)

describe('XEP-0220: dialback over TLS with certificates that nobody trusts', () => {
  test('a message each way, in order, on encrypted links', async () => {
    const a = await start({ domains: ['a.example'] })
    const b = await start({ domains: ['b.example'] })
    connectPeers({ 'a.example': a, 'b.example': b })
    const numbers = Array.from({ length: 200 }, (_, index) => String(index))
    for (const n of numbers) a.pool.send(message('juliet@a.example/x', 'romeo@b.example', n))
    await until(() => b.received.length === 200, '200 messages')
    expect(ids(b)).toEqual(numbers)
    expect(b.texts()[0]).toBe(
      "<message from='juliet@a.example/x' to='romeo@b.example' type='chat' id='0'><body>0</body></message>",
    )
    b.pool.send(message('romeo@b.example', 'juliet@a.example/x', 'back'))
    await until(() => a.received.length === 1, 'the answer')
    for (const peer of [a, b])
      expect(
        peer.pool.links().map(({ direction, state, encrypted, authenticated, queue }) => ({
          ...{ direction, state, encrypted, authenticated, queue },
        })),
      ).toEqual([
        { direction: 'in', state: 'up', encrypted: true, authenticated: 'dialback', queue: 0 },
        { direction: 'out', state: 'up', encrypted: true, authenticated: 'dialback', queue: 0 },
      ])
    expect(a.events).toEqual(['up b.example a.example', 'heard b.example a.example'])
  })
})

const link = (peer: Peer, direction: 'in' | 'out', remote: string) =>
  peer.pool.links().find((each) => each.direction === direction && each.remote === remote)
const warnings = (peer: Peer): string[] =>
  peer.log.filter((entry) => entry.level === 'warn').map((entry) => entry.message)

describe('several domains', () => {
  test('three servers, all to all, each pair in order', async () => {
    const peers: Record<string, Peer> = {}
    for (const name of ['a.example', 'b.example', 'c.example']) peers[name] = await start({ domains: [name] })
    connectPeers(peers)
    const domains = Object.keys(peers)
    const rounds = 50
    for (let n = 0; n < rounds; n++)
      for (const from of domains)
        for (const to of domains)
          if (from !== to) peers[from]!.pool.send(message(`x@${from}`, `y@${to}`, `${from} ${n}`))
    for (const to of domains) {
      await until(() => peers[to]!.received.length === 2 * rounds, `all messages at ${to}`)
      for (const from of domains.filter((domain) => domain !== to))
        expect(ids(peers[to]!).filter((id) => id.startsWith(from))).toEqual(
          Array.from({ length: rounds }, (_, n) => `${from} ${n}`),
        )
    }
  })

  test('four pairs of domains share one connection each way', async () => {
    const a = await start({ domains: ['a.example', 'rooms.a.example'] })
    const b = await start({ domains: ['b.example', 'rooms.b.example'] })
    connectPeers({ 'a.example': a, 'rooms.a.example': a, 'b.example': b, 'rooms.b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the first')
    a.pool.send(message('x@rooms.a.example', 'y@b.example', '2'))
    a.pool.send(message('x@a.example', 'y@rooms.b.example', '3'))
    a.pool.send(message('x@rooms.a.example', 'y@rooms.b.example', '4'))
    await until(() => b.received.length === 4, 'all four')
    const streams = a.pool.links().map(({ direction, state, streamId }) => `${direction} ${state} ${streamId}`)
    expect(streams).toHaveLength(4)
    expect(new Set(streams).size).toBe(1)
  })

  test('a domain that the peer does not serve costs the others nothing', async () => {
    const a = await start({ domains: ['a.example'] })
    const b = await start({ domains: ['b.example'] })
    connectPeers({ 'a.example': a, 'b.example': b, 'rooms.b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the first')
    a.pool.send(message('x@a.example', 'y@rooms.b.example', '2'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('<remote-server-timeout ')
    a.pool.send(message('x@a.example', 'y@b.example', '3'))
    await until(() => b.received.length === 2, 'the third')
    expect(link(a, 'out', 'b.example')?.state).toBe('up')
  })
})

describe('policy', () => {
  test('s2s_secure_auth: a certificate that nobody trusts, at the one who connects', async () => {
    const a = await start({ domains: ['a.example'], policy: { secureAuth: true } })
    const b = await start({ domains: ['b.example'] })
    connectPeers({ 'a.example': a, 'b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('<policy-violation ')
    expect(warnings(a)[0]).toMatch(
      /^Refused b\.example: its certificate is not trusted \(.*\): it is self-signed\. To allow it: set s2s_secure_auth = false or add "b\.example" to s2s_insecure_domains$/,
    )
    expect(b.received).toEqual([])
  })

  test('s2s_secure_auth: at the one who is connected to', async () => {
    const a = await start({ domains: ['a.example'] })
    const b = await start({ domains: ['b.example'], policy: { secureAuth: true } })
    connectPeers({ 'a.example': a, 'b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('the peer refused dialback with not-authorized: its certificate is not trusted')
    expect(warnings(b)[0]).toContain('add "a.example" to s2s_insecure_domains')
    expect(b.received).toEqual([])
  })

  test('s2s_insecure_domains makes an exception, s2s_secure_domains the other one', async () => {
    const a = await start({
      domains: ['a.example'],
      policy: { secureAuth: true, insecureDomains: new Set(['b.example']) },
    })
    const b = await start({
      domains: ['b.example', 'c.example'],
      policy: { secureDomains: new Set(['rooms.a.example']) },
    })
    connectPeers({ 'a.example': a, 'b.example': b, 'c.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the message')
    a.pool.send(message('x@a.example', 'y@c.example', '2'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('<policy-violation ')
  })

  test('a peer without a certificate where encryption is required', async () => {
    const a = await start({ domains: ['a.example'] })
    const b = await start({ domains: ['b.example'], tls: false, policy: { requireEncryption: false } })
    connectPeers({ 'a.example': a, 'b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => a.received.length === 1, 'the bounce')
    expect(a.texts()[0]).toContain('<policy-violation ')
    expect(warnings(a)[0]).toBe(
      'Refused b.example: it does not offer TLS. To allow it: set s2s_require_encryption = false',
    )
  })

  test('without TLS on either side, where both allow it', async () => {
    const plain = { tls: false, policy: { requireEncryption: false } }
    const a = await start({ domains: ['a.example'], ...plain })
    const b = await start({ domains: ['b.example'], ...plain })
    connectPeers({ 'a.example': a, 'b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the message')
    expect(link(a, 'out', 'b.example')).toMatchObject({ state: 'up', encrypted: false })
  })
})

describe('strangers', () => {
  const plain = { tls: false, policy: { requireEncryption: false } }

  test('a key that was seen on one stream is invalid on another, and for other domains', async () => {
    const secret = { options: { dialbackSecret: 's3cr3t' } }
    const a = await start({ domains: ['a.example', 'rooms.a.example'], ...plain, ...secret })
    const b = await start({ domains: ['b.example'], ...plain })
    connectPeers({ 'a.example': a, 'rooms.a.example': a, 'b.example': b })
    const seen = new DialbackKeys('s3cr3t').key('b.example', 'a.example', 'another stream')
    const mallory = new Stranger(b.port)
    await mallory.hello('a.example', 'b.example')
    mallory.say(`<db:result from='a.example' to='b.example'>${seen}</db:result>`)
    await until(() => mallory.text.includes('</stream:stream>'), 'the end')
    expect(mallory.text).toContain("<db:result from='b.example' to='a.example' type='invalid'/></stream:stream>")
    mallory.say('</stream:stream>')
    await until(() => mallory.closed, 'the close')
    const again = new Stranger(b.port)
    const id = await again.hello('rooms.a.example', 'b.example')
    const own = new DialbackKeys('s3cr3t').key('b.example', 'a.example', id)
    again.say(`<db:result from='rooms.a.example' to='b.example'>${own}</db:result>`)
    await until(() => again.text.includes('</stream:stream>'), 'the end')
    expect(again.text).toContain("type='invalid'/></stream:stream>")
    again.say("<message from='x@rooms.a.example' to='y@b.example'/></stream:stream>")
    await until(() => again.closed, 'the close')
    expect(b.received).toEqual([])
    expect(warnings(b)).toContain('a.example denied the dialback key: the peer of this stream is not a.example')
  })

  test('the right key on the right stream is believed: the check above can fail', async () => {
    const a = await start({ domains: ['a.example'], ...plain, options: { dialbackSecret: 's3cr3t' } })
    const b = await start({ domains: ['b.example'], ...plain })
    connectPeers({ 'a.example': a, 'b.example': b })
    const honest = new Stranger(b.port)
    const id = await honest.hello('a.example', 'b.example')
    const key = new DialbackKeys('s3cr3t').key('b.example', 'a.example', id)
    honest.say(`<db:result from='a.example' to='b.example'>${key}</db:result>`)
    await until(() => honest.text.includes("type='valid'"), 'the answer')
    honest.say("<message from='x@a.example' to='y@b.example' id='m'/>")
    await until(() => b.received.length === 1, 'the message')
    expect(link(b, 'in', 'a.example')).toMatchObject({ state: 'up', authenticated: 'dialback' })
    honest.end()
    await until(() => link(b, 'in', 'a.example') === undefined, 'the link to go')
  })

  test('dialback without the TLS that is required', async () => {
    const b = await start({ domains: ['b.example'] })
    const mallory = new Stranger(b.port)
    await mallory.hello('a.example', 'b.example')
    expect(mallory.text).toContain('<required/>')
    mallory.say(`<db:result from='a.example' to='b.example'>key</db:result>`)
    await until(() => mallory.closed, 'the end')
    expect(mallory.text).toContain('<policy-violation xmlns')
  })

  test('bytes behind <starttls/> that are no TLS are never read as XML', async () => {
    const b = await start({ domains: ['b.example'] })
    const mallory = new Stranger(b.port)
    await mallory.hello('a.example', 'b.example')
    mallory.say(
      `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><db:result from='a.example' to='b.example'>key</db:result>`,
    )
    await until(() => mallory.closed, 'the end')
    expect(mallory.text).not.toContain('db:result')
    expect(b.pool.links()).toEqual([])
  })

  test('a thousand streams from one address', async () => {
    const b = await start({ domains: ['b.example'], listener: { perAddress: { open: 20, strangers: 10 } } })
    const strangers = Array.from({ length: 1000 }, () => new Stranger(b.port))
    await until(() => strangers.filter((each) => each.closed).length >= 990, 'the refusals')
    expect(strangers.filter((each) => !each.closed)).toHaveLength(10)
    expect(strangers.filter((each) => each.text.includes('<policy-violation ')).length).toBeGreaterThanOrEqual(980)
    for (const each of strangers) each.end()
    await until(() => b.listener.open === 0, 'all to be gone')
    const next = new Stranger(b.port)
    await next.hello('a.example', 'b.example')
    next.end()
  })

  test('more bytes than a peer may send are made to wait, and nothing is lost', async () => {
    const a = await start({ domains: ['a.example'] })
    const refused: string[] = []
    const b = await start({
      domains: ['b.example'],
      options: { rate: { bytes: 200_000, burst: 20_000 } },
      deps: { refused: (reason) => refused.push(reason) },
    })
    connectPeers({ 'a.example': a, 'b.example': b })
    const begin = performance.now()
    for (let n = 0; n < 100; n++) a.pool.send(message('x@a.example', 'y@b.example', `${n} ${'x'.repeat(1000)}`))
    await until(() => b.received.length === 100, 'all messages')
    // 200 kB of ids and bodies, of which 20 kB may come at once.
    expect(performance.now() - begin).toBeGreaterThan(200)
    expect(refused).toContain('slowed-down')
  })
})

describe('closing', () => {
  test('ends streams with system-shutdown; peers see the link go down, and may come again', async () => {
    const a = await start({ domains: ['a.example'] })
    const b = await start({ domains: ['b.example'] })
    connectPeers({ 'a.example': a, 'b.example': b })
    a.pool.send(message('x@a.example', 'y@b.example', '1'))
    await until(() => b.received.length === 1, 'the message')
    await b.close()
    await until(() => a.events.includes('down b.example a.example'), 'the link to go down')
    expect(link(a, 'out', 'b.example')?.lastError).toBe('the peer ended the stream: system-shutdown')
    const again = await start({ domains: ['b.example'] })
    connectPeers({ 'a.example': a, 'b.example': again })
    a.pool.send(message('x@a.example', 'y@b.example', '2'))
    await until(() => again.received.length === 1, 'the second message')
    expect(a.received).toEqual([])
  })

  test('nothing stays open', async () => {
    const b = await start({ domains: ['b.example'] })
    const stranger = new Stranger(b.port)
    await stranger.hello('a.example', 'b.example')
    await b.close()
    await until(() => stranger.closed, 'the end')
    expect(stranger.text).toContain('<system-shutdown ')
    const late = new Stranger(b.port)
    await until(() => late.closed, 'the refusal')
    expect(late.text).toBe('')
  })
})
