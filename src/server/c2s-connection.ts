/** One client: its transport and its stream, put together; and what is sent on them, no more than the client takes. */
import { isLoopback } from '../net/address.js'
import type { Transport, TransportHandler, UpgradableTransport } from '../net/transport.js'
import type { Channel, ClientStreamHandler, ClientStreamOptions } from '../stream/client-handler.js'
import { ClientStream } from '../stream/client-stream.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Element } from '../xml/element.js'
import { asciiDomain } from '../xmpp/domain.js'
import { ns } from '../xmpp/namespaces.js'
import { StreamError } from '../xmpp/stream-error.js'
import { type BindingConnection, type BindingParts, ClientBinding } from './c2s-binding.js'
import { ClientLogin, type LoginConnection, type LoginParts } from './c2s-login.js'
import { type PaceParts, ReadingPace } from './reading-pace.js'
import type { Reader } from './send-budget.js'
import type { Outbox } from './session.js'

/** What all connections of a listener share. */
export interface ConnectionParts extends PaceParts, LoginParts, BindingParts {
  readonly stream: ClientStreamOptions
  /** Is there a certificate for this (ASCII) domain? */
  readonly hasCertificate: (domain: string) => boolean
  readonly allowUnencryptedPlain: boolean
  /** Bytes queued for a client that takes them too slowly; above this it is closed with `resource-constraint`. */
  readonly hardBacklog: number
  /** Every stream error that we send, and each time that nothing is read for a while, for the metrics. */
  readonly refused: (condition: string) => void
  readonly closed: (connection: ClientConnection) => void
}

/** A queue that counts as long. */
const longBacklog = 32 * 1024

/** How long a client that takes nothing may take for its error. */
const slowReaderMs = 1000

export class ClientConnection
  implements TransportHandler, ClientStreamHandler, LoginConnection, BindingConnection, Reader
{
  readonly #parts: ConnectionParts
  readonly transport: Transport
  readonly pace: ReadingPace
  readonly login: ClientLogin
  readonly session: ClientBinding
  readonly #upgradable: UpgradableTransport | undefined
  readonly #stream: ClientStream
  readonly xmlns: string | undefined
  #upgrading = false
  #written = 0
  #tooSlow = false
  /** Of what was sent again at once when a stream was resumed: the client cannot have read that slowly. */
  #resent = 0
  /** What is sent while the session is being made: the client must learn its JID first. */
  #early: string[] | undefined

  /** `loopback`: the other end of the transport is on this machine. */
  constructor(
    parts: ConnectionParts,
    transport: Transport,
    loopback: boolean,
    upgradable: UpgradableTransport | undefined,
  ) {
    this.#parts = parts
    this.transport = transport
    this.pace = new ReadingPace(transport, parts)
    this.login = new ClientLogin(parts, transport, this)
    this.session = new ClientBinding(parts, this)
    this.#upgradable = upgradable
    const framed = transport.kind !== 'tcp'
    this.xmlns = framed ? ns.client : undefined
    const channel: Channel = {
      framing: framed ? 'framed' : 'stream',
      // A WebSocket that never leaves this machine, from its browser or from the proxy that ends TLS, has nobody on the
      // way whom TLS would keep out; and browsers would refuse our self-signed certificate there.
      secure: transport.tls !== undefined || (framed && loopback),
      plainWithoutTls: parts.allowUnencryptedPlain && isLoopback(transport.remoteAddress),
    }
    this.#stream = new ClientStream(parts.stream, channel, this)
    transport.handler = this
    parts.budget.add(this)
  }

  get remoteAddress(): string {
    return this.transport.remoteAddress
  }

  // From the transport.

  data(chunk: Uint8Array | string): void {
    this.pace.read(chunk.length)
    this.#stream.receive(chunk)
  }

  parsed(frame: Element, bytes: number): void {
    this.pace.read(bytes)
    this.#stream.receive(frame, bytes)
  }

  get authenticated(): boolean {
    return this.#stream.facts.has('authenticated')
  }

  tooMuch(): void {
    this.close('policy-violation', 'too much data before authentication')
  }

  closed(error?: Error): void {
    this.#stream.transportClosed(error)
    this.#parts.budget.remove(this)
    this.#parts.closed(this)
  }

  // From the server and the session.

  sendText(text: string): void {
    if (this.#early === undefined) this.#stream.sendText(text)
    else this.#early.push(text)
    this.#watchBacklog()
  }

  close(condition: Parameters<Outbox['close']>[0], text?: string): void {
    this.fail(new StreamError(condition, text))
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  destroy(): void {
    this.transport.destroy()
  }

  get backlog(): number {
    return Math.max(this.transport.backlog, this.session.backlog)
  }

  get alive(): boolean {
    return !this.#stream.ended
  }

  get secure(): boolean {
    return this.#stream.facts.has('secure')
  }

  get streamId(): string | undefined {
    return this.#stream.id
  }

  get taken(): number {
    return this.#written - this.backlog
  }

  abandon(): void {
    this.transport.destroy()
    this.#stream.transportClosed(new Error('the client does not acknowledge what it is sent'))
  }

  cutOff(): void {
    if (this.#tooSlow) return
    this.#tooSlow = true
    this.#parts.budget.remove(this)
    this.close('resource-constraint', 'you read too slowly')
  }

  hold(): void {
    this.#early = []
  }

  drop(): void {
    this.#early = undefined
  }

  release(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const text of early) this.#stream.sendText(text)
  }

  resent(): void {
    this.#resent = this.transport.backlog
  }

  #watchBacklog(): void {
    const { backlog } = this.transport
    if (backlog > this.#parts.hardBacklog + this.#resent) this.cutOff()
    else if (backlog > longBacklog) this.#parts.budget.check()
  }

  // From the stream.

  output(text: string): void {
    this.#written += text.length
    this.transport.write(text)
  }

  hasHost(domain: string): boolean {
    return this.#parts.gateway.hasHost(domain)
  }

  canStartTls(domain: string): boolean {
    return this.#upgradable !== undefined && this.#parts.hasCertificate(asciiDomain(domain))
  }

  startTls(domain: string): void {
    this.#upgrading = true
    this.#upgradable?.startTls({ server: true, serverName: asciiDomain(domain) }).then(
      () => {
        this.#upgrading = false
        this.#stream.secured()
      },
      (error: Error) => {
        this.transport.destroy()
        this.#stream.transportClosed(error)
      },
    )
  }

  features(domain: string): readonly Element[] {
    return this.#parts.gateway.streamFeatures(domain)
  }

  failed(error: unknown): void {
    this.#parts.log.error({ err: error, stream: this.#stream.id }, 'a client could not be served')
  }

  ended(end: StreamEnd): void {
    if (end.is === 'error' && end.by === 'us') this.#refused(end.error)
    this.login.ended(this.session.ended(end))
    if (this.#upgrading) this.transport.destroy()
    else if (end.is !== 'lost') this.transport.end(this.#tooSlow ? slowReaderMs : undefined)
  }

  #refused(error: StreamError): void {
    this.#parts.refused(error.condition)
    const fields = {
      condition: error.condition,
      text: error.text,
      address: this.transport.remoteAddress,
      account: this.#stream.account?.toString(),
      stream: this.#stream.id,
    }
    if (error.condition === 'internal-server-error')
      this.#parts.log.error({ ...fields, err: error.cause }, 'a stream failed')
    else this.#parts.log.debug({ ...fields, err: error.cause }, 'a stream was ended')
  }
}
