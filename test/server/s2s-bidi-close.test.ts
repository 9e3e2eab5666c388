/** The end of streams that carry stanzas both ways (XEP-0288): what is under way then is neither lost nor overtaken. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { header, incoming, outgoing } from '../stream/server-stage.js'
import { connectPeers, message, type Peer, type PeerOptions, startPeer, until } from './s2s-peer.js'
import { idsIn, wirePool } from './s2s-wire.js'

const open: Peer[] = []
afterEach(async () => {
  await Promise.all(open.splice(0).map((peer) => peer.close()))
})

async function both(a: Partial<PeerOptions['options']> = {}): Promise<[Peer, Peer]> {
  const one = await startPeer({ domains: ['a.example'], options: { bidi: true, ...a } })
  const two = await startPeer({ domains: ['b.example'], options: { bidi: true } })
  open.push(one, two)
  connectPeers({ 'a.example': one, 'b.example': two })
  one.pool.send(message('x@a.example', 'y@b.example', 'there'))
  await until(() => two.received.length === 1, 'the first message')
  two.pool.send(message('y@b.example', 'x@a.example', 'back'))
  await until(() => one.received.length === 1, 'the answer')
  return [one, two]
}

const out = (peer: Peer) => peer.pool.links().find(({ direction }) => direction === 'out')
const ids = (peer: Peer): string[] => peer.received.map(({ attrs }) => attrs.id)
const stanza = (from: string, to: string): string => `<message from='${from}' to='${to}' id='late'/>`

describe('RFC 6120 §4.4: what the peer sent before it saw our close', () => {
  test('is taken, on a stream that we opened', () => {
    const { machine, events } = outgoing({ bidi: true })
    machine.start()
    machine.receive(
      `${header(`id='s1' version='1.0'`)}<stream:features><bidi xmlns='urn:xmpp:features:bidi'/></stream:features>`,
    )
    machine.authorize({ local: 'capulet.example', remote: 'montague.example' })
    machine.receive(`<db:result from='montague.example' to='capulet.example' type='valid'/>`)
    machine.close()
    machine.receive(stanza('x@montague.example', 'y@capulet.example'))
    expect(events.filter((event) => event.includes('late'))).toHaveLength(1)
  })

  const accepted = (more = '') => {
    const staged = incoming()
    staged.machine.receive(
      `${header(`from='capulet.example' to='montague.example' version='1.0'`)}<db:result from='capulet.example' to='montague.example'>k</db:result>`,
    )
    staged.machine.verified({ local: 'montague.example', remote: 'capulet.example' }, 'D60000229F', { is: 'valid' })
    staged.machine.receive(more)
    return staged
  }

  test('is taken, on a stream that it opened', () => {
    const { machine, events } = accepted()
    machine.close()
    machine.receive(stanza('x@capulet.example', 'y@montague.example'))
    expect(events.filter((event) => event.includes('y@montague.example'))).toHaveLength(1)
  })

  test('is taken from a peer that counts, too; what we had until then it is told (XEP-0198)', () => {
    const { machine, events, wire } = accepted(
      `<enable xmlns='urn:xmpp:sm:3'/>${stanza('x@capulet.example', 'z@montague.example')}`,
    )
    machine.close()
    expect(wire.text).toMatch(/<a xmlns='urn:xmpp:sm:3' h='1'\/><\/stream:stream>$/)
    machine.receive(stanza('x@capulet.example', 'y@montague.example'))
    expect(events.filter((event) => event.includes('y@montague.example'))).toHaveLength(1)
  })

  test('and only of a pair that was verified', () => {
    const { machine, events } = accepted()
    machine.close()
    machine.receive(stanza('x@elsewhere.example', 'y@montague.example'))
    expect(events.filter((event) => event.includes('y@montague.example'))).toEqual([])
  })
})

test('an operator closes it at the side that was connected to: what is sent at that moment arrives, in order', async () => {
  const [a, b] = await both()
  const sent = Array.from({ length: 100 }, (_, n) => `m${n}`)
  for (const id of sent.slice(0, 50)) b.pool.send(message('y@b.example', 'x@a.example', id))
  expect(b.pool.disconnect('a.example')).toBeGreaterThan(0)
  for (const id of sent.slice(50)) b.pool.send(message('y@b.example', 'x@a.example', id))
  await until(() => a.received.length >= 101, 'all of them')
  expect(ids(a).slice(1)).toEqual(sent)
})

test('the peer closes a stream that rests: that is not a link going down', async () => {
  const [a, b] = await both({ waits: { idleMs: 100, lingerMs: 1 } })
  await until(() => out(a)?.state === 'idle' && out(b)?.state === 'idle', 'the rest')
  expect([out(b)?.lastError, b.events.filter((event) => event.startsWith('down'))]).toEqual([undefined, []])
  b.pool.send(message('y@b.example', 'x@a.example', 'again'))
  await until(() => a.received.length === 2, 'the next message')
})

test('nothing goes on a way back while what we wrote to a stream of ours may still be on its way', async () => {
  const wire = wirePool({ bidi: true })
  wire.dns['b.example'] = ['10.0.0.2:5269']
  const pair = { local: 'a.example', remote: 'b.example' }
  wire.pool.send(message('x@a.example', 'y@b.example', '1'))
  await wire.settle()
  const [first] = wire.connections
  first!.greets()
  first!.answers('b.example', 'a.example')
  expect(idsIn(first!.take())).toEqual(['1'])
  const written: string[] = []
  const back = {
    ...{ pair, state: 'ready', tls: undefined, streamId: 's', remoteAddress: '10.0.0.2', bidi: true },
    join: (user: { ready(carrier: unknown): void }) => user.ready(back),
    ...{ leave() {}, isAuthorized: () => true, authorize() {}, shown: () => undefined, close() {}, abandon() {} },
    write: (text: string) => written.push(text) > 0,
  }
  wire.pool.offerReturn(pair, back as unknown as Parameters<typeof wire.pool.offerReturn>[1])
  wire.pool.disconnect('b.example')
  wire.pool.send(message('x@a.example', 'y@b.example', '2'))
  await wire.settle()
  expect([written, wire.connections.length]).toEqual([[], 2])
  wire.connections[1]!.greets({ id: 's2' })
  wire.connections[1]!.answers('b.example', 'a.example')
  expect(idsIn(wire.connections[1]!.take())).toEqual(['2'])
})

test('after SASL EXTERNAL the features of the new stream come first, then what waited for the way back', () => {
  const staged = incoming({ bidi: true, secure: true, proof: () => 'certificate' })
  const { machine, wire, events } = staged
  const greeting = header(`from='capulet.example' to='montague.example' version='1.0'`)
  machine.receive(`${greeting}<bidi xmlns='urn:xmpp:bidi'/>`)
  machine.receive(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='EXTERNAL'>=</auth>`)
  const before = wire.text.length
  const push = events.push.bind(events)
  let atAcceptance = ''
  events.push = (...lines: string[]) => {
    if (lines[0]?.startsWith('accepted')) atAcceptance = wire.text.slice(before)
    return push(...lines)
  }
  machine.receive(greeting)
  expect(atAcceptance).toContain('</stream:features>')
})
