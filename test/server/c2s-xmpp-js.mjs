// A client that we did not write, in a process of its own so that it may trust a certificate (NODE_EXTRA_CA_CERTS).
// Logs in, sends itself a message, asks for a ping, and prints what it saw as JSON.
import { client, xml } from '@xmpp/client'
import { WebSocket } from 'ws'

// Node 20 has none of its own.
globalThis.WebSocket ??= WebSocket

const [service, domain, username, password, resource] = process.argv.slice(2)
const entity = client({ service, domain, username, password, resource, timeout: 45_000 })
const seen = { jid: '', bodies: [], ping: '', error: '' }

const finish = async () => {
  // COMPAT The end that it waits for may have been before.
  entity.timeout = 2_000
  await entity.stop().catch(() => {})
  process.stdout.write(`${JSON.stringify(seen)}\n`)
  process.exit(0)
}

entity.reconnect.stop()
entity.on('error', (error) => {
  seen.error ||= String(error)
})
entity.on('stanza', (stanza) => {
  if (stanza.is('message')) seen.bodies.push(stanza.getChildText('body'))
})
entity.on('online', async (address) => {
  seen.jid = address.toString()
  await entity.send(xml('message', { to: domain }, xml('body', {}, 'ü € 😀 <&>')))
  await entity.send(xml('message', { to: domain }, xml('body', {}, 'second')))
  const reply = await entity.iqCaller.request(xml('iq', { type: 'get' }, xml('ping', 'urn:xmpp:ping')), 45_000)
  seen.ping = reply.attrs.type
  await finish()
})
entity.start().catch(async (error) => {
  // COMPAT It waits for an event that may have been before: then it times out although it is online.
  if (entity.status === 'online') return
  seen.error ||= String(error)
  await finish()
})
setTimeout(finish, 50_000)
