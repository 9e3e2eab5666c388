/** A list of blocked addresses (XEP-0191 §5): a JID matches as it is, without its resource, with its domain alone. */
import { type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export const blockingNs = 'urn:xmpp:blocking'

export type BlockList = ReadonlySet<string>

export function isOnList(list: BlockList, { local, domain, resource }: Jid): boolean {
  if (list.size === 0) return false
  const bare = local === '' ? domain : `${local}@${domain}`
  if (list.has(bare) || list.has(domain)) return true
  return resource !== '' && (list.has(`${bare}/${resource}`) || list.has(`${domain}/${resource}`))
}

/** The addresses in `<block/>` or `<unblock/>`. Throws StanzaError `jid-malformed`. */
export const readItems = (iq: Element): string[] =>
  elements(payload(iq) as Element).flatMap((item) => {
    if (item.name !== 'item') return []
    const jid = item.attrs.jid === undefined ? undefined : Jid.tryParse(item.attrs.jid)
    if (jid === undefined)
      throw new StanzaError('jid-malformed', { text: 'An item needs the address that it is about' })
    return [jid.toString()]
  })

export const writeItems = (name: 'block' | 'blocklist' | 'unblock', jids: Iterable<string>): Element =>
  xml(name, { xmlns: blockingNs }, ...[...jids].map((jid) => xml('item', { jid })))

/** Throws StanzaError `resource-constraint` where it would be more than `most`. */
export function withBlocked(list: BlockList, jids: readonly string[], most: number): BlockList {
  const longer = new Set([...list, ...jids])
  if (longer.size > most)
    throw new StanzaError('resource-constraint', { text: `At most ${most} addresses can be blocked` })
  return longer
}

export const withoutBlocked = (list: BlockList, jids: readonly string[]): BlockList =>
  new Set(jids.length === 0 ? [] : [...list].filter((jid) => !jids.includes(jid)))

export const listText = (list: BlockList): string => JSON.stringify([...list])
export const readList = (text: string | undefined): BlockList => new Set(text === undefined ? [] : JSON.parse(text))
