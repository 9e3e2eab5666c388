/** A bookmarked room as XEP-0402 has it (an item of its own, under the room's JID) and as XEP-0048 does (one of a list). */
import { copy, type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'

export const bookmarksNs = 'urn:xmpp:bookmarks:1'
export const storageNs = 'storage:bookmarks'

const bookmarksChild = (element: Element, name: string): Element | undefined => element.getChild(name, element.getNS())

/** A copy to go into an element of the namespace that it comes from one of. */
function inherited(element: Element): Element {
  const own = copy(element)
  if (own.attrs.xmlns === element.parent?.getNS()) delete own.attrs.xmlns
  return own
}

const isTrue = (value: string | undefined): boolean => value === 'true' || value === '1'

/** What both have in common: the attributes, and the elements `nick` and `password`. */
function common(from: Element, attrs: Readonly<Record<string, string | undefined>>): Element {
  const texts = ['nick', 'password'].flatMap((name) => {
    const text = bookmarksChild(from, name)?.getText()
    return text === undefined ? [] : [xml(name, {}, text)]
  })
  const { name, autojoin } = from.attrs
  return xml('conference', { ...attrs, name, autojoin: isTrue(autojoin) ? 'true' : undefined }, ...texts)
}

/** The list of XEP-0048: rooms in their order, then what it holds besides. */
export function storageOf(bookmarks: ReadonlyMap<string, Element>, besides: readonly Element[] = []): Element {
  const rooms = [...bookmarks].map(([jid, conference]) => common(conference, { jid }))
  return xml('storage', { xmlns: storageNs }, ...rooms, ...besides.map(inherited))
}

export interface ReadStorage {
  /** By the room's bare JID: what XEP-0402 has of it. */
  readonly bookmarks: ReadonlyMap<string, Element>
  /** What is no room: addresses of web pages. */
  readonly besides: readonly Element[]
}

/** Reads such a list. What is no JID is left out; of a room that is there twice, the last counts. */
export function readStorage(storage: Element): ReadStorage {
  const bookmarks = new Map<string, Element>()
  const besides: Element[] = []
  for (const each of elements(storage)) {
    const jid = each.name === 'conference' ? Jid.tryParse(each.attrs.jid)?.bare().toString() : undefined
    if (each.name !== 'conference') besides.push(each)
    else if (jid !== undefined) bookmarks.set(jid, common(each, { xmlns: bookmarksNs }))
  }
  return { bookmarks, besides }
}

/** `changed` with the extensions of `before`, which clients that know the old list alone do not see (XEP-0402 §3.4). */
export function keepingExtensions(changed: Element, before: Element | undefined): Element {
  const extensions = before && bookmarksChild(before, 'extensions')
  return extensions === undefined
    ? changed
    : xml('conference', changed.attrs, ...elements(changed).map(inherited), inherited(extensions))
}
