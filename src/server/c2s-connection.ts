/** One client: its transport, its stream and, once bound, its session, put together. */
import { isLoopback } from '../net/address.js'
import type { Transport, TransportHandler, UpgradableTransport } from '../net/transport.js'
import type { BindingType, UsableBinding } from '../sasl/channel-binding.js'
import type { ScramHash } from '../sasl/scram-keys.js'
import type { Credentials } from '../stream/authentication.js'
import type { InlineBind, InlineBound } from '../stream/bind2.js'
import type { Channel, ClientStreamHandler, ClientStreamOptions } from '../stream/client-handler.js'
import { ClientStream } from '../stream/client-stream.js'
import type { Tokens } from '../stream/fast.js'
import type { Resumable, Resumption } from '../stream/manage.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Timer } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import { asciiDomain } from '../xmpp/domain.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { ClientCertificates } from './client-certificates.js'
import { type Bearer, ClientOutbox, type ManagementLimits } from './client-outbox.js'
import type { FastTokens } from './fast-tokens.js'
import type { ClientGateway } from './gateway.js'
import type { Stranger } from './module.js'
import { certificateExpired, watchExpiry } from './proof-expiry.js'
import { type PaceParts, ReadingPace } from './reading-pace.js'
import type { Resumptions } from './resumptions.js'
import type { Reader, SendBudget } from './send-budget.js'
import type { Outbox, Session } from './session.js'

/** What all connections of a listener share. */
export interface ConnectionParts extends PaceParts {
  readonly gateway: ClientGateway
  readonly stream: ClientStreamOptions
  /** Is there a certificate for this (ASCII) domain? */
  readonly hasCertificate: (domain: string) => boolean
  readonly allowUnencryptedPlain: boolean
  readonly tokens?: FastTokens | undefined
  readonly certificates?: ClientCertificates | undefined
  /** Bytes queued for a client that takes them too slowly; above this it is closed with `resource-constraint`. */
  readonly hardBacklog: number
  readonly budget: SendBudget
  readonly management: ManagementLimits
  readonly resumptions: Resumptions<ClientOutbox>
  readonly log: Logger
  /** Every stream error that we send, and each time that nothing is read for a while, for the metrics. */
  readonly refused: (condition: string) => void
  /** A password, a token or a certificate was wrong. */
  readonly loginFailed: (address: string) => void
  readonly closed: (connection: ClientConnection) => void
}

/** A queue that counts as long. */
const longBacklog = 32 * 1024

/** How long a client that takes nothing may take for its error. */
const slowReaderMs = 1000

export class ClientConnection implements TransportHandler, ClientStreamHandler, Bearer, Reader {
  readonly #parts: ConnectionParts
  readonly #transport: Transport
  readonly #upgradable: UpgradableTransport | undefined
  readonly #stream: ClientStream
  readonly xmlns: string | undefined
  #outbox: ClientOutbox | undefined
  #upgrading = false
  #guest: Jid | undefined
  readonly #pace: ReadingPace
  readonly #stranger: Stranger
  #written = 0
  #tooSlow = false
  /** Of the certificate by which the client logged in. */
  #expiry: Timer | undefined
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
    this.#transport = transport
    this.#stranger = { remoteAddress: transport.remoteAddress, data: new Map() }
    this.#pace = new ReadingPace(transport, parts)
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

  get session(): Session | undefined {
    return this.#outbox?.session
  }

  get remoteAddress(): string {
    return this.#transport.remoteAddress
  }

  // From the transport.

  data(chunk: Uint8Array | string): void {
    this.#pace.read(chunk.length)
    this.#stream.receive(chunk)
  }

  parsed(frame: Element, bytes: number): void {
    this.#pace.read(bytes)
    this.#stream.receive(frame, bytes)
  }

  closed(error?: Error): void {
    this.#stream.transportClosed(error)
    this.#parts.budget.remove(this)
    this.#parts.closed(this)
  }

  // From the server.

  sendText(text: string): void {
    if (this.#early === undefined) this.#stream.sendText(text)
    else this.#early.push(text)
    this.#watchBacklog()
  }

  close(condition: Parameters<Outbox['close']>[0], text?: string): void {
    this.#stream.fail(new StreamError(condition, text))
  }

  destroy(): void {
    this.#transport.destroy()
  }

  get backlog(): number {
    return Math.max(this.#transport.backlog, this.#outbox?.backlog ?? 0)
  }

  get alive(): boolean {
    return !this.#stream.ended
  }

  get taken(): number {
    return this.#written - this.backlog
  }

  abandon(): void {
    this.#transport.destroy()
    this.#stream.transportClosed(new Error('the client does not acknowledge what it is sent'))
  }

  cutOff(): void {
    if (this.#tooSlow) return
    this.#tooSlow = true
    this.#parts.budget.remove(this)
    this.close('resource-constraint', 'you read too slowly')
  }

  #watchBacklog(): void {
    const { backlog } = this.#transport
    if (backlog > this.#parts.hardBacklog + this.#resent) this.cutOff()
    else if (backlog > longBacklog) this.#parts.budget.check()
  }

  // From the stream.

  output(text: string): void {
    this.#written += text.length
    this.#transport.write(text)
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
        this.#transport.destroy()
        this.#stream.transportClosed(error)
      },
    )
  }

  async credentials(account: Jid, hash: ScramHash): Promise<Credentials | undefined> {
    const found = await this.#parts.gateway.account(account.toString())
    return found && { keys: found[hash], disabled: found.disabled }
  }

  get bindings(): readonly BindingType[] {
    return this.#transport.channel?.types ?? []
  }

  binding(type: UsableBinding): Buffer | undefined {
    return this.#transport.channel?.data(type)
  }

  certified(domain: string): readonly string[] {
    const shown = this.#transport.tls?.peer?.certificate
    return shown === undefined ? [] : (this.#parts.certificates?.accounts(shown, domain) ?? [])
  }

  provedByCertificate(): void {
    const { clock, certificates } = this.#parts
    const shown = this.#transport.tls?.peer?.certificate
    if (shown === undefined || certificates === undefined) return
    this.#expiry = watchExpiry(clock, certificates.until(shown), () => this.#stream.fail(certificateExpired()))
  }

  hashes(domain: string): readonly ScramHash[] {
    return this.#parts.gateway.logins.hashes(domain)
  }

  takesGuests(domain: string): boolean {
    return this.#parts.gateway.logins.takesGuests(domain)
  }

  async guest(domain: string): Promise<string> {
    const local = await this.#parts.gateway.logins.guest(domain)
    this.#guest = Jid.of(local, domain)
    // It went while its account was made.
    if (!this.alive) this.#parts.gateway.logins.guestLeft(this.#guest)
    return local
  }

  passwordShown(account: Jid, password: string): void {
    void this.#parts.gateway.logins.passwordShown(account, password)
  }

  features(domain: string): readonly Element[] {
    return this.#parts.gateway.streamFeatures(domain)
  }

  strangerFeatures(domain: string): readonly Element[] {
    return this.#parts.gateway.strangerFeatures(domain)
  }

  answerStranger(domain: string, iq: Element): Promise<Element> | undefined {
    return this.#parts.gateway.answerStranger(domain, iq, this.#stranger)
  }

  inlineFeatures(domain: string): readonly string[] {
    return this.#parts.gateway.inlineFeatures(domain)
  }

  tokens(domain: string): Tokens | undefined {
    return this.#parts.tokens?.at(domain)
  }

  bind(account: Jid, resource: string | undefined): string {
    return this.#bind(account, { resource, agent: undefined, manage: undefined, requests: [] }).jid
  }

  bindInline(account: Jid, request: InlineBind): InlineBound {
    return this.#bind(account, request)
  }

  #bind(account: Jid, { resource, agent, manage, requests }: InlineBind): InlineBound {
    const { clock, gateway, budget, management, resumptions } = this.#parts
    const outbox = new ClientOutbox(
      {
        clock,
        limits: management,
        resumptions,
        budget,
        waits: (session, rest) => gateway.waits(session, rest),
        over: (session, rest) => gateway.unbind(session, rest),
        tooMuch: () => this.#parts.refused('unacknowledged'),
      },
      this,
    )
    this.#early = []
    // Before the session is there: all that is sent to it counts.
    const resumable = manage && outbox.enable(manage.resume)
    try {
      const session = gateway.bind(account, resource, outbox, {
        remoteAddress: this.#transport.remoteAddress,
        secure: this.#stream.facts.has('secure'),
        streamId: this.#stream.id ?? '',
        agent,
      })
      outbox.begin(session)
      this.#outbox = outbox
      return { jid: session.jid.toString(), resumable, results: gateway.enableInline(session, requests) }
    } catch (error) {
      this.#early = undefined
      outbox.left(this, false)
      throw error
    }
  }

  bound(): void {
    const early = this.#early ?? []
    this.#early = undefined
    for (const text of early) this.#stream.sendText(text)
    this.#report('a client is online')
  }

  enable(resume: boolean): Resumable | undefined {
    return this.#outbox?.enable(resume)
  }

  resume(account: Jid, id: string, h: number, answer: (resumption: Resumption) => void): void {
    const { resumptions } = this.#parts
    const outbox = resumptions.find(id, account)
    // What was said under TLS is not sent again without it.
    if (outbox === undefined || (outbox.session?.secure === true && !this.#stream.facts.has('secure'))) {
      const handled = resumptions.formerlyHandled(id, account)
      answer(handled === undefined ? { is: 'failed' } : { is: 'failed', h: handled })
      return
    }
    outbox.resume(this, h, (resumption) => {
      if (resumption.is === 'resumed') this.#outbox = outbox
      answer(resumption)
    })
  }

  resumed(): void {
    this.#resent = this.#transport.backlog
    this.#report('a client is back')
  }

  requested(): void {
    this.#outbox?.answer()
  }

  acknowledged(h: number): void {
    this.#outbox?.acknowledged(h)
  }

  stanza(stanza: Element): void {
    const session = this.session
    if (session === undefined || this.#outbox === undefined) return
    const arrived = this.#outbox.arrived()
    const handled = this.#parts.gateway.receive(session, stanza)
    if (handled === undefined) {
      arrived()
      return
    }
    this.#pace.add()
    const settled = (): void => {
      arrived()
      this.#pace.settle()
    }
    // Not `finally`, which makes four promises more for each stanza.
    handled.then(settled, (error: unknown) => {
      this.failed(error)
      settled()
    })
  }

  loginRefused(condition: string): void {
    this.#parts.refused(`sasl-${condition}`)
    if (condition === 'not-authorized') this.#parts.loginFailed(this.#transport.remoteAddress)
  }

  takeElement(element: Element): boolean {
    const { session } = this
    return session !== undefined && this.#parts.gateway.takeElement(session, element)
  }

  failed(error: unknown): void {
    this.#parts.log.error({ err: error, stream: this.#stream.id }, 'a client could not be served')
  }

  ended(end: StreamEnd): void {
    this.#expiry?.cancel()
    if (end.is === 'error' && end.by === 'us') this.#refused(end.error)
    if (this.#outbox !== undefined) {
      this.#report('a client has left', end.is)
      this.#outbox.left(this, end.is === 'lost' || isReset(end))
    } else if (this.#guest !== undefined) this.#parts.gateway.logins.guestLeft(this.#guest)
    if (this.#upgrading) this.#transport.destroy()
    else if (end.is !== 'lost') this.#transport.end(this.#tooSlow ? slowReaderMs : undefined)
  }

  #report(what: string, end?: StreamEnd['is']): void {
    const { remoteAddress, tls } = this.#transport
    this.#parts.log.info(
      { jid: this.session?.jid.toString(), address: remoteAddress, tls: tls?.protocol, stream: this.#stream.id, end },
      what,
    )
  }

  #refused(error: StreamError): void {
    this.#parts.refused(error.condition)
    const fields = {
      condition: error.condition,
      text: error.text,
      address: this.#transport.remoteAddress,
      account: this.#stream.account?.toString(),
      stream: this.#stream.id,
    }
    if (error.condition === 'internal-server-error')
      this.#parts.log.error({ ...fields, err: error.cause }, 'a stream failed')
    else this.#parts.log.debug({ ...fields, err: error.cause }, 'a stream was ended')
  }
}

/** What it held is the client's still, who logs in anew and goes on. */
const isReset = (end: StreamEnd): boolean => end.is === 'error' && end.by === 'us' && end.error.condition === 'reset'
