/** What TLS needs to know beside a socket, and what is known of it afterwards (RFC 6120 §5, RFC 7590). */
import { constants, createHash, X509Certificate } from 'node:crypto'
import type { SecureContext, TLSSocket } from 'node:tls'
import { subjectNames } from './subject-names.js'
import type { TlsInfo } from './transport.js'

/**
 * For every context, of servers and of clients. RFC 9325 (BCP 195), as RFC 7590 §3 has it: nothing older than TLS 1.2 (§3.1.1); suites with
 * forward secrecy and authenticated encryption only (§4.1, §4.2); no tickets, whose keys a process would have for as long as it lives
 * (§3.4). Streams last long: resumption would gain little. Renegotiation is refused (RFC 6120 §5.3.5).
 */
export const tlsSettings = {
  minVersion: 'TLSv1.2',
  ciphers: [
    'TLS_AES_256_GCM_SHA384',
    'TLS_CHACHA20_POLY1305_SHA256',
    'TLS_AES_128_GCM_SHA256',
    'ECDHE-ECDSA-AES256-GCM-SHA384',
    'ECDHE-RSA-AES256-GCM-SHA384',
    'ECDHE-ECDSA-CHACHA20-POLY1305',
    'ECDHE-RSA-CHACHA20-POLY1305',
    'ECDHE-ECDSA-AES128-GCM-SHA256',
    'ECDHE-RSA-AES128-GCM-SHA256',
  ].join(':'),
  secureOptions: constants.SSL_OP_NO_TICKET | constants.SSL_OP_NO_RENEGOTIATION,
} as const

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
  const names = subjectNames(raw)
  return {
    certificate: raw,
    pin: pinOf(certificate),
    ...verdictOn(socket),
    subjectAltNames: names.dns,
    xmppNames: names.xmpp,
    validTo: certificate.validTo,
    validUntil: endOf(certificate, socket.getPeerX509Certificate()?.issuerCertificate),
  }
}

/**
 * Of the certificate and those that it depends on, as far as the peer showed them. One that has ended already is not of those: OpenSSL
 * has just judged, by the clock of this machine.
 */
function endOf(certificate: X509Certificate, issuer: X509Certificate | undefined): number {
  let end = Date.parse(certificate.validTo)
  for (let each = issuer; each !== undefined; each = each.issuerCertificate) {
    const its = Date.parse(each.validTo)
    if (its >= Date.now()) end = Math.min(end, its)
  }
  return end
}

/**
 * Of the peer's chain. Node sets `authorized` for clients, and for servers only where a `tls.Server` accepted; a socket that
 * STARTTLS wraps has to be asked as that server asks it.
 */
function verdictOn(socket: TLSSocket): { readonly trusted: boolean; readonly reason: string | undefined } {
  if (socket.authorized) return { trusted: true, reason: undefined }
  if (socket.authorizationError) return { trusted: false, reason: String(socket.authorizationError) }
  const handle: unknown = Reflect.get(socket, '_handle')
  if (!canVerify(handle)) return { trusted: false, reason: 'it could not be checked' }
  const error = handle.verifyError()
  return { trusted: error == null, reason: error?.code ?? error?.message }
}

interface Verifying {
  verifyError(): (Error & { readonly code?: string }) | null | undefined
}

const canVerify = (handle: unknown): handle is Verifying =>
  typeof handle === 'object' && handle !== null && typeof Reflect.get(handle, 'verifyError') === 'function'

/** SHA-256 of the public key, in hexadecimal: it outlives the renewal of a certificate (RFC 7469 §2.4). */
export const pinOf = (certificate: X509Certificate): string =>
  createHash('sha256')
    .update(certificate.publicKey.export({ type: 'spki', format: 'der' }))
    .digest('hex')
