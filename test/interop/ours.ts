/** A whole dmucd within this process, on free ports, whose DNS is a table that the scenario may change. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askServer } from '../../src/admin/client.js'
import { parseConfig } from '../../src/config/load.js'
import { startServer } from '../../src/main.js'
import { modules } from '../../src/modules/index.js'
import type { SrvRecord } from '../../src/net/resolver.js'
import type { LinkInfo } from '../../src/server/s2s-links.js'
import { type Pair, put } from '../net/certificate-files.js'
import { type Logged, recordingLogger } from '../server/s2s-peer.js'

export interface OurOptions {
  readonly domain?: string
  /** Null for a server without TLS. */
  readonly certificate: Pair | null
  readonly secureAuth?: boolean
  readonly authority?: string
  readonly users?: Readonly<Record<string, string>>
  /** More lines above the first table. */
  readonly config?: string
}

export interface Ours {
  readonly domain: string
  readonly rooms: string
  readonly c2sPort: number
  readonly s2sPort: number
  readonly s2sDirectPort: number
  /** By domain: the ports of its server on this machine. */
  readonly dns: Map<string, { readonly port?: number; readonly direct?: number }>
  readonly log: readonly Logged[]
  links(remote: string): Promise<LinkInfo[]>
  /** With the same data at the same ports, but for that of direct TLS. */
  restart(): Promise<void>
  close(): Promise<void>
}

export async function startOurs(options: OurOptions): Promise<Ours> {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-interop-'))
  const domain = options.domain ?? 'a.example'
  const { certificate, authority } = options
  if (certificate !== null)
    put(directory, { [`certs/${domain}.crt`]: certificate.cert, [`certs/${domain}.key`]: certificate.key })
  if (authority !== undefined) writeFileSync(join(directory, 'authority.pem'), authority)
  const text = (c2sPort: number, s2sPort: number): string => `
interfaces = ["127.0.0.1"]
http_ports = []
c2s_ports = [${c2sPort}]
s2s_ports = [${s2sPort}]
s2s_direct_tls_ports = [${certificate === null ? '' : 0}]
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
s2s_require_encryption = ${certificate !== null}
s2s_secure_auth = ${options.secureAuth ?? false}
s2s_allow_private_addresses = true
s2s_timeout = 4
shutdown_timeout = 1
durability = "normal"
${authority === undefined ? '' : 's2s_ca_file = "authority.pem"'}
${options.config ?? ''}
[virtual_host."${domain}"]
[component."rooms.${domain}"]
type = "muc"
`
  const log: Logged[] = []
  const dns: Ours['dns'] = new Map()
  const records = (name: string): SrvRecord[] => {
    const [, kind, remote = ''] = /^_(xmpps?)-server\._tcp\.(.*)$/.exec(name) ?? []
    const port = kind === 'xmpps' ? dns.get(remote)?.direct : dns.get(remote)?.port
    return port === undefined ? [] : [{ name: 'host.test', port, priority: 1, weight: 1 }]
  }
  const start = (c2sPort = 0, s2sPort = 0) =>
    startServer(parseConfig(text(c2sPort, s2sPort), join(directory, 'dmucd.toml'), modules), {
      log: recordingLogger(log),
      dns: {
        srv: async (name) => records(name),
        addresses: async (name) => (name === 'host.test' ? ['127.0.0.1'] : []),
      },
    })
  let server = await start()
  const [c2sPort, s2sPort] = [server.ports.c2s[0]!, server.ports.s2s[0]!]
  const socket = join(directory, 'data/dmucd.sock')
  for (const [user, password] of Object.entries(options.users ?? {}))
    await askServer(socket, { command: 'adduser', args: { jid: `${user}@${domain}`, password } })
  return {
    domain,
    rooms: `rooms.${domain}`,
    c2sPort,
    s2sPort,
    s2sDirectPort: server.ports.s2sDirectTls[0] ?? 0,
    dns,
    log,
    async links(remote) {
      const reply = await askServer(socket, { command: 's2s list', args: {} })
      if (reply?.ok !== true) throw new Error('the admin socket does not answer')
      return (reply.data as LinkInfo[]).filter((link) => link.remote === remote)
    },
    async restart() {
      await server.close()
      server = await start(c2sPort, s2sPort)
    },
    async close() {
      await server.close()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
