/**
 * What ties authentication to one TLS connection: `tls-exporter` (RFC 9266) and `tls-server-end-point` (RFC 5929 §4), from our own
 * end of it.
 */
import { createHash } from 'node:crypto'
import type { TLSSocket } from 'node:tls'
import type { BindingType, UsableBinding } from '../sasl/channel-binding.js'
import { asn1, nodesIn, only } from './der.js'

export interface Channel {
  readonly types: readonly BindingType[]
  /** Undefined once the connection is closed. */
  data(type: UsableBinding): Buffer | undefined
}

/** Of the server's side of a connection whose handshake is done. */
export function channelOf(socket: TLSSocket): Channel {
  const hash = certificateHash(socket)
  // Before TLS 1.3 the exporter is only safe with an extension (RFC 7627) of which Node does not tell whether it was used.
  const exporter: readonly BindingType[] = socket.getProtocol() === 'TLSv1.3' ? ['tls-exporter'] : []
  return {
    types: hash === undefined ? exporter : [...exporter, 'tls-server-end-point'],
    data(type) {
      if (socket.destroyed) return undefined
      if (type === 'tls-exporter') return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
      if (type === 'tls-unique') return firstFinished(socket)
      return hash === undefined ? undefined : endPoint(socket, hash)
    },
  }
}

/** Of a full handshake of TLS 1.3 alone: older versions do not bind to all of theirs (RFC 7627). */
function firstFinished(socket: TLSSocket): Buffer | undefined {
  return socket.getProtocol() === 'TLSv1.3' && !socket.isSessionReused() ? socket.getPeerFinished() : undefined
}

function endPoint(socket: TLSSocket, hash: string): Buffer | undefined {
  const own = socket.getX509Certificate()?.raw
  return own && createHash(hash).update(own).digest()
}

/** Signature algorithms and their hash; MD5 and SHA-1 count as SHA-256. Of others, as Ed25519, the binding is not defined. */
const hashes: Readonly<Record<string, string>> = {
  '2a864886f70d010104': 'sha256',
  '2a864886f70d010105': 'sha256',
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d0401': 'sha256',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
}

/** By fingerprint: reading a certificate costs more than looking at its digest. */
const known = new Map<string, string | undefined>()

function certificateHash(socket: TLSSocket): string | undefined {
  const own = socket.getX509Certificate()
  if (own === undefined) return undefined
  const key = own.fingerprint256
  if (!known.has(key)) {
    if (known.size > 1000) known.clear()
    known.set(key, hashes[signatureAlgorithm(own.raw)])
  }
  return known.get(key)
}

function signatureAlgorithm(certificate: Buffer): string {
  try {
    const [, algorithm] = nodesIn(only(nodesIn(certificate), asn1.sequence))
    return algorithm === undefined ? '' : only(nodesIn(algorithm.content), asn1.oid).toString('hex')
  } catch {
    return ''
  }
}
