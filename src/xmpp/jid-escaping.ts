/**
 * JID escaping (XEP-0106), from @xmpp/jid. Its `JID` class itself is not used: it neither prepares nor limits the parts
 * (RFC 7622), escapes a localpart behind the caller's back where an address has to be refused, and can be changed.
 */
import { escapeLocal as escapeAll, unescapeLocal as unescapeAll } from '@xmpp/jid'
import type { Xep } from './xep.js'

export const jidEscapingXep: Xep = { number: 106, version: '1.1.1', test: 'xmpp/jid.test.ts' }

/**
 * A text with spaces or `"&'/:<>@` as a localpart, which has still to be prepared; spaces around it are dropped. Every
 * backslash is escaped, also where XEP-0106 §4.2 would let it stand, so that `unescapeLocal` gives back what it was.
 */
export const escapeLocal = (text: string): string => escapeAll(text)

/** The text that people see for an escaped localpart. Never an address. */
export const unescapeLocal = (local: string): string => unescapeAll(local)
