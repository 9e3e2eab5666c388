/** Which items of a node somebody is given who asks for them (XEP-0060 §6.5): the newest of those asked for, a page at a time. */
import { child, type Element, elements } from '../../xml/element.js'
import { type ResultSet, readResultSet, resultSetNamespace } from '../../xmpp/result-set.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { noAccess } from './access.js'
import { existing, nodeName, type Scene } from './decide/decision.js'
import { unsupported } from './errors.js'
import type { Node } from './node.js'

/** Characters of one answer; of more, the newest are given, with a result set that tells that there are others. */
const longestAnswer = 1024 * 1024

export interface Retrieval {
  readonly node: Node
  /** In the order of publication. */
  readonly ids: readonly string[]
  /** Where not all of them are given, or pages were asked for. */
  readonly set?: ResultSet
}

/** `<items/>` in `<pubsub/>`, which may hold a `<set/>` (§6.5.4). Throws StanzaError. */
export function retrieve({ nodes, requester }: Scene, action: Element, pubsub: Element): Retrieval {
  const node = existing(nodes, nodeName(action))
  const refused = noAccess(node, requester, 'retrieve')
  if (refused !== undefined) throw refused
  if (!node.config.persistItems) throw unsupported('persistent-items')
  const asked = elements(action).flatMap(({ name, attrs }) => (name === 'item' && attrs.id ? [attrs.id] : []))
  const all = [...node.items.keys()]
  if (asked.length > 0) {
    const ids = all.filter((id) => asked.includes(id))
    return { node, ids: fitting(node, ids) }
  }
  const holder = child(pubsub, 'set', resultSetNamespace) === undefined ? action : pubsub
  const page = pageOf(all, holder, maxItems(action))
  const ids = fitting(node, page.ids)
  const isWhole = ids.length === all.length || (!page.isAsked && ids.length === page.ids.length)
  return isWhole ? { node, ids } : { node, ids, set: { first: ids[0], last: ids.at(-1), count: all.length } }
}

interface Page {
  readonly ids: readonly string[]
  /** A page was asked for, by a result set. */
  readonly isAsked: boolean
}

function pageOf(all: readonly string[], holder: Element, most: number): Page {
  const asked = readResultSet(holder, all.length)
  if (asked === undefined) return { ids: all.slice(Math.max(0, all.length - most)), isAsked: false }
  const { after, before, index, max } = asked
  if (index !== undefined) throw new StanzaError('feature-not-implemented', { text: 'Pages are asked for by id' })
  const at = (id: string): number => {
    const found = all.indexOf(id)
    if (found === -1) throw new StanzaError('item-not-found')
    return found
  }
  const rest = all.slice(after === undefined ? 0 : at(after) + 1, before ? at(before) : undefined)
  return { ids: before === undefined ? rest.slice(0, max) : rest.slice(Math.max(0, rest.length - max)), isAsked: true }
}

/** Throws StanzaError `bad-request` for what is no number. */
function maxItems(action: Element): number {
  const text = action.attrs.max_items
  if (text === undefined) return Number.POSITIVE_INFINITY
  if (!/^[1-9]\d*$/.test(text)) throw new StanzaError('bad-request', { text: 'max_items is not a number above 0' })
  return Number(text)
}

/** The newest of them that one answer has room for. */
function fitting(node: Node, ids: readonly string[]): readonly string[] {
  let size = 0
  let first = ids.length
  while (first > 0) {
    size += node.items.get(ids[first - 1]!)?.size ?? 0
    if (size > longestAnswer && first < ids.length) break
    first -= 1
  }
  return ids.slice(first)
}
