/** `dmucctl check config`: a configuration that is valid may still not be what its operator wants. */
import { accessSync, constants, statSync } from 'node:fs'
import { isLoopback } from '../../net/address.js'
import { type Finding, good, note, wrong } from './finding.js'
import type { CheckedConfig } from './subject.js'

/** `uid`: of the process that asks. */
export function checkConfig(config: CheckedConfig, uid: number | undefined): Finding[] {
  const { global, hosts, file } = config
  const found = [good(`${file} is valid: ${hosts.map(({ domain }) => domain).join(', ')}`)]
  if (global.interfaces.every(isLoopback))
    found.push(
      note('interfaces names this machine alone: nobody outside can connect', 'interfaces = ["::"] listens everywhere'),
    )
  if (global.s2s_ports.length === 0 && global.s2s_direct_tls_ports.length === 0)
    found.push(note('s2s_ports is empty: other servers cannot connect', 's2s_ports = [5269]'))
  if (!global.s2s_require_encryption)
    found.push(note('s2s_require_encryption is false: what goes to other servers can be read on the way'))
  if (!global.s2s_secure_auth)
    found.push(
      note(
        's2s_secure_auth is false: other servers are believed as far as DNS is',
        'set it to true and name the exceptions in s2s_insecure_domains',
      ),
    )
  if (global.s2s_allow_private_addresses)
    found.push(
      note(
        "s2s_allow_private_addresses is true: strangers' DNS can point this server at your own network",
        'name the servers in [s2s_routes] instead',
      ),
    )
  if (!hosts.some(({ type }) => type === 'muc'))
    found.push(note('there is no service of rooms', 'add [component."rooms.example.org"] with type = "muc"'))
  return [...found, ...checkDataPath(global.data_path, uid)]
}

function checkDataPath(path: string, uid: number | undefined): Finding[] {
  try {
    const { uid: owner } = statSync(path)
    accessSync(path, constants.W_OK)
    return uid === undefined || owner === uid
      ? [good(`${path} can be written`)]
      : [note(`${path} belongs to another user (${owner})`, 'run dmucctl as the user who runs the server')]
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    if (code === 'ENOENT') return [note(`${path} does not exist yet; the server makes it`)]
    return [wrong(`${path} cannot be written (${code})`, `chown it to the user who runs the server`)]
  }
}
