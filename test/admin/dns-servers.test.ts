/** `dns_servers`: a server asks the name servers that its operator points it at, and no others. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { askServer } from '../../src/admin/client.js'
import { parseConfig } from '../../src/config/load.js'
import { startServer } from '../../src/main.js'
import { modules } from '../../src/modules/index.js'
import { silentLogger } from '../../src/util/logger.js'
import { startDnsServer } from '../net/dns-server.js'
import { freePorts } from '../peers/prosody.js'

test('the name servers of the configuration are asked, and lead to the server of another domain', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-dns-'))
  // Nobody listens there: how far it got shows in what it says.
  const [port] = await freePorts()
  const dns = await startDnsServer({
    '_xmpp-server._tcp.b.example': [{ type: 'SRV', priority: 1, weight: 1, port, target: 'host.b.example' }],
    'host.b.example': [{ type: 'A', address: '127.0.0.1' }],
  })
  const text = `
interfaces = ["127.0.0.1"]
http_ports = []
c2s_ports = []
s2s_ports = [0]
s2s_allow_private_addresses = true
dns_servers = ["${dns.address}"]
[virtual_host."a.example"]
`
  const config = parseConfig(text, join(directory, 'dmucd.toml'), modules)
  const server = await startServer(config, { log: silentLogger })
  try {
    const reply = await askServer(join(directory, 'data/dmucd.sock'), {
      command: 's2s test',
      args: { domain: 'b.example' },
    })
    expect(reply).toMatchObject({ ok: true, data: { reached: false } })
    expect(JSON.stringify(reply)).toContain(`127.0.0.1:${port} (host.b.example)`)
    expect(dns.asked).toEqual(
      expect.arrayContaining([
        '_xmpps-server._tcp.b.example 33',
        '_xmpp-server._tcp.b.example 33',
        'host.b.example 1',
        'host.b.example 28',
      ]),
    )
  } finally {
    await server.close()
    await dns.close()
    rmSync(directory, { recursive: true, force: true })
  }
}, 60_000)
