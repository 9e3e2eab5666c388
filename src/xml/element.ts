/**
 * Elements are ltx's trees. Ours are normalised: names carry no prefix, and `xmlns` stands only where the namespace
 * differs from the parent's. A stanza's root carries none: its namespace is the stream's content namespace, so that
 * trees are interchangeable between c2s, s2s and components. A tree is never changed once it was handed on.
 */
import { clone, Element } from 'ltx'

export { Element }
export type Node = Element | string
export type Attributes = Readonly<Record<string, string | undefined>>

/** Builds an element; `undefined` attributes and children are left out, child elements are adopted (not shared!). */
export function xml(name: string, attrs: Attributes = {}, ...children: (Node | undefined)[]): Element {
  const element = new Element(name)
  for (const [key, value] of Object.entries(attrs)) if (value !== undefined) element.attrs[key] = value
  for (const child of children) {
    if (child === undefined) continue
    if (typeof child !== 'string') child.parent = element
    element.children.push(child)
  }
  return element
}

/** The child elements, text left out. */
export function elements(parent: Element): Element[] {
  return parent.children.filter((child): child is Element => typeof child !== 'string')
}

/** The first child `name` in exactly the namespace `ns`. */
export function child(parent: Element, name: string, ns: string): Element | undefined {
  for (const node of parent.children)
    if (typeof node !== 'string' && node.name === name && node.getNS() === ns) return node
  return undefined
}

/** The text of the first child `name` that is in the parent's own namespace (`<body/>`, `<subject/>`), if it has one. */
export function childText(parent: Element, name: string): string | undefined {
  for (const node of parent.children)
    if (typeof node !== 'string' && node.name === name && node.attrs.xmlns === undefined) return node.getText()
  return undefined
}

/** A deep copy without a parent, free to be embedded or changed. Keeps the namespace it had inside its parent. */
export function copy(element: Element): Element {
  const duplicate = clone(element)
  duplicate.parent = null
  if (duplicate.attrs.xmlns === undefined && element.parent !== null) {
    const ns = element.getNS()
    if (ns !== undefined) duplicate.attrs.xmlns = ns
  }
  return duplicate
}
