/** XEP-0363: a slot is asked for, a file is put there, and whoever knows the address gets it, as bytes that do no harm. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { HttpServer } from '../../src/net/http.js'
import { silentLogger } from '../../src/util/logger.js'
import { until } from '../net/transport-contract.js'
import { type Client, Stage } from './stage.js'

const uploadNs = 'urn:xmpp:http:upload:0'
let directory: string
let http: HttpServer
let stage: Stage
let alice: Client

async function opens(options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  stage = await Stage.open({
    accounts: ['alice', 'bob'],
    hosts: [
      {
        domain: 'a.example',
        type: 'user',
        modules: modules.filter(({ hosts }) => hosts.includes('user')),
        options: {
          http_file_share: {
            data_path: directory,
            http_file_share_size_limit: 1000,
            http_file_share_daily_quota: 2500,
            ...options,
          },
        },
      },
    ],
    httpBase: () => `http://127.0.0.1:${http.port}/`,
  })
  http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  stage.server.serveHttp(http)
  alice = stage.client('alice')
}

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucd-upload-'))
  return opens()
})
afterEach(async () => {
  await http.close(100)
  await stage.close()
  rmSync(directory, { recursive: true })
})

async function anew(options: Readonly<Record<string, unknown>> = {}): Promise<void> {
  await http.close(100)
  await stage.close()
  await opens(options)
}

const asking = (name: string, size: number | string, type?: string): string =>
  `<iq type='get' id='s' to='a.example'><request xmlns='${uploadNs}' filename='${name}' size='${size}'${
    type === undefined ? '' : ` content-type='${type}'`
  }/></iq>`

async function slot(name: string, size: number, type?: string): Promise<{ put: string; get: string }> {
  await alice.sends(asking(name, size, type))
  const answer = (await alice.next()).getChild('slot', uploadNs)
  return { put: String(answer?.getChild('put')?.attrs.url), get: String(answer?.getChild('get')?.attrs.url) }
}

const put = (url: string, body: string, type?: string): Promise<Response> =>
  fetch(url, { method: 'PUT', body: Buffer.from(body), ...(type && { headers: { 'Content-Type': type } }) })

async function uploads(name: string, body: string, type?: string): Promise<string> {
  const { put: to, get } = await slot(name, Buffer.byteLength(body), type)
  expect((await put(to, body, type)).status).toBe(201)
  return get
}

const refused = (condition: string, type: string, more = ''): Promise<unknown> =>
  alice.receives(
    `<iq type='error' id='s' from='a.example' to='${alice.jid}'>{...}<error type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>{any}</text>${more}</error></iq>`,
  )

describe('XEP-0363 §4, §5 slots', () => {
  test('service discovery tells the limit', async () => {
    await alice.sends(
      `<iq type='get' id='d' to='a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
    )
    const query = (await alice.next()).getChild('query')
    expect(String(query?.getChildren('x', 'jabber:x:data').find((form) => String(form).includes(uploadNs)))).toContain(
      '<field var="max-file-size"><value>1000</value></field>',
    )
  })

  test('a slot keeps the name, and has a secret of 144 bits in both addresses', async () => {
    const { put: to, get } = await slot('très cool.jpg', 5, 'image/jpeg')
    expect(get).toMatch(
      new RegExp(`^http://127\\.0\\.0\\.1:${http.port}/upload/a\\.example/[\\w-]{32}/tr%C3%A8s%20cool\\.jpg$`),
    )
    expect(to).toMatch(new RegExp(`^${get.replaceAll('.', '\\.')}\\?token=[\\w.-]+$`))
  })

  test.each([
    ['../../etc/passwd', 'passwd'],
    ['..', 'file'],
    ['a\\b.png', 'b.png'],
    ['&lt;b&gt;"x".svg', '_b__x_.svg'],
    [`${'x'.repeat(300)}.jpeg`, `${'x'.repeat(115)}.jpeg`],
  ])('the name %s becomes harmless', async (given, name) => {
    expect((await slot(given, 5)).get.split('/').at(-1)).toBe(encodeURIComponent(name))
  })

  test('§5.1 too large, without a name or a size, or of a type that is not allowed', async () => {
    const limit = `<file-too-large xmlns='${uploadNs}'><max-file-size>1000</max-file-size></file-too-large>`
    await alice.sends(asking('a.png', 1001))
    await refused('not-acceptable', 'modify', limit)
    for (const [name, size] of [
      ['', 5],
      ['a.png', '-5'],
      ['a.png', '1e9'],
      ['a.png', 0],
    ] as const) {
      await alice.sends(asking(name, size))
      await refused('bad-request', 'modify')
    }
    await anew({ http_file_share_allowed_file_types: ['image/*'] })
    await alice.sends(asking('a.exe', 5, 'application/x-msdownload'))
    await refused('not-acceptable', 'modify')
    await slot('a.png', 5, 'image/png')
  })

  test('strangers get none, unless the operator lets them', async () => {
    const eve = stage.peer('b.example')
    const asks = asking('a.png', 5).replace(`to=`, `from='eve@b.example/x' to=`)
    await eve.sends(asks)
    expect(String(await eve.next())).toContain('<forbidden')
    await anew({ http_file_share_access: ['b.example'] })
    const friend = stage.peer('b.example')
    await friend.sends(asks)
    expect(String(await friend.next())).toContain('<put')
  })

  test('a day’s quota, and when there is room again; other accounts have their own', async () => {
    await slot('1.png', 1000)
    stage.clock.advance(60_000)
    await slot('2.png', 1000)
    await alice.sends(asking('3.png', 501))
    await refused('resource-constraint', 'wait', `<retry xmlns='${uploadNs}' stamp='2026-01-02T00:00:00.000Z'/>`)
    const bob = stage.client('bob')
    await bob.sends(asking('3.png', 501))
    expect((await bob.next()).attrs.type).toBe('result')
    stage.clock.advance(86_400_000)
    await slot('3.png', 1000)
  })

  test('a day’s number of files: the smallest take room, too', async () => {
    await anew({ http_file_share_daily_files: 3 })
    for (const name of ['1.txt', '2.txt', '3.txt']) await slot(name, 1)
    await alice.sends(asking('4.txt', 1))
    await refused('resource-constraint', 'wait', `<retry xmlns='${uploadNs}' stamp='2026-01-02T00:00:00.000Z'/>`)
    stage.clock.advance(86_400_000)
    await slot('4.txt', 1)
  })

  test('slots that were given while there was room give none for more than there is', async () => {
    await anew({ http_file_share_global_quota: 15 })
    const [first, second] = [await slot('1.txt', 10), await slot('2.txt', 10)]
    expect((await put(first.put, '0123456789')).status).toBe(201)
    expect((await put(second.put, '0123456789')).status).toBe(507)
    expect((await put((await slot('3.txt', 5)).put, '01234')).status).toBe(201)
  })

  test('all files together have a bound, also after a restart', async () => {
    const bounded = { http_file_share_global_quota: 12, http_file_share_daily_quota: 1e9 }
    await anew(bounded)
    await uploads('a.txt', '0123456789')
    await alice.sends(asking('b.txt', 5))
    await refused('resource-constraint', 'wait')
    await anew(bounded)
    const isRefused = async (): Promise<boolean> => {
      await alice.sends(asking('b.txt', 5))
      return (await alice.next()).attrs.type === 'error'
    }
    // What is there is counted beside the start.
    while (!(await isRefused())) await new Promise((resolve) => setImmediate(resolve))
  })
})

describe('XEP-0363 §6 upload', () => {
  test('once, whole, and of the announced length and type', async () => {
    const { put: to, get } = await slot('a.txt', 5, 'text/plain')
    expect((await put(to, 'hello!')).status).toBe(413)
    expect((await put(to, 'hello', 'text/html')).status).toBe(415)
    expect((await put(to, 'hello', 'text/plain; charset=utf-8')).status).toBe(201)
    expect((await put(to, 'HELLO', 'text/plain')).status).toBe(409)
    expect(await (await fetch(get)).text()).toBe('hello')
  })

  test.each([
    ['no token', (url: string) => url.split('?')[0]!],
    [
      'a changed token',
      (url: string) => url.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')).replace('token=e', 'token=f'),
    ],
    ['a token of no kind', (url: string) => url.replace(/token=.*/, 'token=.')],
    ['the token of another file', (url: string) => url.replace(/[\w-]{32}/, 'A'.repeat(32))],
  ])('%s is refused', async (_name, changed) => {
    const { put: to } = await slot('a.txt', 5)
    expect((await put(changed(to), 'hello')).status).toBe(403)
    expect(readdirSync(directory)).toEqual([])
  })

  test('§6.1 a slot is good for five minutes', async () => {
    const { put: to } = await slot('a.txt', 5)
    stage.clock.advance(300_001)
    expect((await put(to, 'hello')).status).toBe(403)
  })

  test('an upload that breaks off leaves nothing, and may be tried again', async () => {
    const { put: to, get } = await slot('a.txt', 10)
    const { port, pathname, search } = new URL(to)
    const broken = request({ port, path: pathname + search, method: 'PUT', headers: { 'Content-Length': '10' } })
    broken.on('error', () => {})
    broken.write('01234')
    const parts = (): string[] => readdirSync(directory, { recursive: true, encoding: 'utf8' })
    await until(() => parts().some((name) => name.endsWith('.part')))
    broken.destroy()
    await until(() => !parts().some((name) => name.endsWith('.part')))
    expect((await fetch(get)).status).toBe(404)
    expect((await put(to, '0123456789')).status).toBe(201)
  })

  test('without a length it is refused', async () => {
    const { put: to } = await slot('a.txt', 5)
    const chunked = fetch(to, {
      method: 'PUT',
      duplex: 'half',
      body: new ReadableStream({
        start(controller) {
          controller.enqueue(Buffer.from('hello'))
          controller.close()
        },
      }),
    } as RequestInit)
    expect((await chunked).status).toBe(411)
  })
})

describe('GET', () => {
  test.each([
    ['photo.png', 'image/png', 'image/png', 'inline'],
    ['notes.txt', 'text/plain; charset=utf-8', 'text/plain', 'inline'],
    ['page.html', 'text/html', 'application/octet-stream', 'attachment'],
    ['drawing.svg', 'image/svg+xml', 'application/octet-stream', 'attachment'],
    ['code.js', 'text/javascript', 'application/octet-stream', 'attachment'],
    ['style.css', 'text/css', 'application/octet-stream', 'attachment'],
    ['page.xhtml', 'application/xhtml+xml', 'application/octet-stream', 'attachment'],
    ['what.bin', 'text/html\tx', 'application/octet-stream', 'attachment'],
    ['what.bin', undefined, 'application/octet-stream', 'attachment'],
  ])('%s of type %s is told as %s, %s', async (name, type, told, how) => {
    const get = await uploads(name, 'hello', type?.includes('\t') ? undefined : type)
    const { headers } = await fetch(get)
    expect(headers.get('content-type')).toBe(told)
    expect(headers.get('content-disposition')).toBe(`${how}; filename="${name}"; filename*=UTF-8''${name}`)
    expect(headers.get('content-security-policy')).toMatch(/^default-src 'none';.* sandbox$/)
    expect(headers.get('x-content-type-options')).toBe('nosniff')
    expect(headers.get('access-control-allow-origin')).toBe('*')
  })

  test('a name in the address that is not the uploader’s cannot change the headers', async () => {
    const get = await uploads('a.txt', 'hello')
    const { headers } = await fetch(get.replace('a.txt', 'a%0d%0aX-Evil:1%22.html'))
    expect(headers.get('x-evil')).toBeNull()
    expect(headers.get('content-disposition')).toContain('filename="a__X-Evil_1_.html"')
  })

  test('HEAD, ranges, and what the client has already', async () => {
    const get = await uploads('a.txt', '0123456789', 'text/plain')
    const head = await fetch(get, { method: 'HEAD' })
    expect([head.status, head.headers.get('content-length'), await head.text()]).toEqual([200, '10', ''])
    const part = async (range: string): Promise<unknown[]> => {
      const answer = await fetch(get, { headers: { Range: range } })
      return [answer.status, answer.headers.get('content-range'), await answer.text()]
    }
    expect(await part('bytes=2-4')).toEqual([206, 'bytes 2-4/10', '234'])
    expect(await part('bytes=8-')).toEqual([206, 'bytes 8-9/10', '89'])
    expect(await part('bytes=-3')).toEqual([206, 'bytes 7-9/10', '789'])
    expect(await part('bytes=0-99999')).toEqual([206, 'bytes 0-9/10', '0123456789'])
    expect(await part('bytes=0-1,4-5')).toEqual([200, null, '0123456789'])
    expect((await part('bytes=10-')).slice(0, 2)).toEqual([416, 'bytes */10'])
    expect((await part('bytes=-0')).slice(0, 2)).toEqual([416, 'bytes */10'])
    const etag = head.headers.get('etag') ?? ''
    expect((await fetch(get, { headers: { 'If-None-Match': etag } })).status).toBe(304)
  })

  test.each([
    '',
    'x',
    `${'A'.repeat(32)}/a.txt`,
    `${'A'.repeat(32)}/a/b`,
    '..%2f..%2fdmucd.sqlite',
    '%2e%2e/%2e%2e/dmucd.sqlite',
  ])('nothing is at %s', async (path) => {
    writeFileSync(join(directory, 'dmucd.sqlite'), 'secret')
    expect((await fetch(`http://127.0.0.1:${http.port}/upload/a.example/${path}`)).status).toBe(404)
  })

  test('preflights for web clients; other methods are refused', async () => {
    const get = await uploads('a.txt', 'hello')
    const preflight = await fetch(get, { method: 'OPTIONS' })
    expect(preflight.headers.get('access-control-allow-methods')).toBe('GET, HEAD, PUT, OPTIONS')
    expect((await fetch(get, { method: 'DELETE' })).status).toBe(405)
  })
})

describe('retention', () => {
  const files = (): string[] =>
    readdirSync(directory, { recursive: true, withFileTypes: true, encoding: 'utf8' })
      .filter((each) => each.isFile())
      .map(({ name }) => name)
  /** The sweep is hourly, on a clock that stands still between. */
  const swept = (): Promise<void> =>
    until(() => {
      stage.clock.advance(3_600_000)
      return files().length === 0
    })

  test('after a week a file is gone, first for readers, then from the disk', async () => {
    const get = await uploads('a.txt', 'hello')
    stage.clock.advance(7 * 86_400_000)
    expect((await fetch(get)).status).toBe(200)
    stage.clock.advance(1)
    expect((await fetch(get)).status).toBe(404)
    expect(files()).toHaveLength(2)
    await swept()
  })

  test('the files of a deleted account go, where files are kept for ever', async () => {
    await anew({ http_file_share_expires_after: 0 })
    await uploads('a.txt', 'hello')
    await stage.store.commit([{ type: 'account.delete', jid: 'alice@a.example' }])
    await swept()
  })
})
