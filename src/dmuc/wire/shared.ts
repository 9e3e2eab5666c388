/** The rooms that two services share, on the wire (docs/dmuc-sync.md §8): `<shared/>`, between the services themselves. */
import { type Element, elements, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { maxDepth, maxRooms, type SharedNode, type SharedRoom } from '../shared.js'

/** Nodes that are asked for at once, and rooms that are named at once. */
export const maxAsked = 8
export const maxNamed = 256

/** A node that is asked for, and what the asker has there. */
export interface AskedNode {
  readonly path: string
  readonly digest: string | undefined
}

export const askShared = (nodes: readonly AskedNode[]): Element =>
  xml('shared', { xmlns: ns.dmucSync }, ...nodes.map(({ path, digest }) => xml('node', { path, digest })))

export const writeShared = (nodes: readonly SharedNode[]): Element =>
  xml('shared', { xmlns: ns.dmucSync }, ...nodes.map(writeNode))

const writeNode = ({ path, digest, children, rooms }: SharedNode): Element =>
  xml(
    'node',
    { path, digest },
    ...[...(children ?? [])].map(([below, hash]) => xml('node', { path: below, digest: hash })),
    ...(rooms ?? []).map((room) => xml('room', { tag: room.tag, digest: room.digest })),
  )

/** To whom we share rooms with that we do not know, it seems, or that went unheard of. */
export const writeUnknown = (tags: readonly string[]): Element =>
  xml('shared', { xmlns: ns.dmucSync }, ...tags.map((tag) => xml('room', { tag })))

const isPath = (text: string | undefined): text is string =>
  text !== undefined && text.length <= maxDepth + 1 && /^[0-9a-f]*$/.test(text)

const isTag = (text: string | undefined): text is string => /^[0-9a-f]{32}$/.test(text ?? '')

const readHash = (text: string | undefined): string | undefined => (/^[\w-]{43}$/.test(text ?? '') ? text : undefined)

const nodesIn = (element: Element): Element[] => elements(element).filter(({ name }) => name === 'node')

/** Undefined for what is no question, or asks for too much. */
export function readAsked(element: Element): readonly AskedNode[] | undefined {
  const asked = nodesIn(element).map(({ attrs }) => ({ path: attrs.path, digest: readHash(attrs.digest) }))
  if (asked.length === 0 || asked.length > maxAsked) return undefined
  const nodes = asked.filter((node): node is AskedNode => isPath(node.path))
  return nodes.length === asked.length ? nodes : undefined
}

/** What was asked for; whatever else it says is passed over. */
export function readShared(element: Element, asked: readonly AskedNode[]): readonly SharedNode[] {
  const paths = new Set(asked.map(({ path }) => path))
  return nodesIn(element).flatMap((node): SharedNode[] => {
    const { path } = node.attrs
    if (path === undefined || !paths.delete(path)) return []
    const digest = readHash(node.attrs.digest)
    const children = new Map<string, string>()
    for (const { attrs } of nodesIn(node)) {
      const hash = readHash(attrs.digest)
      if (isPath(attrs.path) && attrs.path.slice(0, -1) === path && hash !== undefined) children.set(attrs.path, hash)
    }
    if (children.size > 0) return [{ path, digest, children }]
    return [{ path, digest, rooms: readRooms(node) }]
  })
}

const readRooms = (node: Element): readonly SharedRoom[] =>
  elements(node)
    .slice(0, maxRooms)
    .flatMap(({ name, attrs: { tag, digest } }) => {
      const hash = readHash(digest)
      return name === 'room' && isTag(tag) && hash !== undefined ? [{ tag, digest: hash }] : []
    })

/** Undefined where there is none. */
export function readUnknown(element: Element): readonly string[] | undefined {
  const tags = elements(element)
    .slice(0, maxNamed)
    .flatMap(({ name, attrs: { tag } }) => (name === 'room' && isTag(tag) ? [tag] : []))
  return tags.length === 0 ? undefined : tags
}
