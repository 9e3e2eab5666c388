import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { LoginLinks } from '../../../src/admin/login-links.js'
import { findConverse } from '../../../src/admin/web/converse.js'
import { webPage } from '../../../src/admin/web/page.js'
import { HttpServer } from '../../../src/net/http.js'
import { silentLogger } from '../../../src/util/logger.js'
import { SeededRandom } from '../../../src/util/random.js'

const admin = 'admin@localhost'
const settings = {
  domain: 'localhost',
  websocket: '/xmpp-websocket',
  bosh: '/http-bind',
  room: undefined,
  rooms: 'conference.localhost',
}

function fakeConverse(): string {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-converse-'))
  for (const folder of ['chunkjs/locales/dayjs', 'webfonts']) mkdirSync(join(directory, folder), { recursive: true })
  for (const file of [
    'converse.min.js',
    'converse.min.js.map',
    'converse.js',
    'libomemo.esm.min.js',
    'converse.min.css',
    'emoji.json',
    'chunkjs/locales/de-LC_MESSAGES-converse-po.js',
    'chunkjs/locales/de-LC_MESSAGES-converse-po.js.map',
    'chunkjs/locales/dayjs/de-js.js',
    'webfonts/muli.ttf',
  ])
    writeFileSync(join(directory, file), `content of ${file}`)
  return directory
}

let server: HttpServer | undefined
afterEach(() => server?.close(0))

async function serve(converse: string | undefined = fakeConverse()) {
  const links = new LoginLinks({
    accounts: [admin],
    random: new SeededRandom(1),
    now: () => 0,
    setPassword: async () => {},
  })
  server = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  server.route('/', webPage({ settings, links, converse }))
  return { base: `http://127.0.0.1:${server.port}`, links, port: server.port }
}

describe('the page', () => {
  test('forbids the browser every request to elsewhere', async () => {
    const { base, port } = await serve()
    const response = await fetch(`${base}/`)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    const policy = response.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'; script-src 'self';")
    expect(policy).toContain(`connect-src 'self' ws://127.0.0.1:${port} wss://127.0.0.1:${port};`)
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toMatch(/unsafe-eval|https?:|\*/)
    const text = await response.text()
    expect(text.match(/(src|href)="([^"]*)"/g)?.every((link) => /="\/[a-z]/.test(link))).toBe(true)
  })

  test.each([
    ['/page.js', 200],
    ['/page.css', 200],
    ['/converse/converse.min.js', 200],
    ['/converse/emoji.json', 200],
    ['/converse/webfonts/muli.ttf', 200],
    ['/converse/chunkjs/locales/de-LC_MESSAGES-converse-po.js', 200],
    ['/converse/chunkjs/locales/dayjs/de-js.js', 200],
    ['/converse/converse.js', 404],
    ['/converse/converse.min.js.map', 404],
    ['/converse/chunkjs/locales/de-LC_MESSAGES-converse-po.js.map', 404],
    ['/converse/libomemo.esm.min.js', 404],
    ['/converse/../package.json', 404],
    ['/..%2f..%2fpackage.json', 404],
    ['/converse', 404],
  ])('%s: %d', async (path, status) => {
    const { base } = await serve()
    expect((await fetch(base + path)).status).toBe(status)
  })

  test('is not sent again when the browser has it', async () => {
    const { base } = await serve()
    const etag = (await fetch(`${base}/page.js`)).headers.get('etag') ?? ''
    const again = await fetch(`${base}/page.js`, { headers: { 'If-None-Match': etag } })
    expect([again.status, await again.text()]).toEqual([304, ''])
  })

  test('is only read', async () => {
    const { base } = await serve()
    expect((await fetch(`${base}/`, { method: 'POST' })).status).toBe(405)
    const head = await fetch(`${base}/`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
  })

  test('gets its settings', async () => {
    const { base } = await serve()
    expect(await (await fetch(`${base}/page.json`)).json()).toEqual({
      domain: 'localhost',
      websocket: '/xmpp-websocket',
      bosh: '/http-bind',
      rooms: 'conference.localhost',
    })
  })

  test('every file that it names is in the installed Converse.js', async () => {
    const { base } = await serve(findConverse())
    const named = (await (await fetch(`${base}/`)).text()).match(/(?<=(src|href)=")[^"]*/g) ?? []
    expect(named).toContain('/converse/converse.min.css')
    for (const path of [...named, '/converse/converse.min.js', '/converse/emoji.json'])
      expect([path, (await fetch(base + path)).status]).toEqual([path, 200])
  })

  test('says how to install the client where it is missing', async () => {
    server = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
    server.route('/', webPage({ settings, links: undefined, converse: null }))
    const base = `http://127.0.0.1:${server.port}`
    expect(await (await fetch(`${base}/`)).text()).toContain('npm install converse.js@14')
    expect((await fetch(`${base}/login`, { method: 'POST' })).status).toBe(404)
  })
})

describe('POST /login', () => {
  /** With any Host header, which fetch does not allow. */
  const post = (
    port: number,
    headers: Record<string, string>,
    body: string,
  ): Promise<{ status: number; body: string }> =>
    new Promise((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port, path: '/login', method: 'POST', headers }, (response) => {
        let text = ''
        response.on('data', (chunk) => {
          text += String(chunk)
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, body: text }))
      })
      sent.on('error', reject)
      sent.end(body)
    })

  const good = (port: number): Record<string, string> => ({
    Host: `localhost:${port}`,
    Origin: `http://localhost:${port}`,
    'Content-Type': 'application/json',
  })

  test('gives the password for a secret, once, and nothing keeps it', async () => {
    const { links, port } = await serve()
    const body = JSON.stringify({ secret: await links.make(admin) })
    const first = await post(port, good(port), body)
    expect(first.status).toBe(200)
    expect(JSON.parse(first.body)).toEqual({ jid: admin, password: await links.password(admin) })
    expect((await post(port, good(port), body)).status).toBe(410)
  })

  test.each([
    ["a stranger's name that points here", (port: number) => ({ ...good(port), Host: `evil.example:${port}` })],
    ['another origin', (port: number) => ({ ...good(port), Origin: 'http://evil.example' })],
    ['no origin', (port: number) => ({ Host: `localhost:${port}`, 'Content-Type': 'application/json' })],
    ['a proxy', (port: number) => ({ ...good(port), 'X-Forwarded-For': '203.0.113.5' })],
    ['a form', (port: number) => ({ ...good(port), 'Content-Type': 'application/x-www-form-urlencoded' })],
  ])('refuses %s, and the link stays good', async (_, headers) => {
    const { links, port } = await serve()
    const body = JSON.stringify({ secret: await links.make(admin) })
    expect((await post(port, headers(port), body)).status).toBe(403)
    expect((await post(port, good(port), body)).status).toBe(200)
  })

  test.each([[''], ['null'], ['{"secret":5}'], ['{"secret":"guess"}'], ['x'.repeat(100_000)]])(
    'refuses nonsense',
    async (body) => {
      const { port } = await serve()
      expect((await post(port, good(port), body)).status).toBe(410)
    },
  )

  test('GET is refused', async () => {
    const { base } = await serve()
    expect((await fetch(`${base}/login`)).status).toBe(405)
  })
})
