/** Checks of addresses in the configuration. Each returns what completes "must …", or undefined for a good one. */
import { isIP } from 'node:net'
import type { Route } from '../net/resolver.js'
import { Jid } from '../xmpp/jid.js'

export function wrongDomain(given: string): string | undefined {
  const jid = Jid.tryParse(given)
  if (jid === undefined || jid.local !== '' || jid.resource !== '') return 'be a domain, as in "example.org"'
  return jid.toString() === given ? undefined : `be written in its prepared form, "${jid}"`
}

export function wrongBareJid(given: string): string | undefined {
  const jid = parseBareJid(given)
  if (jid === undefined) return 'be a bare JID, as in "user@example.org"'
  return jid.toString() === given ? undefined : `be written in its prepared form, "${jid}"`
}

/** Of an account or a room; undefined for anything else. */
export function parseBareJid(given: string): Jid | undefined {
  const jid = Jid.tryParse(given)
  return jid === undefined || jid.local === '' || jid.resource !== '' ? undefined : jid
}

/** `address:port`, `name:port` or `[IPv6]:port`; with `tls://` before it, TLS from the first byte. */
export function parseEndpoint(given: string): Route | undefined {
  const direct = given.startsWith('tls://')
  const rest = direct ? given.slice('tls://'.length) : given
  const [, bracketed, plain, digits] = /^(?:\[([^\]]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(rest) ?? []
  const host = bracketed ?? plain
  const port = Number(digits)
  if (host === undefined || port < 1 || port > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6))
    return undefined
  return direct ? { host, port, direct } : { host, port }
}

export const wrongEndpoint = (given: string): string | undefined =>
  parseEndpoint(given) === undefined ? 'be an address with its port, as in "127.0.0.1:5269" or "[::1]:5269"' : undefined

/** Of `s2s_auth`. */
export const wrongProof = (given: string): string | undefined =>
  given === 'certificate' || given === 'dialback' || /^pin:[0-9a-f]{64}$/.test(given)
    ? undefined
    : 'be "certificate", "dialback" or "pin:" with the 64 hexadecimal digits that dmucctl s2s show prints'

/** What Node's resolver takes as a server: an address, with a port if need be. */
export function wrongNameServer(given: string): string | undefined {
  const address = /^\[([^\]]+)\](?::\d{1,5})?$/.exec(given)?.[1] ?? /^([\d.]+)(?::\d{1,5})?$/.exec(given)?.[1] ?? given
  return isIP(address) === 0
    ? 'be the address of a name server, as in "192.0.2.53" or "[2001:db8::53]:5353"'
    : undefined
}
