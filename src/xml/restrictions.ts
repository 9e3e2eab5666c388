/**
 * What XMPP forbids of XML (RFC 6120 §11.1), found before the parser sees it: document types, comments, processing
 * instructions, references to other than the five predefined entities. A parser would gather these to their end before it
 * tells of them; here they are refused at their first characters.
 */
import { XmlError } from './xml-error.js'

/** What has to be looked at: the start of a declaration or instruction, of a reference, or of something cut off. */
const suspicious = /<(?=[!?]|$)|&/g
const reference = /&([A-Za-z0-9_.:#\u0080-\uffff-]{0,33})/y
const cdataStart = '<![CDATA['
const cdataEnd = ']]>'
const longestReference = 32

type Verdict = 'incomplete' | 'pass' | 'cdata' | XmlError

export class Restrictions {
  /** Cut off by the end of a chunk, to be judged with the next: at most 34 characters. */
  #held = ''
  #inCdata = false
  /** Characters passed on before the text that is being looked at. */
  #passed = 0
  #refusal: XmlError | undefined

  /** Why the text that `pass` returned last must not go on; it ends with the first character of what is refused. */
  get refusal(): XmlError | undefined {
    return this.#refusal
  }

  /** The last chunk ended inside something that has to be judged as a whole. */
  get incomplete(): boolean {
    return this.#held !== ''
  }

  /** Takes the next characters of the document and returns those that may be parsed now. */
  pass(chunk: string): string {
    const text = this.#held + chunk
    let at = 0
    for (;;) {
      if (this.#inCdata) {
        const end = text.indexOf(cdataEnd, at)
        if (end === -1)
          return this.#holdFrom(text, Math.max(at, text.length - (/\]{1,2}$/.exec(text)?.[0].length ?? 0)))
        this.#inCdata = false
        at = end + cdataEnd.length
      }
      suspicious.lastIndex = at
      const found = suspicious.exec(text)
      if (found === null) return this.#holdFrom(text, text.length)
      const verdict =
        text[found.index] === '&' ? judgeReference(text, found.index) : this.#judgeMarkup(text, found.index)
      if (verdict === 'incomplete') return this.#holdFrom(text, found.index)
      if (verdict instanceof XmlError) {
        this.#refusal = verdict
        return this.#holdFrom(text, found.index + 1)
      }
      this.#inCdata = verdict === 'cdata'
      at = found.index + (verdict === 'cdata' ? cdataStart.length : 1)
    }
  }

  #holdFrom(text: string, index: number): string {
    this.#held = text.slice(index)
    this.#passed += index
    return text.slice(0, index)
  }

  /** `<!`, `<?`, or `<` at the end of the text. */
  #judgeMarkup(text: string, at: number): Verdict {
    const start = text.slice(at, at + cdataStart.length)
    if (start.length < 3) return 'incomplete'
    if (start[1] === '?') return judgeInstruction(start, this.#passed + at === 0)
    if (start === cdataStart) return 'cdata'
    if (start[2] === '[' && cdataStart.startsWith(start)) return 'incomplete'
    if (/^<![A-Za-z-]/.test(start)) return new XmlError('restricted', 'comments and document types are not allowed')
    return new XmlError('not-well-formed', 'malformed markup')
  }
}

/** `<?`: only the XML declaration, only as the very first characters. */
function judgeInstruction(start: string, first: boolean): Verdict {
  if ('<?xml'.startsWith(start)) return 'incomplete'
  if (!/^<\?xml[\s?]/.test(start)) return new XmlError('restricted', 'processing instructions are not allowed')
  return first ? 'pass' : new XmlError('not-well-formed', 'an XML declaration stands only at the start')
}

function judgeReference(text: string, at: number): Verdict {
  reference.lastIndex = at
  const body = reference.exec(text)?.[1] ?? ''
  const numeric = body.startsWith('#')
  if (body.length > longestReference) {
    return numeric
      ? new XmlError('limit', 'a character reference is too long')
      : new XmlError('restricted', 'entities are not allowed')
  }
  const after = at + 1 + body.length
  if (after === text.length) return 'incomplete'
  if (text[after] !== ';') return new XmlError('not-well-formed', 'a reference without its semicolon')
  if (/^(?:amp|lt|gt|quot|apos|#[0-9]+|#x[0-9A-Fa-f]+)$/.test(body)) return 'pass'
  if (numeric || !/^[^0-9.-]/.test(body)) return new XmlError('not-well-formed', 'a malformed reference')
  return new XmlError('restricted', 'entities are not allowed')
}
