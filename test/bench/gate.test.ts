/** What the benchmark measures counts only where every message came exactly once and in order: the load generator says so. */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { put, selfSigned } from '../net/certificate-files.js'

/** What happens on the way to message 5 of user 0. */
type Fate = 'arrives' | 'lost' | 'doubled' | 'late'

const directory = mkdtempSync(join(tmpdir(), 'dmucd-gate-'))
let floor: ChildProcess
let floorPort = 0

beforeAll(async () => {
  const { cert, key } = await selfSigned(['localhost'])
  put(directory, { 'localhost.crt': cert, 'localhost.key': key })
  floorPort = await listening(createServer()).then(({ server, port }) => {
    server.close()
    return port
  })
  const files = ['localhost.crt', 'localhost.key'].map((name) => join(directory, name))
  floor = spawn(process.execPath, ['bench/servers/floor-server.mjs', String(floorPort), ...files], { stdio: 'inherit' })
  while (!(await answers(floorPort))) await new Promise((resolve) => setTimeout(resolve, 20))
})

afterAll(async () => {
  const ended = new Promise((resolve) => floor.once('exit', resolve))
  floor.kill()
  await ended
  rmSync(directory, { recursive: true })
})

describe.each(['chat', 'fanout'])('%s', (scenario) => {
  test('counts where everything arrives', async () => {
    const { code, output } = await load(scenario, 'arrives')
    expect(JSON.parse(output)).toMatchObject({ units: scenario === 'chat' ? 40 : 80 })
    expect(code).toBe(0)
  })

  test.each([
    ['lost', /^void: nothing more came|^void: recipient 1 got message 6 of sender 0 too early, after 4/],
    ['doubled', /^void: recipient 1 got message 5 of sender 0 again or late, after 5/],
    ['late', /^void: recipient 1 got message 6 of sender 0 too early, after 4/],
  ] as const)('is void where a message is %s', async (fate, said) => {
    const { code, output } = await load(scenario, fate)
    expect(output).toMatch(said)
    expect(code).toBe(1)
  })
})

/** The load generator on the floor, with a meddler between. */
async function load(scenario: string, fate: Fate): Promise<{ code: number | null; output: string }> {
  const { server, port } = await listening(createServer((client) => meddle(client, fate)))
  const settings = { port, pid: floor.pid, n: 2, senders: 2, messages: 20, warmUp: 0, window: 8, stalledMs: 300 }
  const pairs = Object.entries(settings).map(([key, value]) => `${key}=${value}`)
  const child = spawn(process.execPath, ['bench/load/main.mjs', scenario, ...pairs])
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  server.close()
  return { code, output }
}

function meddle(client: Socket, fate: Fate): void {
  const upstream = connect(floorPort, '127.0.0.1')
  const end = (): void => {
    client.destroy()
    upstream.destroy()
  }
  for (const socket of [client, upstream]) socket.on('error', end).on('close', end)
  client.pipe(upstream)
  let isFirst = true
  let text = ''
  let held = ''
  upstream.on('data', (chunk: Buffer) => {
    text += chunk
    if (text.includes('u0@localhost/r</jid>')) isFirst = true
    else if (text.includes('</jid>')) isFirst = false
    const parts = text.split(/(?<=<\/message>)/)
    text = parts.at(-1)?.includes('<message') && !parts.at(-1)?.endsWith('</message>') ? parts.pop()! : ''
    for (const part of parts) {
      const meant = !isFirst && part.includes('~0.5;')
      if (meant && fate === 'late') held = part
      else if (!meant || fate !== 'lost') client.write(meant && fate === 'doubled' ? part + part : part)
      if (!meant && held !== '') {
        client.write(held)
        held = ''
      }
    }
  })
}

function listening(server: Server): Promise<{ server: Server; port: number }> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve({ server, port: (server.address() as AddressInfo).port }))
  })
}

function answers(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
