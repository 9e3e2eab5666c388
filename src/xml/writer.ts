/**
 * Serialising. A tree becomes text once; a stanza for many recipients becomes a `Rendered`, into which only `to` (and,
 * for WebSocket framing, the content namespace) is spliced per recipient.
 */
import type { Element } from './element.js'

// What XML does not allow comes in through no stream, but may through JSON or by an operator's hand. Nobody could read it.
const special = /[&<>"'\0-\x1f\ufffe\uffff]/
const eachSpecial = new RegExp(special, 'g')
const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
  '\t': '&#x9;',
  '\n': '&#xA;',
  '\r': '&#xD;',
}
const specialInText = /[&<>\r\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/
const eachSpecialInText = new RegExp(specialInText, 'g')
const entity = (found: string): string => entities[found] ?? '\ufffd'

// Most texts have nothing to escape, and a test that fails costs a fifth of a replacement that replaces nothing.
export const escapeAttribute = (value: string): string =>
  special.test(value) ? value.replace(eachSpecial, entity) : value
export const escapeText = (text: string): string =>
  specialInText.test(text) ? text.replace(eachSpecialInText, entity) : text

/** The whole element as XML text. `xmlns`, where given, is written on the root if the root declares none itself. */
export function serialize(element: Element, xmlns?: string): string {
  let text = `<${element.name}`
  if (xmlns !== undefined && element.attrs.xmlns === undefined) text += ` xmlns='${escapeAttribute(xmlns)}'`
  return text + attributesOf(element) + contentOf(element)
}

function attributesOf(element: Element, except?: string): string {
  let text = ''
  for (const key in element.attrs) {
    const value = element.attrs[key]
    if (value !== undefined && value !== null && key !== except) text += ` ${key}='${escapeAttribute(String(value))}'`
  }
  return text
}

/** From the end of the start tag's attributes to the end of the element. */
function contentOf(element: Element): string {
  if (element.children.length === 0) return '/>'
  let text = '>'
  for (const node of element.children) text += typeof node === 'string' ? escapeText(node) : serialize(node)
  return `${text}</${element.name}>`
}

/**
 * Text in one piece. What was concatenated is a tree of its pieces in V8, and every text that it becomes a part of would be
 * copied together from all of them; reading one character makes it flat (a third of the CPU of a fan-out).
 */
function flat(text: string): string {
  text.charCodeAt(0)
  return text
}

/** One stanza serialised once for many recipients. */
export class Rendered {
  /** `message`, `presence` or `iq`. */
  readonly name: string
  readonly #foreign: boolean
  readonly #head: string
  readonly #tail: string

  constructor(stanza: Element) {
    this.name = stanza.name
    this.#foreign = stanza.attrs.xmlns !== undefined
    this.#head = flat(`<${stanza.name}${attributesOf(stanza, 'to')} to='`)
    this.#tail = flat(`'${contentOf(stanza)}`)
  }

  /** Of the same presence for one recipient after the other: 400 who enter a room are shown each other 160,000 times. */
  static of(stanza: Element): Rendered {
    if (stanza.name !== 'presence') return new Rendered(stanza)
    const known = presences.get(stanza) ?? new Rendered(stanza)
    presences.set(stanza, known)
    return known
  }

  /** The text for one recipient; `xmlns` is the content namespace where the framing asks for it (RFC 7395 §3.3.3). */
  to(to: string, xmlns?: string): string {
    const text = this.#head + escapeAttribute(to) + this.#tail
    if (xmlns === undefined || this.#foreign) return text
    const start = `<${this.name}`
    return `${start} xmlns='${xmlns}'${text.slice(start.length)}`
  }
}

/** A presence is kept by who makes it for as long as it is true; anything else is sent once, and is not worth keeping. */
const presences = new WeakMap<Element, Rendered>()
