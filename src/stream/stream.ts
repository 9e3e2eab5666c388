/**
 * An XMPP stream without I/O (RFC 6120 §4; RFC 7395 with framing 'framed'): bytes in, text and events out. It knows
 * headers, restarts, stream errors, the closing handshake and the limits of security.md; features are built on it.
 *
 *   fresh ──open()──▶ opening ──peer's header──▶ open        (initiating)
 *   fresh ──peer's header──▶ answering ──open()──▶ open      (receiving)
 *   open ──suspend()──▶ suspended ──restart()──▶ fresh       (STARTTLS; SASL restarts at once)
 *   open ──close()──▶ closing ──▶ ended                      (an error, or the peer's close, ends at once)
 */
import type { Clock, Timer } from '../util/clock.js'
import { Element, elements } from '../xml/element.js'
import { parseDocument, XmlError, type XmlErrorKind, XmlReader } from '../xml/reader.js'
import { serialize } from '../xml/writer.js'
import { ns } from '../xmpp/namespaces.js'
import { StreamError, type StreamErrorCondition, streamErrorConditions } from '../xmpp/stream-error.js'
import { type ContentNamespace, type Framing, type Header, headerText, type OurHeader, readHeader } from './header.js'
import { readerLimits, type StreamLimits, type StreamTimeouts } from './limits.js'

export type StreamState =
  | { readonly is: 'fresh' | 'opening' | 'suspended' | 'ended' }
  | { readonly is: 'answering' | 'open' | 'closing'; readonly header: Header }

export type StreamEnd =
  /** Both sides closed, or the peer closed and we answered; `unanswered` where we closed and the peer never did. */
  | { readonly is: 'closed'; readonly unanswered?: true }
  /** A stream error, ours or the peer's; ours has been written. */
  | { readonly is: 'error'; readonly by: 'us' | 'peer'; readonly error: StreamError }
  /** The connection went away under the stream. */
  | { readonly is: 'lost'; readonly error: Error | undefined }

/** All of one event are called synchronously from `receive`; a StreamError thrown by `opened` or `element` ends the stream. */
export interface StreamHandler {
  /** Text for the transport: one frame each where framed. */
  output(text: string): void
  /** The peer's header was read and is sound. The receiving side answers with `open` before it returns. */
  opened(header: Header): void
  /** An element directly below the root; not a stream error. */
  element(element: Element): void
  /** An element that arrives between our close and the peer's; nobody's by default. */
  late?(element: Element): void
  /** Once, and last. Everything is written: end the transport, unless it is what was lost. */
  ended(end: StreamEnd): void
}

export interface StreamOptions {
  readonly role: 'initiating' | 'receiving'
  readonly framing: Framing
  readonly contentNamespace: ContentNamespace
  readonly limits: StreamLimits
  readonly timeouts: StreamTimeouts
  readonly clock: Clock
  /** Ids of the streams that we answer: unguessable (RFC 6120 §4.7.3). Called anew after each restart. */
  readonly mintId: () => string
}

const errorOf: Readonly<Record<XmlErrorKind, StreamErrorCondition>> = {
  restricted: 'restricted-xml',
  'not-well-formed': 'not-well-formed',
  encoding: 'unsupported-encoding',
  limit: 'policy-violation',
}

export class Stream {
  readonly #options: StreamOptions
  readonly #handler: StreamHandler
  #state: StreamState = { is: 'fresh' }
  #reader: XmlReader | undefined
  #id: string | undefined
  #established = false
  #bytes = 0
  #elements = 0
  /** What arrived while held; it has been counted. */
  #held: (Uint8Array | string | Element)[] | undefined
  #timer: Timer | undefined

  constructor(options: StreamOptions, handler: StreamHandler) {
    this.#options = options
    this.#handler = handler
    this.#timer = options.clock.after(options.timeouts.negotiationMs, () =>
      this.fail(new StreamError('connection-timeout')),
    )
  }

  get state(): StreamState {
    return this.#state
  }

  /** The id of the current stream, minted by its receiving side; undefined before that side's header. */
  get id(): string | undefined {
    return this.#id
  }

  /** The peer's header on the current stream. */
  get header(): Header | undefined {
    return 'header' in this.#state ? this.#state.header : undefined
  }

  get framing(): Framing {
    return this.#options.framing
  }

  /** Sends our header. The receiving side's carries the id, which is minted here. */
  open(header: Omit<OurHeader, 'id' | 'unversioned'>): void {
    const { role, framing, contentNamespace } = this.#options
    if (role === 'receiving') {
      this.#id = this.#options.mintId()
      const unversioned = this.header?.version === '0.9'
      this.#handler.output(headerText(framing, contentNamespace, { ...header, id: this.#id, unversioned }))
      if (this.#state.is === 'answering') this.#state = { is: 'open', header: this.#state.header }
    } else if (this.#state.is === 'fresh') {
      this.#state = { is: 'opening' }
      this.#handler.output(headerText(framing, contentNamespace, header))
    }
  }

  /** Bytes; or one whole frame, as text or parsed within the limits of `established`, and what it took then. */
  receive(chunk: Uint8Array | string | Element, bytes = chunk instanceof Element ? 0 : chunk.length): void {
    if (!this.#established && this.#reads) {
      const { unauthenticated } = this.#options.limits
      this.#bytes += bytes
      if (this.#bytes > unauthenticated.bytes) {
        this.fail(new StreamError('policy-violation', 'too much data before authentication'))
        return
      }
      if (chunk instanceof Element && sizeOf(chunk) > unauthenticated.elements) {
        this.fail(new StreamError('policy-violation', 'too many elements before authentication'))
        return
      }
    }
    this.#take(chunk)
  }

  /** Writes an element below the root: a feature's, a stanza, or (`stream:` prefixed) one of the stream itself. */
  send(element: Element): void {
    this.sendText(this.#text(element))
  }

  /** Writes what was serialised before; where framed it must carry its namespace. Dropped when the stream is over. */
  sendText(text: string): void {
    if (this.#state.is !== 'ended' && this.#state.is !== 'closing') this.#handler.output(text)
  }

  /** Stops reading for good: what arrives from now on is not XML of this stream (RFC 6120 §5.4.3.3). */
  suspend(): void {
    this.#dropReader()
    this.#state = { is: 'suspended' }
  }

  /** A new stream on the same connection (RFC 6120 §4.3.3). The initiating side then calls `open`. */
  restart(): void {
    if (this.#state.is === 'ended') return
    this.#dropReader()
    this.#id = undefined
    this.#state = { is: 'fresh' }
    this.release()
  }

  /** Before `established` only: reads on after `release` or `restart`, because an answer is being waited for. */
  hold(): void {
    this.#held ??= []
  }

  release(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const chunk of held) this.#take(chunk)
  }

  /** The peer is authenticated: lifts the limits for strangers and ends the wait for it. */
  established(): void {
    this.#established = true
    if (this.#reader !== undefined) this.#reader.limits = readerLimits(this.#options.limits, true)
    if (this.#state.is === 'ended' || this.#state.is === 'closing') return
    this.#timer?.cancel()
    this.#timer = undefined
  }

  /** Ends the stream with an error: after our own header, followed by our close (RFC 6120 §4.9.1). */
  fail(error: StreamError): void {
    const { is } = this.#state
    if (is === 'ended') return
    const { role, framing } = this.#options
    const headerOwed = role === 'receiving' && (is === 'fresh' || is === 'answering')
    // RFC 6120 §4.9.1.3: an empty name where the peer named no host of ours.
    if (headerOwed) this.open({ from: '', lang: 'en' })
    // A second error cannot follow our close; an initiating side that never opened has no stream to put it in.
    if (is !== 'closing' && is !== 'suspended' && (role === 'receiving' || is !== 'fresh')) {
      this.#handler.output(this.#text(error.toElement()))
      this.#handler.output(closeText(framing))
    }
    this.#end({ is: 'error', by: 'us', error })
  }

  /** Closes in order: sends our close, after the reason where there is one, and waits for the peer's (RFC 6120 §4.4). */
  close(reason?: StreamError): void {
    const { is } = this.#state
    if (is === 'closing' || is === 'ended') return
    if (is === 'open' && reason !== undefined) this.#handler.output(this.#text(reason.toElement()))
    if (is === 'open' || is === 'opening') this.#handler.output(closeText(this.#options.framing))
    if (this.#state.is !== 'open') {
      this.#end({ is: 'closed' })
      return
    }
    this.#state = { is: 'closing', header: this.#state.header }
    this.#timer?.cancel()
    this.#timer = this.#options.clock.after(this.#options.timeouts.closeMs, () => this.#end(unanswered))
  }

  /** The connection is gone. Nothing more is written. */
  transportClosed(error?: Error): void {
    this.#end(this.#state.is === 'closing' ? unanswered : { is: 'lost', error })
  }

  get #reads(): boolean {
    return this.#state.is !== 'suspended' && this.#state.is !== 'ended'
  }

  /**
   * Until the peer is authenticated, tag by tag: an element may end this stream and begin another, or TLS, and what
   * stands behind it in the same packet must not be read as if nothing had happened.
   */
  #take(chunk: Uint8Array | string | Element): void {
    if (this.#options.framing === 'framed' || chunk instanceof Element) {
      if (this.#held !== undefined) this.#held.push(chunk)
      else if (this.#reads) this.#frame(chunk)
      return
    }
    for (let rest = chunk; rest.length > 0; ) {
      const [piece, behind] = this.#established ? [rest, ''] : afterTag(rest)
      if (this.#held !== undefined) this.#held.push(piece)
      else if (this.#state.is === 'suspended') this.#refuseBehind(piece)
      else if (this.#reads) this.#xmlReader().write(piece)
      rest = behind
    }
  }

  #refuseBehind(piece: Uint8Array | string): void {
    if (Buffer.from(piece).toString('latin1').trim() !== '')
      this.fail(new StreamError('policy-violation', 'data between <starttls/> and the TLS handshake'))
  }

  #xmlReader(): XmlReader {
    const { limits } = this.#options
    this.#reader ??= new XmlReader(
      {
        open: (root) => this.#guard(() => this.#opened(root, this.#contentNamespace())),
        element: (element) => this.#element(element),
        close: () => this.#peerClosed(),
        error: (error) => this.#unreadable(error),
      },
      readerLimits(limits, this.#established),
    )
    return this.#reader
  }

  /** What the root declared; or what each of its children is to declare, where its default is the stream's own (RFC 6120 §4.8.2). */
  #contentNamespace(): string | undefined {
    if (this.#reader?.contentNamespace === ns.streams) this.#reader.contentNamespace = this.#options.contentNamespace
    return this.#reader?.contentNamespace
  }

  #frame(chunk: Uint8Array | string | Element): void {
    const { limits, contentNamespace } = this.#options
    const element =
      chunk instanceof Element
        ? chunk
        : this.#document(() => parseDocument(chunk, readerLimits(limits, this.#established), contentNamespace))
    if (element === undefined) return
    const { is } = this.#state
    if (element.attrs.xmlns === ns.framing) {
      if (element.name === 'close') this.#peerClosed()
      else if (is === 'fresh' || is === 'opening') this.#guard(() => this.#opened(element, undefined))
      // A restart that was not asked for.
      else this.fail(new StreamError('bad-format'))
    } else if (is === 'open' || is === 'closing') this.#element(element)
    else this.fail(new StreamError('invalid-namespace', 'the first frame must be <open/>'))
  }

  #document(parse: () => Element): Element | undefined {
    try {
      return parse()
    } catch (thrown) {
      this.#unreadable(thrown)
      return undefined
    }
  }

  #opened(root: Element, declared: string | undefined): void {
    const { role, framing, contentNamespace } = this.#options
    const header = readHeader(root, framing, contentNamespace, declared)
    if (role === 'initiating') this.#id = header.id
    this.#state = { is: role === 'initiating' ? 'open' : 'answering', header }
    this.#handler.opened(header)
  }

  #element(element: Element): void {
    if (!this.#reads) return
    if (element.name === 'error' && element.attrs.xmlns === ns.streams) this.#peerFailed(element)
    // RFC 6120 §4.8.3
    else if (contentNamespaces.has(element.attrs.xmlns)) this.fail(new StreamError('invalid-namespace'))
    // RFC 6120 §4.4: the peer may still send until it closes, too.
    else if (this.#state.is === 'closing') this.#guard(() => this.#handler.late?.(element))
    else if (!this.#established && ++this.#elements > this.#options.limits.unauthenticated.elements)
      this.fail(new StreamError('policy-violation', 'too many elements before authentication'))
    else this.#guard(() => this.#handler.element(element))
  }

  #peerClosed(): void {
    if (!this.#reads) return
    if (this.#state.is !== 'closing') this.#handler.output(closeText(this.#options.framing))
    this.#end({ is: 'closed' })
  }

  #peerFailed(element: Element): void {
    const error = readStreamError(element)
    if (this.#state.is !== 'closing') this.#handler.output(closeText(this.#options.framing))
    this.#end({ is: 'error', by: 'peer', error })
  }

  #unreadable(thrown: unknown): void {
    const condition = thrown instanceof XmlError ? errorOf[thrown.kind] : 'internal-server-error'
    this.fail(new StreamError(condition, undefined, { cause: thrown }))
  }

  /** A defect of ours ends this one stream, with its cause kept for the log. */
  #guard(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.fail(
        thrown instanceof StreamError ? thrown : new StreamError('internal-server-error', undefined, { cause: thrown }),
      )
    }
  }

  #text(element: Element): string {
    if (this.#options.framing === 'stream') return serialize(element)
    if (!element.name.startsWith('stream:')) return serialize(element, this.#options.contentNamespace)
    return serialize(element).replace(/^<[^\s/>]+/, `$& xmlns:stream='${ns.streams}'`)
  }

  #dropReader(): void {
    this.#reader?.stop()
    this.#reader = undefined
  }

  #end(end: StreamEnd): void {
    if (this.#state.is === 'ended') return
    this.#state = { is: 'ended' }
    this.#held = undefined
    this.#dropReader()
    this.#timer?.cancel()
    this.#timer = undefined
    this.#handler.ended(end)
  }
}

/** An element has `xmlns` only where that is not the stream's own. */
const contentNamespaces: ReadonlySet<unknown> = new Set<ContentNamespace>([ns.client, ns.server, ns.component])

const unanswered: StreamEnd = { is: 'closed', unanswered: true }

/** Elements in it, itself included. */
const sizeOf = (element: Element): number => elements(element).reduce((sum, each) => sum + sizeOf(each), 1)

/** The chunk up to its first `>`, and what stands behind that. */
function afterTag<T extends Uint8Array | string>(chunk: T): [Uint8Array | string, Uint8Array | string] {
  const end = 1 + (typeof chunk === 'string' ? chunk.indexOf('>') : chunk.indexOf(0x3e))
  if (end === 0) return [chunk, '']
  return typeof chunk === 'string'
    ? [chunk.slice(0, end), chunk.slice(end)]
    : [chunk.subarray(0, end), chunk.subarray(end)]
}

const closeText = (framing: Framing): string =>
  framing === 'framed' ? `<close xmlns='${ns.framing}'/>` : '</stream:stream>'

/** Reads a peer's stream error; what is not understood becomes `undefined-condition`. */
export function readStreamError(element: Element): StreamError {
  const known = elements(element).filter((node) => node.getNS() === ns.streamErrors)
  const name = known.find((node) => node.name !== 'text')?.name
  const condition = streamErrorConditions.find((each) => each === name) ?? 'undefined-condition'
  return new StreamError(condition, known.find((node) => node.name === 'text')?.getText())
}
