/** Roster items as XML (RFC 6121 §2.1.2), and what a client may set in one. */
import type { RosterItem } from '../../store/store.js'
import { type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

/** What a client asks for in a roster set (§2.1.5). */
export interface RosterSet {
  readonly jid: string
  readonly name: string
  readonly groups: readonly string[]
  readonly remove: boolean
}

/** Characters of a name or a group. */
const longestName = 1023
const mostGroups = 100

/**
 * Somebody who only asked for a subscription is no contact yet (§3.1.3). An item that the user added has a name, be it
 * the empty one.
 */
export const isListed = (item: RosterItem): boolean =>
  item.name !== undefined || item.subscription !== 'none' || item.ask || item.approved

/** Nothing is left that would have to be kept. */
export const isEmpty = (item: RosterItem): boolean => !isListed(item) && item.pendingIn === undefined

export const itemElement = (item: RosterItem): Element =>
  xml(
    'item',
    {
      jid: item.jid,
      name: item.name || undefined,
      subscription: item.subscription,
      ask: item.ask ? 'subscribe' : undefined,
      approved: item.approved ? 'true' : undefined,
    },
    ...item.groups.map((group) => xml('group', {}, group)),
  )

export const removedElement = (jid: string): Element => xml('item', { jid, subscription: 'remove' })

/** Throws StanzaError `bad-request`, `jid-malformed` or `not-acceptable` (§2.3.3). */
export function readRosterSet(iq: Element): RosterSet {
  const items = elements(payload(iq) as Element)
  const [item] = items
  if (items.length !== 1 || item === undefined || item.name !== 'item' || item.getNS() !== ns.roster)
    throw new StanzaError('bad-request', { text: 'A roster set has exactly one item' })
  if (item.attrs.jid === undefined) throw new StanzaError('bad-request', { text: 'The item has no jid' })
  const jid = Jid.tryParse(item.attrs.jid)?.bare().toString()
  if (jid === undefined) throw new StanzaError('jid-malformed', { text: 'The jid of the item is no JID' })
  const name = item.attrs.name ?? ''
  const groups = elements(item).flatMap((node) => (node.name === 'group' ? [node.getText()] : []))
  if (name.length > longestName || groups.some((group) => group.length > longestName) || groups.length > mostGroups)
    throw new StanzaError('not-acceptable', {
      text: `A name has at most ${longestName} characters, a contact ${mostGroups} groups`,
    })
  if (groups.includes('')) throw new StanzaError('not-acceptable', { text: 'A group has a name' })
  if (new Set(groups).size !== groups.length) throw new StanzaError('bad-request', { text: 'A group is given twice' })
  return { jid, name, groups, remove: item.attrs.subscription === 'remove' }
}
