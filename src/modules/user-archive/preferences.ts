/** What of a user's messages is archived (XEP-0441, before that XEP-0313 §5): a default, and addresses that differ from it. */
import { child, type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export type Policy = 'always' | 'never' | 'roster'

export const isPolicy = (value: unknown): value is Policy =>
  value === 'always' || value === 'never' || value === 'roster'

export interface Preferences {
  readonly default: Policy
  /** Full or bare JIDs, prepared. */
  readonly always: readonly string[]
  readonly never: readonly string[]
}

/** Addresses in both lists together. */
const mostAddresses = 1000

/** Reads `<prefs/>`. Throws StanzaError `bad-request`, `jid-malformed` or `resource-constraint`. */
export function readPreferences(prefs: Element): Preferences {
  const policy: unknown = prefs.attrs.default
  if (!isPolicy(policy)) throw new StanzaError('bad-request', { text: 'The default is always, never or roster' })
  const [always, never] = [addresses(prefs, 'always'), addresses(prefs, 'never')]
  if (always.length + never.length > mostAddresses)
    throw new StanzaError('resource-constraint', { text: `At most ${mostAddresses} addresses have a rule` })
  return { default: policy, always, never }
}

function addresses(prefs: Element, list: 'always' | 'never'): string[] {
  const given = child(prefs, list, ns.archive)
  if (given === undefined) return []
  const jids = elements(given).map((node) => {
    const jid = Jid.tryParse(node.getText())
    if (jid === undefined) throw new StanzaError('jid-malformed', { text: `${node.getText()} is no address` })
    return jid.toString()
  })
  return [...new Set(jids)]
}

export const writePreferences = (preferences: Preferences): Element =>
  xml(
    'prefs',
    { xmlns: ns.archive, default: preferences.default },
    xml('always', {}, ...preferences.always.map((jid) => xml('jid', {}, jid))),
    xml('never', {}, ...preferences.never.map((jid) => xml('jid', {}, jid))),
  )

/** Is what is said to and by `other` archived? The full JID counts before the bare one, a list before the default. */
export function isWanted(preferences: Preferences, other: Jid, isContact: () => boolean): boolean {
  for (const jid of [other.toString(), other.bare().toString()]) {
    if (preferences.never.includes(jid)) return false
    if (preferences.always.includes(jid)) return true
  }
  return preferences.default === 'always' || (preferences.default === 'roster' && isContact())
}
