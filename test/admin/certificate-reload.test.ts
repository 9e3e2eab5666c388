/** New certificates while the server runs: on SIGHUP, and when the files change. Open connections keep theirs and go on. */
import { X509Certificate } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { parseConfig } from '../../src/config/load.js'
import { type RunningServer, startServer } from '../../src/main.js'
import { modules } from '../../src/modules/index.js'
import { type Pair, put, selfSigned } from '../net/certificate-files.js'
import { type Logged, recordingLogger, until } from '../server/s2s-peer.js'

const directory = mkdtempSync(join(tmpdir(), 'dmucd-certificates-'))
const config = parseConfig(
  `interfaces = ["127.0.0.1"]
http_ports = []
c2s_ports = []
c2s_direct_tls_ports = [0]
s2s_ports = []
s2s_direct_tls_ports = [0]
s2s_secure_auth = false
shutdown_timeout = 1
[virtual_host."a.example"]
`,
  join(directory, 'dmucd.toml'),
  modules,
)
const log: Logged[] = []
let server: RunningServer
let pairs: readonly [Pair, Pair, Pair]
const sockets: TLSSocket[] = []

const write = ({ cert, key }: Pair): void => put(directory, { 'certs/a.example.crt': cert, 'certs/a.example.key': key })
const serialOf = ({ cert }: Pair): string => new X509Certificate(cert).serialNumber

beforeAll(async () => {
  pairs = [await selfSigned(['a.example']), await selfSigned(['a.example']), await selfSigned(['a.example'])]
  write(pairs[0])
  server = await startServer(config, { log: recordingLogger(log) })
})
afterAll(async () => {
  for (const socket of sockets) socket.destroy()
  await server.close()
  rmSync(directory, { recursive: true, force: true })
})

/** A connection, what it was shown, and what it is answered. */
async function dial(kind: 'c2sDirectTls' | 's2sDirectTls') {
  const server_ = kind === 's2sDirectTls'
  const protocols = [server_ ? 'xmpp-server' : 'xmpp-client']
  const socket = connect({
    ...{ port: server.ports[kind][0]!, host: '127.0.0.1', servername: 'a.example' },
    ...{ rejectUnauthorized: false, ALPNProtocols: protocols },
  })
  sockets.push(socket)
  let heard = ''
  socket.setEncoding('utf8').on('data', (chunk: string) => {
    heard += chunk
  })
  await new Promise((resolve, reject) => socket.once('secureConnect', resolve).once('error', reject))
  const serial = socket.getPeerCertificate().serialNumber
  return {
    serial,
    socket,
    async ask(text: string, answer: RegExp): Promise<void> {
      const from = heard.length
      socket.write(text)
      await until(() => answer.test(heard.slice(from)) || socket.destroyed, `${answer}`)
      expect(heard.slice(from)).toMatch(answer)
    },
  }
}

const header = (kind: string): string =>
  `<?xml version='1.0'?><stream:stream xmlns='jabber:${kind}' xmlns:db='jabber:server:dialback' xmlns:stream='http://etherx.jabber.org/streams' from='b.example' to='a.example' version='1.0'>`

async function streams() {
  const [client, peer] = [await dial('c2sDirectTls'), await dial('s2sDirectTls')]
  await client.ask(header('client').replace(" from='b.example'", ''), /<\/stream:features>/)
  await peer.ask(header('server'), /<\/stream:features>/)
  return {
    shown: [client.serial, peer.serial],
    /** Both streams still do what is asked of them. */
    async live(): Promise<void> {
      await client.ask(`<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='NONE'>=</auth>`, /<invalid-mechanism/)
      await peer.ask(`<db:verify from='b.example' to='a.example' id='x'>k</db:verify>`, /type='invalid'/)
      expect([client.socket.destroyed, peer.socket.destroyed]).toEqual([false, false])
    },
  }
}

const shownNow = async (): Promise<string[]> => (await streams()).shown

test('the files change: new connections are shown the new one a moment later, open ones go on', async () => {
  const open = await streams()
  expect(open.shown).toEqual([serialOf(pairs[0]), serialOf(pairs[0])])
  write(pairs[1])
  let shown = serialOf(pairs[0])
  const end = Date.now() + 20_000
  while (shown !== serialOf(pairs[1]) && Date.now() < end) {
    await new Promise((resolve) => setTimeout(resolve, 100))
    const { serial, socket } = await dial('c2sDirectTls')
    socket.destroy()
    shown = serial
  }
  expect(await shownNow()).toEqual([serialOf(pairs[1]), serialOf(pairs[1])])
  await open.live()
}, 60_000)

test('SIGHUP: the new one counts at once; files that cannot be used change nothing and are named', async () => {
  const open = await streams()
  write(pairs[2])
  server.reload(config)
  expect(await shownNow()).toEqual([serialOf(pairs[2]), serialOf(pairs[2])])
  put(directory, { 'certs/a.example.crt': 'no certificate' })
  server.reload(config)
  expect(await shownNow()).toEqual([serialOf(pairs[2]), serialOf(pairs[2])])
  expect(log.map(({ message }) => message).join('\n')).toContain('a.example.crt')
  await open.live()
}, 60_000)
