/** Prosody, where it is installed: modules and limits like dmucd's, archives of rooms in its own files, the faster collector. */

import { spawnSync } from 'node:child_process'
import { createHash, createHmac, pbkdf2Sync } from 'node:crypto'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, put, startProcess, temporaryDirectory } from './process.mjs'

const program = ['/usr/bin/prosody', '/usr/local/bin/prosody'].find(existsSync)

const configuration = ({ directory, port, certificate, key }) => `
run_as_root = true
daemonize = false
pidfile = "${directory}/prosody.pid"
data_path = "${directory}/data"
log = { { levels = { min = "warn" }, to = "file", filename = "${directory}/prosody.log" } }
modules_enabled = { "roster", "saslauth", "tls", "disco", "carbons", "ping", "time", "version", "vcard", "private", "mam" }
default_archive_policy = true
modules_disabled = { "s2s", "limits" }
interfaces = { "127.0.0.1" }
c2s_ports = { ${port} }
c2s_direct_tls_ports = {}
s2s_ports = {}
s2s_direct_tls_ports = {}
http_ports = {}
https_ports = {}
component_ports = {}
authentication = "internal_hashed"
allow_unencrypted_plain_auth = true
c2s_require_encryption = false
ssl = { certificate = "${certificate}"; key = "${key}" }
gc = { mode = "generational" }
network_settings = { tcp_backlog = 4096 }
VirtualHost "localhost"
Component "conference.localhost" "muc"
  modules_enabled = { "muc_mam" }
  muc_room_default_history_length = 20
  muc_log_by_default = true
  restrict_room_creation = false
`

const iterations = 10_000
const salt = 'c2FsdHNhbHRzYWx0'

/** Its accounts hold SCRAM keys too, derived once. */
function account() {
  const hash = (data) => createHash('sha1').update(data).digest()
  const hmac = (key, data) => createHmac('sha1', key).update(data).digest()
  const salted = pbkdf2Sync('p', salt, iterations, 20, 'sha1')
  const storedKey = hash(hmac(salted, 'Client Key')).toString('hex')
  const serverKey = hmac(salted, 'Server Key').toString('hex')
  return `return { ["stored_key"] = "${storedKey}"; ["server_key"] = "${serverKey}"; ["salt"] = "${salt}"; ["iteration_count"] = ${iterations}; };\n`
}

export const prosody = {
  name: 'prosody',
  isPeer: true,
  /** Undefined where it is not installed. (`prosody --version` would start a server.) */
  version() {
    if (program === undefined) return undefined
    const { stdout } = spawnSync('prosodyctl', ['about'], { encoding: 'utf8' })
    return /^Prosody (\S+)/m.exec(stdout ?? '')?.[1] ?? 'unknown'
  },
  async start({ certificate, key, users }) {
    const directory = temporaryDirectory()
    const port = await freePort()
    const config = join(directory, 'prosody.cfg.lua')
    put(config, configuration({ directory, port, certificate, key }))
    const data = account()
    for (let user = 0; user < users; user++) put(join(directory, `data/localhost/accounts/u${user}.dat`), data)
    const started = startProcess({ command: program, args: ['-F', '--config', config], directory, port })
    return started.catch((error) => {
      const log = join(directory, 'prosody.log')
      throw existsSync(log) ? new Error(readFileSync(log, 'utf8'), { cause: error }) : error
    })
  },
}
