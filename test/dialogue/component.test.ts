/** XEP-0114: a program of its own connects by a secret and is a domain of ours from then on. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import { type ComponentListener, startComponentListener } from '../../src/server/component-listener.js'
import { handshakeOf } from '../../src/stream/component-stream.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import { until } from '../net/transport-contract.js'
import { type Client, Stage } from './stage.js'

const secret = 'eye of newt'
let stage: Stage
let listener: ComponentListener
let alice: Client
let refused: string[]
const programs: Program[] = []

/** The other end: writes and reads as a component does. */
class Program {
  readonly #socket: Socket
  heard = ''
  ended = false

  private constructor(socket: Socket) {
    this.#socket = socket
    socket.setEncoding('utf8').on('data', (text: string) => {
      this.heard += text
    })
    socket.on('close', () => {
      this.ended = true
    })
    socket.on('error', () => {})
    programs.push(this)
  }

  /** Connected, with this header. */
  static async opens(to: string): Promise<Program> {
    const socket = connect(listener.port, '127.0.0.1')
    await once(socket, 'connect')
    const program = new Program(socket)
    program.sends(
      `<stream:stream xmlns='jabber:component:accept' xmlns:stream='http://etherx.jabber.org/streams' to='${to}'>`,
    )
    return program
  }

  /** Connected, and the secret proved. */
  static async joins(to = 'gate.a.example', known = secret): Promise<Program> {
    const program = await Program.opens(to)
    const [, id = ''] = await program.hears(/ id='([^']+)'/)
    program.sends(`<handshake>${handshakeOf(id, known)}</handshake>`)
    return program
  }

  sends(text: string): void {
    this.#socket.write(text)
  }

  async hears(pattern: RegExp): Promise<RegExpExecArray> {
    let found: RegExpExecArray | null = null
    await until(() => {
      found = pattern.exec(this.heard)
      return found !== null
    }).catch(() => {
      throw new Error(`no ${pattern} in ${this.heard}`)
    })
    this.heard = this.heard.slice(found!.index + found![0].length)
    return found!
  }

  async isEnded(): Promise<void> {
    await until(() => this.ended)
  }

  stalls(): void {
    this.#socket.pause()
  }

  leaves(): void {
    this.#socket.destroy()
  }
}

async function opens(resolve: 'kick_new' | 'kick_old' = 'kick_new'): Promise<void> {
  const of = (type: 'user' | 'external') => modules.filter(({ hosts }) => hosts.includes(type))
  const options = { component: { component_secret: secret, component_conflict_resolve: resolve } }
  stage = await Stage.open({
    hosts: [
      { domain: 'a.example', type: 'user', modules: of('user') },
      { domain: 'gate.a.example', type: 'external', name: 'A gate', modules: of('external'), options },
    ],
  })
  refused = []
  listener = await startComponentListener(
    { host: '127.0.0.1', port: 0, hardBacklog: 1024 * 1024 },
    {
      ...{ gateway: stage.server.components, clock: stage.clock, random: new SeededRandom(3), log: silentLogger },
      refused: (reason) => refused.push(reason),
    },
  )
  alice = stage.client('alice')
}

beforeEach(() => opens())
afterEach(async () => {
  for (const program of programs.splice(0)) program.leaves()
  await listener.close(1000)
  await stage.close()
})

describe('XEP-0114 §3 the handshake', () => {
  test('our header has the domain and an id, no version; the secret is proved by a hash', async () => {
    const program = await Program.opens('gate.a.example')
    const [header, id = ''] = await program.hears(/<stream:stream [^>]* id='([^']+)'>/)
    expect(header).toMatch(/xmlns='jabber:component:accept'.* from='gate\.a\.example'/)
    expect(header).not.toContain('version')
    program.sends(`<handshake>${handshakeOf(id, secret).toUpperCase()}</handshake>`)
    await program.hears(/^<handshake\/>$/)
  })

  test('the example of §3: SHA-1 of the id and the secret, in hexadecimal', () => {
    expect(handshakeOf('3BF96D32', 'test')).toBe('aaee83c26aeeafcbabeabfcbcd50df997e0a2a1e')
  })

  test('another secret is refused with not-authorized', async () => {
    const program = await Program.joins('gate.a.example', 'toe of frog')
    await program.hears(/<stream:error><not-authorized/)
    await program.isEnded()
    expect(refused).toEqual(['not-authorized'])
  })

  test.each(['b.example', 'a.example', 'a gate'])('%s is no component: host-unknown', async (domain) => {
    const program = await Program.opens(domain)
    await program.hears(/<stream:error><host-unknown/)
    await program.isEnded()
  })

  test('a stanza before the handshake', async () => {
    const program = await Program.opens('gate.a.example')
    program.sends(`<message from='gate.a.example' to='alice@a.example'><body>hail</body></message>`)
    await program.hears(/<stream:error><not-authorized/)
    await program.isEnded()
    await alice.receivesNothing()
  })

  test('a second connection is refused with conflict, and the first goes on', async () => {
    const first = await Program.joins()
    await first.hears(/<handshake\/>/)
    const second = await Program.joins()
    await second.hears(/<stream:error><conflict/)
    await second.isEnded()
    await alice.sends(`<message to='gate.a.example' id='m'><body>still there?</body></message>`)
    await first.hears(/still there\?/)
  })
})

test('component_conflict_resolve = "kick_old": the new connection takes the place', async () => {
  await listener.close()
  await stage.close()
  await opens('kick_old')
  const first = await Program.joins()
  await first.hears(/<handshake\/>/)
  const second = await Program.joins()
  await second.hears(/<handshake\/>/)
  await first.hears(/<stream:error><conflict/)
  await first.isEnded()
  await alice.sends(`<message to='gate.a.example'><body>who is it?</body></message>`)
  await second.hears(/who is it\?/)
})

describe('XEP-0114 §4 stanzas', () => {
  let program: Program
  beforeEach(async () => {
    program = await Program.joins()
    await program.hears(/<handshake\/>/)
  })

  test('to any address of its domain, and from there to users and other servers', async () => {
    await alice.sends(`<iq type='get' id='i' to='hecate@gate.a.example/x'><ping xmlns='urn:xmpp:ping'/></iq>`)
    await program.hears(/<iq [^>]*to='hecate@gate\.a\.example\/x'[^>]*><ping xmlns='urn:xmpp:ping'\/><\/iq>/)
    program.sends(`<iq type='result' id='i' from='hecate@gate.a.example/x' to='${alice.jid}'/>`)
    await alice.receives(`<iq type='result' id='i' from='hecate@gate.a.example/x' to='${alice.jid}'/>`)
    program.sends(`<message from='gate.a.example' to='eve@b.example' id='m'><body>hail</body></message>`)
    await stage
      .peer('b.example')
      .receives(`<message from='gate.a.example' to='eve@b.example' id='m'><body>hail</body></message>`)
  })

  test('what it says wrongly to nobody comes back to it', async () => {
    program.sends(`<message from='gate.a.example' to='a b@a.example' id='m'/>`)
    await program.hears(/<message type='error' id='m'[^>]*>.*<jid-malformed/)
    program.sends(`<iq from='gate.a.example' to='nobody@a.example' type='get' id='n'><a xmlns='urn:x'/></iq>`)
    await program.hears(/<iq type='error' id='n'[^>]*>.*<service-unavailable/)
  })

  test.each([
    ['of another domain', `from='alice@a.example'`, 'invalid-from'],
    ['of a domain below it', `from='x.gate.a.example'`, 'invalid-from'],
    ['that is no JID', `from='@'`, 'invalid-from'],
    ['that is missing', '', 'improper-addressing'],
  ])('a "from" %s ends the stream', async (_name, from, condition) => {
    program.sends(`<message ${from} to='alice@a.example'><body>trust me</body></message>`)
    await program.hears(new RegExp(`<stream:error><${condition}`))
    await program.isEnded()
    await alice.receivesNothing()
  })

  test('once it has left, who waits for an answer is told; it may come back', async () => {
    program.leaves()
    await until(() => stage.server.components.place('gate.a.example')?.connected === false)
    const unavailable = `<error type='wait'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>`
    await alice.sends(`<message to='hecate@gate.a.example' id='m'><body>hail</body></message>`)
    await alice.receives(
      `<message type='error' id='m' from='hecate@gate.a.example' to='${alice.jid}'>{...}${unavailable}</message>`,
    )
    await alice.sends(`<presence to='hecate@gate.a.example'/>`)
    await alice.receives(
      `<presence type='error' from='hecate@gate.a.example' to='${alice.jid}'>${unavailable}</presence>`,
    )
    await alice.sends(`<presence type='unavailable' to='hecate@gate.a.example'/>`)
    await alice.receivesNothing()
    const again = await Program.joins()
    await again.hears(/<handshake\/>/)
    await alice.sends(`<message to='hecate@gate.a.example' id='m'><body>hail again</body></message>`)
    await again.hears(/hail again/)
  })
})

test('XEP-0030 §4.1 the host lists it among its items', async () => {
  await alice.sends(`<iq type='get' id='d' to='a.example'><query xmlns='http://jabber.org/protocol/disco#items'/></iq>`)
  await alice.receives(
    `<iq type='result' id='d' from='a.example' to='${alice.jid}'><query xmlns='http://jabber.org/protocol/disco#items'><item jid='gate.a.example' name='A gate'/></query></iq>`,
  )
})

test('component_send_queue: one that reads too slowly is disconnected, and its domain is gone', async () => {
  const slow = await Program.joins()
  await slow.hears(/<handshake\/>/)
  slow.stalls()
  const body = 'x'.repeat(100_000)
  let sent = 0
  // What the kernel takes is not ours to bound.
  while (refused.length === 0 && sent++ < 1000) {
    await alice.sends(`<message to='x@gate.a.example'><body>${body}</body></message>`)
    if (sent % 20 === 0) await new Promise((resolve) => setImmediate(resolve))
  }
  expect(refused).toEqual(['resource-constraint'])
  await alice.clears()
  await alice.sends(`<message to='x@gate.a.example' id='late'><body>Hi</body></message>`)
  expect((await alice.next()).attrs).toMatchObject({ type: 'error', id: 'late' })
})
