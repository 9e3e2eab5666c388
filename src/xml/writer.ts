/**
 * Serialising. A tree becomes text once; a stanza for many recipients becomes a `Rendered`, into which only `to` (and,
 * for WebSocket framing, the content namespace) is spliced per recipient.
 */
import type { Element } from './element.js'

const special = /[&<>"'\t\n\r]/g
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
const specialInText = /[&<>\r]/g

export const escapeAttribute = (value: string): string => value.replace(special, (found) => entities[found]!)
export const escapeText = (text: string): string => text.replace(specialInText, (found) => entities[found]!)

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

/** One stanza serialised once for many recipients. */
export class Rendered {
  /** `message`, `presence` or `iq`. */
  readonly name: string
  readonly #foreign: boolean
  readonly #attributes: string
  readonly #content: string

  constructor(stanza: Element) {
    this.name = stanza.name
    this.#foreign = stanza.attrs.xmlns !== undefined
    this.#attributes = attributesOf(stanza, 'to')
    this.#content = contentOf(stanza)
  }

  /** The text for one recipient; `xmlns` is the content namespace where the framing asks for it (RFC 7395 §3.3.3). */
  to(to: string, xmlns?: string): string {
    const namespace = xmlns === undefined || this.#foreign ? '' : ` xmlns='${xmlns}'`
    return `<${this.name}${namespace}${this.#attributes} to='${escapeAttribute(to)}'${this.#content}`
  }
}
