/** What strangers do to sockets, names and the log (security.md). */
import { randomBytes } from 'node:crypto'
import { connect } from 'node:net'
import { afterEach, describe, expect, jest, test } from '@jest/globals'
import { readable } from '../../src/cli/log.js'
import { HttpServer } from '../../src/net/http.js'
import { acceptWebSockets } from '../../src/net/websocket.js'
import { silentLogger } from '../../src/util/logger.js'

const opened: { close(): unknown }[] = []
afterEach(async () => {
  for (const each of opened.splice(0).reverse()) await each.close()
})

test('a WebSocket message of single bytes is refused before it is whole', async () => {
  const http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  opened.push(http)
  const received: unknown[] = []
  const counted: string[] = []
  opened.push(
    acceptWebSockets(http, { maxFragments: 20, tooManyFragments: () => counted.push('too many') }, (transport) => {
      transport.handler = { data: (chunk) => received.push(chunk), closed: () => {} }
    }),
  )
  const socket = connect(http.port, '127.0.0.1')
  opened.push({ close: () => socket.destroy() })
  const heard: Buffer[] = []
  socket.on('data', (chunk) => heard.push(chunk))
  const ended = new Promise((resolve) => socket.once('close', resolve))
  socket.on('error', () => {})
  socket.write(
    `GET /xmpp-websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  const fragment = (opcode: number): Buffer => Buffer.from([opcode, 0x81, 0, 0, 0, 0, 0x20])
  socket.write(Buffer.concat([fragment(0x01), ...Array.from({ length: 30 }, () => fragment(0x00))]))
  await ended
  // Close frame with code 1008 (RFC 6455 §7.4.1).
  expect(Buffer.concat(heard).includes(Buffer.from([0x03, 0xf0]))).toBe(true)
  expect(received).toEqual([])
  expect(counted).toEqual(['too many'])
}, 20_000)

/** Of a WebSocket message of 200 KiB, 24 have come. */
test.each([
  ['before authentication: it is refused at 16 KiB', false, 'too much'],
  ['after it: it is waited for', true, 'whole'],
])('a long WebSocket frame that never ends, %s', async (_when, authenticated, expected) => {
  const http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  opened.push(http)
  const happened = new Promise((resolve) => {
    opened.push(
      acceptWebSockets(http, { strangerBytes: 16 * 1024 }, (transport) => {
        const tooMuch = (): void => resolve('too much')
        transport.handler = { authenticated, tooMuch, data: () => resolve('whole'), closed: () => {} }
      }),
    )
  })
  const socket = connect(http.port, '127.0.0.1')
  opened.push({ close: () => socket.destroy() })
  socket.on('error', () => {})
  socket.write(
    `GET /xmpp-websocket HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
      `Sec-WebSocket-Protocol: xmpp\r\nSec-WebSocket-Key: ${randomBytes(16).toString('base64')}\r\n\r\n`,
  )
  const length = 200 * 1024
  const header = Buffer.from([0x81, 0xff, 0, 0, 0, 0, 0, length >> 16, (length >> 8) & 0xff, 0, 0, 0, 0, 0])
  socket.write(Buffer.concat([header, Buffer.alloc(24 * 1024, 0x20)]))
  if (authenticated) socket.write(Buffer.alloc(length - 24 * 1024, 0x20))
  expect(await happened).toBe(expected)
})

describe('names that strangers choose', () => {
  test('never reach getaddrinfo, which shares its threads with the check of passwords', async () => {
    const real = await import('node:dns/promises')
    const lookup = jest.fn(async () => [{ address: '192.0.2.1', family: 4 }])
    class NoServers {
      setServers(): void {}
      resolve4 = async (): Promise<object[]> => [{ address: '192.0.3.9', ttl: 60 }]
      resolve6 = async (): Promise<object[]> => []
      resolveSrv = async (): Promise<[]> => []
    }
    jest.unstable_mockModule('node:dns/promises', () => ({ ...real, lookup, Resolver: NoServers }))
    const { SystemDns } = await import('../../src/net/resolver.js')
    expect(await new SystemDns().addresses('silent.evil.example')).toEqual(['192.0.3.9'])
    expect(lookup).not.toHaveBeenCalled()
  })

  test('the hosts file is read without it', async () => {
    const { fromHostsFile } = await import('../../src/net/hosts-file.js')
    expect(await fromHostsFile('LocalHost')).toContain('127.0.0.1')
    expect(await fromHostsFile('nobody.example')).toEqual([])
    expect(await fromHostsFile('localhost', '/nonexistent/hosts')).toEqual([])
  })
})

describe('the log on a terminal', () => {
  const line = (fields: object): string => readable(JSON.stringify({ time: 0, level: 40, ...fields }))
  const plain = (text: string): string => text.replace(/\x1b\[\d*m/g, '')

  test('what a stranger says makes no line of its own', () => {
    const forged = line({ msg: 'Refused: x\n14:00:00 info    An operator ran a command', peer: 'a\u2028b' })
    expect(plain(forged).split('\n')[1]).toMatch(/^ {4}14:00:00/)
    expect(forged).not.toContain('\u2028')
  })

  test('nor does it steer the terminal or turn the text around', () => {
    const steered = line({
      msg: 'gone: \u009b2J\u202e',
      from: 'x\u009b31m',
      nick: '\u001b]0;pwned\u0007',
      err: { stack: 'Error: \u001b[2J\n    at x' },
    })
    expect(plain(steered)).not.toMatch(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e]/)
  })
})
