// stanza (stanzajs.org), driven by lines of JSON: any method of its client can be called, and any of its events waited for; what
// it makes of what we send is what is answered.
import { createInterface } from 'node:readline'
import { createClient } from 'stanza'

const put = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
// It writes what goes wrong to the console: the lines of JSON are ours.
console.log = console.error

let client
let mechanism
/** Events that nobody has waited for yet, in order. */
let seen = []
let waiting = []

/** What is not asked for may be anything. */
const fits = (whole, part) =>
  typeof part === 'object' && part !== null
    ? typeof whole === 'object' && whole !== null && Object.keys(part).every((key) => fits(whole[key], part[key]))
    : part === undefined || whole === part

function look() {
  waiting = waiting.filter(({ name, has, resolve }) => {
    const found = seen.findIndex((event) => event.name === name && fits(event.data, has))
    if (found === -1) return true
    resolve(seen[found].data ?? null)
    seen = seen.toSpliced(found, 1)
    return false
  })
}

const happens = (name, has) =>
  new Promise((resolve) => {
    waiting.push({ name, has, resolve })
    look()
  })

const orders = {
  async login({ transport, url, ...options }) {
    client = createClient({ ...options, transports: { [transport]: url }, autoReconnect: false, timeout: 60 })
    client.on('raw:outgoing', (text) => {
      mechanism ??= /<auth [^>]*mechanism="([^"]*)"/.exec(text)?.[1]
    })
    client.on('*', (name, data) => {
      if (name.startsWith('raw')) return
      seen.push({ name, data })
      look()
    })
    client.connect()
    const end = await Promise.race([happens('session:started'), happens('auth:failed')])
    if (!client.sessionStarted) throw new Error(`auth:failed ${end}`)
    return { jid: client.jid, mechanism }
  },
  call: async ({ method, args }) => (await client[method](...args)) ?? null,
  happens: ({ name, has }) => happens(name, has),
  /** How many events of this kind nobody has waited for. */
  left: async ({ name, has }) => seen.filter((event) => event.name === name && fits(event.data, has)).length,
  /** The connection is gone, and the stream was not closed. */
  async cut() {
    client.transport.disconnect(false)
    await happens('disconnected')
    return null
  },
  async connect() {
    client.connect()
    return null
  },
}

const input = createInterface({ input: process.stdin })
input.on('line', async (line) => {
  const { id, do: name, ...args } = JSON.parse(line)
  try {
    put({ id, value: await orders[name](args) })
  } catch (error) {
    put({ id, error: error instanceof Error ? String(error) : JSON.stringify(error) })
  }
})
input.on('close', () => process.exit(0))
