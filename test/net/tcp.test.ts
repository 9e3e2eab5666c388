import { X509Certificate } from 'node:crypto'
import { connect, createServer, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { beforeAll, describe, expect, test } from '@jest/globals'
import { connectTcp, TcpTransport } from '../../src/net/tcp.js'
import { listen, listenTcp, type TcpListenerOptions } from '../../src/net/tcp-listener.js'
import type { TlsContexts } from '../../src/net/tls.js'
import { ManualClock } from '../../src/util/clock.js'
import { heapHeld } from '../support/collected.js'
import { authority, contextsOf, selfSigned } from './certificate-files.js'
import { type Connected, joined, type Peer, transportContract, until } from './transport-contract.js'

let contexts: TlsContexts

beforeAll(async () => {
  contexts = contextsOf(await selfSigned(['a.example', 'localhost']), ['a.example'])
})

function peerOf(socket: Socket, under?: Socket): Peer {
  const chunks: Buffer[] = []
  socket.on('data', (chunk) => chunks.push(chunk))
  socket.on('error', () => {})
  return {
    text: () => Buffer.concat(chunks).toString(),
    send: (text) => void socket.write(text),
    stall: () => void socket.pause(),
    gone: new Promise((resolve) => socket.once('close', () => resolve())),
    reset: () => {
      ;(under ?? socket).resetAndDestroy()
      socket.destroy()
    },
  }
}

async function accepted(
  options: Partial<TcpListenerOptions>,
  dial: (port: number) => readonly [Socket, Socket?],
): Promise<Connected & { readonly transport: TcpTransport; readonly socket: Socket; readonly port: number }> {
  const transports: TcpTransport[] = []
  const listener = await listenTcp({ host: '127.0.0.1', port: 0, ...options }, (transport) =>
    transports.push(transport),
  )
  const [socket, under] = dial(listener.port)
  const peer = peerOf(socket, under)
  await until(() => transports.length === 1)
  return {
    transport: transports[0]!,
    peer,
    socket,
    port: listener.port,
    close: async () => {
      socket.destroy()
      await listener.close()
    },
  }
}

const plain = (port: number): readonly [Socket] => [connect(port, '127.0.0.1')]
const direct = (port: number): readonly [TLSSocket, Socket] => {
  const socket = connect(port, '127.0.0.1')
  const alpn = { ALPNProtocols: ['xmpp-client'] }
  return [connectTls({ socket, servername: 'a.example', rejectUnauthorized: false, ...alpn }), socket]
}

describe('a plain TCP transport', () => transportContract(() => accepted({}, plain)))

describe('a direct TLS transport', () =>
  transportContract(() => accepted({ directTls: true, tls: { contexts, alpn: ['xmpp-client'] } }, direct)))

describe('reads', () => {
  test('what many send at once is dealt with in slices, with time for others in between, in order and to the end', async () => {
    const got: string[] = []
    let closed = 0
    let inARow = 0
    let longest = 0
    const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, (transport) => {
      const at = got.push('') - 1
      transport.handler = {
        data: (chunk) => {
          longest = Math.max(longest, ++inARow)
          got[at] += Buffer.from(chunk).toString()
          for (const until = performance.now() + 5; performance.now() < until; );
        },
        closed: () => {
          closed++
        },
      }
    })
    const others = setInterval(() => {
      inARow = 0
    }, 1)
    const clients = await Promise.all(
      Array.from({ length: 40 }, async () => {
        const client = connect(listener.port, '127.0.0.1')
        await new Promise((resolve) => client.once('connect', resolve))
        return client
      }),
    )
    await until(() => got.length === clients.length)
    const text = 'all of it'
    for (const client of clients) client.write(text.slice(0, 4))
    await until(() => got.every((each) => each !== ''))
    for (const client of clients) client.end(text.slice(4))
    await until(() => closed === clients.length)
    clearInterval(others)
    await listener.close()
    expect(got).toEqual(clients.map(() => text))
    expect(longest).toBeLessThan(clients.length / 2)
  })
})

describe('writes', () => {
  test('one write per turn of the loop, however many texts', async () => {
    const server = createServer()
    const port = await listen(server, '127.0.0.1', 0)
    const client = connect(port, '127.0.0.1')
    const socket = await new Promise<Socket>((resolve) => server.once('connection', resolve))
    const writes: number[] = []
    const write = socket.write.bind(socket)
    socket.write = (...args: unknown[]) => {
      writes.push(String(args[0]).length)
      return Reflect.apply(write, socket, args)
    }
    const transport = new TcpTransport(socket)
    for (let turn = 0; turn < 5; turn++) {
      for (let n = 0; n < 100; n++) transport.write('<a/>')
      await until(() => transport.backlog === 0)
    }
    expect(writes).toEqual([400, 400, 400, 400, 400])
    client.destroy()
    transport.destroy()
    server.close()
  })

  test('over TLS: short texts leave in records that fit into the first buffer of Node, long ones in the longest records', async () => {
    const { transport, socket, peer, close } = await accepted({ directTls: true, tls: { contexts } }, direct)
    const records: number[] = []
    socket.on('data', (chunk: Buffer) => records.push(chunk.length))
    const texts = [
      'a'.repeat(100),
      'b'.repeat(2000),
      `x${'\u{1f600}'.repeat(600)}`,
      'c'.repeat(20_000),
      'd'.repeat(2000),
    ]
    for (const [at, text] of texts.entries()) {
      const all = texts.slice(0, at + 1).join('')
      transport.write(text)
      await until(() => peer.text() === all)
    }
    // A pair of surrogates, four bytes, is not cut: 989 characters go first.
    expect(records).toEqual([100, 990, 990, 20, 1 + 494 * 4, 106 * 4, 16_000, 4000, 2000])
    await close()
  })

  test("half-open: what is queued when the peer's end arrives still leaves", async () => {
    const { transport, socket, peer, close } = await accepted({}, plain)
    transport.handler = { data: () => transport.write('x'.repeat(300_000)), closed: () => {} }
    socket.end('bye')
    await peer.gone
    expect(peer.text()).toHaveLength(300_000)
    await close()
  })
})

describe('startTls', () => {
  test('the plain text before it leaves first, and text flows over TLS afterwards', async () => {
    const { transport, socket, close } = await accepted({ tls: { contexts } }, plain)
    const received: Buffer[] = []
    transport.handler = { data: (chunk) => received.push(Buffer.from(chunk)), closed: () => {} }
    transport.write('<proceed/>')
    const upgrading = transport.startTls({ server: true })
    await new Promise((resolve) => socket.once('data', resolve))
    socket.removeAllListeners('data')
    const client = connectTls({ socket, servername: 'a.example', rejectUnauthorized: false })
    let answer = ''
    client.on('data', (chunk) => {
      answer += chunk.toString()
    })
    const info = await upgrading
    expect(info.protocol).toBe('TLSv1.3')
    expect(info.peer).toBeUndefined()
    expect(transport.tls).toBe(info)
    transport.write('<hello/>')
    client.write('<secret/>')
    await until(() => received.length > 0 && answer !== '')
    expect([joined(received), answer]).toEqual(['<secret/>', '<hello/>'])
    client.destroy()
    await close()
  })

  test('bytes that are no TLS are never given to the handler: the handshake fails', async () => {
    const { transport, socket, close } = await accepted({ tls: { contexts } }, plain)
    const received: Buffer[] = []
    let closed = 0
    transport.handler = {
      data: (chunk) => received.push(Buffer.from(chunk)),
      closed: () => void closed++,
    }
    const upgrading = transport.startTls({ server: true })
    socket.write(`<message to='victim@a.example'><body>injected</body></message>`)
    await expect(upgrading).rejects.toThrow()
    await until(() => closed > 0)
    expect(joined(received)).toBe('')
    await close()
  })

  test('a peer that goes away during the handshake', async () => {
    const { transport, socket, close } = await accepted({ tls: { contexts } }, plain)
    const upgrading = transport.startTls({ server: true })
    socket.destroy()
    await expect(upgrading).rejects.toThrow()
    await close()
  })

  test('a peer that will send no more before the handshake', async () => {
    const { transport, socket, close } = await accepted({ tls: { contexts } }, plain)
    let closed = 0
    transport.handler = { data: () => {}, closed: () => void closed++ }
    const upgrading = transport.startTls({ server: true })
    socket.end()
    await expect(upgrading).rejects.toThrow('the connection was closed before the TLS handshake')
    expect(closed).toBe(1)
    await close()
  })

  test('a handshake that takes too long, and one under way when the listener closes', async () => {
    const clock = new ManualClock()
    const { transport, close } = await accepted({ tls: { contexts }, clock, handshakeMs: 1000 }, plain)
    const upgrading = transport.startTls({ server: true })
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    clock.advance(1000)
    await expect(upgrading).rejects.toThrow('the TLS handshake took too long')
    await close()

    const refused: string[] = []
    const listener = await listenTcp(
      {
        host: '127.0.0.1',
        port: 0,
        directTls: true,
        tls: { contexts },
        onRefused: (_, error) => refused.push(error.message),
      },
      () => {},
    )
    const silent = connect(listener.port, '127.0.0.1')
    const gone = new Promise((resolve) => silent.once('close', resolve))
    silent.resume()
    await new Promise((resolve) => silent.once('connect', resolve))
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
    await listener.close()
    await gone
    expect(refused).toHaveLength(1)
  })

  test('what is queued over TLS when the peer says it will send no more still leaves', async () => {
    const { transport, socket, peer, close } = await accepted({ directTls: true, tls: { contexts } }, direct)
    transport.handler = { data: () => transport.write('x'.repeat(300_000)), closed: () => {} }
    socket.end('bye')
    await peer.gone
    expect(peer.text()).toHaveLength(300_000)
    await close()
  })

  test('we destroy during the handshake', async () => {
    const { transport, close } = await accepted({ tls: { contexts } }, plain)
    const upgrading = transport.startTls({ server: true })
    transport.destroy()
    await expect(upgrading).rejects.toThrow()
    await close()
  })

  test('between two of ours, as servers do: both certificates are seen, the chain is judged, names are reported', async () => {
    const accepting: TcpTransport[] = []
    const listener = await listenTcp(
      { host: '127.0.0.1', port: 0, tls: { contexts, requestCertificate: true } },
      (transport) => accepting.push(transport),
    )
    const ours = await connectTcp({ host: '127.0.0.1', port: listener.port, tls: { contexts } })
    await until(() => accepting.length === 1)
    const [client, server] = await Promise.all([
      ours.startTls({ server: false, serverName: 'a.example' }),
      accepting[0]!.startTls({ server: true }),
    ])
    expect(client.peer).toMatchObject({ trusted: false, subjectAltNames: ['a.example', 'localhost'] })
    expect(client.peer?.reason).toMatch(/SELF_SIGNED/)
    expect(server.peer).toMatchObject({ trusted: false, subjectAltNames: ['a.example', 'localhost'] })
    ours.destroy()
    accepting[0]!.destroy()
    await listener.close()
  })

  test('a chain ends with the first of it that does (RFC 6120 §13.7.2.3)', async () => {
    const ca = await authority()
    const made = await ca.sign(['a.example'], new Date(Date.now() + 86_400_000 * 365))
    const chain = contextsOf({ ...made, cert: `${made.cert}\n${ca.cert}` }, ['a.example'], ca.cert)
    const listener = await listenTcp(
      { host: '127.0.0.1', port: 0, directTls: true, tls: { contexts: chain } },
      () => {},
    )
    const ours = await connectTcp({ host: '127.0.0.1', port: listener.port, tls: { contexts: chain } })
    const { peer } = await ours.startTls({ server: false, serverName: 'a.example' })
    expect(peer).toMatchObject({ trusted: true, validUntil: Date.parse(new X509Certificate(ca.cert).validTo) })
    ours.destroy()
    await listener.close()
  })

  test('an unknown SNI, or a throwing source of certificates, closes that connection only', async () => {
    const throwing: TlsContexts = {
      contextFor: (name) => {
        if (name === 'broken.example') throw new Error('a defect')
        return contexts.contextFor(name)
      },
    }
    const refused: string[] = []
    const good: TcpTransport[] = []
    const listener = await listenTcp(
      {
        host: '127.0.0.1',
        port: 0,
        directTls: true,
        tls: { contexts: throwing },
        onRefused: (_, error) => refused.push(error.message),
      },
      (transport) => good.push(transport),
    )
    const dial = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connectTls({ port: listener.port, host: '127.0.0.1', servername, rejectUnauthorized: false })
        socket.on('error', () => {})
        socket.once('close', () => resolve('closed'))
        socket.once('secureConnect', () => {
          resolve('secure')
          socket.destroy()
        })
      })
    expect(await dial('unknown.example')).toBe('closed')
    expect(await dial('broken.example')).toBe('closed')
    expect(await dial('a.example')).toBe('secure')
    await until(() => refused.length === 2)
    expect(refused[0]).toContain('no certificate for unknown.example')
    await listener.close()
  })

  test('TLS 1.1 is refused', async () => {
    const listener = await listenTcp({ host: '127.0.0.1', port: 0, directTls: true, tls: { contexts } }, () => {})
    const socket = connectTls({
      port: listener.port,
      host: '127.0.0.1',
      servername: 'a.example',
      rejectUnauthorized: false,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    })
    const code = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve('secure'))
      socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code))
    })
    expect(code).not.toBe('secure')
    socket.destroy()
    await listener.close()
  })

  test('ALPN: another protocol is refused, none is let pass', async () => {
    const accepted: TcpTransport[] = []
    const listener = await listenTcp(
      { host: '127.0.0.1', port: 0, directTls: true, tls: { contexts, alpn: ['xmpp-client'] } },
      (transport) => accepted.push(transport),
    )
    const dial = (ALPNProtocols: string[] | undefined): Promise<string | false | null> =>
      new Promise((resolve) => {
        const socket = connectTls({
          port: listener.port,
          host: '127.0.0.1',
          servername: 'a.example',
          rejectUnauthorized: false,
          ...(ALPNProtocols === undefined ? {} : { ALPNProtocols }),
        })
        socket.once('secureConnect', () => {
          resolve(socket.alpnProtocol)
          socket.destroy()
        })
        socket.once('error', () => resolve('refused'))
      })
    expect(await dial(['xmpp-client'])).toBe('xmpp-client')
    expect(await dial(undefined)).toBe(false)
    expect(await dial(['h2'])).toBe('refused')
    await listener.close()
  })
})

describe('listening and connecting', () => {
  test('a port in use is named with its option', async () => {
    const blocker = createServer()
    await new Promise<void>((resolve) => blocker.listen(0, '127.0.0.1', resolve))
    const address = blocker.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    await expect(listenTcp({ host: '127.0.0.1', port, option: 'c2s_ports' }, () => {})).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use, option c2s_ports`,
    )
    await new Promise((resolve) => blocker.close(resolve))
  })

  test('connecting to a closed port rejects', async () => {
    const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, () => {})
    await listener.close()
    await expect(connectTcp({ host: '127.0.0.1', port: listener.port })).rejects.toThrow(/ECONNREFUSED/)
  })

  test('10,000 connects and closes: every one is told of, memory comes back', async () => {
    let opened = 0
    let closed = 0
    const listener = await listenTcp({ host: '127.0.0.1', port: 0 }, (transport) => {
      opened++
      transport.handler = { data: () => {}, closed: () => void closed++ }
    })
    const round = async (count: number): Promise<void> => {
      for (let n = 0; n < count; n += 100) {
        await Promise.all(
          Array.from(
            { length: 100 },
            () =>
              new Promise<void>((resolve) => {
                const socket = connect(listener.port, '127.0.0.1', () => socket.destroy())
                socket.on('error', () => {})
                socket.on('close', () => resolve())
              }),
          ),
        )
      }
    }
    await round(2000)
    await until(() => closed === opened)
    const before = heapHeld()
    await round(8000)
    await until(() => closed === opened)
    expect(opened).toBeGreaterThan(9000)
    // 8,000 transports that were kept would hold at least 40 MB.
    expect(heapHeld() - before).toBeLessThan(8 * 1024 * 1024)
    await listener.close()
  })
})
