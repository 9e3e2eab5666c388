/** Pages of long lists (XEP-0059, result set management). */
import { child, childText, type Element, xml } from '../xml/element.js'
import { StanzaError } from './stanza-error.js'
import type { Xep } from './xep.js'

export const resultSetNamespace = 'http://jabber.org/protocol/rsm'

export const resultSetXep: Xep = {
  number: 59,
  version: '1.0',
  test: 'xmpp/result-set.test.ts',
  features: [resultSetNamespace],
}

export interface ResultSetRequest {
  /** How many items at most; 0 asks for the count alone (§2.7). */
  readonly max: number
  /** Items after this one (§2.2). */
  readonly after?: string
  /** Items before this one (§2.3); '' means the last page (§2.5). */
  readonly before?: string
  /** The page that begins at this position (§2.6). */
  readonly index?: number
}

/**
 * The `<set/>` in `query`, with `max` of at most `cap`; `cap` items where it is left out, and undefined where there is no
 * `<set/>`. Throws StanzaError `bad-request` for a `max` or `index` that is no number.
 */
export function readResultSet(query: Element, cap: number): ResultSetRequest | undefined {
  const set = child(query, 'set', resultSetNamespace)
  if (set === undefined) return undefined
  return {
    max: Math.min(cap, readNumber(set, 'max') ?? cap),
    after: childText(set, 'after') || undefined,
    before: childText(set, 'before'),
    index: readNumber(set, 'index'),
  }
}

function readNumber(set: Element, name: string): number | undefined {
  const text = childText(set, name)?.trim()
  if (text === undefined) return undefined
  if (!/^\d+$/.test(text))
    throw new StanzaError('bad-request', { text: `<${name}/> of the result set is not a number` })
  return Math.min(Number(text), Number.MAX_SAFE_INTEGER)
}

export interface ResultSet {
  /** Ids of the first and last item on the page; left out where it is empty. */
  readonly first?: string
  readonly last?: string
  /** The position of the first item in the whole list. */
  readonly index?: number
  /** Items of the whole list. */
  readonly count?: number
}

/** The `<set/>` of an answer. */
export function writeResultSet({ first, last, index, count }: ResultSet): Element {
  const text = (name: string, value: string | undefined) => (value === undefined ? undefined : xml(name, {}, value))
  return xml(
    'set',
    { xmlns: resultSetNamespace },
    first === undefined ? undefined : xml('first', { index: index?.toString() }, first),
    text('last', last),
    text('count', count?.toString()),
  )
}
