/**
 * A real ejabberd on loopback, in the foreground, with its own directory, ports and certificate. It finds other servers
 * through a name server of ours (`ERL_INETRC`), and needs no node name, so it meets no other Erlang.
 */
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Pair, selfSigned } from '../net/certificate-files.js'
import { type Answer, startDnsServer } from '../net/dns-server.js'
import { freePorts, listens, type ProsodyOptions } from './prosody.js'

/** As for Prosody, with what is Prosody's own left out. */
export type EjabberdOptions = Omit<ProsodyOptions, 'config' | 'modules' | 'external'> & {
  /** Refuse servers without a valid certificate: dialback is not loaded then. */
  readonly secureAuth?: boolean
}

export interface Ejabberd {
  readonly c2sPort: number
  readonly s2sPort: number
  readonly s2sDirectPort: number
  log(): string
  signal(signal: NodeJS.Signals): void
  stop(): Promise<void>
}

const libraries = '/usr/lib/x86_64-linux-gnu'

/** Rejects with its log if it does not listen within 40 s. */
export async function startEjabberd(options: EjabberdOptions): Promise<Ejabberd> {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-ejabberd-'))
  const [c2sPort, s2sPort, s2sDirectPort] = await freePorts()
  const names = [options.domain, ...(options.mucDomain === undefined ? [] : [options.mucDomain])]
  const certificate = options.certificate === undefined ? await selfSigned(names) : options.certificate
  const dns = await startDnsServer(zoneOf(options))
  const [address = '', port] = dns.address.split(':')
  const ports = { c2sPort, s2sPort, s2sDirectPort }
  const put = (name: string, text: string): void => writeFileSync(join(directory, name), text)
  put('ejabberd.yml', configuration(directory, options, certificate, ports))
  put('inetrc', `{resolv_conf, ""}.\n{lookup, [dns]}.\n{nameserver, {${address.replaceAll('.', ',')}}, ${port}}.\n`)
  if (certificate !== null) put('certificate.pem', `${certificate.cert}\n${certificate.key}`)
  if (options.authority !== undefined) put('authority.pem', options.authority)
  mkdirSync(join(directory, 'mnesia'))
  const child = spawn(
    'erl',
    [
      ...['-noinput', '+sbwt', 'none', '+sbwtdcpu', 'none', '+sbwtdio', 'none'],
      ...['-mnesia', 'dir', `"${directory}/mnesia"`, '-s', 'ejabberd', '-eval', makeAccounts(options, directory)],
    ],
    {
      cwd: directory,
      env: {
        ...process.env,
        EJABBERD_CONFIG_PATH: join(directory, 'ejabberd.yml'),
        EJABBERD_LOG_PATH: join(directory, 'ejabberd.log'),
        ERL_INETRC: join(directory, 'inetrc'),
        ERL_LIBS: libraries,
        ERL_CRASH_DUMP_BYTES: '0',
        HOME: directory,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  )
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
  const logFile = join(directory, 'ejabberd.log')
  const log = (): string => output + (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '')
  const stop = async (): Promise<void> => {
    child.kill('SIGKILL')
    if (!over) await ended
    await dns.close().catch(() => {})
    rmSync(directory, { recursive: true, force: true })
  }
  const until = Date.now() + 120_000
  while (!(existsSync(join(directory, 'ready')) && (await listens(c2sPort)) && (await listens(s2sPort)))) {
    if (over || Date.now() > until) {
      const said = log()
      await stop()
      throw new Error(`ejabberd did not start:\n${said}`)
    }
    await new Promise((resolve) => setTimeout(resolve, 30))
  }
  return { ...ports, log, signal: (which) => void child.kill(which), stop }
}

/** SRV records for each domain. Their target is looked up by the system, not by this name server. */
function zoneOf({ routes, directRoutes = {} }: EjabberdOptions): Record<string, readonly Answer[]> {
  const zone: Record<string, readonly Answer[]> = {}
  const srv = (port: number): Answer => ({ type: 'SRV', priority: 1, weight: 1, port, target: 'localhost' })
  for (const [domain, port] of Object.entries(routes)) zone[`_xmpp-server._tcp.${domain}`] = [srv(port)]
  for (const [domain, port] of Object.entries(directRoutes)) zone[`_xmpps-server._tcp.${domain}`] = [srv(port)]
  return zone
}

function configuration(
  directory: string,
  { domain, mucDomain, authority, directTls = false, secureAuth = false }: EjabberdOptions,
  certificate: Pair | null,
  { c2sPort, s2sPort, s2sDirectPort }: Pick<Ejabberd, 'c2sPort' | 's2sPort' | 's2sDirectPort'>,
): string {
  const listener = (port: number, module: string, more = ''): string =>
    `  - { port: ${port}, ip: "127.0.0.1", module: ${module}${more} }`
  return `
loglevel: debug
hosts: ["${domain}"]
${certificate === null ? '' : `certfiles: ["${directory}/certificate.pem"]`}
${authority === undefined ? '' : `ca_file: "${directory}/authority.pem"`}
listen:
${listener(c2sPort, 'ejabberd_c2s')}
${listener(s2sPort, 'ejabberd_s2s_in')}
${directTls ? listener(s2sDirectPort, 'ejabberd_s2s_in', ', tls: true') : ''}
s2s_use_starttls: ${certificate === null ? 'false' : 'required'}
s2s_timeout: 5
s2s_max_retry_delay: 1
outgoing_s2s_families: [ipv4]
auth_method: [internal]
auth_password_format: plain
modules:
  mod_disco: {}
  mod_roster: {}
  mod_ping: {}
  mod_vcard: {}
  mod_caps: {}
  mod_pubsub: { plugins: [flat, pep] }
${secureAuth ? '' : '  mod_s2s_dialback: {}'}
${mucDomain === undefined ? '' : `  mod_muc: { host: "${mucDomain}", history_size: 20 }`}
`
}

const makeAccounts = ({ domain, users = {} }: EjabberdOptions, directory: string): string => `
spawn(fun() ->
  Wait = fun F() -> case lists:keymember(ejabberd, 1, application:which_applications()) of true -> ok; _ -> timer:sleep(20), F() end end,
  Wait(),
  ${Object.entries(users)
    .map(([user, password]) => `ok = ejabberd_auth:try_register(<<"${user}">>, <<"${domain}">>, <<"${password}">>),`)
    .join('\n  ')}
  file:write_file("${directory}/ready", "")
end).`
