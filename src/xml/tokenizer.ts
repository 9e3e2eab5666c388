/**
 * Cuts a document into tags and text as it arrives, and refuses at their first characters what XMPP forbids of XML
 * (RFC 6120 §11.1): document types, comments, processing instructions. However the text is cut, the tokens are the same and
 * the time is linear: of a tag that is not complete only new characters are looked at.
 */
import { beginsName } from './names.js'
import { cdataOf, settled, textOf } from './references.js'
import { readTag, type Tag } from './tag.js'
import { XmlError } from './xml-error.js'

export interface TokenHandler {
  /** Text is character data here; elsewhere only white space may stand between tags. */
  readonly inContent: boolean
  /** White space, whole or a part of it, where text is no character data. */
  space(): void
  tag(tag: Tag): void
  /** Character data, whole or a part of it. */
  text(text: string): void
}

const cdataStart = '<![CDATA['
const declaration =
  /^<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:'1\.[0-9]+'|"1\.[0-9]+")(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:'([A-Za-z][\w.-]*)'|"([A-Za-z][\w.-]*)"))?(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:'(?:yes|no)'|"(?:yes|no)"))?[ \t\r\n]*\?>$/
const space = /^[ \t\r\n]*$/
const quotes = /["'<>]/g

export class Tokenizer {
  readonly #handler: TokenHandler
  #state: 'content' | 'tag' | 'cdata' | 'declaration' = 'content'
  /** What was written and is not cut yet: the beginning of a tag, or a few characters that mean nothing by themselves. */
  #held = ''
  /** Inside the held tag: the quote that is open. */
  #quote = ''
  /** Characters written before the text that is being looked at, and how many of that were cut. */
  #before = 0
  #at = 0

  constructor(handler: TokenHandler) {
    this.#handler = handler
  }

  /** Characters of the document up to the end of the last token. */
  get position(): number {
    return this.#before + this.#at
  }

  /** The text written so far ends inside something. */
  get incomplete(): boolean {
    return this.#held !== '' || this.#state !== 'content'
  }

  /** Throws XmlError, and what the handler throws; afterwards the tokenizer is of no use any more. */
  write(chunk: string): void {
    if (this.#state === 'tag' && !this.#tagEndsIn(chunk)) return
    const text = this.#held === '' ? chunk : this.#held + chunk
    this.#held = ''
    this.#at = 0
    while (this.#at < text.length && this.#held === '') {
      if (this.#state === 'cdata') this.#cdata(text)
      else if (this.#state === 'declaration') this.#declaration(text)
      else if (text.charCodeAt(this.#at) === 0x3c) this.#markup(text)
      else this.#text(text)
    }
    this.#before += text.length - this.#held.length
    this.#at = 0
  }

  #hold(text: string): void {
    this.#held = text.slice(this.#at)
  }

  #text(text: string): void {
    const less = text.indexOf('<', this.#at)
    const run = text.slice(this.#at, less === -1 ? text.length : less)
    if (!this.#handler.inContent) return this.#space(run)
    const ready = less === -1 ? settled(run) : run.length
    this.#at += ready
    if (ready > 0) this.#handler.text(textOf(run.slice(0, ready)))
    if (ready < run.length) this.#hold(text)
  }

  #space(run: string): void {
    if (!space.test(run)) throw new XmlError('not-well-formed', 'character data outside of an element that may hold it')
    this.#at += run.length
    this.#handler.space()
  }

  #markup(text: string): void {
    const at = this.#at
    if (at + 1 === text.length) return this.#hold(text)
    const next = text.charCodeAt(at + 1)
    if (next === 0x21) return this.#section(text)
    if (next === 0x3f) return this.#instruction(text)
    if (next !== 0x2f && !beginsName(text, at + 1)) throw new XmlError('not-well-formed', 'a tag without a name')
    const tag = this.#tag(text)
    if (tag === undefined) {
      this.#state = 'tag'
      return this.#hold(text)
    }
    this.#at = tag.end
    this.#handler.tag(tag)
  }

  /** What is wrong with a tag counts once it is complete, so that it does not depend on how the text was cut. */
  #tag(text: string): Tag | undefined {
    let wrong: unknown
    try {
      const tag = readTag(text, this.#at)
      if (tag !== undefined) return tag
    } catch (error) {
      wrong = error
    }
    if (this.#tagEnd(text, this.#at + 1)) throw wrong ?? new XmlError('not-well-formed', 'a malformed tag')
    return undefined
  }

  /** Goes on with a held tag; false where the chunk does not end it either. */
  #tagEndsIn(chunk: string): boolean {
    if (this.#tagEnd(chunk, 0)) {
      this.#state = 'content'
      this.#quote = ''
      return true
    }
    this.#held += chunk
    return false
  }

  /** Does a tag end in `text`, from `at` on, which stands inside `#quote`? */
  #tagEnd(text: string, at: number): boolean {
    quotes.lastIndex = at
    for (let found = quotes.exec(text); found !== null; found = quotes.exec(text)) {
      const [character] = found
      if (character === '<') throw new XmlError('not-well-formed', 'a less-than sign in a tag')
      if (this.#quote === '' && character === '>') return true
      if (this.#quote === character) this.#quote = ''
      else if (this.#quote === '' && character !== '>') this.#quote = character
    }
    return false
  }

  /** `<!`: only the beginning of a CDATA section, and only inside of an element. */
  #section(text: string): void {
    const start = text.slice(this.#at, this.#at + cdataStart.length)
    if (start.length < 3) return this.#hold(text)
    if (/^<![A-Za-z-]/.test(start)) throw new XmlError('restricted', 'comments and document types are not allowed')
    if (!cdataStart.startsWith(start) || !this.#handler.inContent)
      throw new XmlError('not-well-formed', 'malformed markup')
    if (start.length < cdataStart.length) return this.#hold(text)
    this.#state = 'cdata'
    this.#at += cdataStart.length
  }

  #cdata(text: string): void {
    const found = text.indexOf(']]>', this.#at)
    const run = text.slice(this.#at, found === -1 ? text.length : found)
    const end = found === -1 ? (/(?:\r|\]{1,2})$/.exec(run)?.index ?? run.length) : run.length
    this.#at += end
    if (end > 0) this.#handler.text(cdataOf(run.slice(0, end)))
    if (found !== -1) {
      this.#state = 'content'
      this.#at = found + ']]>'.length
    } else if (end < run.length) this.#hold(text)
  }

  /** `<?`: only the XML declaration, only as the very first characters. */
  #instruction(text: string): void {
    const start = text.slice(this.#at, this.#at + '<?xml '.length)
    if ('<?xml'.startsWith(start)) return this.#hold(text)
    if (!/^<\?xml[\s?]/.test(start)) throw new XmlError('restricted', 'processing instructions are not allowed')
    if (this.position > 0) throw new XmlError('not-well-formed', 'an XML declaration stands only at the start')
    this.#state = 'declaration'
  }

  #declaration(text: string): void {
    const end = text.indexOf('?>', this.#at)
    if (end === -1) return this.#hold(text)
    const found = declaration.exec(text.slice(this.#at, end + 2))
    if (found === null) throw new XmlError('not-well-formed', 'a malformed XML declaration')
    const encoding = found[1] ?? found[2] ?? 'utf-8'
    if (encoding.toLowerCase() !== 'utf-8') throw new XmlError('encoding', 'the declared encoding is not UTF-8')
    this.#state = 'content'
    this.#at = end + 2
  }
}
