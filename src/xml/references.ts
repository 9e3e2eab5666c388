/**
 * Character data as it stands in a document, and what it means: references, line ends and the characters that XML allows
 * (XML 1.0 §2.2, §2.11, §3.3.3, §4.1). Of entities only the five predefined ones exist (RFC 6120 §11.1).
 */
import { XmlError } from './xml-error.js'

const body = '&([A-Za-z0-9_.:#\\u0080-\\uffff-]{0,33})(;?)'
const notAllowed = '[\\0-\\x08\\x0b\\x0c\\x0e-\\x1f\\ufffe\\uffff]'
const forbidden = new RegExp(notAllowed)
const inText = new RegExp(`${body}|\\r\\n?|\\]\\]>|${notAllowed}`, 'g')
const inValue = new RegExp(`${body}|\\r\\n|[\\t\\n\\r]|${notAllowed}`, 'g')
const special = /[&\r\]\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/
const unfinished = /(?:\r|\]{1,2}|&[A-Za-z0-9_.:#\u0080-\uffff-]{0,32})$/
const longest = 32
const predefined: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** The text between two tags, or a part of it (`settled`). Throws XmlError for the first thing that is wrong. */
export function textOf(raw: string): string {
  if (!special.test(raw)) return raw
  return raw.replace(inText, (found: string, reference: string | undefined, semicolon: string | undefined) => {
    if (reference !== undefined) return resolve(reference, semicolon === ';')
    if (found.startsWith('\r')) return '\n'
    throw new XmlError(
      'not-well-formed',
      found === ']]>' ? 'the end of a CDATA section where none began' : 'a character that XML does not allow',
    )
  })
}

/** An attribute's value between its quotes, all of it. Throws XmlError for the first thing that is wrong. */
export function attributeValueOf(raw: string): string {
  return raw.replace(inValue, (found: string, reference: string | undefined, semicolon: string | undefined) => {
    if (reference !== undefined) return resolve(reference, semicolon === ';')
    if (/^[\t\n\r]/.test(found)) return ' '
    throw new XmlError('not-well-formed', 'a character that XML does not allow')
  })
}

/** The inside of a CDATA section, or a part of it that does not end in half a line end. Throws XmlError. */
export function cdataOf(raw: string): string {
  if (forbidden.test(raw)) throw new XmlError('not-well-formed', 'a character that XML does not allow')
  return raw.includes('\r') ? raw.replace(/\r\n?/g, '\n') : raw
}

/** Where the end of `raw` begins that means something only together with what follows; its length where none does. */
export function settled(raw: string): number {
  const last = raw.charCodeAt(raw.length - 1)
  // Almost every text ends in a letter, far from any reference.
  if (last !== 0x0d && last !== 0x5d && raw.lastIndexOf('&') < raw.length - 1 - longest) return raw.length
  return unfinished.exec(raw)?.index ?? raw.length
}

/** What stands between `&` and `;`. */
function resolve(name: string, semicolon: boolean): string {
  const numeric = name.startsWith('#')
  if (name.length > longest) {
    throw numeric
      ? new XmlError('limit', 'a character reference is too long')
      : new XmlError('restricted', 'entities are not allowed')
  }
  if (!semicolon) throw new XmlError('not-well-formed', 'a reference without its semicolon')
  if (numeric) return characterOf(name)
  const character = Object.hasOwn(predefined, name) ? predefined[name] : undefined
  if (character !== undefined) return character
  if (!/^[^0-9.-]/.test(name)) throw new XmlError('not-well-formed', 'a malformed reference')
  throw new XmlError('restricted', 'entities are not allowed')
}

/** `#233` or `#xe9`. */
function characterOf(name: string): string {
  const code = /^#[0-9]+$/.test(name)
    ? Number.parseInt(name.slice(1), 10)
    : /^#x[0-9A-Fa-f]+$/.test(name)
      ? Number.parseInt(name.slice(2), 16)
      : Number.NaN
  const exists = code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff)
  if (!exists || forbidden.test(String.fromCodePoint(code)))
    throw new XmlError('not-well-formed', 'a reference to no character')
  return String.fromCodePoint(code)
}
