// @xmpp/client, driven by lines: XML to send comes in; what it got goes out as JSON. Its certificate authority is the
// process's (NODE_EXTRA_CA_CERTS), as this client has no option for one.
import { createInterface } from 'node:readline'
import { client } from '@xmpp/client'
import parse from '@xmpp/xml/lib/parse.js'
import { WebSocket } from 'ws'

// Node 20 has none of its own.
globalThis.WebSocket ??= WebSocket

const [service, domain, username, password] = process.argv.slice(2)
const put = (value) => process.stdout.write(`${JSON.stringify(value)}\n`)
const entity = client({ service, domain, username, password, resource: 'xmppjs' })
entity.reconnect.stop()
// COMPAT @xmpp/client waits for events that may have been before: an end is not waited for as long as what has to come.
const [patienceMs, endsMs] = [60_000, 2_000]
const stop = () => {
  entity.timeout = endsMs
  return entity.stop()
}

let mechanism
entity.on('send', (element) => {
  if (element.is('auth') || element.is('authenticate')) mechanism = element.attrs.mechanism
})
entity.on('error', (error) => put({ error: String(error) }))
entity.on('stanza', (stanza) => put({ stanza: stanza.toString() }))
entity.on('online', (address) => {
  put({ jid: address.toString(), mechanism, secure: entity.isSecure() })
})

const input = createInterface({ input: process.stdin })
input.on('line', async (line) => {
  if (line !== 'again') return void entity.send(parse(line))
  await stop()
  start()
})
input.on('close', async () => {
  await stop().catch(() => {})
  process.exit(0)
})
let started = 0
const start = () => {
  const own = ++started
  entity.timeout = patienceMs
  // It is online where the event was before; and what an earlier start says is not about this one.
  entity.start().catch((error) => {
    if (entity.status !== 'online' && own === started) put({ error: String(error) })
  })
}
start()
