/**
 * From tags and text to normalised elements (see element.ts): end tags match, prefixes are bound, no attribute stands twice
 * (XML 1.0 §3, Namespaces in XML 1.0), with limits on depth, attributes and number of elements.
 */
import { Element } from './element.js'
import { type Declared, Scope } from './scope.js'
import type { Tag } from './tag.js'
import { Tokenizer } from './tokenizer.js'
import { XmlError } from './xml-error.js'

/** Above these a document is refused with an XmlError of kind `limit`. */
export interface ReaderLimits {
  /** Bytes of one child of the root, also of one that is not finished, and of the stream header. */
  readonly stanzaBytes: number
  /** Elements inside each other; the child of the root is 1. */
  readonly depth: number
  /** Attributes of one element, namespace declarations included. */
  readonly attributes: number
  /** Elements of one child of the root, itself included. */
  readonly elements?: number
}

/** What the owner hears. Whatever it throws ends the parsing and leaves `write`. Positions count characters written. */
export interface TreeEvents {
  readonly limits: ReaderLimits
  open(root: Element): void
  element(element: Element): void
  close(): void
  /** A child of the root (or the header) ends before `position`: the time to check its size. */
  measure(position: number): void
  /** The white space between children ends before `position`. */
  skip(position: number): void
}

/** An element that is not closed yet. */
interface Open {
  readonly element: Element
  readonly qualifiedName: string
  readonly namespace: string
  readonly declared: Declared
}

export class TreeBuilder {
  readonly #events: TreeEvents
  readonly #tokens: Tokenizer
  #contentNamespace: string
  /** In a stream: its root, once open. A single document has none. */
  #root: string | undefined
  #phase: 'before' | 'inside' | 'after'
  /** The open elements of the current child. */
  readonly #open: Open[] = []
  readonly #scope = new Scope()
  #elements = 0
  /** Characters of the declarations that the current child's elements got. */
  #declarations = 0

  /** `contentNamespace` is given where the document is a single element, and left out for a stream. */
  constructor(events: TreeEvents, contentNamespace?: string) {
    this.#events = events
    this.#phase = contentNamespace === undefined ? 'before' : 'inside'
    this.#contentNamespace = contentNamespace ?? ''
    const builder = this
    this.#tokens = new Tokenizer({
      get inContent() {
        return builder.#open.length > 0
      },
      space: () => {
        if (this.betweenChildren) events.skip(this.#tokens.position)
      },
      tag: (tag) => this.#tag(tag),
      text: (text) => this.#text(text),
    })
  }

  get contentNamespace(): string {
    return this.#contentNamespace
  }

  set contentNamespace(namespace: string) {
    this.#contentNamespace = namespace
  }

  /** Inside the root, and in none of its children. */
  get betweenChildren(): boolean {
    return this.#phase === 'inside' && this.#open.length === 0
  }

  /** Throws XmlError, and what the events throw; afterwards the builder is of no use any more. */
  write(text: string): void {
    this.#tokens.write(text)
  }

  /** Throws XmlError where the document is not complete. */
  end(): void {
    if (this.#phase !== 'after' || this.#tokens.incomplete)
      throw new XmlError('not-well-formed', 'the document is not complete')
  }

  #tag(tag: Tag): void {
    if (tag.kind === 'end') return this.#end(tag.name)
    if (this.#phase === 'after') throw new XmlError('not-well-formed', 'a second root')
    if (tag.names.length > this.#events.limits.attributes) throw new XmlError('limit', 'too many attributes')
    if (this.#phase === 'before') this.#header(tag)
    else this.#start(tag)
    if (tag.kind === 'empty') this.#end(tag.name)
  }

  #header(tag: Tag): void {
    const scope = this.#scope
    scope.enter(tag.names, tag.values)
    const [namespace, local] = resolve(tag.name, scope)
    const root = new Element(local)
    root.attrs.xmlns = namespace
    checkUnique(tag.names, scope)
    for (const [i, name] of tag.names.entries()) {
      if (hasPrefix(name)) scope.namespaceOf(prefixOf(name))
      if (name !== 'xmlns') root.attrs[name] = tag.values[i]
    }
    this.#root = tag.name
    this.#phase = 'inside'
    this.#contentNamespace = scope.defaultNamespace
    this.#events.measure(this.#tokens.position)
    this.#events.open(root)
  }

  #start(tag: Tag): void {
    const { limits } = this.#events
    const depth = this.#open.length
    const outer = this.#open[depth - 1]
    if (depth === 0) this.#elements = this.#declarations = 0
    if (depth >= limits.depth) throw new XmlError('limit', 'elements are nested too deeply')
    if (++this.#elements > (limits.elements ?? Number.POSITIVE_INFINITY))
      throw new XmlError('limit', 'too many elements')
    const { names, values } = tag
    const scope = this.#scope
    const declared = scope.enter(names, values)
    const [namespace, local] = resolve(tag.name, scope)
    const element = new Element(local)
    if (namespace !== (outer?.namespace ?? this.#contentNamespace)) element.attrs.xmlns = this.#repeated(namespace)
    checkUnique(names, scope)
    for (let i = 0; i < names.length; i++) this.#adopt(element, names[i]!, values[i]!)
    if (outer !== undefined) {
      element.parent = outer.element
      outer.element.children.push(element)
    }
    this.#open.push({ element, qualifiedName: tag.name, namespace, declared })
  }

  #end(name: string): void {
    const open = this.#open.pop()
    const expected = open?.qualifiedName ?? (this.#phase === 'inside' ? this.#root : undefined)
    if (name !== expected) throw new XmlError('not-well-formed', 'an end tag for another element')
    if (open !== undefined) this.#scope.leave(open.declared)
    if (open === undefined) {
      this.#phase = 'after'
      this.#events.close()
    } else if (this.#open.length === 0) {
      if (this.#root === undefined) this.#phase = 'after'
      this.#events.measure(this.#tokens.position)
      this.#events.element(open.element)
    }
  }

  /** Declarations are not kept but for prefixes of attributes, each on the element that uses it. */
  #adopt(element: Element, name: string, value: string): void {
    if (hasPrefix(name)) {
      const prefix = prefixOf(name)
      const namespace = this.#scope.namespaceOf(prefix)
      if (prefix !== 'xml') element.attrs[`xmlns:${prefix}`] = this.#repeated(namespace)
    } else if (name === 'xmlns' || name.startsWith('xmlns:')) return
    element.attrs[name] = value
  }

  /** What was declared once may come to stand on every element: a long name, written again for each, is not to outgrow the limit. */
  #repeated(namespace: string): string {
    this.#declarations += namespace.length
    if (this.#declarations > this.#events.limits.stanzaBytes)
      throw new XmlError('limit', 'the namespaces of its elements are too long')
    return namespace
  }

  #text(text: string): void {
    const children = this.#open.at(-1)?.element.children
    if (children === undefined || text === '') return
    const last = children.length - 1
    const before = children[last]
    if (typeof before === 'string') children[last] = before + text
    else children.push(text)
  }
}

/** The namespace and the local part of an element's name. */
function resolve(name: string, scope: Scope): [namespace: string, local: string] {
  if (!name.includes(':')) return [scope.defaultNamespace, name]
  // Our trees have no prefixes, and no other name of this namespace may be declared (Namespaces in XML 1.0 §3).
  if (name.startsWith('xml:')) throw new XmlError('not-well-formed', 'an element with the prefix "xml"')
  return [scope.namespaceOf(prefixOf(name)), localOf(name)]
}

/** No two attributes of one name, nor two whose prefixes mean the same (Namespaces in XML 1.0 §6.3). */
function checkUnique(names: readonly string[], scope: Scope): void {
  if (names.length > manyAttributes ? new Set(names).size < names.length : standsTwice(names)) throw twice()
  const prefixed = names.filter(hasPrefix)
  if (prefixed.length < 2) return
  const meant = new Set(prefixed.map((name) => `${scope.namespaceOf(prefixOf(name))} ${localOf(name)}`))
  if (meant.size < prefixed.length) throw twice()
}

const twice = (): XmlError => new XmlError('not-well-formed', 'an attribute stands twice')

/** For the few attributes that almost every element has, comparing each with each is cheaper than a set. */
const manyAttributes = 12

function standsTwice(names: readonly string[]): boolean {
  for (let i = 1; i < names.length; i++) for (let j = 0; j < i; j++) if (names[i] === names[j]) return true
  return false
}

/** A prefix that means a namespace; `xmlns:a` declares one instead. */
const hasPrefix = (name: string): boolean => name.includes(':') && !name.startsWith('xmlns:')
const prefixOf = (name: string): string => name.slice(0, name.indexOf(':'))
const localOf = (name: string): string => name.slice(name.indexOf(':') + 1)
