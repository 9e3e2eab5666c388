/** Two of our own servers over loopback: TLS, dialback both ways, order, several domains. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from './s2s-peer.js'

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

describe('dialback over TLS with certificates that nobody trusts', () => {
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
