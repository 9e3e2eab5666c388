/** This project's server, as it was built into dist/. */
import { copyFileSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { freePort, put, startProcess, temporaryDirectory } from './process.mjs'

const loopDelay = new URL('./loop-delay.mjs', import.meta.url).href
const heapLook = new URL('./heap-look.mjs', import.meta.url).href
const root = fileURLToPath(new URL('../..', import.meta.url))

const configuration = ({ directory, port, durability, domain, muc, more }) => `
data_path = "${directory}/data"
certificates = "${directory}/certs"
durability = "${durability}"
interfaces = ["127.0.0.1"]
c2s_ports = [${port}]
http_ports = []
log_level = "warn"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
${more}
[virtual_host."${domain}"]
[component."${muc}"]
type = "muc"
`

/** Alone, and with nobody to talk to. */
const alone = { domain: 'localhost', muc: 'conference.localhost', more: 's2s_ports = []' }

/** All with the password p, whose keys are derived once: straight into the store, before the server starts. */
async function makeAccounts(path, users, domain, durability) {
  const { openSqliteStore } = await import('../../dist/store/sqlite/store.js')
  const { deriveKeys } = await import('../../dist/sasl/scram-keys.js')
  const { silentLogger } = await import('../../dist/util/logger.js')
  const keys = await deriveKeys('p')
  const store = await openSqliteStore({ path, durability, log: silentLogger })
  const account = (user) => ({ jid: `u${user}@${domain}`, ...keys, createdAt: 0, disabled: false })
  await store.commit(Array.from({ length: users }, (_, user) => ({ type: 'account.put', account: account(user) })))
  await store.close()
}

/**
 * A directory of its own with configuration, certificate and accounts, and how it is started there. `place`: its domain, that of its rooms, and
 * more lines of its configuration.
 */
async function prepared({ certificate, key, users, place = alone }, durability) {
  const { domain } = place
  const directory = temporaryDirectory()
  const port = await freePort()
  const config = join(directory, 'dmucd.toml')
  put(config, configuration({ directory, port, durability, ...place }))
  mkdirSync(join(directory, 'certs'))
  copyFileSync(certificate, join(directory, `certs/${domain}.crt`))
  copyFileSync(key, join(directory, `certs/${domain}.key`))
  await makeAccounts(join(directory, 'data/dmucd.sqlite'), users, domain, durability)
  // Run as operators run it: the file itself knows how Node is to be started.
  return { command: join(root, 'bin/dmucd.js'), args: ['--config', config], directory, port }
}

const environment = (...nodeOptions) => ({
  PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
  NODE_OPTIONS: nodeOptions.join(' '),
})

const dmucd = (name, durability) => ({
  name,
  version: () => JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).version,
  async start({ nodeArgs = [], ...options }) {
    const ready = await prepared(options, durability)
    const loopFile = join(ready.directory, 'loop.json')
    const env = { ...environment('--import', loopDelay, ...nodeArgs), DMUCD_BENCH_LOOP: loopFile }
    const afterwards = () => JSON.parse(readFileSync(loopFile, 'utf8'))
    return { ...(await startProcess({ ...ready, env, afterwards })), watched: true }
  },
})

/** Looks at its own memory when it is asked to (heap-look.mjs), and writes what it sees to files that begin with `looks`. */
export const dmucdLookedAt = (looks, withSnapshots) => ({
  async start(options) {
    const env = { ...environment('--import', heapLook), DMUCD_BENCH_LOOKS: looks }
    if (withSnapshots) env.DMUCD_BENCH_SNAPSHOTS = '1'
    return startProcess({ ...(await prepared(options, 'full')), env })
  },
})

export const dmucdFull = dmucd('dmucd', 'full')
export const dmucdNormal = dmucd('dmucd-normal', 'normal')
