/** RFC 7590, which takes over RFC 9325 (BCP 195, then RFC 7525): what TLS may be here. */

import { type AddressInfo, connect as connectTcp, createServer } from 'node:net'
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { listenTcp, type TcpListener } from '../../../src/net/tcp-listener.js'
import { tlsSettings } from '../../../src/net/tls.js'
import { contextsOf, selfSigned } from '../../net/certificate-files.js'

let listener: TcpListener
let sockets: TLSSocket[]

beforeAll(async () => {
  const contexts = contextsOf(await selfSigned(['a.example']), ['a.example'])
  listener = await listenTcp({ host: '127.0.0.1', port: 0, directTls: true, tls: { contexts } }, (transport) => {
    const hears = (data: unknown) => (String(data) === 'bye' ? transport.end() : transport.write('heard'))
    transport.handler = { data: hears, closed: () => {} }
  })
  sockets = []
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await listener.close()
})

/** The socket once the handshake is over, or the reason why it failed. */
function handshake(options: ConnectionOptions): Promise<TLSSocket | string> {
  const socket = connect({
    ...{ host: '127.0.0.1', port: listener.port, servername: 'a.example', rejectUnauthorized: false },
    ...options,
  })
  sockets.push(socket)
  return new Promise((resolve) => {
    socket.once('secureConnect', () => resolve(socket))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)))
  })
}

const twelve = { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } as const

describe('RFC 7590 §3, RFC 9325 §4', () => {
  test.each([
    ['TLS 1.3', {}, 'TLSv1.3'],
    ['TLS 1.2 with forward secrecy', { ...twelve, ciphers: 'ECDHE-ECDSA-AES128-GCM-SHA256' }, 'TLSv1.2'],
  ])('RFC 7590 §3.1 %s is spoken', async (_name, options, version) => {
    const socket = await handshake(options)
    expect(typeof socket === 'string' ? socket : socket.getProtocol()).toBe(version)
  })

  test('RFC 7590 §3.1 a suite without authenticated encryption is not', async () => {
    expect(typeof (await handshake({ ...twelve, ciphers: 'ECDHE-ECDSA-AES128-SHA' }))).toBe('string')
  })

  test('RFC 7590 §3.1 every suite has forward secrecy', () => {
    for (const suite of tlsSettings.ciphers.split(':')) expect(suite).toMatch(/^(TLS|ECDHE)[_-].*(GCM|POLY1305)/)
  })

  test('RFC 7590 §3.3 no ticket is given, and no session resumed', async () => {
    const first = await handshake(twelve)
    if (typeof first === 'string') throw new Error(first)
    expect(first.getTLSTicket()).toBeUndefined()
    const session = first.getSession()
    const again = await handshake({ ...twelve, ...(session && { session }) })
    expect(typeof again === 'string' ? again : again.isSessionReused()).toBe(false)
  })
})

test('RFC 6120 §5.3.5 renegotiation is refused', async () => {
  const socket = await handshake(twelve)
  if (typeof socket === 'string') throw new Error(socket)
  const outcome = new Promise((resolve) => {
    socket.removeAllListeners('error')
    socket.once('error', () => resolve('refused')).once('close', () => resolve('refused'))
    socket.renegotiate({ rejectUnauthorized: false }, (error) => resolve(error === null ? 'done' : 'refused'))
  })
  expect(await outcome).toBe('refused')
})

test('RFC 6120 §4.4 a connection that we end is ended in TLS first, by close_notify', async () => {
  const said: Buffer[] = []
  const way = createServer((client) => {
    const server = connectTcp(listener.port, '127.0.0.1').on('data', (data) => said.push(data))
    server.pipe(client).pipe(server)
    for (const socket of [client, server]) socket.on('error', () => socket.destroy())
  })
  await new Promise<void>((resolve) => way.listen(0, '127.0.0.1', resolve))
  const socket = await handshake({ ...twelve, port: (way.address() as AddressInfo).port })
  if (typeof socket === 'string') throw new Error(socket)
  const over = new Promise((resolve) => socket.resume().once('close', resolve))
  socket.write('bye')
  await over
  way.close()
  expect(recordsOf(Buffer.concat(said)).at(-1)).toBe(alert)
})

const alert = 21

/** The types of the records of TLS 1.2, which stand there in the clear (RFC 5246 §6.2.1). */
function recordsOf(bytes: Buffer): number[] {
  const types = []
  for (let at = 0; at < bytes.length; at += 5 + bytes.readUInt16BE(at + 3)) types.push(bytes.readUInt8(at))
  return types
}
