/**
 * The stream that an external component opens to us (XEP-0114, `jabber:component:accept`), without I/O: it names its domain, proves by
 * a hash over the stream's id that it knows the secret of that domain, and then sends and gets stanzas.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../util/clock.js'
import { type Element, xml } from '../xml/element.js'
import { prepareDomain } from '../xmpp/domain.js'
import { ns } from '../xmpp/namespaces.js'
import { isStanza } from '../xmpp/stanza.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Header } from './header.js'
import type { StreamLimits, StreamTimeouts } from './limits.js'
import { Stream, type StreamEnd } from './stream.js'

export interface ComponentStreamOptions {
  readonly limits: StreamLimits
  readonly timeouts: StreamTimeouts
  readonly clock: Clock
  /** Unguessable: what is proved on one stream proves nothing on another. */
  readonly mintId: () => string
}

export interface ComponentStreamHandler {
  output(text: string): void
  /** The secret of a component's domain, which is prepared; undefined where there is no such component. */
  secretOf(domain: string): string | undefined
  /** It has proved that it is this component. Throws StreamError `conflict` where another one is there. */
  accepted(domain: string): void
  /** Of the component: `from` is as it was sent. What it throws as StreamError ends the stream. */
  stanza(stanza: Element): void
  /** Once, and last. */
  ended(end: StreamEnd): void
}

export class ComponentStream {
  readonly #handler: ComponentStreamHandler
  readonly #stream: Stream
  #domain: string | undefined
  #accepted = false

  constructor(options: ComponentStreamOptions, handler: ComponentStreamHandler) {
    this.#handler = handler
    this.#stream = new Stream(
      { ...options, role: 'receiving', framing: 'stream', contentNamespace: ns.component },
      {
        output: (text) => handler.output(text),
        opened: (header) => this.#opened(header),
        element: (element) => this.#element(element),
        ended: (end) => handler.ended(end),
      },
    )
  }

  /** That the component says it is; proved once `accepted` was called. */
  get domain(): string | undefined {
    return this.#domain
  }

  get ended(): boolean {
    return this.#stream.state.is === 'ended'
  }

  receive(chunk: Uint8Array | string): void {
    this.#stream.receive(chunk)
  }

  sendText(text: string): void {
    this.#stream.sendText(text)
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  transportClosed(error?: Error): void {
    this.#stream.transportClosed(error)
  }

  /** §3: an unknown host is refused at once, with `host-unknown`. */
  #opened({ to }: Header): void {
    const domain = prepareDomain(to ?? '')
    if (domain === undefined || this.#handler.secretOf(domain) === undefined) throw new StreamError('host-unknown')
    this.#domain = domain
    this.#stream.open({ from: domain })
  }

  #element(element: Element): void {
    if (this.#accepted && isStanza(element)) this.#handler.stanza(element)
    else if (this.#accepted) throw new StreamError('unsupported-stanza-type')
    else if (element.name === 'handshake' && element.attrs.xmlns === undefined) this.#handshake(element.getText())
    else throw new StreamError('not-authorized')
  }

  /** §3: the hexadecimal SHA-1 of the stream's id followed by the secret. */
  #handshake(given: string): void {
    const domain = this.#domain
    const secret = domain === undefined ? undefined : this.#handler.secretOf(domain)
    if (domain === undefined || secret === undefined) throw new StreamError('host-unknown')
    if (!isSame(given.trim().toLowerCase(), handshakeOf(this.#stream.id ?? '', secret)))
      throw new StreamError('not-authorized', 'the secret is another')
    this.#handler.accepted(domain)
    this.#accepted = true
    this.#stream.established()
    this.#stream.send(xml('handshake'))
  }
}

/** What proves that the secret is known, on the stream with this id. */
export const handshakeOf = (streamId: string, secret: string): string =>
  createHash('sha1').update(streamId).update(secret).digest('hex')

/** In a time that tells nothing of where they differ. */
const isSame = (one: string, other: string): boolean => timingSafeEqual(digest(one), digest(other))
const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
