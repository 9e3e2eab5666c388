/**
 * Compares XML as a reader would: the order of attributes, quotes, prefixes and the white space of indentation do not
 * count; namespaces, the order of elements, text and every attribute do. In the expected text:
 *
 *   {any}   stands for any value of an attribute that is there, or of a text, also as a part of one;
 *   {$x}    the same, and it is remembered: a second {$x} must be the same value;
 *   {...}   as text among elements: further elements may stand here.
 */
import type { Element } from '../../src/xml/element.js'
import { parseDocument } from '../../src/xml/reader.js'

export type Captures = Readonly<Record<string, string>>

const limits = { stanzaBytes: 16 * 1024 * 1024, depth: 256, attributes: 1000 }

/** A stanza, or text of one, as a tree. Throws XmlError. */
export const parse = (text: string): Element => parseDocument(text.trim(), limits, '')

/** The first difference with its path, or undefined if there is none; `captures` gains what {$x} stood for. */
export function mismatch(
  actual: Element | string,
  expected: string,
  captures: Record<string, string> = {},
): string | undefined {
  const found = typeof actual === 'string' ? parse(actual) : actual
  const attempt = { ...captures }
  const difference = compare(found, parse(expected), `/${found.name}`, attempt)
  if (difference === undefined) Object.assign(captures, attempt)
  return difference
}

/** Throws an Error that shows the first difference and both documents, or returns what {$x} stood for. */
export function expectXml(actual: Element | string, expected: string, captures: Record<string, string> = {}): Captures {
  const found = typeof actual === 'string' ? parse(actual) : actual
  const difference = mismatch(found, expected, captures)
  if (difference === undefined) return captures
  throw new Error(`${difference}\n\nexpected:\n${pretty(parse(expected))}\n\nactual:\n${pretty(found)}\n`)
}

function compare(
  actual: Element,
  expected: Element,
  path: string,
  captures: Record<string, string>,
): string | undefined {
  if (actual.name !== expected.name) return `${path}: <${actual.name}/> instead of <${expected.name}/>`
  if (namespace(actual) !== namespace(expected))
    return `${path}: namespace "${namespace(actual)}" instead of "${namespace(expected)}"`
  return compareAttributes(actual, expected, path, captures) ?? compareContent(actual, expected, path, captures)
}

function compareAttributes(
  actual: Element,
  expected: Element,
  path: string,
  captures: Record<string, string>,
): string | undefined {
  const [is, should] = [attributes(actual), attributes(expected)]
  for (const [key, value] of should) {
    const found = is.get(key)
    if (found === undefined) return `${path}: no attribute ${key}, expected "${value}"`
    if (!fits(found, value, captures)) return `${path}: ${key}="${found}" instead of "${value}"`
  }
  for (const [key, value] of is) if (!should.has(key)) return `${path}: unexpected ${key}="${value}"`
  return undefined
}

function compareContent(
  actual: Element,
  expected: Element,
  path: string,
  captures: Record<string, string>,
): string | undefined {
  const [is, should] = [content(actual), content(expected)]
  const open = should.indexOf('{...}')
  if (open === -1 && is.length !== should.length)
    return `${path}: ${is.length} children (${names(is)}) instead of ${should.length} (${names(should)})`
  const before = open === -1 ? should : should.slice(0, open)
  const after = open === -1 ? [] : should.slice(open + 1)
  if (is.length < before.length + after.length) return `${path}: only ${is.length} children (${names(is)})`
  return (
    compareList(is.slice(0, before.length), before, path, captures) ??
    compareList(after.length === 0 ? [] : is.slice(-after.length), after, path, captures)
  )
}

function compareList(
  is: readonly (Element | string)[],
  should: readonly (Element | string)[],
  path: string,
  captures: Record<string, string>,
): string | undefined {
  for (const [index, wanted] of should.entries()) {
    const found = is[index]
    const difference = compareNode(found, wanted, path, captures)
    if (difference !== undefined) return difference
  }
  return undefined
}

function compareNode(
  found: Element | string | undefined,
  wanted: Element | string,
  path: string,
  captures: Record<string, string>,
): string | undefined {
  if (typeof wanted === 'string')
    return typeof found === 'string' && fits(found, wanted, captures)
      ? undefined
      : `${path}: ${shown(found)} instead of the text "${wanted}"`
  if (found === undefined || typeof found === 'string') return `${path}: ${shown(found)} instead of <${wanted.name}/>`
  return compare(found, wanted, `${path}/${wanted.name}`, captures)
}

function fits(value: string, pattern: string, captures: Record<string, string>): boolean {
  if (!pattern.includes('{')) return value === pattern
  const keys: string[] = []
  const parts = pattern.split(/(\{any\}|\{\$\w+\})/).map((part, index) => {
    if (index % 2 === 0) return quoted(part)
    if (part === '{any}') return '[^]*'
    keys.push(part.slice(2, -1))
    return '([^]*)'
  })
  const match = new RegExp(`^${parts.join('')}$`).exec(value)
  if (match === null) return false
  return keys.every((key, index) => {
    const known = captures[key]
    captures[key] = known ?? match[index + 1] ?? ''
    return known === undefined || known === match[index + 1]
  })
}

/** The streams' content namespaces are one: a stanza carries none of them inside the server. */
function namespace(element: Element): string {
  const ns = element.getNS() ?? ''
  return ns === 'jabber:client' || ns === 'jabber:server' ? '' : ns
}

function attributes(element: Element): Map<string, string> {
  const entries = Object.entries(element.attrs).filter(
    ([key, value]) => value !== undefined && key !== 'xmlns' && !key.startsWith('xmlns:'),
  )
  return new Map(entries.map(([key, value]) => [key, String(value)]))
}

/** Children with neighbouring texts joined; white space between elements is indentation. */
function content(element: Element): (Element | string)[] {
  const joined: (Element | string)[] = []
  for (const node of element.children) {
    const last = joined.at(-1)
    if (typeof node === 'string' && typeof last === 'string') joined[joined.length - 1] = last + node
    else joined.push(node)
  }
  const mixed = joined.some((node) => typeof node !== 'string' || node.trim() === '{...}')
  const trimmed = mixed ? joined.map((node) => (typeof node === 'string' ? node.trim() : node)) : joined
  return trimmed.filter((node) => node !== '')
}

/** One element a line, attributes in order of their names. */
export function pretty(element: Element, indent = ''): string {
  const attrs = [...attributes(element)]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => ` ${key}="${value}"`)
  const ns = element.attrs.xmlns === undefined ? '' : ` xmlns="${element.attrs.xmlns}"`
  const start = `${indent}<${element.name}${ns}${attrs.join('')}`
  const children = content(element)
  if (children.length === 0) return `${start}/>`
  const [only] = children
  if (children.length === 1 && typeof only === 'string') return `${start}>${only}</${element.name}>`
  const lines = children.map((node) => (typeof node === 'string' ? `${indent}  ${node}` : pretty(node, `${indent}  `)))
  return `${start}>\n${lines.join('\n')}\n${indent}</${element.name}>`
}

const names = (nodes: readonly (Element | string)[]): string => nodes.map(shown).join(' ')

function shown(node: Element | string | undefined): string {
  if (node === undefined) return 'nothing'
  return typeof node === 'string' ? `the text "${node}"` : `<${node.name}/>`
}

const quoted = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
