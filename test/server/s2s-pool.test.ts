/** The pool: where stanzas wait, in which order they leave, and what their senders hear when they cannot. */
import { describe, expect, test } from '@jest/globals'
import { ResolveError } from '../../src/net/resolver.js'
import { serialize } from '../../src/xml/writer.js'
import { errorReply } from '../../src/xmpp/stanza.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { message } from './s2s-peer.js'
import { idsIn, type WirePool, wirePool } from './s2s-wire.js'

const say = (id: string, from = 'x@a.example', to = 'y@b.example') => message(from, to, id)
const b = { 'b.example': ['10.0.0.2:5269'] }

/** One link that is up; what was written for that is taken. */
async function linked(options: Parameters<typeof wirePool>[0] = {}): Promise<WirePool> {
  const wire = wirePool(options)
  Object.assign(wire.dns, b)
  wire.pool.send(say('first'))
  await wire.settle()
  const [peer] = wire.connections
  peer!.greets()
  peer!.answers('b.example', 'a.example')
  await wire.settle()
  expect(idsIn(peer!.take())).toEqual(['first'])
  return wire
}

describe('order', () => {
  test('nothing leaves before dialback is done; then everything, once, in order', async () => {
    const { pool, dns, connections, settle, events } = wirePool()
    Object.assign(dns, b)
    for (const id of ['1', '2', '3']) pool.send(say(id))
    await settle()
    const [peer] = connections
    expect(peer!.take()).toContain("to='b.example'")
    peer!.greets()
    const key = "<db:result from='a.example' to='b.example'>"
    expect(peer!.take().startsWith(key)).toBe(true)
    pool.send(say('4'))
    expect(peer!.take()).toBe('')
    peer!.answers('b.example', 'a.example')
    pool.send(say('5'))
    expect(idsIn(peer!.take())).toEqual(['1', '2', '3', '4', '5'])
    await settle()
    expect(events).toEqual(['up a.example b.example'])
    expect(connections).toHaveLength(1)
  })

  test('a text that was rendered before is sent as it is', async () => {
    const { pool, connections } = await linked()
    pool.sendText('x@a.example', 'y@b.example', '<presence/>', say('ignored'))
    expect(connections[0]!.take()).toBe('<presence/>')
  })

  test('when the stream breaks, the next stanza opens another one', async () => {
    const { pool, connections, settle, events, bounced } = await linked()
    connections[0]!.breaks(new Error('ECONNRESET'))
    pool.send(say('next'))
    await settle()
    connections[1]!.greets()
    connections[1]!.answers('b.example', 'a.example')
    await settle()
    expect(idsIn(connections[1]!.take())).toEqual(['next'])
    expect(bounced).toEqual([])
    expect(events).toEqual([
      'up a.example b.example',
      'down a.example b.example: the connection broke: ECONNRESET',
      'up a.example b.example',
    ])
  })
})

describe('what senders hear', () => {
  test('DNS knows nothing', async () => {
    const { pool, settle, bounced } = wirePool()
    pool.send(say('1'))
    await settle()
    expect(serialize(bounced[0]!)).toBe(
      "<message type='error' id='1' from='y@b.example' to='x@a.example'><error type='cancel'>" +
        "<remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>" +
        "<text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>DNS knows no server for b.example</text></error></message>",
    )
  })

  test('DNS does not answer', async () => {
    const wire = wirePool()
    wire.dns['b.example'] = new ResolveError('temporary', 'DNS gave no answer')
    wire.pool.send(say('1'))
    await wire.settle()
    expect(wire.bounces()).toEqual(['1 remote-server-timeout'])
  })

  test('every address refuses: all were tried, in order', async () => {
    const wire = wirePool()
    wire.dns['b.example'] = ['10.0.0.2:5269', '10.0.0.3:5270']
    wire.down['10.0.0.2:5269'] = 'ETIMEDOUT'
    wire.down['10.0.0.3:5270'] = 'ECONNREFUSED'
    wire.pool.send(say('1'))
    await wire.settle()
    expect(wire.tried).toEqual(['10.0.0.2:5269', '10.0.0.3:5270'])
    expect(wire.bounces()).toEqual(['1 remote-server-not-found'])
  })

  test('the second address works where the first breaks before its features', async () => {
    const wire = wirePool()
    wire.dns['b.example'] = ['10.0.0.2:5269', '10.0.0.3:5270']
    wire.pool.send(say('1'))
    await wire.settle()
    wire.connections[0]!.breaks()
    await wire.settle()
    wire.connections[1]!.greets()
    wire.connections[1]!.answers('b.example', 'a.example')
    expect(idsIn(wire.connections[1]!.take())).toEqual(['1'])
    expect(wire.bounces()).toEqual([])
  })

  test.each([
    ['hangs in DNS', 'hang'],
    ['accepts and says nothing', ['10.0.0.2:5269']],
  ] as const)('a peer that %s for 30 s', async (_, found) => {
    const wire = wirePool()
    wire.dns['b.example'] = found
    wire.pool.send(say('1'))
    await wire.settle()
    wire.clock.advance(29_999)
    await wire.settle()
    expect(wire.bounces()).toEqual([])
    wire.clock.advance(1)
    await wire.settle()
    expect(wire.bounces()).toEqual(['1 remote-server-timeout'])
    for (const connection of wire.connections) expect(connection.state).toBe('destroyed')
  })

  test('a peer that never answers to dialback', async () => {
    const wire = wirePool()
    Object.assign(wire.dns, b)
    wire.pool.send(say('1'))
    await wire.settle()
    wire.connections[0]!.greets()
    wire.clock.advance(30_000)
    await wire.settle()
    expect(wire.bounces()).toEqual(['1 remote-server-timeout'])
    wire.connections[0]!.answers('b.example', 'a.example')
    expect(idsIn(wire.connections[0]!.take())).toEqual([])
  })

  test.each([
    ['invalid', '', 'internal-server-error'],
    ['error', 'item-not-found', 'remote-server-timeout'],
    ['error', 'policy-violation', 'remote-server-timeout'],
  ])('XEP-0220 §2.1.1: dialback answered with %s %s', async (type, error, condition) => {
    const wire = wirePool()
    Object.assign(wire.dns, b)
    wire.pool.send(say('1'))
    await wire.settle()
    wire.connections[0]!.greets()
    wire.connections[0]!.answers('b.example', 'a.example', type, error)
    await wire.settle()
    expect(wire.bounces()).toEqual([`1 ${condition}`])
  })

  test.each([
    ['closes', '</stream:stream>', 'remote-server-timeout'],
    [
      'does not know the domain',
      "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
      'remote-server-not-found',
    ],
    [
      'has a policy',
      "<stream:error><policy-violation xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
      'policy-violation',
    ],
    ['sends stanzas the wrong way', "<message from='y@b.example' to='x@a.example'/>", 'policy-violation'],
    ['sends no XML', '<<<', 'remote-server-timeout'],
  ])('the peer %s during dialback', async (_, sent, condition) => {
    const wire = wirePool()
    Object.assign(wire.dns, b)
    wire.pool.send(say('1'))
    await wire.settle()
    wire.connections[0]!.greets()
    wire.connections[0]!.sends(sent)
    await wire.settle()
    expect(wire.bounces()).toEqual([`1 ${condition}`])
    expect(wire.connections[0]!.state).toBe('ended')
  })

  test('TLS stripped by the peer while required, with the line to change', async () => {
    const wire = wirePool({ policy: { requireEncryption: true, secureAuth: false } })
    Object.assign(wire.dns, b)
    wire.pool.send(say('1'))
    await wire.settle()
    wire.connections[0]!.greets()
    wire.connections[0]!.sends(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>`)
    await wire.settle()
    expect(wire.bounces()).toEqual(['1 policy-violation'])
    expect(wire.connections[0]!.state).toBe('ended')
    expect(wire.log.map((entry) => entry.message)).toContain(
      'Refused b.example: it does not offer TLS. To allow it: set s2s_require_encryption = false',
    )
  })

  test('errors and results are never answered with errors', async () => {
    const { pool, settle, bounced } = wirePool()
    pool.send(errorReply(say('1', 'y@b.example', 'x@a.example'), new StanzaError('forbidden'))!)
    const iq = say('2')
    iq.name = 'iq'
    iq.attrs.type = 'result'
    pool.send(iq)
    await settle()
    expect(bounced).toEqual([])
  })

  test('a broadcast without "to" comes back from the one it could not reach', async () => {
    const { pool, settle, bounced } = wirePool()
    const stanza = say('1')
    stanza.attrs.to = undefined
    pool.sendText('x@a.example', 'y@b.example', '<message/>', stanza)
    await settle()
    expect(bounced[0]!.attrs).toMatchObject({ from: 'y@b.example', to: 'x@a.example', type: 'error' })
  })

  test('a queue that is full', async () => {
    const wire = wirePool({ queue: { stanzas: 2, size: 1000 } })
    wire.dns['b.example'] = 'hang'
    for (const id of ['1', '2', '3']) wire.pool.send(say(id))
    await wire.settle()
    expect(wire.bounces()).toEqual(['3 resource-constraint'])
    expect(wire.refused).toEqual(['queue-full'])
    expect(wire.pool.links()[0]).toMatchObject({ queue: 2, state: 'connecting' })
  })

  test('a peer that does not read', async () => {
    const wire = await linked({ backlog: 1000 })
    wire.connections[0]!.backlog = 1001
    wire.pool.send(say('late'))
    await wire.settle()
    expect(wire.bounces()).toEqual(['late resource-constraint'])
  })
})

describe('waiting after a failure', () => {
  async function failed(): Promise<WirePool> {
    const wire = wirePool()
    Object.assign(wire.dns, b)
    wire.down['10.0.0.2:5269'] = 'ECONNREFUSED'
    wire.pool.send(say('0'))
    await wire.settle()
    return wire
  }

  async function failsAgain(wire: WirePool): Promise<void> {
    wire.pool.send(say('again'))
    const { retryAt = 0 } = wire.pool.links()[0] ?? {}
    wire.clock.advance(retryAt - wire.clock.now() + 1)
    await wire.settle()
  }

  test('a stanza waits for the next attempt, and the waits grow to a minute', async () => {
    const wire = await failed()
    const waits: number[] = []
    for (let attempt = 1; attempt <= 9; attempt++) {
      wire.pool.send(say(String(attempt)))
      const begin = wire.clock.monotonic()
      while (wire.tried.length <= attempt) {
        wire.clock.advance(10)
        await Promise.resolve()
        if (wire.clock.monotonic() - begin > 100_000) throw new Error('no attempt')
      }
      waits.push(wire.clock.monotonic() - begin)
      await wire.settle()
    }
    expect(wire.bounces()).toEqual(Array.from({ length: 10 }, (_, n) => `${n} remote-server-not-found`))
    for (const [index, waitMs] of waits.entries()) {
      const longest = Math.min(60_000, 1000 * 2 ** index)
      expect(waitMs).toBeGreaterThanOrEqual(longest / 2)
      expect(waitMs).toBeLessThanOrEqual(longest + 20)
    }
    // Drawn, so that a thousand links to one server do not come back all at once.
    expect(new Set(waits.slice(6)).size).toBe(3)
  })

  test('it ends when the peer is heard of', async () => {
    const wire = await failed()
    wire.pool.send(say('1'))
    delete wire.down['10.0.0.2:5269']
    wire.pool.heard({ local: 'a.example', remote: 'b.example' }, true)
    await wire.settle()
    expect(wire.tried).toHaveLength(1)
    wire.clock.advance(500)
    wire.pool.heard({ local: 'a.example', remote: 'b.example' }, true)
    await wire.settle()
    expect(wire.tried).toHaveLength(2)
    wire.connections[0]!.greets()
    wire.connections[0]!.answers('b.example', 'a.example')
    expect(idsIn(wire.connections[0]!.take())).toEqual(['1'])
    expect(wire.events).toContain('heard a.example b.example')
  })

  test('somebody who has to know cuts it short, to half a second after the failure', async () => {
    const wire = await failed()
    for (let attempt = 1; attempt <= 7; attempt++) await failsAgain(wire)
    expect(wire.tried).toHaveLength(8)
    wire.pool.send(say('8'))
    for (let n = 0; n < 10; n++) wire.pool.hurry('b.example')
    const retryAt = wire.pool.links()[0]!.retryAt!
    expect(retryAt - wire.clock.now()).toBeLessThanOrEqual(500)
    wire.clock.advance(500)
    await wire.settle()
    expect(wire.tried).toHaveLength(9)
    expect(wire.pool.links()[0]!.retryAt! - wire.clock.now()).toBeGreaterThan(20_000)
    wire.pool.hurry('c.example')
    wire.clock.advance(5000)
    wire.pool.send(say('9'))
    await wire.settle()
    expect(wire.tried).toHaveLength(9)
  })

  test('the same failure again and again is logged once', async () => {
    const wire = await failed()
    for (let attempt = 1; attempt <= 5; attempt++) await failsAgain(wire)
    const warned = () => wire.log.filter(({ level, message }) => level === 'warn' && message.startsWith('No link from'))
    expect(warned()).toHaveLength(1)
    wire.down['10.0.0.2:5269'] = 'EHOSTUNREACH'
    await failsAgain(wire)
    expect(warned()).toHaveLength(2)
  })

  test('without a stanza nothing is tried', async () => {
    const wire = await failed()
    wire.clock.advance(3_600_000)
    await wire.settle()
    expect(wire.tried).toHaveLength(1)
    expect(wire.pool.links()[0]).toMatchObject({
      state: 'idle',
      lastError: expect.stringMatching(/^connect ECONNREFUSED: nothing listens there/),
    })
  })
})

describe('streams that are shared', () => {
  test('XEP-0220 §2.6.1: another domain of ours', async () => {
    const { pool, connections, settle } = await linked()
    pool.send(say('rooms', 'r@rooms.a.example'))
    await settle()
    expect(connections).toHaveLength(1)
    expect(connections[0]!.take()).toMatch(
      /^<db:result from='rooms.a.example' to='b.example'>[0-9a-f]{64}<\/db:result>$/,
    )
    pool.send(say('meanwhile'))
    expect(idsIn(connections[0]!.take())).toEqual(['meanwhile'])
    connections[0]!.answers('b.example', 'rooms.a.example')
    expect(idsIn(connections[0]!.take())).toEqual(['rooms'])
  })

  test('XEP-0220 §2.6.2: another domain of the same machine, where it understands dialback errors', async () => {
    const wire = await linked()
    wire.dns['rooms.b.example'] = ['10.0.0.9:5269', '10.0.0.2:5269']
    wire.pool.send(say('1', 'x@a.example', 'y@rooms.b.example'))
    await wire.settle()
    expect(wire.connections).toHaveLength(1)
    expect(wire.connections[0]!.take()).toContain("<db:result from='a.example' to='rooms.b.example'>")
    wire.connections[0]!.answers('rooms.b.example', 'a.example')
    expect(idsIn(wire.connections[0]!.take())).toEqual(['1'])
  })

  test.each([
    ['does not understand dialback errors', false, '10.0.0.2:5269'],
    ['listens at another port', true, '10.0.0.2:5270'],
  ])('a stream of its own where the machine %s', async (_, errors, address) => {
    const wire = wirePool()
    Object.assign(wire.dns, b, { 'rooms.b.example': [address] })
    wire.pool.send(say('1'))
    await wire.settle()
    wire.connections[0]!.greets({ errors })
    wire.connections[0]!.answers('b.example', 'a.example')
    wire.pool.send(say('2', 'x@a.example', 'y@rooms.b.example'))
    await wire.settle()
    expect(wire.connections).toHaveLength(2)
  })

  test('XEP-0220 §2.5: no room on that stream means another one', async () => {
    const { pool, connections, settle, bounces } = await linked()
    pool.send(say('rooms', 'r@rooms.a.example'))
    connections[0]!.answers('b.example', 'rooms.a.example', 'error', 'resource-constraint')
    await settle()
    expect(connections).toHaveLength(2)
    connections[1]!.greets()
    connections[1]!.answers('b.example', 'rooms.a.example')
    expect(idsIn(connections[1]!.take())).toEqual(['rooms'])
    expect(bounces()).toEqual([])
  })

  test('a shared stream that breaks during dialback costs nobody a stanza', async () => {
    const { pool, connections, settle, bounces } = await linked()
    pool.send(say('rooms', 'r@rooms.a.example'))
    connections[0]!.breaks()
    await settle()
    connections[1]!.greets()
    connections[1]!.answers('b.example', 'rooms.a.example')
    expect(idsIn(connections[1]!.take())).toEqual(['rooms'])
    expect(bounces()).toEqual([])
  })

  test('a refusal of one domain leaves the others alone', async () => {
    const { pool, connections, settle, bounces } = await linked()
    pool.send(say('rooms', 'r@rooms.a.example'))
    connections[0]!.answers('b.example', 'rooms.a.example', 'error', 'forbidden')
    pool.send(say('still'))
    await settle()
    expect(bounces()).toEqual(['rooms remote-server-timeout'])
    expect(idsIn(connections[0]!.take())).toEqual(['still'])
  })
})

describe('time', () => {
  test('an unused stream is closed after ten minutes, which is not a link going down', async () => {
    const { pool, connections, clock, settle, events } = await linked()
    for (let minute = 0; minute < 9; minute++) {
      clock.advance(60_000)
      pool.heard({ local: 'a.example', remote: 'b.example' }, false)
    }
    pool.send(say('again'))
    for (let minute = 0; minute < 10; minute++) {
      pool.heard({ local: 'a.example', remote: 'b.example' }, false)
      clock.advance(59_999)
    }
    expect(connections[0]!.take()).not.toContain('</stream:stream>')
    clock.advance(20_000)
    expect(connections[0]!.take()).toContain('</stream:stream>')
    connections[0]!.sends('</stream:stream>')
    await settle()
    expect(connections[0]!.state).toBe('ended')
    expect(events).toEqual(['up a.example b.example'])
    pool.send(say('later'))
    await settle()
    expect(connections).toHaveLength(2)
  })

  test('after a minute of silence the peer is pinged; after half a minute more it counts as gone', async () => {
    const { connections, clock, settle, events } = await linked()
    clock.advance(60_000)
    expect(connections[0]!.take()).toMatch(
      /^<iq type='get' from='a.example' to='b.example' id='[\w-]+'><ping xmlns='urn:xmpp:ping'\/><\/iq>$/,
    )
    clock.advance(30_000)
    await settle()
    expect(connections[0]!.state).toBe('destroyed')
    expect(events.at(-1)).toBe('down a.example b.example: b.example answered to no ping within 30000 ms')
  })

  test('a stream on which a suspect has been silent is given up; one on which it was heard is not', async () => {
    const { pool, connections, clock, settle, events } = await linked()
    clock.advance(15_000)
    pool.heard({ local: 'a.example', remote: 'b.example' }, false)
    clock.advance(9999)
    pool.suspect('b.example', 10_000)
    expect(connections[0]!.state).toBe('open')
    clock.advance(1)
    pool.suspect('c.example', 10_000)
    expect(connections[0]!.state).toBe('open')
    pool.suspect('b.example', 10_000)
    await settle()
    expect(connections[0]!.state).toBe('destroyed')
    expect(events.at(-1)).toMatch(/^down a.example b.example/)
  })

  test('whatever is heard from the peer is an answer', async () => {
    const { pool, connections, clock, settle } = await linked()
    let pings = 0
    for (let second = 0; second < 350; second++) {
      clock.advance(1000)
      if (!connections[0]!.take().includes('urn:xmpp:ping')) continue
      pings++
      clock.advance(29_000)
      pool.heard({ local: 'a.example', remote: 'b.example' }, false)
    }
    expect(pings).toBeGreaterThan(2)
    await settle()
    expect(connections[0]!.state).toBe('open')
  })
})

describe('questions to authoritative servers', () => {
  const question = { pair: { local: 'a.example', remote: 'b.example' }, streamId: 'in1', key: 'k' }
  const asked = "<db:verify from='a.example' to='b.example' id='in1'>k</db:verify>"
  const answer = (type: string) => `<db:verify from='b.example' to='a.example' id='in1' type='${type}'/>`

  test.each(['valid', 'invalid'])('on a stream of its own, which is kept for a moment: %s', async (type) => {
    const wire = wirePool()
    Object.assign(wire.dns, b)
    const verdict = wire.pool.verify(question)
    await wire.settle()
    wire.connections[0]!.take()
    wire.connections[0]!.greets()
    expect(wire.connections[0]!.take()).toBe(asked)
    wire.connections[0]!.sends(answer(type))
    expect(await verdict).toEqual({ is: type })
    wire.clock.advance(4999)
    expect(wire.connections[0]!.take()).toBe('')
    wire.clock.advance(1)
    expect(wire.connections[0]!.take()).toBe('</stream:stream>')
  })

  test('the answer to the peer goes over the same stream', async () => {
    const wire = wirePool()
    Object.assign(wire.dns, b)
    void wire.pool.verify(question)
    await wire.settle()
    wire.connections[0]!.greets()
    wire.connections[0]!.sends(answer('valid'))
    wire.pool.send(say('reply'))
    wire.connections[0]!.answers('b.example', 'a.example')
    wire.clock.advance(6000)
    expect(idsIn(wire.connections[0]!.take())).toEqual(['reply'])
    expect(wire.connections).toHaveLength(1)
  })

  test.each([
    ['cannot be found', {}, 'remote-server-not-found'],
    ['hangs', { 'b.example': 'hang' as const }, 'remote-server-timeout'],
  ])('a server that %s', async (_, dns, condition) => {
    const wire = wirePool()
    Object.assign(wire.dns, dns)
    const verdict = wire.pool.verify(question)
    await wire.settle()
    wire.clock.advance(30_000)
    expect(await verdict).toMatchObject({ is: 'error', error: { condition } })
  })

  test('XEP-0220 §2.5: an error of the authoritative server', async () => {
    const { pool, connections } = await linked()
    const verdict = pool.verify(question)
    connections[0]!.sends(
      `<db:verify from='b.example' to='a.example' id='in1' type='error'><error><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></db:verify>`,
    )
    expect(await verdict).toMatchObject({ is: 'error', error: { condition: 'remote-server-not-found' } })
  })

  test('an old stream that turns out to be dead is replaced', async () => {
    const { pool, connections, settle } = await linked()
    const verdict = pool.verify(question)
    expect(connections[0]!.take()).toBe(asked)
    connections[0]!.breaks()
    await settle()
    connections[1]!.greets()
    connections[1]!.sends(answer('valid'))
    expect(await verdict).toEqual({ is: 'valid' })
  })

  test('an answer on another stream than the one that was asked is not believed', async () => {
    const wire = await linked()
    const verdict = wire.pool.verify(question)
    wire.dns['c.example'] = ['10.0.0.3:5269']
    wire.pool.send(say('1', 'x@a.example', 'z@c.example'))
    await wire.settle()
    wire.connections[1]!.greets()
    wire.connections[1]!.sends(answer('valid'))
    wire.connections[0]!.sends(answer('invalid'))
    expect(await verdict).toEqual({ is: 'invalid' })
  })
})

describe('closing', () => {
  test('returns what waits, closes in order, and cuts what does not answer', async () => {
    const wire = await linked()
    wire.dns['c.example'] = 'hang'
    wire.pool.send(say('waits', 'x@a.example', 'z@c.example'))
    const verdict = wire.pool.verify({ pair: { local: 'a.example', remote: 'd.example' }, streamId: '1', key: 'k' })
    const closed = wire.pool.close(1000)
    expect(wire.pool.close()).toBe(closed)
    expect(wire.connections[0]!.take()).toBe('</stream:stream>')
    wire.pool.send(say('too late'))
    await wire.settle()
    expect(wire.bounces()).toEqual(['waits service-unavailable', 'too late service-unavailable'])
    expect(await verdict).toMatchObject({ is: 'error' })
    wire.clock.advance(1000)
    await closed
    expect(wire.connections[0]!.state).toBe('destroyed')
  })
})
