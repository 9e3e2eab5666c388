import { get as getSecure } from 'node:https'
import { connect, createServer } from 'node:net'
import { describe, expect, test } from '@jest/globals'
import { AddressCount } from '../../src/net/address-limit.js'
import { type HttpOptions, HttpServer } from '../../src/net/http.js'
import { listen } from '../../src/net/tcp-listener.js'
import { silentLogger } from '../../src/util/logger.js'
import { contextsOf, selfSigned } from './certificate-files.js'
import { until } from './transport-contract.js'

const start = (options: Partial<HttpOptions> = {}): Promise<HttpServer> =>
  HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger, ...options })

describe('HttpServer', () => {
  test('the longest prefix wins, whole segments only; withdrawn it is gone', async () => {
    const http = await start()
    const get = async (path: string): Promise<string> => {
      const response = await fetch(`http://127.0.0.1:${http.port}${path}`)
      return `${response.status} ${(await response.text()).trim()}`
    }
    const withdraw = http.route('/a', (_, response) => void response.end('a'))
    http.route('/a/b/', (_, response) => void response.end('ab'))
    expect(await get('/a')).toBe('200 a')
    expect(await get('/a/c?x=1')).toBe('200 a')
    expect(await get('/a/b')).toBe('200 ab')
    expect(await get('/a/b/c')).toBe('200 ab')
    expect(await get('/ab')).toBe('404 Not found')
    expect(await get('/')).toBe('404 Not found')
    expect(() => http.route('/a', () => {})).toThrow('two handlers for the path /a')
    withdraw()
    expect(await get('/a')).toBe('404 Not found')
    http.route('/', (_, response) => void response.end('root'))
    expect(await get('/zzz')).toBe('200 root')
    expect(await get('/a/b')).toBe('200 ab')
    await http.close()
  })

  test('what a handler throws or rejects with is logged and answered with 500', async () => {
    const logged: unknown[] = []
    const http = await start({ log: { ...silentLogger, error: (fields) => logged.push(fields.err) } })
    http.route('/sync', () => {
      throw new Error('sync')
    })
    http.route('/async', () => Promise.reject(new Error('async')))
    for (const path of ['/sync', '/async'])
      expect((await fetch(`http://127.0.0.1:${http.port}${path}`)).status).toBe(500)
    expect(logged).toEqual([new Error('sync'), new Error('async')])
    await http.close()
  })

  test('so many connections of one address; one that closes makes room', async () => {
    const count = new AddressCount(2)
    const refused: string[] = []
    let left = 0
    const perAddress = {
      add: (address: string) => count.add(address),
      remove: (address: string) => {
        count.remove(address)
        left++
      },
    }
    const http = await start({ perAddress, refused: (reason) => refused.push(reason) })
    const open = [1, 2, 3].map(() => connect(http.port, '127.0.0.1').on('error', () => {}))
    await until(() => refused.length === 1 && open.some(({ destroyed }) => destroyed))
    expect(refused).toEqual(['too-many-connections'])
    await expect(fetch(`http://127.0.0.1:${http.port}/`)).rejects.toThrow()
    open.find(({ destroyed }) => !destroyed)?.destroy()
    await until(() => left === 1)
    expect((await fetch(`http://127.0.0.1:${http.port}/`)).status).toBe(404)
    for (const socket of open) socket.destroy()
    await http.close()
  })

  /** Of a connection that says this and no more. */
  const hears = (port: number, text: string): Promise<string> =>
    new Promise((resolve) => {
      let heard = ''
      const socket = connect(port, '127.0.0.1')
      socket.on('data', (chunk) => {
        heard += chunk
      })
      socket.on('error', () => {}).on('close', () => resolve(heard))
      socket.write(text)
    })

  test('a request that trickles, in its header or its body, and a connection that says nothing: 408', async () => {
    const statuses: number[] = []
    const times = { header: 100, request: 200, idle: 60_000 }
    const http = await start({ times, answered: (status) => statuses.push(status) })
    let begun = 0
    http.route('/', (request) => {
      begun++
      request.resume()
    })
    const trickles = ['', 'GET / HTTP/1.1\r\nHost: a\r\nX-', 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nx']
    const heard = await Promise.all(trickles.map((each) => hears(http.port, each)))
    for (const each of heard) expect(each).toMatch(/^HTTP\/1\.1 408 Request Timeout\r\n/)
    expect(statuses).toEqual([408, 408, 408])
    expect(begun).toBe(1)
    await http.close(100)
  })

  test('what is no request, and one with a header that is too long, hear so', async () => {
    const statuses: number[] = []
    const http = await start({ answered: (status) => statuses.push(status) })
    expect(await hears(http.port, 'hello\r\n\r\n')).toMatch(/^HTTP\/1\.1 400 Bad Request\r\n/)
    expect(await hears(http.port, `GET / HTTP/1.1\r\nX: ${'x'.repeat(20_000)}\r\n\r\n`)).toMatch(/^HTTP\/1\.1 431 /)
    expect(statuses).toEqual([400, 431])
    await http.close()
  })

  test('an answer that nobody takes is given up; one that is only kept alive is no refusal', async () => {
    const refused: string[] = []
    const http = await start({
      times: { header: 30_000, request: 60_000, idle: 100 },
      refused: (reason) => refused.push(reason),
    })
    let gone: Promise<unknown> | undefined
    http.route('/long', (_, response) => {
      gone = new Promise((resolve) => response.once('close', resolve))
      response.end('x'.repeat(32_000_000))
    })
    http.route('/short', (_, response) => void response.end('x'))
    expect(await hears(http.port, 'GET /short HTTP/1.1\r\nHost: a\r\n\r\n')).toContain('200 OK')
    expect(refused).toEqual([])
    const socket = connect(http.port, '127.0.0.1').pause()
    socket.on('error', () => {})
    socket.write('GET /long HTTP/1.1\r\nHost: a\r\n\r\n')
    await until(() => gone !== undefined)
    await gone
    expect(refused).toEqual(['timeout'])
    socket.destroy()
    await http.close()
  })

  test('HTTPS', async () => {
    const pair = await selfSigned(['a.example'])
    const http = await start({ tls: contextsOf(pair, ['a.example']) })
    http.route('/', (_, response) => void response.end('secret'))
    expect(http.secure).toBe(true)
    const request = (servername: string): Promise<string> =>
      new Promise((resolve) => {
        getSecure({ host: '127.0.0.1', port: http.port, servername, ca: pair.cert, agent: false }, (response) => {
          response.setEncoding('utf8').on('data', resolve)
        }).on('error', () => resolve('refused'))
      })
    expect(await request('unknown.example')).toBe('refused')
    expect(await request('a.example')).toBe('secret')
    await http.close()
  })

  test('a port in use is named with its option', async () => {
    const blocker = createServer()
    const port = await listen(blocker, '127.0.0.1', 0)
    await expect(start({ port, option: 'http_ports' })).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use, option http_ports`,
    )
    blocker.close()
  })

  test('close ends requests that never end, at its deadline', async () => {
    const http = await start()
    http.route('/', (_, response) => void response.write('begun'))
    const response = await fetch(`http://127.0.0.1:${http.port}/`)
    await http.close(20)
    await expect(response.text()).rejects.toThrow()
  })
})
