/** A client of a stage with a stream of its own: what it sends is read by the server's stream, over a transport in memory. */

import type { Transport, TransportHandler } from '../../src/net/transport.js'
import { mechanisms } from '../../src/sasl/mechanisms.js'
import { deriveKeys } from '../../src/sasl/scram-keys.js'
import { ClientConnection, type ConnectionParts } from '../../src/server/c2s-connection.js'
import type { ManagementLimits } from '../../src/server/client-outbox.js'
import { Resumptions } from '../../src/server/resumptions.js'
import { SendBudget } from '../../src/server/send-budget.js'
import { clientLimits, defaultTimeouts } from '../../src/stream/limits.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { parseDocument } from '../../src/xml/reader.js'
import { leftOut } from '../support/left-out.js'
import { expectXml, parse } from '../support/xml-match.js'
import { type Stage, settled } from './stage.js'

const password = 'secret'
const saslNs = 'urn:ietf:params:xml:ns:xmpp-sasl'

/** The listener that the clients of a test connect to. */
export class Wire {
  readonly stage: Stage
  readonly parts: ConnectionParts

  constructor(stage: Stage, management: Partial<ManagementLimits> = {}, hardBacklog = 4 * 1024 * 1024) {
    const { clock, server } = stage
    const random = new SeededRandom(11)
    this.stage = stage
    this.parts = {
      gateway: server.clients,
      stream: {
        encryptionRequired: false,
        mechanisms,
        secret: Buffer.from('secret'),
        iterations: 4096,
        limits: clientLimits,
        timeouts: defaultTimeouts,
        clock,
        random,
        leftOut,
      },
      hasCertificate: () => false,
      allowUnencryptedPlain: true,
      hardBacklog,
      rate: undefined,
      unsettled: 1000,
      budget: new SendBudget(clock, 64 * 1024 * 1024),
      management: { hibernationMs: 600_000, acknowledgementMs: 30_000, unacknowledged: 1024 * 1024, ...management },
      resumptions: new Resumptions(random),
      clock,
      log: silentLogger,
      refused: () => {},
      lagging: () => false,
      loginFailed: () => {},
      closed: () => {},
    }
  }

  /** Gives these accounts of `a.example` a password. */
  async letIn(...names: readonly string[]): Promise<void> {
    const keys = await deriveKeys(password, 4096)
    for (const name of names)
      await this.stage.store.commit([
        {
          type: 'account.put',
          account: { jid: `${name}@a.example`, ...keys, createdAt: 0, disabled: false },
        },
      ])
    for (const name of names) await this.stage.server.accountChanged(`${name}@a.example`)
  }

  /** Connected, with a stream; what it was greeted with is there to be heard. */
  stranger(name = 'stranger', kind: 'tcp' | 'websocket' = 'tcp'): WireClient {
    const client = new WireClient(name, this, kind)
    client.opens()
    return client
  }

  /** Connected, without a stream. */
  unopened(kind: 'tcp' | 'websocket' = 'tcp', name = 'stranger'): WireClient {
    return new WireClient(name, this, kind)
  }

  /** Connected and logged in, not bound; `header`: attributes of its streams. */
  async client(name: string, kind: 'tcp' | 'websocket' = 'tcp', header = ''): Promise<WireClient> {
    const client = new WireClient(name, this, kind)
    await client.logIn(true, header)
    return client
  }
}

export class WireClient {
  readonly name: string
  readonly #transport: MemoryTransport

  constructor(name: string, wire: Wire, kind: 'tcp' | 'websocket') {
    this.name = name
    this.#transport = new MemoryTransport(kind)
    new ClientConnection(wire.parts, this.#transport, true, undefined)
  }

  /** The server reads nothing of it for now. */
  get held(): boolean {
    return this.#transport.paused
  }

  get closed(): boolean {
    return this.#transport.isClosed
  }

  /** `quiet`: forgets what was said. */
  async logIn(quiet = true, header = ''): Promise<void> {
    this.opens(header)
    const secret = Buffer.from(`\0${this.name}\0${password}`).toString('base64')
    this.sends(`<auth xmlns='${saslNs}' mechanism='PLAIN'>${secret}</auth>`)
    const end = Date.now() + 20_000
    while (!this.#transport.written.join('').includes('success') && Date.now() < end) await settled()
    this.opens(header)
    if (quiet) await this.clears()
  }

  /** Binds this resource. */
  async binds(resource: string): Promise<void> {
    this.sends(
      `<iq type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>${resource}</resource></bind></iq>`,
    )
    await this.clears()
  }

  /** A stanza, or an element of the stream's own, as it goes over the wire. */
  sends(text: string): void {
    const element = parse(text)
    if (this.#transport.kind === 'websocket') element.attrs.xmlns ??= 'jabber:client'
    this.#transport.handler.data(Buffer.from(element.toString()))
  }

  /** Whatever it is. */
  writes(text: string): void {
    this.#transport.handler.data(Buffer.from(text))
  }

  /** What came since, as it was written: frame by frame on a WebSocket. */
  async frames(): Promise<string[]> {
    await settled()
    return this.#transport.written.splice(0)
  }

  /** All that came since, in one text. */
  async hears(): Promise<string> {
    await settled()
    return this.#transport.written.splice(0).join('')
  }

  /** The same, once this is in it. */
  async hearsOf(what: RegExp): Promise<string> {
    const end = Date.now() + 20_000
    while (!what.test(this.#transport.written.join('')) && Date.now() < end) await settled()
    return this.hears()
  }

  /** What came since is exactly this, in order (xml-match.ts). */
  async receives(...expected: readonly string[]): Promise<Element[]> {
    await settled()
    const came = this.#transport.written.splice(0).map(readElement)
    expected.forEach((text, index) => {
      const element = came[index]
      if (element === undefined) throw new Error(`${this.name} received nothing more, expected\n${text}`)
      expectXml(element, text, {})
    })
    if (came.length > expected.length) throw new Error(`${this.name} received also\n${came[expected.length]}`)
    return came
  }

  async clears(): Promise<void> {
    await this.hears()
  }

  /** From now on it takes nothing of what it is sent. */
  stalls(): void {
    this.#transport.stalled = true
  }

  /** The connection is lost, without a word. */
  loses(): void {
    this.#transport.destroy()
  }

  /** The stream is closed in order. */
  leaves(): void {
    const framed = this.#transport.kind === 'websocket'
    this.#transport.handler.data(framed ? `<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>` : '</stream:stream>')
  }

  /** A stream, or the next one on this connection. */
  opens(attributes = ''): void {
    this.#transport.handler.data(
      this.#transport.kind === 'websocket'
        ? `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0' ${attributes}/>`
        : `<?xml version='1.0'?><stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.example' version='1.0' ${attributes}>`,
    )
  }
}

function readElement(text: string): Element {
  const element = parseDocument(
    text
      .replace(/^<stream:(\w+)/, `<stream:$1 xmlns:stream='http://etherx.jabber.org/streams'`)
      .replace('</stream:stream>', ''),
    { stanzaBytes: 1024 * 1024, depth: 64, attributes: 100 },
    '',
  )
  if (element.attrs.xmlns === 'jabber:client') delete element.attrs.xmlns
  return element
}

class MemoryTransport implements Transport {
  readonly kind: 'tcp' | 'websocket'
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 1
  readonly localPort = 2
  readonly tls = undefined
  readonly written: string[] = []
  stalled = false
  paused = false
  handler: TransportHandler = { data: () => {}, closed: () => {} }
  isClosed = false

  constructor(kind: 'tcp' | 'websocket') {
    this.kind = kind
  }

  get backlog(): number {
    return this.stalled ? this.written.reduce((sum, { length }) => sum + length, 0) : 0
  }

  write(text: string): void {
    if (!this.isClosed && text !== '</stream:stream>') this.written.push(text)
  }

  pause(): void {
    this.paused = true
  }

  resume(): void {
    this.paused = false
  }

  end(): void {
    this.destroy()
  }

  destroy(): void {
    if (this.isClosed) return
    this.isClosed = true
    this.handler.closed()
  }
}
