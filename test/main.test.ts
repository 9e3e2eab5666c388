import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { client, xml } from '@xmpp/client'
import { WebSocket } from 'ws'
import { askServer } from '../src/admin/client.js'
import type { Config } from '../src/config/config.js'
import { parseConfig } from '../src/config/load.js'
import { type RunningServer, type StartParts, startServer } from '../src/main.js'
import { modules } from '../src/modules/index.js'
import type { Logger } from '../src/util/logger.js'

// @xmpp/client takes the global one, which Node has from 22 on.
Object.assign(globalThis, { WebSocket })

const directories: string[] = []
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

let directory = ''
let running: RunningServer[] = []
let announced = ''
let logged: { level: string; message: string }[] = []

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucd-main-'))
  directories.push(directory)
  running = []
  announced = ''
  logged = []
})
afterEach(() => Promise.all(running.map((server) => server.close())))

const write = (level: string) => (_: unknown, message: string) => void logged.push({ level, message })
const log: Logger = {
  debug: write('debug'),
  info: write('info'),
  warn: write('warn'),
  error: write('error'),
  child: () => log,
}

const base = `data_path = "data"
certificates = "data/certs"
interfaces = ["127.0.0.1"]
http_interfaces = ["127.0.0.1"]
s2s_secure_auth = false
`
const hosts = `[virtual_host."localhost"]
[component."conference.localhost"]
type = "muc"
`
const firstStart = `[first_start]
accounts = ["admin@localhost", "guest@localhost"]
room = "lobby@conference.localhost"
room_name = "Lobby"
welcome = "Welcome!"
self_signed = true
login_links = true
`
const anyPorts = 'c2s_ports = [0]\ns2s_ports = [0]\nhttp_ports = [0]\n'
const tryOut = base + anyPorts + hosts + firstStart

const parse = (text: string): Config => parseConfig(text, join(directory, 'dmucd.toml'), modules)

async function start(text = tryOut, parts: Partial<StartParts> = {}): Promise<RunningServer> {
  const announce = (more: string): void => {
    announced += more
  }
  const server = await startServer(parse(text), { log, announce, ...parts })
  running.push(server)
  return server
}

const links = (): string[] => announced.match(/http:\/\/localhost:\d+\/#login=\S+/g) ?? []

async function exchange(link: string): Promise<{ jid: string; password: string }> {
  const { origin, hash } = new URL(link)
  const response = await fetch(`${origin.replace('localhost', '127.0.0.1')}/login`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', Origin: origin.replace('localhost', '127.0.0.1') },
    body: JSON.stringify({ secret: hash.slice('#login='.length) }),
  })
  expect(response.status).toBe(200)
  return (await response.json()) as { jid: string; password: string }
}

/** Logs in over WebSocket as the page does, and returns the lobby's subject. */
async function subjectOfLobby(port: number, jid: string, password: string): Promise<string> {
  const [username = ''] = jid.split('@')
  const service = `ws://127.0.0.1:${port}/xmpp-websocket`
  const xmpp = client({ service, domain: 'localhost', username, password })
  xmpp.timeout = 60_000
  xmpp.on('error', () => {})
  try {
    return await new Promise<string>((resolve, reject) => {
      xmpp.on('stanza', (stanza) => {
        const subject = stanza.getChildText('subject')
        if (stanza.is('message') && subject !== null) resolve(subject)
      })
      const room = `lobby@conference.localhost/${username}`
      xmpp.on('online', () => {
        xmpp.send(xml('presence', { to: room }, xml('x', { xmlns: 'http://jabber.org/protocol/muc' }))).catch(reject)
      })
      xmpp.start().catch(reject)
    })
  } finally {
    // COMPAT The end that it waits for may have been before.
    xmpp.timeout = 2_000
    await xmpp.stop()
  }
}

test('ways to the server that modules_disabled names are not there, and nobody is told of them', async () => {
  const server = await start(`modules_disabled = ["websocket", "bosh"]\n${tryOut}`)
  const get = (path: string) => fetch(`http://127.0.0.1:${server.ports.http[0]}${path}`)
  expect((await get('/http-bind')).status).toBe(404)
  expect((await get('/xmpp-websocket')).status).toBe(404)
  expect(await (await get('/.well-known/host-meta.json')).json()).toEqual({ links: [] })
  expect(Object.keys((await (await get('/page.json')).json()) as object)).not.toContain('websocket')
})

describe('the first start', () => {
  test('makes directory, certificate, accounts and room; a link logs in', async () => {
    const server = await start()
    expect(statSync(join(directory, 'data')).mode & 0o777).toBe(0o700)
    expect(statSync(join(directory, 'data', 'certs', 'localhost.key')).mode & 0o777).toBe(0o600)
    expect(announced).toContain(`http://localhost:${server.ports.http[0]}/\n`)
    expect(announced).toContain(`/connect guest@localhost server 127.0.0.1 port ${server.ports.c2s[0]} tls trust`)
    expect(links()).toHaveLength(2)
    const { jid, password } = await exchange(links()[1]!)
    expect(jid).toBe('guest@localhost')
    expect(announced).toContain(`the password is ${password}`)
    expect(await subjectOfLobby(server.ports.http[0]!, jid, password)).toBe('Welcome!')
  })

  test('is the first only once: later nothing is made, no password is shown, and the room is still there', async () => {
    const first = await start()
    const { jid, password } = await exchange(links()[0]!)
    await first.close()
    announced = ''
    const second = await start()
    expect(links()).toEqual([])
    expect(announced).toContain(`http://localhost:${second.ports.http[0]}/\n`)
    expect(announced).not.toContain('the password is')
    expect(announced).toContain('npm start -- --show-login')
    expect(await subjectOfLobby(second.ports.http[0]!, jid, password)).toBe('Welcome!')
  })

  test('--show-login makes new links, which log in', async () => {
    await (await start()).close()
    announced = ''
    const server = await start(tryOut, { showLogin: true })
    const { jid, password } = await exchange(links()[0]!)
    expect(await subjectOfLobby(server.ports.http[0]!, jid, password)).toBe('Welcome!')
    // Whoever knows the old one has to hear of it.
    expect(announced).toContain(`${jid} has a new password, ${password}; the one before is good no more.`)
  })
})

describe('starting', () => {
  test('a second server on the same data directory is refused in words, and the first goes on', async () => {
    const server = await start()
    await expect(start()).rejects.toThrow(/^the data directory .*data is in use by .*stop it first$/)
    expect((await fetch(`http://127.0.0.1:${server.ports.http[0]}/page.json`)).status).toBe(200)
    expect(await (await fetch(`http://127.0.0.1:${server.ports.http[0]}/metrics`)).text()).toContain('dmucd_info{')
  })

  test('a taken port: fails before the database is opened, and names port and option', async () => {
    const holder = createServer()
    await new Promise<void>((resolve) => void holder.listen(0, '127.0.0.1', () => resolve()))
    const { port } = holder.address() as AddressInfo
    const text = `${base}c2s_ports = [0]\ns2s_ports = [${port}]\nhttp_ports = [0]\n${hosts}`
    await expect(start(text)).rejects.toThrow(`port ${port} on 127.0.0.1 (s2s_ports) is taken by another program`)
    expect(existsSync(join(directory, 'data', 'dmucd.sqlite'))).toBe(false)
    const shifting = await start(`${text}[first_start]\nshift_ports = true\n`)
    expect((shifting.ports.s2s[0]! - port) % 1000).toBe(0)
    expect(logged).toContainEqual({
      level: 'warn',
      message: `A port was taken, so all ports are ${shifting.ports.s2s[0]! - port} higher than configured`,
    })
    await new Promise<void>((resolve) => void holder.close(() => resolve()))
  })

  test('says what it listens on, and that it is this machine only', async () => {
    const { ports } = await start()
    const ready = logged.find(({ message }) => message.startsWith('Ready: '))?.message
    expect(ready).toBe(
      `Ready: c2s 127.0.0.1:${ports.c2s[0]}, s2s 127.0.0.1:${ports.s2s[0]}, http 127.0.0.1:${ports.http[0]}; this machine only`,
    )
  })

  test('says so when it can be reached from outside', async () => {
    const { ports } = await start(tryOut.replace('interfaces = ["127.0.0.1"]', 'interfaces = ["*"]'))
    const ready = logged.find(({ message }) => message.startsWith('Ready: '))?.message
    expect(ready).toMatch(new RegExp(`; also reached from outside: c2s 0\\.0\\.0\\.0:${ports.c2s[0]}, s2s `))
  })

  test('what failed to start leaves nothing open: the directory can be used at once', async () => {
    const bad = parse(tryOut)
    const failing = { ...bad, hosts: [...bad.hosts, ...bad.hosts] }
    await expect(startServer(failing, { log })).rejects.toThrow()
    await start()
  })
})

describe('every example', () => {
  const folder = fileURLToPath(new URL('../examples/', import.meta.url))
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.toml'))

  test.each(files)('%s starts, and its login links work', async (file) => {
    const text = readFileSync(folder + file, 'utf8')
      .replace(/^(\w+_ports) = \[\d+\]/gm, '$1 = [0]')
      .replace(/^(data_path|certificates) = "(\.\.\/)+/gm, '$1 = "')
      .replace(/^data_path/m, 'interfaces = ["127.0.0.1"]\nhttp_interfaces = ["127.0.0.1"]\ndata_path')
    await start(text)
    expect(links().length).toBeGreaterThan(0)
    for (const link of links()) expect((await exchange(link)).password).not.toBe('')
  })
})

describe('a running server', () => {
  const ask = (command: string, args: Record<string, string> = {}) =>
    askServer(join(directory, 'data', 'dmucd.sock'), { command, args })

  test('obeys the operator: a new account can log in, a deleted one cannot', async () => {
    const { ports } = await start()
    const login = { jid: 'juliet@localhost', password: 'secret' }
    expect(await ask('adduser', login)).toMatchObject({ ok: true })
    expect(await subjectOfLobby(ports.http[0]!, login.jid, login.password)).toBe('Welcome!')
    expect(await ask('passwd', { ...login, password: 'other' })).toMatchObject({ ok: true })
    await expect(subjectOfLobby(ports.http[0]!, login.jid, login.password)).rejects.toMatchObject({
      condition: 'not-authorized',
    })
    expect(await ask('deluser', { jid: login.jid })).toMatchObject({ ok: true })
    await expect(subjectOfLobby(ports.http[0]!, login.jid, 'other')).rejects.toMatchObject({
      condition: 'not-authorized',
    })
  })

  test('tells its status', async () => {
    const { ports } = await start()
    expect(await ask('status')).toMatchObject({
      ok: true,
      data: { running: true, sessions: 0, listening: expect.arrayContaining([`c2s 127.0.0.1:${ports.c2s[0]}`]) },
    })
  })

  test('takes over what it can of a changed configuration, and says what waits for a restart', async () => {
    const server = await start()
    server.reload(parse(tryOut.replace('s2s_secure_auth = false', 's2s_secure_auth = true\nc2s_timeout = 5')))
    expect(logged).toContainEqual({
      level: 'warn',
      message: 'Changed, but in effect only after a restart: c2s_timeout',
    })
  })

  test('closes once, however often it is asked, and nobody answers then', async () => {
    const server = await start()
    await Promise.all([server.close(), server.close()])
    expect(await ask('status')).toBeUndefined()
    await expect(fetch(`http://127.0.0.1:${server.ports.http[0]}/`)).rejects.toThrow()
    expect(logged.filter(({ level }) => level === 'error')).toEqual([])
  })
})
