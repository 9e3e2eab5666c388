import { once } from 'node:events'
import { connect } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { WebSocket } from 'ws'
import { HttpServer } from '../../src/net/http.js'
import { acceptWebSockets, type WebSocketOptions, type WebSocketTransport } from '../../src/net/websocket.js'
import { ManualClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { type Connected, transportContract, until } from './transport-contract.js'

interface Listening {
  readonly url: string
  readonly transports: WebSocketTransport[]
  close(): Promise<void>
}

async function listen(options: WebSocketOptions = {}): Promise<Listening> {
  const http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  const transports: WebSocketTransport[] = []
  const accepting = acceptWebSockets(http, options, (transport) => transports.push(transport))
  return {
    url: `ws://127.0.0.1:${http.port}${options.path ?? '/xmpp-websocket'}`,
    transports,
    close: async () => {
      await accepting.close()
      for (const transport of transports) transport.destroy()
      await http.close(100)
    },
  }
}

async function connected(
  options: WebSocketOptions = {},
): Promise<Connected & { socket: WebSocket; transport: WebSocketTransport }> {
  const listening = await listen(options)
  const socket = new WebSocket(listening.url, 'xmpp', { maxPayload: 2 ** 27 })
  const frames: string[] = []
  const gone = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('message', (data) => frames.push(data.toString()))
  socket.on('error', () => {})
  await once(socket, 'open')
  await until(() => listening.transports.length === 1)
  return {
    socket,
    transport: listening.transports[0]!,
    peer: {
      text: () => frames.join(''),
      send: (text) => socket.send(text),
      stall: () => socket.pause(),
      gone,
      reset: () => socket.terminate(),
    },
    close: async () => {
      socket.terminate()
      await listening.close()
    },
  }
}

describe('a WebSocket transport', () => transportContract(() => connected()))

describe('RFC 7395', () => {
  test('one frame for each write, text, in order', async () => {
    const { transport, socket, close } = await connected()
    const frames: [string, boolean][] = []
    socket.on('message', (data, isBinary) => frames.push([data.toString(), isBinary]))
    for (const text of ['<a/>', '<b/>', '<c/>']) transport.write(text)
    await until(() => frames.length === 3)
    expect(frames).toEqual([
      ['<a/>', false],
      ['<b/>', false],
      ['<c/>', false],
    ])
    await close()
  })

  test('a frame arrives whole, however it was fragmented', async () => {
    const { transport, socket, close } = await connected()
    const received: (string | Uint8Array)[] = []
    transport.handler = { data: (chunk) => received.push(chunk), closed: () => {} }
    socket.send('<mess', { fin: false })
    socket.send('age/>', { fin: true })
    await until(() => received.length === 1)
    expect(received).toEqual(['<message/>'])
    await close()
  })

  test('§3.2: binary is refused with 1003', async () => {
    const { transport, socket, close } = await connected()
    const received: unknown[] = []
    const closed: (Error | undefined)[] = []
    transport.handler = { data: (chunk) => received.push(chunk), closed: (error) => closed.push(error) }
    socket.send(Buffer.from('<message/>'))
    const [code] = await once(socket, 'close')
    await until(() => closed.length > 0)
    expect(code).toBe(1003)
    expect(received).toEqual([])
    expect(closed[0]?.message).toBe('a binary frame')
    await close()
  })

  test('text that is not UTF-8 ends the connection with 1007, a message above maxPayload with 1009', async () => {
    const broken = await connected()
    broken.socket.send(Buffer.from([0xc0, 0xbc]), { binary: false })
    expect((await once(broken.socket, 'close'))[0]).toBe(1007)
    await broken.close()
    const large = await connected({ maxPayload: 1000 })
    large.socket.send('x'.repeat(1001))
    expect((await once(large.socket, 'close'))[0]).toBe(1009)
    await large.close()
  })

  const refusal = async (url: string, protocols: string[], headers: Record<string, string> = {}): Promise<string> => {
    const socket = new WebSocket(url, protocols, { headers })
    return new Promise((resolve) => {
      socket.once('open', () => {
        resolve(`open ${socket.protocol}`)
        socket.terminate()
      })
      socket.once('error', (error) => resolve(error.message))
    })
  }

  test('§3.1: the subprotocol is xmpp, among others or alone', async () => {
    const { url, close } = await listen()
    expect(await refusal(url, ['chat', 'xmpp'])).toBe('open xmpp')
    expect(await refusal(url, ['chat'])).toContain('400')
    expect(await refusal(url, [])).toContain('400')
    expect(await refusal(`${url}/other`, ['xmpp'])).toContain('404')
    await close()
  })

  test('origins: those allowed, and programs that have none', async () => {
    const { url, close } = await listen({ origins: ['https://chat.example.org'], path: '/ws' })
    expect(await refusal(url, ['xmpp'], { Origin: 'https://chat.example.org' })).toBe('open xmpp')
    expect(await refusal(url, ['xmpp'], { Origin: 'https://evil.example' })).toContain('403')
    expect(await refusal(url, ['xmpp'])).toBe('open xmpp')
    await close()
  })
})

describe('keeping alive', () => {
  test('a peer that answers pings stays, one that does not is ended', async () => {
    const clock = new ManualClock()
    const { transport, socket, close } = await connected({ clock, pingMs: 1000 })
    const closed: (Error | undefined)[] = []
    transport.handler = { data: () => {}, closed: (error) => closed.push(error) }
    for (let round = 0; round < 3; round++) {
      const ponged = once(socket, 'ping')
      clock.advance(1000)
      await ponged
      // The pong that ws sends by itself has arrived when a later frame has.
      const answered = new Promise<void>((resolve) => {
        transport.handler = { data: () => resolve(), closed: (error) => closed.push(error) }
      })
      socket.send('<a/>')
      await answered
    }
    expect(closed).toEqual([])
    socket.pause()
    clock.advance(1000)
    clock.advance(1000)
    await until(() => closed.length > 0)
    expect(closed[0]?.message).toBe('no answer to a ping')
    await close()
  })
})

describe('addresses', () => {
  test('X-Forwarded-For: the last entry, from loopback; not from others', async () => {
    const trusting = await listen()
    const headers = { 'X-Forwarded-For': '198.51.100.1, 203.0.113.7' }
    await once(new WebSocket(trusting.url, 'xmpp', { headers }), 'open')
    await until(() => trusting.transports.length === 1)
    expect(trusting.transports[0]?.remoteAddress).toBe('203.0.113.7')
    expect(trusting.transports[0]?.loopback).toBe(true)
    await trusting.close()
    const wary = await listen({ trustedProxies: [] })
    await once(new WebSocket(wary.url, 'xmpp', { headers }), 'open')
    await until(() => wary.transports.length === 1)
    expect(wary.transports[0]?.remoteAddress).toBe('127.0.0.1')
    await wary.close()
  })

  test('a handshake without a key is refused, and harms nobody', async () => {
    const { url, transports, close } = await listen()
    const socket = connect(Number(new URL(url).port), '127.0.0.1')
    socket.write(
      'GET /xmpp-websocket HTTP/1.1\r\nHost: a.example\r\nSec-WebSocket-Protocol: xmpp\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n',
    )
    socket.resume()
    socket.on('error', () => {})
    await new Promise((resolve) => socket.once('close', resolve))
    await once(new WebSocket(url, 'xmpp'), 'open')
    await until(() => transports.length === 1)
    await close()
  })
})
