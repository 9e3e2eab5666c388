/** One tag (XML 1.0 §3.1): `<name a='b'>`, `<name/>` or `</name>`. Made for speed: one pass over its characters. */
import { nameEnd } from './names.js'
import { attributeValueOf } from './references.js'
import { XmlError } from './xml-error.js'

export interface Tag {
  readonly kind: 'start' | 'end' | 'empty'
  /** With its prefix. */
  readonly name: string
  /** Attributes in their order, prefixes and declarations included; the value of `names[i]` is `values[i]`. */
  readonly names: readonly string[]
  readonly values: readonly string[]
  /** Behind its `>`. */
  readonly end: number
}

const slash = 0x2f
const equals = 0x3d
const closing = 0x3e
const less = 0x3c
const ampersand = 0x26
const single = 0x27
const double = 0x22

const none: readonly string[] = []

/** The tag that begins at `at`, with `<`; undefined where the text ends before it does. Throws XmlError where it is malformed. */
export function readTag(text: string, at: number): Tag | undefined {
  if (text.charCodeAt(at + 1) === slash) return readEndTag(text, at)
  const nameEnds = nameEnd(text, at + 1)
  let names: string[] | undefined
  let values: string[] | undefined
  for (let next = nameEnds; ; ) {
    const begin = skipSpace(text, next)
    const code = text.charCodeAt(begin)
    if (code === closing || code === slash) {
      const empty = code === slash
      const end = empty ? begin + 1 : begin
      if (end >= text.length) return undefined
      if (text.charCodeAt(end) !== closing) throw new XmlError('not-well-formed', 'a slash in a tag')
      const kind = empty ? 'empty' : 'start'
      return { kind, name: text.slice(at + 1, nameEnds), names: names ?? none, values: values ?? none, end: end + 1 }
    }
    if (begin >= text.length) return undefined
    if (begin === next) throw new XmlError('not-well-formed', 'no white space before an attribute')
    const end = nameEnd(text, begin)
    const equalsAt = skipSpace(text, end)
    if (equalsAt >= text.length) return undefined
    if (text.charCodeAt(equalsAt) !== equals) throw new XmlError('not-well-formed', 'an attribute without a value')
    const quoteAt = skipSpace(text, equalsAt + 1)
    if (quoteAt >= text.length) return undefined
    const valueEnds = valueEnd(text, quoteAt)
    if (valueEnds === -1) return undefined
    names ??= []
    values ??= []
    names.push(text.slice(begin, end))
    values.push(attributeValue(text, quoteAt + 1, valueEnds))
    next = valueEnds + 1
  }
}

function readEndTag(text: string, at: number): Tag | undefined {
  const nameEnds = nameEnd(text, at + 2)
  const end = skipSpace(text, nameEnds)
  if (end >= text.length) return undefined
  if (text.charCodeAt(end) !== closing) throw new XmlError('not-well-formed', 'an end tag with more than its name')
  return { kind: 'end', name: text.slice(at + 2, nameEnds), names: none, values: none, end: end + 1 }
}

function skipSpace(text: string, at: number): number {
  for (let next = at; ; next++) {
    const code = text.charCodeAt(next)
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return next
  }
}

/** Where the quote that closes the one at `at` stands; -1 where the text ends before it. */
function valueEnd(text: string, at: number): number {
  const quote = text.charCodeAt(at)
  if (quote !== single && quote !== double) throw new XmlError('not-well-formed', 'an attribute without quotes')
  return text.indexOf(quote === single ? "'" : '"', at + 1)
}

function attributeValue(text: string, from: number, to: number): string {
  for (let at = from; at < to; at++) {
    const code = text.charCodeAt(at)
    if (code < 0x20 || code === ampersand || code >= 0xfffe) return attributeValueOf(text.slice(from, to))
    if (code === less) throw new XmlError('not-well-formed', 'a less-than sign in an attribute')
  }
  return text.slice(from, to)
}
