/**
 * Reads what strangers send: a stream child by child, or one document, strictly and within limits. The same bytes give the
 * same result however they are cut, in linear time, and no more is kept than the one child that is not finished.
 */
import type { Element } from './element.js'
import { type ReaderLimits, TreeBuilder, type TreeEvents } from './tree-builder.js'
import { Utf8Decoder } from './utf8.js'
import { XmlError } from './xml-error.js'

export type { ReaderLimits } from './tree-builder.js'
export { XmlError, type XmlErrorKind } from './xml-error.js'

export interface ReaderHandler {
  /**
   * The root's start tag, the stream header. Its name is prefix-free, `xmlns` its own namespace, and the prefixes that
   * it declares are among its attributes (`xmlns:db`).
   */
  open(root: Element): void
  /** One complete child of the root, normalised (element.ts), without a parent. */
  element(element: Element): void
  /** The root's end tag. Nothing is called after it. */
  close(): void
  /** The first thing that was wrong. Nothing is called after it. */
  error(error: XmlError): void
}

/** Leaves the parser in the middle of a chunk. */
const stopped = Symbol('stopped')
const utf16 = /^[<\s]?\0/
const mark = /^\ufeff/
const halfCharacter = /\p{Surrogate}/u

/** Stream mode: one long document. What a handler throws comes out of `write`, and the reader has stopped. */
export class XmlReader {
  /** May be changed at any time, also by the handler; holds for what is not finished yet. */
  limits: ReaderLimits
  readonly #handler: ReaderHandler
  readonly #decoder = new Utf8Decoder()
  readonly #tree: TreeBuilder
  /** Chunks that were written while the handler was being called. */
  readonly #waiting: (Uint8Array | string)[] = []
  #writing = false
  #stopped = false
  /** The first two characters. */
  #start = ''
  #marked = false
  /** A high surrogate at the end of a string chunk. */
  #half = ''
  /** A string chunk held half a character in the wrong place. */
  #broken = false
  /** Bytes of the unfinished child in pieces that the parser has had. */
  #pending = 0
  /** The piece that the parser has now, where in the document it begins, and where in it the unfinished child begins. */
  #piece = ''
  #pieceAt = 0
  #childAt = 0

  constructor(handler: ReaderHandler, limits: ReaderLimits) {
    this.#handler = handler
    this.limits = limits
    this.#tree = new TreeBuilder(this.#events())
  }

  /** The default namespace declared on the root, which its children do not repeat; empty before the header and where there is none. */
  get contentNamespace(): string {
    return this.#tree.contentNamespace
  }

  /** For a peer whose children declare another themselves. */
  set contentNamespace(namespace: string) {
    this.#tree.contentNamespace = namespace
  }

  write(chunk: Uint8Array | string): void {
    if (this.#stopped) return
    this.#waiting.push(chunk)
    if (!this.#writing) this.#run()
  }

  /** Says that no more bytes come: an error (`not-well-formed`) unless the root has been closed. */
  end(): void {
    if (this.#stopped) return
    this.stop()
    this.#handler.error(
      this.#decoder.incomplete
        ? new XmlError('encoding', 'the bytes end inside a character')
        : new XmlError('not-well-formed', 'the document is not complete'),
    )
  }

  /** Drops what is left; nothing is called any more. */
  stop(): void {
    this.#stopped = true
    this.#waiting.length = 0
  }

  #run(): void {
    this.#writing = true
    try {
      for (let chunk = this.#waiting.shift(); chunk !== undefined; chunk = this.#waiting.shift()) this.#take(chunk)
    } catch (thrown) {
      this.stop()
      if (thrown instanceof HandlerFailure) throw thrown.cause
      if (thrown instanceof XmlError) this.#handler.error(thrown)
      else if (thrown !== stopped) throw thrown
    } finally {
      this.#writing = false
    }
  }

  #take(chunk: Uint8Array | string): void {
    const text = typeof chunk === 'string' ? this.#wholeCharacters(chunk) : this.#decoder.decode(chunk)
    this.#parse(this.#start.length < 2 ? this.#beginning(text) : text)
    if (this.#decoder.broken || this.#broken) throw new XmlError('encoding', 'the text is not UTF-8')
  }

  /** Keeps half a surrogate pair for the next chunk. */
  #wholeCharacters(chunk: string): string {
    const text = this.#half + chunk
    const at = text.search(halfCharacter)
    this.#half = ''
    if (at === -1) return text
    if (at === text.length - 1 && isHighSurrogate(text.charCodeAt(at))) this.#half = text.slice(at)
    else this.#broken = true
    return text.slice(0, at)
  }

  /** Drops one byte order mark; UTF-16 without one shows by a NUL beside the first character. */
  #beginning(text: string): string {
    const unmarked = this.#start === '' && !this.#marked ? text.replace(mark, '') : text
    if (unmarked !== text) this.#marked = true
    this.#start += unmarked.slice(0, 2 - this.#start.length)
    checkBeginning(this.#start)
    return unmarked
  }

  /** To the parser, no more at once than the unfinished child may still grow. */
  #parse(text: string): void {
    const ascii = Buffer.byteLength(text) === text.length
    for (let at = 0; at < text.length; ) {
      const end = pieceEnd(text, at, this.limits.stanzaBytes - this.#pending, ascii)
      this.#give(at === 0 && end === text.length ? text : text.slice(at, end))
      at = end
    }
  }

  #give(piece: string): void {
    this.#piece = piece
    this.#childAt = 0
    this.#tree.write(piece)
    this.#pieceAt += piece.length
    this.#piece = ''
    this.#pending += Buffer.byteLength(piece.slice(this.#childAt))
    this.#checkSize(this.#pending)
  }

  #checkSize(bytes: number): void {
    if (bytes > this.limits.stanzaBytes) throw new XmlError('limit', `larger than ${this.limits.stanzaBytes} bytes`)
  }

  #events(): TreeEvents {
    const reader = this
    return {
      get limits() {
        return reader.limits
      },
      open: (root) => this.#call(() => this.#handler.open(root)),
      element: (element) => this.#call(() => this.#handler.element(element)),
      close: () => {
        this.#stopped = true
        this.#call(() => this.#handler.close())
      },
      measure: (position) => {
        const end = position - this.#pieceAt
        this.#checkSize(this.#pending + Buffer.byteLength(this.#piece.slice(this.#childAt, end)))
        this.#pending = 0
        this.#childAt = end
      },
      skip: (position) => {
        this.#pending = 0
        this.#childAt = position - this.#pieceAt
      },
    }
  }

  #call(handle: () => void): void {
    try {
      handle()
    } catch (cause) {
      throw new HandlerFailure(cause)
    }
    if (this.#stopped) throw stopped
  }
}

/** Wraps what a handler threw on its way out of the parser, so that it is never taken for a fault of the document. */
class HandlerFailure extends Error {
  constructor(cause: unknown) {
    super('the handler failed', { cause })
  }
}

/**
 * One complete document, such as a WebSocket frame (RFC 7395 §3.1), as a normalised element: without `xmlns` where its
 * namespace is `contentNamespace`. Throws XmlError.
 */
export function parseDocument(text: string | Uint8Array, limits: ReaderLimits, contentNamespace: string): Element {
  const size = typeof text === 'string' ? Buffer.byteLength(text) : text.byteLength
  if (size > limits.stanzaBytes) throw new XmlError('limit', `larger than ${limits.stanzaBytes} bytes`)
  let document: Element | undefined
  const reader = new TreeBuilder(
    {
      limits,
      open: () => {},
      element: (element) => {
        document = element
      },
      close: () => {},
      measure: () => {},
      skip: () => {},
    },
    contentNamespace,
  )
  reader.write(decodeDocument(text))
  reader.end()
  if (document === undefined) throw new XmlError('not-well-formed', 'the document is empty')
  return document
}

function decodeDocument(source: string | Uint8Array): string {
  const decoder = new Utf8Decoder()
  const text = typeof source === 'string' ? source : decoder.decode(source)
  if (decoder.broken || decoder.incomplete || halfCharacter.test(text))
    throw new XmlError('encoding', 'the text is not UTF-8')
  const unmarked = text.replace(mark, '')
  checkBeginning(unmarked)
  return unmarked
}

function checkBeginning(start: string): void {
  if (utf16.test(start)) throw new XmlError('encoding', 'the text is not UTF-8')
  if (mark.test(start)) throw new XmlError('not-well-formed', 'text before the root')
}

/** The end of a piece that begins at `at` and holds no more than `room` bytes, but at least one character. */
function pieceEnd(text: string, at: number, room: number, ascii: boolean): number {
  const end = at + Math.max(1, ascii ? room : Math.floor(room / 3))
  if (end >= text.length) return text.length
  return isHighSurrogate(text.charCodeAt(end - 1)) ? end + 1 : end
}

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdbff
