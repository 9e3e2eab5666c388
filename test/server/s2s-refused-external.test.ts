/** SASL EXTERNAL that a peer refuses (XEP-0178 §3): dialback instead, also where that takes another stream; remembered while it works. */
import { describe, expect, test } from '@jest/globals'
import { message } from './s2s-peer.js'
import { idsIn, type PeerEnd, wirePool } from './s2s-wire.js'

const external = `<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>EXTERNAL</mechanism></mechanisms>`
const failure = `<failure xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><not-authorized/></failure>`
const noTls = { protocol: 'TLSv1.3', cipher: 'x', peer: undefined, alpn: undefined }

async function stage() {
  const wire = wirePool({ policy: { requireEncryption: true, secureAuth: false } }, {}, { contextFor: () => undefined })
  wire.dns['b.example'] = ['10.0.0.2:5269']
  /** The latest connection, as far as the features behind TLS. */
  const next = async (): Promise<PeerEnd> => {
    await wire.settle()
    const peer = wire.connections.at(-1)!
    peer.handshake = noTls
    peer.greets({ more: `<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>` })
    peer.sends(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    await wire.settle()
    peer.take()
    peer.greets({ more: external })
    return peer
  }
  const send = (id: string): void => wire.pool.send(message('x@a.example', 'y@b.example', id))
  return { wire, next, send }
}

const byDialback = (peer: PeerEnd): void => peer.answers('b.example', 'a.example')

describe.each([
  ['and closes the stream', `${failure}</stream:stream>`],
  [
    'and ends it with an error',
    `${failure}<stream:error><not-authorized xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`,
  ],
  ['without a word', `</stream:stream>`],
])('a peer that refuses our certificate %s', (_, refusal) => {
  test('is asked by dialback on another stream; nobody is told of a failure, and the next stream begins with dialback', async () => {
    const { wire, next, send } = await stage()
    send('1')
    const first = await next()
    expect(first.take()).toContain('<auth ')
    first.sends(refusal)
    send('2')
    const second = await next()
    expect(second.take()).not.toContain('<auth ')
    byDialback(second)
    expect(idsIn(second.take())).toEqual(['1', '2'])
    expect([wire.bounces(), wire.connections.length]).toEqual([[], 2])
    second.breaks()
    send('3')
    const third = await next()
    expect(third.take()).not.toContain('<auth ')
    // After an hour our certificate may be another one.
    byDialback(third)
    third.breaks()
    wire.clock.advance(3_600_000)
    send('4')
    expect((await next()).take()).toContain('<auth ')
  })

  test('and dialback, too: our senders are told, and the next attempt begins with the certificate', async () => {
    const { wire, next, send } = await stage()
    send('1')
    ;(await next()).sends(refusal)
    const second = await next()
    second.sends(`</stream:stream>`)
    await wire.settle()
    expect([wire.bounces(), wire.connections.length]).toEqual([['1 remote-server-timeout'], 2])
    wire.clock.advance(60_000)
    send('2')
    expect((await next()).take()).toContain('<auth ')
  })
})

test('a peer that refuses it and listens on: dialback on the same stream', async () => {
  const { wire, next, send } = await stage()
  send('1')
  const peer = await next()
  peer.sends(failure)
  byDialback(peer)
  expect(idsIn(peer.take())).toEqual(['1'])
  expect(wire.connections).toHaveLength(1)
})

test('the server stops in the middle of it: no other stream is begun', async () => {
  const { wire, next, send } = await stage()
  send('1')
  ;(await next()).sends(failure)
  const closed = wire.pool.close(0)
  wire.clock.advance(60_000)
  await closed
  expect(wire.connections).toHaveLength(1)
})
