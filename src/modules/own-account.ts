/** What an account's server answers to its own clients only. */
import type { Jid } from '../xmpp/jid.js'
import { StanzaError, type StanzaErrorCondition } from '../xmpp/stanza-error.js'

/** Throws a StanzaError if `from` is not a client of the account `to`; by default one that reveals nothing. */
export function ownAccount(from: Jid, to: Jid, condition: StanzaErrorCondition = 'service-unavailable'): void {
  if (from.bare().toString() !== to.bare().toString()) throw new StanzaError(condition)
}
