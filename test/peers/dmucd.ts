/**
 * A dmucd of its own process on loopback, as an operator runs it, with its own directory, on ports that the system chose.
 * It needs the build in dist/, which `npm run test:peers` makes.
 */
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { askServer } from '../../src/admin/client.js'
import { until } from './until.js'

export interface DmucdOptions {
  /** The virtual host; its rooms are at `rooms.DOMAIN`. */
  readonly domain: string
  /** Ports on 127.0.0.1 by domain, in place of DNS. */
  readonly routes?: Readonly<Record<string, number>>
  /** Room services that may share rooms with this one. */
  readonly allow?: readonly string[]
  /** More lines of `[dmuc]`. */
  readonly dmuc?: string
  /** Passwords by user name. */
  readonly users?: Readonly<Record<string, string>>
}

export interface Dmucd {
  readonly domain: string
  readonly rooms: string
  readonly c2sPort: number
  readonly s2sPort: number
  readonly httpPort: number
  /** The file of its self-signed certificate. */
  readonly certificate: string
  /** Takes over new routes while it runs (SIGHUP). */
  reroute(routes: Readonly<Record<string, number>>): Promise<void>
  log(): string
  /** SIGTERM, and waits for the end. Idempotent. */
  stop(): Promise<void>
}

const launcher = fileURLToPath(new URL('../../bin/dmucd.js', import.meta.url))

/** Rejects with what it logged if it is not ready within 30 s. */
export async function startDmucd(options: DmucdOptions): Promise<Dmucd> {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-peer-'))
  const file = join(directory, 'dmucd.toml')
  writeFileSync(file, configuration(options))
  const child = spawn(process.execPath, [launcher, '--config', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  let log = ''
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => {
    log += chunk
  })
  let over = false
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => {
      over = true
      resolve()
    })
  })
  const stop = async (): Promise<void> => {
    if (!over) child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 15_000)
    await ended
    clearTimeout(hard)
    rmSync(directory, { recursive: true, force: true })
  }
  const said = (text: string): boolean => {
    if (over) throw new Error(`dmucd ended:\n${log}`)
    return log.includes(text)
  }
  try {
    await until(
      () => said('"msg":"Ready: '),
      () => `dmucd to be ready; it logged:\n${log}`,
    )
    for (const [user, password] of Object.entries(options.users ?? {})) {
      const args = { jid: `${user}@${options.domain}`, password }
      const reply = await askServer(join(directory, 'data/dmucd.sock'), { command: 'adduser', args })
      if (reply?.ok !== true) throw new Error(`No account for ${user}: ${JSON.stringify(reply)}`)
    }
  } catch (error) {
    await stop()
    throw error
  }
  const port = (name: string): number => Number(new RegExp(`[ "]${name} 127\\.0\\.0\\.1:(\\d+)`).exec(log)?.[1])
  return {
    domain: options.domain,
    rooms: `rooms.${options.domain}`,
    c2sPort: port('c2s'),
    s2sPort: port('s2s'),
    httpPort: port('http'),
    certificate: join(directory, 'data/certs', `${options.domain}.crt`),
    reroute: async (routes) => {
      writeFileSync(file, configuration({ ...options, routes }))
      const before = log.length
      child.kill('SIGHUP')
      await until(
        () => log.indexOf('Took the configuration over', before) !== -1,
        () => `the new routes:\n${log}`,
      )
    },
    log: () => log,
    stop,
  }
}

function configuration({ domain, routes = {}, allow = [], dmuc = '' }: DmucdOptions): string {
  return `
data_path = "data"
certificates = "data/certs"
interfaces = ["127.0.0.1"]
http_interfaces = ["127.0.0.1"]
c2s_ports = [0]
s2s_ports = [0]
http_ports = [0]
s2s_secure_auth = false
log_level = "debug"
[virtual_host."${domain}"]
[component."rooms.${domain}"]
type = "muc"
[s2s_routes]
${Object.entries(routes)
  .map(([name, port]) => `"${name}" = "127.0.0.1:${port}"`)
  .join('\n')}
[dmuc]
allow = ${JSON.stringify(allow)}
${dmuc}
[first_start]
self_signed = true
`
}

/** Two of them that find each other and may share rooms. */
export async function startDmucdPair(first: DmucdOptions, second: DmucdOptions): Promise<readonly [Dmucd, Dmucd]> {
  const a = await startDmucd({ ...first, allow: [`rooms.${second.domain}`] })
  try {
    const b = await startDmucd({ ...second, allow: [a.rooms], routes: { [a.domain]: a.s2sPort, [a.rooms]: a.s2sPort } })
    await a.reroute({ [b.domain]: b.s2sPort, [b.rooms]: b.s2sPort })
    return [a, b]
  } catch (error) {
    await a.stop()
    throw error
  }
}
