/** What TLS needs to know beside a socket, and what is known of it afterwards (RFC 6120 §5, RFC 7590). */
import { X509Certificate } from 'node:crypto'
import type { SecureContext, TLSSocket } from 'node:tls'
import type { TlsInfo } from './transport.js'

/** RFC 9325 §3.1.1: nothing older than TLS 1.2. */
export const minVersion = 'TLSv1.2'

/** Where certificates come from. Neither function throws. */
export interface TlsContexts {
  /** One shared context per certificate; undefined where no certificate is for that name. No name asks for the default. */
  contextFor(serverName: string | undefined): SecureContext | undefined
}

export interface ServerTlsOptions {
  readonly contexts: TlsContexts
  /** Ask the peer for its certificate, as servers do of each other. It is reported, never refused here. */
  readonly requestCertificate?: boolean
  /** RFC 7301; a client that names only others is refused by the handshake. */
  readonly alpn?: readonly string[]
}

type SniDone = (error: Error | null, context?: SecureContext) => void

/** For Node's `SNICallback`. A name without a certificate, and a defect in looking for it, fail that one handshake. */
export function sniCallback(contextFor: TlsContexts['contextFor']): (serverName: string, done: SniDone) => void {
  return (serverName, done) => {
    let context: SecureContext | undefined
    try {
      context = contextFor(serverName)
    } catch (error) {
      done(error instanceof Error ? error : new Error(String(error)))
      return
    }
    if (context === undefined) done(new Error(`no certificate for ${serverName}`))
    else done(null, context)
  }
}

export function tlsInfo(socket: TLSSocket): TlsInfo {
  const raw = socket.getPeerCertificate().raw as Buffer | undefined
  return {
    protocol: socket.getProtocol() ?? 'unknown',
    cipher: socket.getCipher()?.name ?? 'unknown',
    peer: raw === undefined ? undefined : peerOf(raw, socket),
    alpn: socket.alpnProtocol || undefined,
  }
}

function peerOf(raw: Buffer, socket: TLSSocket): TlsInfo['peer'] {
  const certificate = new X509Certificate(raw)
  return {
    certificate: raw,
    trusted: socket.authorized,
    reason: socket.authorized ? undefined : String(socket.authorizationError),
    subjectAltNames: dnsNames(certificate),
    validTo: certificate.validTo,
  }
}

/** The dNSName entries of the subjectAltName, in lower case; the common name counts for nothing (RFC 9525 §2). */
export function dnsNames(certificate: X509Certificate): string[] {
  const names: string[] = []
  // Node quotes an entry that could be mistaken for several; such a name is never a domain.
  for (const entry of (certificate.subjectAltName ?? '').split(', '))
    if (/^DNS:[\w.*-]+$/.test(entry)) names.push(entry.slice(4).toLowerCase())
  return names
}
