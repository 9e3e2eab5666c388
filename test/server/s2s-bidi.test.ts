/** Bidirectional streams (XEP-0288): one stream for both directions, where both can; what came on it is checked as on any other. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from './s2s-peer.js'
import { idsIn, wirePool } from './s2s-wire.js'

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
const outgoing = (peer: Peer) => peer.pool.links().find(({ direction }) => direction === 'out')
const numbers = (count: number): string[] => Array.from({ length: count }, (_, n) => `${n}`)

/** Both have heard from the other. */
async function talking(bidi: readonly [boolean, boolean]) {
  const a = await start({ domains: ['a.example'], options: { bidi: bidi[0] } })
  const b = await start({ domains: ['b.example'], options: { bidi: bidi[1] } })
  connectPeers({ 'a.example': a, 'b.example': b })
  a.pool.send(message('x@a.example', 'y@b.example', 'there'))
  await until(() => b.received.length === 1, 'the first message')
  b.pool.send(message('y@b.example', 'x@a.example', 'back'))
  await until(() => a.received.length === 1, 'the answer')
  return { a, b }
}

describe('XEP-0288 §2', () => {
  test('both can: the answer takes the same stream back, and so does all that follows, in order', async () => {
    const { a, b } = await talking([true, true])
    const [to, fro] = [outgoing(a)!, outgoing(b)!]
    expect([to.bidirectional, fro.bidirectional, fro.streamId]).toEqual([true, true, to.streamId])
    expect(fro).toMatchObject({ state: 'up', encrypted: true, authenticated: 'dialback', shown: undefined })
    for (const n of numbers(200)) {
      a.pool.send(message('x@a.example', 'y@b.example', n))
      b.pool.send(message('y@b.example', 'x@a.example', n))
    }
    await until(() => a.received.length === 201 && b.received.length === 201, 'all messages')
    expect([ids(a), ids(b)]).toEqual([
      ['back', ...numbers(200)],
      ['there', ...numbers(200)],
    ])
  })

  test.each([
    ['the one that connects cannot', [false, true]],
    ['the one that listens cannot', [true, false]],
  ] as const)('%s: a stream for each direction', async (_, bidi) => {
    const { a, b } = await talking(bidi)
    expect([outgoing(a)?.bidirectional, outgoing(b)?.bidirectional]).toEqual([false, bidi[1] && bidi[0]])
    expect(outgoing(b)?.streamId).not.toBe(outgoing(a)?.streamId)
  })

  test('the stream breaks: nothing is lost, what was not acknowledged is sent again, in order', async () => {
    const { a, b } = await talking([true, true])
    const before = outgoing(b)?.streamId
    for (const n of numbers(20)) b.pool.send(message('y@b.example', 'x@a.example', n))
    a.pool.disconnect('b.example')
    b.pool.disconnect('a.example')
    for (const n of numbers(20)) b.pool.send(message('y@b.example', 'x@a.example', `after ${n}`))
    await until(() => ids(a).includes('after 19'), 'what was sent afterwards')
    const after = numbers(20).map((n) => `after ${n}`)
    // What the peer had and could not acknowledge any more comes twice (XEP-0198 without resumption).
    expect([...new Set(ids(a))]).toEqual(['back', ...numbers(20), ...after])
    expect(outgoing(b)?.streamId).not.toBe(before)
  })
})

describe('on a stream of ours', () => {
  const bidi = `<bidi xmlns='urn:xmpp:features:bidi'/>`
  const to = async (more = bidi) => {
    const wire = wirePool({ bidi: true, waits: { pingMs: 1e9 } })
    wire.dns['b.example'] = ['10.0.0.2:5269']
    wire.pool.send(message('x@a.example', 'y@b.example', 'first'))
    await wire.settle()
    const peer = wire.connections[0]!
    peer.greets({ more })
    return { wire, peer }
  }
  const from = (domain: string, local = 'a.example') =>
    `<message from='y@${domain}' to='x@${local}' id='m'><body>hi</body></message>`

  test('it is asked for before dialback', async () => {
    const { peer } = await to()
    expect(peer.take()).toMatch(/<bidi xmlns='urn:xmpp:bidi'\/><db:result /)
  })

  test('nothing is taken before the peer let us in', async () => {
    const { wire, peer } = await to()
    peer.sends(from('b.example'))
    expect(peer.take()).toContain('not-authorized')
    await wire.settle()
    expect(wire.bounced.map(({ attrs }) => attrs.id)).toEqual(['first'])
  })

  test.each([
    ['another domain of its own', from('rooms.b.example'), 'invalid-from'],
    ['a domain of ours that did not ask', from('b.example', 'rooms.a.example'), 'host-unknown'],
  ])('%s: %3$s', async (_, stanza, condition) => {
    const { wire, peer } = await to()
    peer.answers('b.example', 'a.example')
    expect(idsIn(peer.take())).toEqual(['first'])
    peer.sends(from('b.example'))
    expect(wire.bounced).toHaveLength(1)
    peer.sends(stanza)
    expect(peer.take()).toContain(condition)
    expect(wire.bounced).toHaveLength(1)
  })

  test('where it was not offered, stanzas end the stream', async () => {
    const { wire, peer } = await to('')
    peer.answers('b.example', 'a.example')
    expect(peer.take()).not.toContain('bidi')
    peer.sends(from('b.example'))
    expect(peer.take()).toContain('not-authorized')
    expect(wire.bounced).toEqual([])
  })

  test('counted in both directions (XEP-0198)', async () => {
    const { peer } = await to(`${bidi}<sm xmlns='urn:xmpp:sm:3'/>`)
    peer.answers('b.example', 'a.example')
    peer.sends(`<enabled xmlns='urn:xmpp:sm:3'/>${from('b.example')}${from('b.example')}<r xmlns='urn:xmpp:sm:3'/>`)
    expect(peer.take()).toContain(`<a xmlns='urn:xmpp:sm:3' h='2'/>`)
  })

  test('kept as long as the peer uses it, although nobody here does', async () => {
    const { wire, peer } = await to()
    peer.answers('b.example', 'a.example')
    const { idleMs, lingerMs } = wire.pool.settings.waits
    wire.clock.advance(idleMs - 1)
    peer.sends(from('b.example'))
    wire.clock.advance(lingerMs + 2)
    expect(peer.take()).not.toContain('</stream:stream>')
    wire.clock.advance(idleMs + lingerMs)
    expect(peer.take()).toContain('</stream:stream>')
  })
})
