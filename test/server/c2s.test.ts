import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect as connectTls, createSecureContext } from 'node:tls'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
import { AddressCount, AddressLimit } from '../../src/net/address-limit.js'
import { HttpServer } from '../../src/net/http.js'
import { tlsSettings } from '../../src/net/tls.js'
import {
  type ClientDependencies,
  type ClientListener,
  startClientListener,
  startWebSocketListener,
  type TcpClientOptions,
  type WebSocketClientOptions,
} from '../../src/server/c2s.js'
import { systemClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { systemRandom } from '../../src/util/random.js'
import { xml } from '../../src/xml/element.js'
import { Rendered } from '../../src/xml/writer.js'
import { type Pair, selfSigned } from '../net/certificate-files.js'
import { until } from '../net/transport-contract.js'
import { clientHeader, streamError } from '../stream/record.js'
import { leftOut } from '../support/left-out.js'
import { MemoryGateway } from './memory-gateway.js'

const directory = mkdtempSync(join(tmpdir(), 'dmucd-c2s-'))
const caFile = join(directory, 'ca.pem')
const saslNs = 'urn:ietf:params:xml:ns:xmpp-sasl'
const password = 'päss wörd'
const plainAuth = `<auth xmlns='${saslNs}' mechanism='PLAIN'>${Buffer.from(`\0juliet\0${password}`).toString('base64')}</auth>`
const bindRequest = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>`

let pair: Pair
let gateway: MemoryGateway
let refused: string[]
let dependencies: ClientDependencies
const opened: (ClientListener | HttpServer)[] = []
const sockets: { destroy(): void }[] = []

beforeAll(async () => {
  pair = await selfSigned(['a.example'])
  writeFileSync(caFile, pair.cert)
})

afterAll(() => rmSync(directory, { recursive: true }))

beforeEach(async () => {
  gateway = new MemoryGateway()
  await gateway.addAccount('juliet@a.example', password)
  refused = []
  const context = createSecureContext({ ...pair, ...tlsSettings })
  const known = (name: string | undefined): boolean => name === undefined || name === 'a.example'
  dependencies = {
    gateway,
    certificates: { has: known, contextFor: (name) => (known(name) ? context : undefined) },
    clock: systemClock,
    random: systemRandom,
    log: silentLogger,
    secret: Buffer.from('a secret of the server'),
    iterations: 4096,
    refused: (reason) => refused.push(reason),
  }
})

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  for (const server of opened.splice(0)) await server.close(1000)
})

async function listen(options: Partial<TcpClientOptions> = {}): Promise<ClientListener> {
  const listener = await startClientListener(
    { host: '127.0.0.1', port: 0, requireEncryption: true, ...options },
    dependencies,
  )
  opened.push(listener)
  return listener
}

async function listenWebSocket(
  options: Partial<WebSocketClientOptions> = {},
  more: Partial<ClientDependencies> = {},
): Promise<{ url: string; listener: ClientListener }> {
  const http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  const listener = startWebSocketListener({ requireEncryption: true, leftOut, ...options }, http, {
    ...dependencies,
    ...more,
  })
  opened.push(listener, http)
  return { url: `ws://127.0.0.1:${http.port}/xmpp-websocket`, listener }
}

/** A client made of bytes. */
class RawClient {
  readonly #socket: Socket
  text = ''
  closed = false

  constructor(socket: Socket) {
    this.#socket = socket
    sockets.push(socket)
    socket.setEncoding('utf8')
    socket.on('data', (text) => {
      this.text += text
    })
    socket.on('error', () => {})
    socket.on('close', () => {
      this.closed = true
    })
  }

  /** What came, up to and including `end`. */
  async read(end: string): Promise<string> {
    await until(() => this.text.includes(end) || this.closed)
    const length = this.text.indexOf(end)
    if (length === -1) throw new Error(`closed before ${end} came: ${this.text}`)
    const read = this.text.slice(0, length + end.length)
    this.text = this.text.slice(length + end.length)
    return read
  }

  write(text: string): void {
    this.#socket.write(text)
  }

  async logIn(): Promise<void> {
    this.write(clientHeader())
    await this.read('</stream:features>')
    this.write(plainAuth)
    await this.read(`<success xmlns='${saslNs}'/>`)
    this.write(clientHeader())
    await this.read('</stream:features>')
    this.write(bindRequest)
    await this.read('</iq>')
  }

  pause(): void {
    this.#socket.pause()
  }

  destroy(): void {
    this.#socket.destroy()
  }

  async gone(): Promise<void> {
    await until(() => this.closed)
  }
}

const plain = (port: number): RawClient => new RawClient(connect(port, '127.0.0.1'))

async function direct(port: number): Promise<RawClient> {
  const socket = connectTls({ port, host: '127.0.0.1', servername: 'a.example', ca: pair.cert })
  await once(socket, 'secureConnect')
  return new RawClient(socket)
}

describe('a client that we did not write: @xmpp/client', () => {
  const script = fileURLToPath(new URL('./c2s-xmpp-js.mjs', import.meta.url))
  const run = async (service: string, secret = password): Promise<Record<string, unknown>> => {
    const args = [script, service, 'a.example', 'juliet', secret, 'balcony']
    const env = { ...process.env, NODE_EXTRA_CA_CERTS: caFile }
    const { stdout } = await promisify(execFile)(process.execPath, args, { env, timeout: 57_000 })
    return JSON.parse(stdout)
  }
  // It asks for Bind 2, so its resource is what it wanted and something of ours.
  const happy = {
    jid: expect.stringMatching(/^juliet@a\.example\/balcony\/[\w-]{12}$/),
    bodies: ['ü € 😀 <&>', 'second'],
    ping: 'result',
    error: '',
  }

  test('STARTTLS, SCRAM-SHA-1', async () => {
    const { port } = await listen({ mechanisms: ['SCRAM-SHA-1'] })
    expect(await run(`xmpp://127.0.0.1:${port}`)).toEqual(happy)
    expect(gateway.facts).toMatchObject([{ secure: true, remoteAddress: '127.0.0.1' }])
    await until(() => gateway.unbound.length === 1)
  })

  test('a wrong password', async () => {
    const { port } = await listen()
    const seen = await run(`xmpp://127.0.0.1:${port}`, 'wrong')
    expect(seen).toMatchObject({ jid: '', bodies: [] })
    expect(seen.error).toContain('not-authorized')
    expect(gateway.sessions.size).toBe(0)
  })

  test('WebSocket on loopback', async () => {
    const { url } = await listenWebSocket()
    expect(await run(url)).toEqual(happy)
    expect(gateway.facts).toMatchObject([{ secure: true }])
  })
})

describe('over TCP', () => {
  test('STARTTLS; a client without SNI gets the certificate of the host it asked for', async () => {
    const { port } = await listen()
    const socket = connect(port, '127.0.0.1')
    const before = new RawClient(socket)
    before.write(clientHeader())
    await before.read('</stream:features>')
    before.write(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    await before.read(`<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    socket.removeAllListeners('data')
    const secure = connectTls({ socket, ca: pair.cert, checkServerIdentity: () => undefined })
    await once(secure, 'secureConnect')
    expect(secure.getPeerCertificate().subjectaltname).toBe('DNS:a.example')
    await new RawClient(secure).logIn()
    expect(gateway.sessions.has('juliet@a.example/r')).toBe(true)
  })

  test('STARTTLS with a message injected behind it: it is not read, the connection closes', async () => {
    const { port } = await listen()
    const client = plain(port)
    client.write(clientHeader())
    await client.read('</stream:features>')
    client.write(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>${clientHeader()}${plainAuth}`)
    await client.gone()
    expect(client.text).not.toContain('success')
    expect(refused).toEqual(['policy-violation'])

    const later = plain(port)
    later.write(clientHeader())
    await later.read('</stream:features>')
    later.write(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    await later.read('<proceed')
    later.write(plainAuth)
    await later.gone()
    expect(later.text).not.toContain('success')
  })

  test('direct TLS; an unknown SNI closes that connection, the next one is served', async () => {
    const { port } = await listen({ directTls: true })
    const stranger = connectTls({ port, host: '127.0.0.1', servername: 'c.example', rejectUnauthorized: false })
    stranger.on('error', () => {})
    await new Promise((resolve) => stranger.once('close', resolve))
    await until(() => refused.length === 1)
    expect(refused).toEqual(['tls-handshake'])
    const client = await direct(port)
    await client.logIn()
    client.write('</stream:stream>')
    await client.read('</stream:stream>')
    await client.gone()
    expect(gateway.unbound).toEqual(['juliet@a.example/r'])
  })

  test('PLAIN without TLS: on loopback, where it is allowed and encryption is not required', async () => {
    const { port } = await listen({ requireEncryption: false, allowUnencryptedPlain: true })
    await plain(port).logIn()
    expect(gateway.facts).toMatchObject([{ secure: false }])
  })

  test('the client learns its JID before anything that is sent to it while it is bound', async () => {
    gateway.onBound = (session) => {
      session.outbox.send(xml('message', { id: 'tree' }))
      session.outbox.sendRendered(new Rendered(xml('message', { id: 'text' })), 'juliet@a.example/r')
    }
    const { port } = await listen({ directTls: true })
    const client = await direct(port)
    await client.logIn()
    expect(await client.read(`to='juliet@a.example/r'/>`)).toMatch(/^<message id=.tree.\/><message id='text' to=/)
  })

  test('the older session of a resource is closed with conflict', async () => {
    const { port } = await listen({ directTls: true })
    const [older, newer] = [await direct(port), await direct(port)]
    await older.logIn()
    await newer.logIn()
    expect(await older.read('</stream:stream>')).toBe(streamError('conflict'))
    await older.gone()
    newer.write(`<message id='still here'/>`)
    await newer.read('still here')
  })

  test('a forged from ends the stream and the session', async () => {
    const { port } = await listen({ directTls: true })
    const client = await direct(port)
    await client.logIn()
    client.write(`<message from='romeo@a.example/x'/>`)
    expect(await client.read('</stream:stream>')).toBe(streamError('invalid-from'))
    await client.gone()
    expect(gateway.unbound).toEqual(['juliet@a.example/r'])
    expect(refused).toEqual(['invalid-from'])
  })

  test('a client that reads too slowly is closed with resource-constraint; the others do not notice', async () => {
    const { port } = await listen({ directTls: true, hardBacklog: 1024 * 1024 })
    const [slow, other] = [await direct(port), await direct(port)]
    await slow.logIn()
    slow.pause()
    const { outbox } = gateway.sessions.get('juliet@a.example/r')!
    const big = new Rendered(xml('message', {}, xml('body', {}, 'x'.repeat(100_000))))
    let sent = 0
    while (gateway.sessions.size > 0 && sent < 1000) {
      outbox.sendRendered(big, 'juliet@a.example/r')
      sent++
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(sent).toBeLessThan(1000)
    expect(refused).toEqual(['resource-constraint'])
    await other.logIn()
    other.write(`<message id='me'/>`)
    await other.read('<message')
  })

  test('a client whose stanzas wait for the disk is not read until they are done', async () => {
    const done: (() => void)[] = []
    gateway.handled = () => new Promise<void>((resolve) => done.push(resolve))
    const { port } = await listen({ directTls: true })
    const client = await direct(port)
    await client.logIn()
    client.write('<presence/>'.repeat(1000))
    await until(() => gateway.received.length === 1000)
    client.write('<presence/>'.repeat(1000))
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(gateway.received).toHaveLength(1000)
    for (const settle of done.splice(0)) settle()
    await until(() => gateway.received.length === 2000)
  })

  test('a reset in the middle of a stanza ends the session', async () => {
    const { port } = await listen({ requireEncryption: false, allowUnencryptedPlain: true })
    const socket = connect(port, '127.0.0.1')
    const client = new RawClient(socket)
    await client.logIn()
    client.write('<message><bo')
    await new Promise((resolve) => setImmediate(resolve))
    socket.resetAndDestroy()
    await until(() => gateway.unbound.length === 1)
    expect(gateway.received).toEqual([])
  })

  test('close: system-shutdown to all, drained, and once', async () => {
    const listener = await listen({ directTls: true })
    const bound = await direct(listener.port)
    await bound.logIn()
    const silent = await direct(listener.port)
    await until(() => listener.size === 2)
    const closing = listener.close()
    expect(listener.close()).toBe(closing)
    await closing
    expect(listener.size).toBe(0)
    expect(await bound.read('</stream:stream>')).toBe(streamError('system-shutdown'))
    expect(await silent.read('</stream:stream>')).toContain('<system-shutdown ')
    expect(gateway.sessions.size).toBe(0)
    await expect(direct(listener.port)).rejects.toThrow(/ECONNREFUSED/)
  })

  test('close: a client that takes nothing is cut off at the deadline', async () => {
    const listener = await listen({ directTls: true })
    const client = await direct(listener.port)
    await client.logIn()
    client.pause()
    const { outbox } = gateway.sessions.get('juliet@a.example/r')!
    outbox.send(xml('message', {}, xml('body', {}, 'x'.repeat(20_000_000))))
    const begun = Date.now()
    await listener.close(100)
    expect(Date.now() - begun).toBeLessThan(4500)
    expect(listener.size).toBe(0)
  })

  test('a port in use is named', async () => {
    const { port } = await listen()
    await expect(listen({ port, option: 'c2s_ports' })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use, option c2s_ports`,
    )
  })
})

describe('RFC 7395: over WebSocket', () => {
  const open = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>`

  async function dial(
    url: string,
    headers: Record<string, string> = {},
  ): Promise<{ socket: WebSocket; frames: string[] }> {
    const socket = new WebSocket(url, 'xmpp', { headers })
    sockets.push({ destroy: () => socket.terminate() })
    const frames: string[] = []
    socket.on('message', (data) => frames.push(data.toString()))
    socket.on('error', () => {})
    await once(socket, 'open')
    return { socket, frames }
  }

  test('every frame is a document of its own', async () => {
    const { url } = await listenWebSocket()
    const { socket, frames } = await dial(url)
    socket.send(open)
    await until(() => frames.length === 2)
    socket.send(plainAuth)
    await until(() => frames.length === 3)
    socket.send(open)
    await until(() => frames.length === 5)
    socket.send(bindRequest.replace('<iq ', `<iq xmlns='jabber:client' `))
    await until(() => frames.length === 6)
    socket.send(`<message xmlns='jabber:client' id='1'/>`)
    socket.send(`<message xmlns='jabber:client' id='2'/>`)
    socket.send(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`)
    await until(() => frames.length === 9)
    expect(frames.slice(6)).toEqual([
      `<message xmlns='jabber:client' id='1' to='juliet@a.example/r'/>`,
      `<message xmlns='jabber:client' id='2' to='juliet@a.example/r'/>`,
      `<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`,
    ])
    const [code] = await once(socket, 'close')
    expect(code).toBe(1000)
    expect(gateway.sessions.size).toBe(0)
  })

  test('a stanza above the limit is policy-violation', async () => {
    const { url } = await listenWebSocket()
    const { socket, frames } = await dial(url)
    socket.send(open)
    socket.send(`<message xmlns='jabber:client'><body>${'x'.repeat(270_000)}</body></message>`)
    await until(() => frames.length === 4)
    expect(frames[2]).toContain('<policy-violation ')
  })

  test('connections of one address are limited, as the proxy tells it: 429', async () => {
    const { url } = await listenWebSocket({ addressRate: { rate: 0.001, burst: 2 } })
    const headers = { 'X-Forwarded-For': '203.0.113.7' }
    for (let n = 0; n < 2; n++) await dial(url, headers)
    const socket = new WebSocket(url, 'xmpp', { headers })
    const [, { statusCode }] = await once(socket, 'unexpected-response')
    socket.on('error', () => {}).terminate()
    expect([statusCode, refused]).toEqual([429, ['rate-limit']])
    const other = await dial(url, { 'X-Forwarded-For': '203.0.113.8' })
    other.socket.send(open)
    await until(() => other.frames.length === 2)
  })

  const from = (address: string) => ({ 'X-Forwarded-For': address })

  test('c2s_connections: one more of an address is told policy-violation, one that leaves makes room', async () => {
    let left = 0
    const perAddress = new AddressCount(1)
    const remove = perAddress.remove.bind(perAddress)
    perAddress.remove = (address) => {
      left++
      remove(address)
    }
    const { url } = await listenWebSocket({}, { perAddress })
    const first = await dial(url, from('203.0.113.7'))
    first.socket.send(open)
    await until(() => first.frames.length === 2)
    for (let n = 0; n < 2; n++) {
      const { socket, frames } = await dial(url, from('203.0.113.7'))
      await until(() => frames.length === 3)
      expect(frames[1]).toMatch(/<policy-violation .*Too many connections/)
      if (socket.readyState !== WebSocket.CLOSED) await once(socket, 'close')
    }
    expect(refused.filter((reason) => reason === 'too-many-connections')).toHaveLength(2)
    first.socket.terminate()
    await until(() => left > 0 && perAddress.add('203.0.113.7'))
    // Those that were not let in have not left.
    expect(left).toBe(1)
  })

  test('c2s_failed_logins: an address with too many of them is not let in for a while, others are', async () => {
    const failures = new AddressLimit(systemClock, { rate: 0.001, burst: 2 })
    const { url } = await listenWebSocket({}, { failures })
    const guess = async (): Promise<string[]> => {
      const { socket, frames } = await dial(url, from('203.0.113.7'))
      socket.send(open)
      await until(() => frames.length >= 2)
      socket.send(plainAuth.replace(/>[^<]*</, `>${Buffer.from('\0juliet\0wrong').toString('base64')}<`))
      await until(() => frames.length >= 3)
      return frames
    }
    for (let n = 0; n < 2; n++) expect((await guess())[2]).toContain('<not-authorized/>')
    const { frames } = await dial(url, from('203.0.113.7'))
    await until(() => frames.length === 3)
    expect(frames[1]).toMatch(/<policy-violation .*failed/)
    expect(refused).toContain('too-many-failures')
    const other = await dial(url, from('203.0.113.8'))
    other.socket.send(open)
    await until(() => other.frames.length === 2)
  })
})
