/**
 * From the events of saxes to normalised elements (see element.ts), with limits on depth, attributes and number of
 * elements. saxes checks that the text is well-formed XML 1.0 with namespaces; it goes on after an error, we never do.
 */
import { type SaxesAttributeNS, SaxesParser, type SaxesTagNS } from 'saxes'
import { Element } from './element.js'
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
  /** The characters between children end before `position`. */
  skip(position: number): void
}

const options = { xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true } as const
const space = /^[ \t\r\n]*$/

export class TreeBuilder {
  readonly #events: TreeEvents
  readonly #parser = new SaxesParser(options)
  /** The whole document is one element, there is no stream around it. */
  readonly #single: boolean
  #contentNamespace: string
  #inRoot: boolean
  /** The open elements of the current child, and the namespace of each. */
  readonly #open: Element[] = []
  readonly #namespaces: string[] = []
  #attributes = 0
  #elements = 0
  #finished: Element | 'root' | undefined
  #finishedAt = 0

  /** `contentNamespace` is given where the document is a single element, and left out for a stream. */
  constructor(events: TreeEvents, contentNamespace?: string) {
    this.#events = events
    this.#single = contentNamespace !== undefined
    this.#inRoot = this.#single
    this.#contentNamespace = contentNamespace ?? ''
    this.#parser.on('error', (error) => this.#failed(error))
    this.#parser.on('xmldecl', ({ encoding }) => {
      if (encoding !== undefined && encoding.toLowerCase() !== 'utf-8')
        throw new XmlError('encoding', 'the declared encoding is not UTF-8')
    })
    this.#parser.on('opentagstart', () => {
      this.#settle()
      this.#attributes = 0
    })
    this.#parser.on('attribute', () => {
      if (++this.#attributes > events.limits.attributes) throw new XmlError('limit', 'too many attributes')
    })
    this.#parser.on('opentag', (tag) => (this.#inRoot ? this.#start(tag) : this.#header(tag)))
    this.#parser.on('closetag', (tag) => this.#end(tag))
    this.#parser.on('text', (text) => this.#text(text))
    this.#parser.on('cdata', (text) => this.#text(text))
  }

  get contentNamespace(): string {
    return this.#contentNamespace
  }

  /** Inside the root, and in none of its children. */
  get betweenChildren(): boolean {
    return this.#inRoot && this.#open.length === 0
  }

  /** Throws XmlError, and what the events throw; afterwards the builder is of no use any more. */
  write(text: string): void {
    this.#parser.write(text)
    this.#settle()
  }

  /** Throws XmlError where the document is not complete. */
  end(): void {
    this.#parser.close()
  }

  #header(tag: SaxesTagNS): void {
    const root = new Element(tag.local)
    root.attrs.xmlns = tag.uri
    for (const attribute of attributesOf(tag)) {
      if (attribute.name !== 'xmlns') root.attrs[attribute.name] = attribute.value
    }
    this.#inRoot = true
    this.#contentNamespace = tag.ns[''] ?? ''
    this.#events.measure(this.#parser.position)
    this.#events.open(root)
  }

  #start(tag: SaxesTagNS): void {
    const { limits } = this.#events
    const depth = this.#open.length
    if (depth === 0) this.#elements = 0
    if (depth >= limits.depth) throw new XmlError('limit', 'elements are nested too deeply')
    if (++this.#elements > (limits.elements ?? Number.POSITIVE_INFINITY))
      throw new XmlError('limit', 'too many elements')
    const element = new Element(tag.local)
    if (tag.uri !== (this.#namespaces[depth - 1] ?? this.#contentNamespace)) element.attrs.xmlns = tag.uri
    for (const attribute of attributesOf(tag)) adopt(element, attribute)
    const parent = this.#open[depth - 1]
    if (parent !== undefined) {
      element.parent = parent
      parent.children.push(element)
    }
    this.#open.push(element)
    this.#namespaces.push(tag.uri)
  }

  /**
   * saxes tells of an end tag before it compares its name with that of the start tag. So what ends here is handed on
   * only when the parser has gone on, and never where the very next thing is its complaint.
   */
  #end(tag: SaxesTagNS): void {
    this.#settle()
    this.#namespaces.pop()
    const element = this.#open.pop()
    if (this.#open.length > 0) return
    this.#finished = element ?? 'root'
    this.#finishedAt = this.#parser.position
    if (element !== undefined) this.#events.measure(this.#finishedAt)
    if (tag.isSelfClosing) this.#settle()
  }

  #settle(): void {
    const finished = this.#finished
    if (finished === undefined) return
    this.#finished = undefined
    if (finished === 'root') this.#events.close()
    else this.#events.element(finished)
  }

  #failed(error: Error): never {
    if (this.#parser.position > this.#finishedAt) this.#settle()
    throw new XmlError('not-well-formed', error.message)
  }

  #text(text: string): void {
    this.#settle()
    const parent = this.#open.at(-1)
    if (parent === undefined) {
      // Outside the root saxes itself refuses all but white space.
      if (this.#single || !this.#inRoot) return
      if (!space.test(text)) throw new XmlError('not-well-formed', 'character data between the children of the root')
      this.#events.skip(this.#parser.position - 1)
      return
    }
    const last = parent.children.length - 1
    const before = parent.children[last]
    if (typeof before === 'string') parent.children[last] = before + text
    else if (text !== '') parent.children.push(text)
  }
}

const attributesOf = (tag: SaxesTagNS): SaxesAttributeNS[] => Object.values(tag.attributes)

/** Declarations are not kept but for prefixes of attributes, each on the element that uses it. */
function adopt(element: Element, { name, prefix, uri, value }: SaxesAttributeNS): void {
  if (name === 'xmlns' || prefix === 'xmlns') return
  if (prefix !== '' && prefix !== 'xml') element.attrs[`xmlns:${prefix}`] = uri
  element.attrs[name] = value
}
