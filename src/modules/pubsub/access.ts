/** Who may do what with a node (XEP-0060 §4.1, §4.5): by affiliation first, then by the access model. */
import type { RosterItem } from '../../store/store.js'
import type { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { refusal } from './errors.js'
import type { Affiliation, Node } from './node.js'

/** Who asks, as the account that has the nodes knows them. */
export interface Requester {
  readonly jid: Jid
  readonly bare: string
  /** The account itself. */
  readonly isAccount: boolean
  /** Of the account's roster. */
  readonly contact: RosterItem | undefined
}

export const affiliationOf = (node: Node, { isAccount, bare }: Requester): Affiliation | undefined =>
  isAccount ? 'owner' : node.affiliations.get(bare)

export const isSubscribed = ({ subscriptions }: Node, { jid, bare }: Requester): boolean =>
  subscriptions.get(bare) === 'subscribed' || subscriptions.get(jid.toString()) === 'subscribed'

/** Why the requester may not retrieve items or subscribe; undefined where it may (§6.1.3, §6.5.9). */
export function noAccess(node: Node, requester: Requester, to: 'retrieve' | 'subscribe'): StanzaError | undefined {
  const { config } = node
  switch (affiliationOf(node, requester)) {
    case 'owner':
    case 'publisher':
    case 'member':
      return undefined
    case 'outcast':
    case 'publish-only':
      return new StanzaError('forbidden')
    case undefined:
  }
  switch (config.accessModel) {
    case 'open':
      return undefined
    case 'presence':
      return seesPresence(requester) ? undefined : refusal('not-authorized', 'presence-subscription-required')
    case 'roster': {
      const groups = requester.contact?.groups ?? []
      const isIn = seesPresence(requester) && groups.some((group) => config.rosterGroups.includes(group))
      return isIn ? undefined : refusal('not-authorized', 'not-in-roster-group')
    }
    case 'whitelist':
      return refusal('not-allowed', 'closed-node')
    case 'authorize':
      return to === 'subscribe' || isSubscribed(node, requester)
        ? undefined
        : refusal('not-authorized', 'not-subscribed')
  }
}

/** The account lets the requester see its presence. */
export const seesPresence = ({ isAccount, contact }: Requester): boolean =>
  isAccount || contact?.subscription === 'from' || contact?.subscription === 'both'

export function mayPublish(node: Node, requester: Requester): boolean {
  const affiliation = affiliationOf(node, requester)
  if (affiliation === 'outcast') return false
  if (affiliation === 'owner' || affiliation === 'publisher' || affiliation === 'publish-only') return true
  const { publishModel } = node.config
  return publishModel === 'open' || (publishModel === 'subscribers' && isSubscribed(node, requester))
}

/** Throws StanzaError `forbidden`. */
export function checkOwner(node: Node, requester: Requester): void {
  if (affiliationOf(node, requester) !== 'owner') throw new StanzaError('forbidden')
}
