/**
 * A client's stream, receiving side (RFC 6120): from its first byte to a bound resource by negotiated features, and then
 * stanza by stanza. No I/O: whoever owns the connection gives it bytes and does what it asks for.
 */
import { external } from '../sasl/external.js'
import type { Timer } from '../util/clock.js'
import { type Element, xml } from '../xml/element.js'
import { prepareDomain } from '../xmpp/domain.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { isStanza, payload } from '../xmpp/stanza.js'
import { StreamError } from '../xmpp/stream-error.js'
import { Authentication, mostFailures } from './authentication.js'
import { type BindContext, bind, session } from './bind.js'
import { channelBinding } from './channel-binding.js'
import type { Channel, ClientStreamHandler, ClientStreamOptions } from './client-handler.js'
import { type LeftOut, nothing } from './extension.js'
import { type Fact, type Feature, isPossible } from './feature.js'
import type { Header } from './header.js'
import { limitsFeature } from './limits.js'
import { type ManageContext, manage, type Resumption } from './manage.js'
import { type SaslContext, sasl } from './sasl.js'
import { type Sasl2Context, sasl2 } from './sasl2.js'
import { type StartTlsContext, starttls } from './starttls.js'
import { Stream } from './stream.js'

type Context = StartTlsContext & SaslContext & Sasl2Context & BindContext & ManageContext

const features: readonly Feature<Context>[] = [starttls, channelBinding, sasl, sasl2, bind, session, manage]

/** RFC 6120 §7.7.3: at least 5, at most 10. */
const maxBindFailures = 10

export class ClientStream {
  readonly #options: ClientStreamOptions
  readonly #channel: Channel
  readonly #handler: ClientStreamHandler
  readonly #facts = new Set<Fact>()
  readonly #stream: Stream
  readonly #leftOut: LeftOut
  readonly #negotiable: readonly Feature<Context>[]
  #domain: string | undefined
  /** Localpart in the header's `from`: a claim. */
  #named: string | undefined
  #account: Jid | undefined
  #authentication: Authentication | undefined = new Authentication()
  /** How long the client may take to bind. */
  #binding: Timer | undefined
  #bindFailures = 0
  #resuming = false

  constructor(options: ClientStreamOptions, channel: Channel, handler: ClientStreamHandler) {
    this.#options = options
    this.#channel = channel
    this.#handler = handler
    this.#leftOut = options.leftOut ?? nothing
    this.#negotiable = features.filter(({ extension }) => extension === undefined || !this.#leftOut.has(extension))
    if (channel.secure) this.#facts.add('secure')
    this.#stream = new Stream(
      {
        role: 'receiving',
        framing: channel.framing,
        contentNamespace: 'jabber:client',
        limits: options.limits,
        timeouts: options.timeouts,
        clock: options.clock,
        mintId: () => options.random.token(),
      },
      {
        output: (text) => handler.output(text),
        opened: (header) => this.#opened(header),
        element: (element) => this.#element(element),
        ended: (end) => {
          this.#binding?.cancel()
          handler.ended(end)
        },
      },
    )
  }

  /** As the client has learnt it; undefined before the first header. */
  get id(): string | undefined {
    return this.#stream.id
  }

  get facts(): ReadonlySet<Fact> {
    return this.#facts
  }

  get account(): Jid | undefined {
    return this.#account
  }

  get ended(): boolean {
    return this.#stream.state.is === 'ended'
  }

  /** As `Stream.receive`. */
  receive(chunk: Uint8Array | string | Element, bytes?: number): void {
    this.#stream.receive(chunk, bytes)
  }

  /** TLS is under the stream now: it begins anew (RFC 6120 §5.4.3.3). */
  secured(): void {
    this.#facts.add('secure')
    this.#stream.restart()
  }

  /** Already serialised, with `xmlns` where framed. */
  sendText(text: string): void {
    this.#stream.sendText(text)
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  transportClosed(error?: Error): void {
    this.#stream.transportClosed(error)
  }

  #opened(header: Header): void {
    if (header.to === undefined) throw new StreamError('improper-addressing', 'the stream needs a "to"')
    const domain = prepareDomain(header.to)
    // RFC 6120 §4.7.2: what was negotiated for one host is worth nothing at another.
    if (this.#domain !== undefined && domain !== this.#domain) throw new StreamError('not-authorized')
    if (domain === undefined || !this.#handler.hasHost(domain)) throw new StreamError('host-unknown')
    const from = header.from === undefined ? undefined : Jid.tryParse(header.from)
    // XEP-0388 §2.1
    if (from !== undefined && from.domain !== domain) throw new StreamError('invalid-from')
    this.#named = from?.local || undefined
    this.#domain = domain
    const to = from?.bare().toString()
    this.#stream.open({ from: domain, lang: 'en', ...(to !== undefined && { to }) })
    this.#stream.send(this.#features(domain))
  }

  #features(domain: string): Element {
    return xml('stream:features', {}, ...this.#offers(domain))
  }

  #offers(domain: string): Element[] {
    const context = this.#context(domain)
    const offered = this.#negotiable
      .filter((feature) => isPossible(feature, this.#facts))
      .map((feature) => feature.offer(context))
      .filter((offer) => offer !== undefined)
    if (this.#facts.has('authenticated')) offered.push(...this.#handler.features(domain))
    else if (this.#mayRegister) offered.push(...this.#handler.login.strangerFeatures(domain))
    return [...offered, limitsFeature(this.#options.limits)]
  }

  #element(element: Element): void {
    const domain = this.#domain
    if (domain === undefined) throw new StreamError('internal-server-error')
    if (this.#resuming) throw new StreamError('policy-violation', 'wait for the answer to <resume/>')
    const stanza = isStanza(element)
    const asked = stanza ? requestedBy(element) : element.attrs.xmlns
    const feature = asked === undefined ? undefined : this.#negotiable.find((each) => each.ns === asked)
    if (feature !== undefined && (!stanza || this.#facts.has('authenticated'))) {
      feature.accept(element, this.#context(domain))
    } else if (!stanza) {
      if (!this.#facts.has('bound') || !this.#handler.session.takeElement(element))
        throw new StreamError('unsupported-stanza-type')
    } else if (this.#facts.has('bound')) this.#handler.session.stanza(this.#inItsLanguage(element))
    else if (!this.#answerStranger(domain, element)) throw new StreamError('not-authorized')
  }

  /** RFC 6120 §8.1.5: a stanza that does not say its language is in that of the client's stream. */
  #inItsLanguage(stanza: Element): Element {
    const lang = this.#stream.header?.lang
    if (lang !== undefined && stanza.attrs['xml:lang'] === undefined && languageTag.test(lang))
      stanza.attrs['xml:lang'] = lang
    return stanza
  }

  /** A password is sent to register: only where one may be sent to log in. */
  get #mayRegister(): boolean {
    return !this.#facts.has('authenticated') && (this.#facts.has('secure') || !this.#options.encryptionRequired)
  }

  #answerStranger(domain: string, iq: Element): boolean {
    const request = iq.name === 'iq' && (iq.attrs.type === 'get' || iq.attrs.type === 'set')
    const answered = request && this.#mayRegister ? this.#handler.login.answerStranger(domain, iq) : undefined
    void answered?.then((answer) => this.#stream.send(answer))
    return answered !== undefined
  }

  #context(domain: string): Context {
    const { encryptionRequired, mechanisms, random, secret, iterations, attempts = mostFailures } = this.#options
    const handler = this.#handler
    const leftOut = this.#leftOut
    this.#authentication ??= new Authentication()
    const { framing, plainWithoutTls } = this.#channel
    return {
      stream: this.#stream,
      facts: this.#facts,
      upgrade: () => this.#handler.startTls(domain),
      encryptionRequired,
      plainWithoutTls,
      mechanisms,
      authentication: this.#authentication,
      mostFailures: attempts,
      // Asked for when they are needed: a context is made for each <r/>, too.
      get startTls() {
        if (framing !== 'stream' || !handler.canStartTls(domain)) return 'none'
        return encryptionRequired ? 'required' : 'optional'
      },
      get hashes() {
        return handler.login.hashes(domain)
      },
      get guests() {
        return handler.login.takesGuests(domain)
      },
      get bindings() {
        return handler.login.bindings
      },
      get inlineFeatures() {
        return handler.session.inlineFeatures(domain)
      },
      get tokens() {
        return leftOut.has('sasl2_fast') ? undefined : handler.login.tokens(domain)
      },
      leftOut,
      named: this.#named,
      start: {
        ...{ domain, random, secret, iterations },
        binding: (type) => handler.login.binding(type),
        get certified() {
          return handler.login.certified(domain)
        },
      },
      credentials: (username, hash) => this.#handler.login.credentials(Jid.of(username, domain), hash),
      guest: () => handler.login.guest(domain),
      authenticated: (username, password) => this.#authenticated(Jid.of(username, domain), password),
      refused: (condition) => this.#handler.login.refused(condition),
      failed: (error) => this.#handler.failed(error),
      bind: (resource) => this.#bind(resource),
      bound: () => this.#bound(),
      notBound: () => this.#notBound(),
      resumeFor: (username, id, h, answer) => handler.session.resume(Jid.of(username, domain), id, h, answer),
      bindFor: (username, request) => handler.session.bindInline(Jid.of(username, domain), request),
      loggedIn: (username, password) => this.#loggedIn(Jid.of(username, domain), password),
      features: () => this.#features(domain),
      online: (managed) => {
        if (managed) this.#facts.add('managed')
        this.#online()
      },
      enable: (resume) => {
        this.#facts.add('managed')
        return this.#handler.session.enable(resume)
      },
      resume: (id, h, answer) => this.#resume(id, h, answer),
      resumed: () => this.#resumed(),
      requested: () => this.#handler.session.requested(),
      acknowledged: (h) => this.#handler.session.acknowledged(h),
    }
  }

  #authenticated(account: Jid, password: string | undefined): void {
    this.#loggedIn(account, password)
    this.#stream.restart()
  }

  #loggedIn(account: Jid, password: string | undefined): void {
    if (password !== undefined) this.#handler.login.passwordShown(account, password)
    if (this.#authentication?.mechanism === external.name) this.#handler.login.provedByCertificate()
    this.#account = account
    this.#facts.add('authenticated')
    this.#authentication = undefined
    this.#stream.established()
    const { clock, timeouts } = this.#options
    // What was proved is not proved for ever: the password may change, the account may go.
    this.#binding = clock.after(timeouts.negotiationMs, () => this.fail(new StreamError('connection-timeout')))
  }

  #bind(resource: string | undefined): string {
    if (this.#account === undefined) throw new StreamError('not-authorized')
    return this.#handler.session.bind(this.#account, resource)
  }

  /** RFC 6120 §7.7.3 */
  #notBound(): void {
    if (++this.#bindFailures >= maxBindFailures)
      throw new StreamError('policy-violation', 'too many failed attempts to bind a resource')
  }

  #bound(): void {
    this.#online()
    this.#handler.session.bound()
  }

  #resume(id: string, h: number, answer: (resumption: Resumption) => void): void {
    if (this.#account === undefined) throw new StreamError('not-authorized')
    if (this.#resuming) throw new StreamError('policy-violation', 'a stream is being resumed already')
    this.#resuming = true
    this.#handler.session.resume(this.#account, id, h, (resumption) => {
      this.#resuming = false
      if (!this.ended) answer(resumption)
    })
  }

  #resumed(): void {
    this.#online()
    this.#facts.add('managed')
    this.#handler.session.resumed()
  }

  #online(): void {
    this.#authentication = undefined
    this.#facts.add('bound')
    this.#binding?.cancel()
  }
}

/** As RFC 5646 §2.1 has it, roughly: what is no tag is not repeated in every stanza. */
const languageTag = /^[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,8}$/

/** The namespace by which an IQ asks for a feature. */
function requestedBy(iq: Element): string | undefined {
  if (iq.name !== 'iq' || iq.attrs.type !== 'set') return undefined
  const asked = payload(iq)?.attrs.xmlns
  return asked === ns.bind || asked === ns.session ? asked : undefined
}
