/**
 * A real Prosody on loopback, in the foreground, with its own directory, ports and certificate. It finds other servers by
 * a small plugin that answers in place of its DNS.
 */
import { spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Pair, selfSigned } from '../net/certificate-files.js'

export interface ProsodyOptions {
  readonly domain: string
  /** A component with Prosody's own rooms. */
  readonly mucDomain?: string
  /** A service of a process of its own that attaches itself (XEP-0114). */
  readonly external?: { readonly domain: string; readonly secret: string }
  /** Passwords by user name. */
  readonly users?: Readonly<Record<string, string>>
  /** Ports on 127.0.0.1 by domain; all others go the way of DNS. May be changed only before the start. */
  readonly routes: Readonly<Record<string, number>>
  /** Self-signed for both domains if left out; `null` for a server without TLS. */
  readonly certificate?: Pair | null
  /** More lines of the global section, in Lua. */
  readonly config?: string
  /** More modules. */
  readonly modules?: readonly string[]
  /** An authority that it trusts, in PEM. */
  readonly authority?: string
  /** Ports on 127.0.0.1 by domain at which TLS begins with the first byte (XEP-0368). */
  readonly directRoutes?: Readonly<Record<string, number>>
  /** Also listens for other servers with TLS from the first byte. */
  readonly directTls?: boolean
}

export interface Prosody {
  readonly domain: string
  readonly c2sPort: number
  readonly s2sPort: number
  /** With TLS from the first byte, where that was wanted. */
  readonly s2sDirectPort: number
  /** Where its external component connects to. */
  readonly componentPort: number
  /** The file of its certificate. */
  readonly certificate: string
  /** What it logged so far. */
  log(): string
  signal(signal: NodeJS.Signals): void
  /** Ends the process and waits for its end. Idempotent. */
  stop(): Promise<void>
}

type Ports = Readonly<Record<'c2sPort' | 's2sPort' | 'componentPort' | 's2sDirectPort', number>>

const plugin = `
module:set_global();
local service = require "net.resolvers.service";
local manual = require "net.resolvers.manual";
local routes = module:get_option("test_routes", {});
local direct = module:get_option("test_direct_routes", {});
local original = service.new;
function service.new(host, name, kind, extra, ...)
	if not routes[host] and not direct[host] then return original(host, name, kind, extra, ...); end
	local port = (name == "xmpp-server" and routes or direct)[host];
	if not port then return manual.new({}, kind, extra); end
	return manual.new({ { "tcp4", "127.0.0.1", port, extra } }, kind, extra);
end
`

/** Rejects with Prosody's log if it does not listen within 20 s. */
export async function startProsody(options: ProsodyOptions): Promise<Prosody> {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-prosody-'))
  const [c2sPort, s2sPort, componentPort, s2sDirectPort] = await freePorts()
  const names = [options.domain, options.mucDomain, options.external?.domain].filter((name) => name !== undefined)
  const certificate = options.certificate === undefined ? await selfSigned(names) : options.certificate
  put(
    join(directory, 'prosody.cfg.lua'),
    configuration(directory, options, certificate, { c2sPort, s2sPort, componentPort, s2sDirectPort }),
  )
  put(join(directory, 'plugins/mod_test_routes.lua'), plugin)
  if (certificate !== null) {
    put(join(directory, 'cert.pem'), certificate.cert)
    put(join(directory, 'key.pem'), certificate.key)
  }
  if (options.authority !== undefined) put(join(directory, 'authority.pem'), options.authority)
  for (const [user, password] of Object.entries(options.users ?? {}))
    put(
      join(directory, 'data', encodeStore(options.domain), 'accounts', `${encodeStore(user)}.dat`),
      `return { ["password"] = ${JSON.stringify(password)} };\n`,
    )
  const logFile = join(directory, 'prosody.log')
  put(logFile, '')
  const child = spawn('prosody', ['-F', '--config', join(directory, 'prosody.cfg.lua')], {
    cwd: directory,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  let over = false
  const ended = new Promise<void>((resolve) => {
    const end = (): void => {
      over = true
      resolve()
    }
    child.once('exit', end)
    child.once('error', end)
  })
  const log = (): string => output + readFileSync(logFile, 'utf8')
  const stop = async (): Promise<void> => {
    if (!over) child.kill('SIGTERM')
    const hard = setTimeout(() => child.kill('SIGKILL'), 5000)
    await ended
    clearTimeout(hard)
    rmSync(directory, { recursive: true, force: true })
  }
  const until = Date.now() + 60_000
  while (!((await listens(c2sPort)) && (await listens(s2sPort)))) {
    if (over || Date.now() > until) {
      const said = log()
      await stop()
      throw new Error(`Prosody did not start:\n${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  const { domain } = options
  const ports = { c2sPort, s2sPort, componentPort, s2sDirectPort }
  const signal = (which: NodeJS.Signals): void => void child.kill(which)
  return { domain, ...ports, certificate: join(directory, 'cert.pem'), log, signal, stop }
}

function configuration(
  directory: string,
  options: ProsodyOptions,
  certificate: Pair | null,
  { c2sPort, s2sPort, componentPort, s2sDirectPort }: Ports,
): string {
  const { mucDomain, external } = options
  const table = (routes: Readonly<Record<string, number>>): string =>
    Object.entries(routes)
      .map(([domain, port]) => `["${domain}"] = ${port};`)
      .join(' ')
  const cafile = options.authority === undefined ? '' : `; cafile = "${directory}/authority.pem"`
  const ssl =
    certificate === null ? '' : `ssl = { certificate = "${directory}/cert.pem"; key = "${directory}/key.pem"${cafile} }`
  const modules = [
    'roster',
    'saslauth',
    'dialback',
    'disco',
    'ping',
    'test_routes',
    ...(certificate ? ['tls'] : []),
    ...(options.modules ?? []),
  ]
  return `
run_as_root = true
daemonize = false
pidfile = "${directory}/prosody.pid"
data_path = "${directory}/data"
plugin_paths = { "${directory}/plugins" }
log = { { levels = { min = "debug" }, to = "file", filename = "${directory}/prosody.log" } }
modules_enabled = { ${modules.map((name) => `"${name}"`).join('; ')} }
interfaces = { "127.0.0.1" }
local_interfaces = { "127.0.0.1" }
c2s_ports = { ${c2sPort} }
s2s_ports = { ${s2sPort} }
c2s_direct_tls_ports = {}
legacy_ssl_ports = {}
s2s_direct_tls_ports = {${options.directTls === true ? s2sDirectPort : ''}}
http_ports = {}
https_ports = {}
component_ports = { ${external === undefined ? '' : componentPort} }
authentication = "internal_plain"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
s2s_require_encryption = ${certificate !== null}
s2s_secure_auth = false
${ssl}
test_routes = { ${table(options.routes)} }
test_direct_routes = { ${table(options.directRoutes ?? {})} }
${options.config ?? ''}
VirtualHost "${options.domain}"
${mucDomain === undefined ? '' : `Component "${mucDomain}" "muc"\n  restrict_room_creation = false`}
${external === undefined ? '' : `Component "${external.domain}"\n  component_secret = "${external.secret}"`}
`
}

function put(path: string, text: string): void {
  mkdirSync(join(path, '..'), { recursive: true })
  writeFileSync(path, text)
}

/** Prosody's way to make a file name of a domain or a user. */
const encodeStore = (text: string): string =>
  text.replace(/[^A-Za-z0-9]/g, (found) => `%${found.charCodeAt(0).toString(16)}`)

/** Four that were free a moment ago: Prosody cannot be asked which ones it took. */
export async function freePorts(): Promise<[number, number, number, number]> {
  const servers = [createServer(), createServer(), createServer(), createServer()]
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port))
        }),
    ),
  )
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))))
  return [ports[0]!, ports[1]!, ports[2]!, ports[3]!]
}

export function listens(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => resolve(false))
  })
}
