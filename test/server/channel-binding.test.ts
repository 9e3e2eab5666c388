/** Logging in over real TLS: channel binding (XEP-0440, RFC 9266, RFC 5929) and certificates of clients (XEP-0178). */
import { createHash, createHmac, pbkdf2Sync, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { connect } from 'node:net'
import { type ConnectionOptions, connect as connectTls, createSecureContext, type TLSSocket } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { pinOf, tlsSettings } from '../../src/net/tls.js'
import { type ClientListener, startClientListener, type TcpClientOptions } from '../../src/server/c2s.js'
import { ClientCertificates } from '../../src/server/client-certificates.js'
import { type Clock, ManualClock, systemClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { systemRandom } from '../../src/util/random.js'
import { type Pair, selfSigned } from '../net/certificate-files.js'
import { type ClientAuthority, clientAuthority } from '../net/client-certificate.js'
import { until } from '../net/transport-contract.js'
import { clientHeader } from '../stream/record.js'
import { MemoryGateway } from './memory-gateway.js'

const saslNs = 'urn:ietf:params:xml:ns:xmpp-sasl'
const password = 'pencil'
let pair: Pair
let people: ClientAuthority
const gateway = new MemoryGateway()
const opened: { close(deadlineMs: number): Promise<void> }[] = []
const sockets: TLSSocket[] = []

beforeAll(async () => {
  pair = await selfSigned(['a.example'])
  people = await clientAuthority()
  await gateway.addAccount('juliet@a.example', password)
  await gateway.addAccount('romeo@a.example', password)
})

afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy()
})

afterAll(async () => {
  for (const listener of opened) await listener.close(1000)
})

async function listen(options: Partial<TcpClientOptions> = {}, clock: Clock = systemClock): Promise<ClientListener> {
  const context = createSecureContext({ ...pair, ...tlsSettings })
  const listener = await startClientListener(
    { host: '127.0.0.1', port: 0, requireEncryption: true, ...options },
    {
      gateway,
      certificates: { has: () => true, contextFor: () => context },
      clock,
      random: systemRandom,
      log: silentLogger,
      secret: Buffer.from('a secret of the server'),
      iterations: 4096,
    },
  )
  opened.push(listener)
  return listener
}

class Client {
  readonly socket: TLSSocket
  #text = ''

  constructor(socket: TLSSocket) {
    this.socket = socket
    sockets.push(socket)
    socket.on('data', (text) => {
      this.#text += String(text)
    })
    socket.on('error', () => {})
  }

  static async connect(port: number, way: 'direct' | 'starttls', options: ConnectionOptions = {}): Promise<Client> {
    const tls = { host: '127.0.0.1', servername: 'a.example', rejectUnauthorized: false, ...options }
    if (way === 'direct') {
      const socket = connectTls({ port, ...tls })
      await once(socket, 'secureConnect')
      return new Client(socket)
    }
    const plain = connect(port, '127.0.0.1')
    plain.write(`${clientHeader()}<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    let heard = ''
    while (!heard.includes('<proceed')) heard += String((await once(plain, 'data'))[0])
    const socket = connectTls({ ...tls, socket: plain })
    await once(socket, 'secureConnect')
    return new Client(socket)
  }

  async ask(text: string, end: RegExp): Promise<string> {
    this.socket.write(text)
    await until(() => end.test(this.#text))
    const read = this.#text
    this.#text = ''
    return read
  }

  features(): Promise<string> {
    return this.ask(clientHeader(), /<\/stream:features>/)
  }

  auth(mechanism: string, data: string): Promise<string> {
    const text = data === '' ? '=' : Buffer.from(data).toString('base64')
    return this.ask(`<auth xmlns='${saslNs}' mechanism='${mechanism}'>${text}</auth>`, /<(challenge|success|\/failure)/)
  }

  /** Runs SCRAM to its end; the answer to its last message. */
  async scram(mechanism: string, binding: string, data: Buffer): Promise<string> {
    const hash = mechanism.includes('512') ? 'sha512' : mechanism.includes('256') ? 'sha256' : 'sha1'
    const header = `p=${binding},,`
    const answer = await this.auth(mechanism, `${header}n=juliet,r=abc`)
    const challenge = Buffer.from(/<challenge[^>]*>([^<]*)/.exec(answer)?.[1] ?? '', 'base64').toString()
    const [, nonce = '', salt = '', iterations = ''] = /^r=([^,]*),s=([^,]*),i=(\d+)/.exec(challenge) ?? []
    if (nonce === '') return answer
    const mac = (key: Buffer, text: string): Buffer => createHmac(hash, key).update(text).digest()
    const length = { sha1: 20, sha256: 32, sha512: 64 }[hash]
    const salted = pbkdf2Sync(password, Buffer.from(salt, 'base64'), Number(iterations), length, hash)
    const key = mac(salted, 'Client Key')
    const withoutProof = `c=${Buffer.concat([Buffer.from(header), data]).toString('base64')},r=${nonce}`
    const signature = mac(createHash(hash).update(key).digest(), `n=juliet,r=abc,${challenge},${withoutProof}`)
    const proof = Buffer.from(key.map((byte, at) => byte ^ signature[at]!)).toString('base64')
    const text = Buffer.from(`${withoutProof},p=${proof}`).toString('base64')
    return this.ask(`<response xmlns='${saslNs}'>${text}</response>`, /<success|<\/failure/)
  }

  exporter(): Buffer {
    return this.socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
  }

  endPoint(): Buffer {
    return createHash('sha256').update(this.socket.getPeerCertificate().raw).digest()
  }
}

describe('channel binding', () => {
  let direct: ClientListener
  let upgraded: ClientListener

  beforeAll(async () => {
    direct = await listen({ directTls: true })
    upgraded = await listen()
  })

  const connection = (way: 'direct' | 'starttls', options: ConnectionOptions = {}): Promise<Client> =>
    Client.connect((way === 'direct' ? direct : upgraded).port, way, options)

  test.each(['direct', 'starttls'] as const)(
    'XEP-0440: both types over TLS 1.3 (%s), and PLUS before all else',
    async (way) => {
      const features = await (await connection(way)).features()
      expect(features).toContain(
        `<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-exporter'/>` +
          `<channel-binding type='tls-server-end-point'/></sasl-channel-binding>`,
      )
      expect(features).toContain(`<mechanisms xmlns='${saslNs}'><mechanism>SCRAM-SHA-512-PLUS</mechanism>`)
    },
  )

  test('before TLS 1.3 the end point alone: the exporter would not be safe', async () => {
    const client = await connection('direct', { maxVersion: 'TLSv1.2' })
    expect(await client.features()).toContain(
      `<sasl-channel-binding xmlns='urn:xmpp:sasl-cb:0'><channel-binding type='tls-server-end-point'/></sasl-channel-binding>`,
    )
    expect(await client.scram('SCRAM-SHA-256-PLUS', 'tls-exporter', client.exporter())).toContain('<not-authorized/>')
    expect(await client.scram('SCRAM-SHA-256-PLUS', 'tls-server-end-point', client.endPoint())).toContain('<success')
  })

  test.each([
    ['direct', 'SCRAM-SHA-512-PLUS'],
    ['starttls', 'SCRAM-SHA-256-PLUS'],
    ['starttls', 'SCRAM-SHA-1-PLUS'],
  ] as const)('%s: %s with tls-exporter, and with tls-server-end-point', async (way, mechanism) => {
    const first = await connection(way)
    await first.features()
    expect(await first.scram(mechanism, 'tls-exporter', first.exporter())).toContain('<success')
    const second = await connection(way)
    await second.features()
    expect(await second.scram(mechanism, 'tls-server-end-point', second.endPoint())).toContain('<success')
  })

  test('COMPAT slixmpp: tls-unique under TLS 1.3, though it is not announced, and not before', async () => {
    const client = await connection('starttls')
    await client.features()
    const finished = client.socket.getFinished()!
    expect(await client.scram('SCRAM-SHA-256-PLUS', 'tls-unique', finished)).toContain('<success')
    const other = await connection('starttls')
    await other.features()
    expect(await other.scram('SCRAM-SHA-256-PLUS', 'tls-unique', finished)).toContain('<not-authorized/>')
    const old = await connection('starttls', { maxVersion: 'TLSv1.2' })
    await old.features()
    expect(await old.scram('SCRAM-SHA-256-PLUS', 'tls-unique', old.socket.getFinished()!)).toContain(
      '<not-authorized/>',
    )
  })

  test('somebody in between: the data of another connection is not-authorized', async () => {
    const [victim, attacker] = [await connection('direct'), await connection('direct')]
    await attacker.features()
    expect(await attacker.scram('SCRAM-SHA-256-PLUS', 'tls-exporter', victim.exporter())).toContain('<not-authorized/>')
  })

  test('RFC 5802 §6: y while PLUS was offered is not-authorized', async () => {
    const client = await connection('direct')
    await client.features()
    expect(await client.auth('SCRAM-SHA-256', 'y,,n=juliet,r=abc')).toContain('<not-authorized/>')
    expect(await client.auth('SCRAM-SHA-256', 'n,,n=juliet,r=abc')).toContain('<challenge')
  })
})

describe('XEP-0178 §2: certificates of clients', () => {
  let port: number
  let pinned: Pair
  let stranger: ClientAuthority

  beforeAll(async () => {
    stranger = await clientAuthority()
    pinned = await stranger.sign([])
    const pins = new Map([['romeo@a.example', [pinOf(new X509Certificate(pinned.cert))]]])
    const certificates = new ClientCertificates({ authorities: [people.cert], pins }, () => Date.now())
    port = (await listen({ directTls: true, certificates })).port
  })

  async function connection(shown?: Pair): Promise<Client> {
    return Client.connect(port, 'direct', shown ?? {})
  }

  test('one JID: without an authorization identity, and with its own', async () => {
    const shown = await people.sign(['juliet@a.example'])
    for (const authzid of ['', 'juliet@a.example']) {
      const client = await connection(shown)
      expect(await client.features()).toContain(`<mechanisms xmlns='${saslNs}'><mechanism>EXTERNAL</mechanism>`)
      expect(await client.auth('EXTERNAL', authzid)).toContain('<success')
    }
    const other = await connection(shown)
    await other.features()
    expect(await other.auth('EXTERNAL', 'romeo@a.example')).toContain('<invalid-authzid/>')
  })

  test('several JIDs: the client has to say which, and may say no other', async () => {
    const client = await connection(await people.sign(['juliet@a.example', 'romeo@a.example', 'juliet@b.example']))
    await client.features()
    expect(await client.auth('EXTERNAL', '')).toContain('<invalid-authzid/>')
    expect(await client.auth('EXTERNAL', 'nurse@a.example')).toContain('<invalid-authzid/>')
    expect(await client.auth('EXTERNAL', 'romeo@a.example')).toContain('<success')
  })

  test('a pinned key needs no name and no authority', async () => {
    const client = await connection(pinned)
    expect(await client.features()).toContain('EXTERNAL')
    expect(await client.auth('EXTERNAL', '')).toContain('<success')
  })

  test.each<[string, () => Promise<Pair | undefined>]>([
    ['no certificate', () => Promise.resolve(undefined)],
    ['one of an authority of the same name that is not ours', () => stranger.sign(['juliet@a.example'])],
    ['one that has ended', () => people.sign(['juliet@a.example'], { days: -1 })],
    ['one for servers', () => people.sign(['juliet@a.example'], { usage: '06082b06010505070301' })],
    ['one of another domain', () => people.sign(['juliet@b.example'])],
    ['one with a full JID', () => people.sign(['juliet@a.example/balcony'])],
  ])('%s: not offered, and refused', async (_, make) => {
    const client = await connection(await make())
    expect(await client.features()).not.toContain('EXTERNAL')
    expect(await client.auth('EXTERNAL', 'juliet@a.example')).toContain('<invalid-mechanism/>')
  })

  test('one for clients, of an account that is not there', async () => {
    const client = await connection(await people.sign(['nobody@a.example'], { usage: '06082b06010505070302' }))
    expect(await client.features()).toContain('EXTERNAL')
    expect(await client.auth('EXTERNAL', '')).toContain('<not-authorized/>')
  })

  describe('RFC 6120 §13.7.2.3: one that ends while the stream is open', () => {
    /** Of a listener whose clock shows that juliet's certificate lasts ten seconds more. */
    async function shortly(authority = people, days = 1) {
      const clock = new ManualClock(Date.now() + Math.min(days, 1) * 86_400_000 - 20_000)
      const certificates = new ClientCertificates({ authorities: [authority.cert], pins: new Map() }, () => clock.now())
      const { port } = await listen({ directTls: true, certificates }, clock)
      const client = await Client.connect(port, 'direct', await people.sign(['juliet@a.example'], { days }))
      await client.features()
      return { clock, client, port }
    }
    const enable = `<enable xmlns='urn:xmpp:sm:3' resume='true'/>`
    const bind = `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>`

    test('is closed with reset where it was the proof; the session waits for a login by what is valid', async () => {
      const { clock, client, port } = await shortly()
      await client.auth('EXTERNAL', '')
      await client.features()
      await client.ask(bind, /<\/iq>/)
      const [, id = ''] = /id='([^']+)'/.exec(await client.ask(enable, /<enabled/)) ?? []
      clock.advance(5000)
      expect(await client.ask(`<r xmlns='urn:xmpp:sm:3'/>`, /<a /)).not.toContain('stream:error')
      clock.advance(30_000)
      expect(await client.ask('', /<\/stream:stream>/)).toContain('<reset ')
      const again = await Client.connect(port, 'direct')
      expect(await again.features()).not.toContain('EXTERNAL')
      expect(await again.auth('PLAIN', `\0juliet\0${password}`)).toContain('<success')
      await again.features()
      const resume = `<resume xmlns='urn:xmpp:sm:3' h='0' previd='${id}'/>`
      expect(await again.ask(resume, /<resumed|<failed/)).toContain('<resumed')
    })

    test('stays where a password was', async () => {
      const { clock, client } = await shortly()
      await client.auth('PLAIN', `\0juliet\0${password}`)
      await client.features()
      await client.ask(bind, /<\/iq>/)
      clock.advance(30_000)
      expect(await client.ask(bind, /<\/iq>/)).not.toContain('<reset ')
    })

    test('and its authority may end before it', async () => {
      const { clock, client } = await shortly(people, 30)
      await client.auth('EXTERNAL', '')
      await client.features()
      await client.ask(bind, /<\/iq>/)
      clock.advance(30_000)
      expect(await client.ask('', /<\/stream:stream>/)).toContain('<reset ')
    })
  })
})
