/**
 * The load generator, a process of its own so that it can have a core of its own:
 *
 *     node bench/load/main.mjs fanout port=5222 pid=SERVERPID n=100 senders=10 messages=200 window=8
 *
 * Users are u0, u1, … with the password p. It prints one line of JSON; exit code 1 where a message was lost, doubled or
 * reordered.
 */
import { Void } from './clients.mjs'
import { scenarios } from './scenarios.mjs'
import { standing } from './standing.mjs'

const options = {
  host: '127.0.0.1',
  port: 5222,
  domain: 'localhost',
  muc: 'conference.localhost',
  room: 'r1',
  pid: 0,
  tls: false,
  scram: false,
  /** Clients, and how many log in at a time. */
  n: 100,
  batch: 50,
  senders: 10,
  /** Of each sender: measured, and before that. */
  messages: 200,
  warmUp: 10,
  /** Messages of one sender that are on the way at a time. */
  window: 8,
  /** Of all senders together. */
  atOnce: Number.POSITIVE_INFINITY,
  /** `fanout`: the room shows only its moderators to the others. */
  quiet: false,
  /** `rooms`: how many. */
  rooms: 100,
  /** `relay`: domains, ports and process ids, with commas between them. */
  servers: '',
  ports: '',
  pids: '',
  /** The server takes SIGUSR2 as the beginning of the measurement. */
  watched: false,
  /** `idle`: clients before the measurement, and how long the memory may settle. */
  base: 500,
  settleMs: 2000,
  /** `standing.mjs`: where the server writes what it sees when it looks at itself. */
  looks: '',
  /** Without any progress for so long, what is missing is lost. */
  stalledMs: 20_000,
}

const [name = '', ...settings] = process.argv.slice(2)
for (const setting of settings) {
  const [key, value] = setting.split('=')
  if (!Object.hasOwn(options, key)) throw new Error(`unknown setting ${key}`)
  if (typeof options[key] === 'number') options[key] = Number(value)
  else options[key] = typeof options[key] === 'boolean' ? value === 'true' || value === '1' : value
}
const all = { ...scenarios, ...standing }
const scenario = all[name]
if (scenario === undefined) throw new Error(`unknown scenario ${name}; there are ${Object.keys(all).join(', ')}`)

try {
  console.log(JSON.stringify(await scenario(options)))
  process.exit(0)
} catch (error) {
  console.error(error instanceof Void ? `void: ${error.message}` : error)
  process.exit(1)
}
