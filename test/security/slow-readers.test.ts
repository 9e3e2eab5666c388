/** Clients that take nothing (security.md, "500 slow readers at 100 messages a second"), and connections that come to nothing. */
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type ClientDependencies, type ClientListener, startClientListener } from '../../src/server/c2s.js'
import { type Reader, SendBudget } from '../../src/server/send-budget.js'
import { ManualClock, systemClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { systemRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { Rendered } from '../../src/xml/writer.js'
import { until } from '../net/transport-contract.js'
import { MemoryGateway } from '../server/memory-gateway.js'
import { clientHeader } from '../stream/record.js'
import { heapHeld } from '../support/collected.js'

const sockets: Socket[] = []
let listener: ClientListener | undefined
let gateway: MemoryGateway
const refused: string[] = []

beforeEach(async () => {
  gateway = new MemoryGateway()
  await gateway.addAccount('juliet@a.example', 'secret')
  refused.length = 0
})
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await listener?.close(1000)
})

const dependencies = (more: Partial<ClientDependencies> = {}): ClientDependencies => ({
  gateway,
  certificates: { has: () => false, contextFor: () => undefined },
  clock: systemClock,
  random: systemRandom,
  log: silentLogger,
  secret: Buffer.from('a secret'),
  iterations: 4096,
  refused: (reason) => refused.push(reason),
  ...more,
})

const listen = async (more: Partial<ClientDependencies> = {}): Promise<number> => {
  const options = { host: '127.0.0.1', port: 0, requireEncryption: false, allowUnencryptedPlain: true }
  listener = await startClientListener(options, dependencies(more))
  return listener.port
}

/** A socket, and the text that it got. */
function open(port: number): { readonly socket: Socket; readonly got: () => string } {
  const socket = connect(port, '127.0.0.1')
  sockets.push(socket)
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk) => {
    text += chunk
  })
  socket.on('error', () => {})
  return { socket, got: () => text }
}

async function logIn(port: number, resource: string): Promise<ReturnType<typeof open>> {
  const client = open(port)
  const plain = Buffer.from('\0juliet\0secret').toString('base64')
  client.socket.write(
    `${clientHeader()}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`,
  )
  await until(() => client.got().includes('<success'))
  client.socket.write(
    `${clientHeader()}<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
  )
  await until(() => client.got().includes('</iq>'))
  return client
}

test('what waits for all slow readers together stays within the budget; a fast one gets everything', async () => {
  const budget = 16 * 1024 * 1024
  let now = 0
  const clock = { ...systemClock, monotonic: () => (now += 1000) }
  const watched = new SendBudget(clock, budget)
  const readers: Reader[] = []
  const add = watched.add.bind(watched)
  watched.add = (reader) => {
    readers.push(reader)
    add(reader)
  }
  const port = await listen({ budget: watched })
  const slow = await Promise.all(Array.from({ length: 20 }, (_, n) => logIn(port, `slow${n}`)))
  for (const { socket } of slow) socket.pause()
  const fast = await logIn(port, 'fast')
  const body = 'x'.repeat(16_000)
  let most = 0
  const rounds = 500
  for (let round = 0; round < rounds; round++) {
    const message = new Rendered(xml('message', { id: `m${round}` }, xml('body', {}, body)))
    for (const { jid, outbox } of [...gateway.sessions.values()]) outbox.sendRendered(message, jid.toString())
    most = Math.max(
      most,
      readers.reduce((sum, reader) => sum + reader.backlog, 0),
    )
    await new Promise((resolve) => setImmediate(resolve))
  }
  await until(() => fast.got().includes(`id='m${rounds - 1}'`))
  // What was cut off keeps its queue for the second in which its error may still leave.
  expect(most).toBeLessThan(3 * budget)
  expect(refused.length).toBeGreaterThan(0)
  expect(new Set(refused)).toEqual(new Set(['resource-constraint']))
  expect(gateway.sessions.has('juliet@a.example/fast')).toBe(true)
}, 60_000)

describe('the budget', () => {
  const reader = (backlog: number, cut: number[]): Reader => ({
    backlog,
    taken: 0,
    cutOff: () => void cut.push(backlog),
  })

  test('cuts the longest queues until half of it is free, and looks at most five times a second', () => {
    const clock = new ManualClock()
    const cut: number[] = []
    const budget = new SendBudget(clock, 100)
    for (const backlog of [10, 60, 20, 30]) budget.add(reader(backlog, cut))
    budget.check()
    expect(cut).toEqual([60, 30])
    budget.check()
    expect(cut).toEqual([60, 30])
    clock.advance(200)
    budget.check()
    expect(cut).toEqual([60, 30, 60, 30])
  })

  test('leaves alone what is within it, and what is gone', () => {
    const cut: number[] = []
    const budget = new SendBudget(new ManualClock(), 100)
    const gone = reader(90, cut)
    budget.add(gone)
    budget.add(reader(90, cut))
    budget.remove(gone)
    budget.check()
    expect(cut).toEqual([])
  })
})

describe('a crowd', () => {
  test('is many who take what waits for them, more than half of the budget', () => {
    const clock = new ManualClock()
    const budget = new SendBudget(clock, 1000)
    const readers = Array.from({ length: 10 }, () => ({ backlog: 60, taken: 0, cutOff: () => {} }))
    for (const reader of readers) budget.add(reader)
    expect(budget.crowded).toBe(false)
    clock.advance(1000)
    for (const reader of readers) reader.taken = 40
    expect(budget.crowded).toBe(true)
    for (const reader of readers) reader.backlog = 40
    expect(budget.crowded).toBe(true)
    clock.advance(20)
    for (const reader of readers) reader.taken += 1
    expect(budget.crowded).toBe(false)
  })

  test('is not made by those who take nothing: nobody waits for slow readers', () => {
    const clock = new ManualClock()
    const budget = new SendBudget(clock, 1000)
    for (let n = 0; n < 10; n++) budget.add({ backlog: 99, taken: 0, cutOff: () => {} })
    expect(budget.crowded).toBe(false)
    clock.advance(1000)
    expect(budget.crowded).toBe(false)
  })
})

describe('strangers who do not log in', () => {
  test('are sent away after a minute, and nothing of them stays', async () => {
    const clock = new ManualClock()
    const port = await listen({ clock })
    const clients = Array.from({ length: 20 }, () => open(port))
    clients[0]?.socket.write(clientHeader())
    await until(() => listener?.size === 20 && clients[0]?.got().includes('</stream:features>') === true)
    clock.advance(60_000)
    await until(() => clients.every(({ got }) => got().includes('connection-timeout')))
    for (const { socket } of clients) socket.destroy()
    await until(() => listener?.size === 0)
    expect(refused).toEqual(Array(20).fill('connection-timeout'))
  }, 20_000)

  test('nor may one who has proved a password wait for ever with it', async () => {
    const clock = new ManualClock()
    const port = await listen({ clock })
    const client = open(port)
    const plain = Buffer.from('\0juliet\0secret').toString('base64')
    client.socket.write(
      `${clientHeader()}<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`,
    )
    await until(() => client.got().includes('<success'))
    clock.advance(60_000)
    await until(() => client.got().includes('connection-timeout'))
    const bound = await logIn(port, 'phone')
    clock.advance(120_000)
    await until(() => client.socket.destroyed || listener?.size === 1)
    expect(gateway.sessions.has('juliet@a.example/phone')).toBe(true)
    expect(bound.got()).not.toContain('connection-timeout')
  }, 20_000)

  test('10,000 connections that come and go leave the memory where it was', async () => {
    const port = await listen()
    const burst = async (count: number): Promise<void> => {
      const closed = Array.from(
        { length: count },
        () =>
          new Promise<void>((resolve) => {
            const socket = connect(port, '127.0.0.1', () => socket.destroy())
            socket.on('error', () => {}).on('close', () => resolve())
          }),
      )
      await Promise.all(closed)
      // The server takes connections in their order: when it has answered this one, no earlier one fills its queue any more.
      const last = open(port)
      last.socket.write(clientHeader())
      await until(() => last.got() !== '')
      last.socket.destroy()
    }
    for (let n = 0; n < 10; n++) await burst(100)
    await until(() => listener?.size === 0)
    const before = heapHeld()
    for (let n = 0; n < 100; n++) await burst(100)
    await until(() => listener?.size === 0)
    // Ten thousand connections that stayed would hold at least 50 MB.
    expect(heapHeld() - before).toBeLessThan(10 * 1024 * 1024)
    expect(listener?.size).toBe(0)
  }, 120_000)
})
