/** Who logs in, and as whom (RFC 6120 §§6.3.7, 6.3.8): in XMPP nobody logs in as another. */
import { isUtf8 } from 'node:buffer'
import { Jid } from '../xmpp/jid.js'
import { StanzaError } from '../xmpp/stanza-error.js'

/** The prepared localpart for a simple user name; undefined where it cannot be one, so that no such account exists. */
export function localpart(username: string, domain: string): string | undefined {
  try {
    return Jid.of(username, domain).local
  } catch (error) {
    if (error instanceof StanzaError) return undefined
    throw error
  }
}

/** An authorization identity is left out, or it is the bare JID of the one who authenticates. */
export const mayActAs = (authzid: string, username: string, domain: string): boolean =>
  authzid === '' || Jid.tryParse(authzid)?.equals(Jid.of(username, domain)) === true

/** The message as text; undefined where it is not UTF-8. */
export const decodeText = (data: Buffer): string | undefined => (isUtf8(data) ? data.toString('utf8') : undefined)
