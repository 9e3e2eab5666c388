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
  const { hash, raw } = certificateOf(socket)
  // Before TLS 1.3 the exporter is only safe with an extension (RFC 7627) of which Node does not tell whether it was used.
  const exporter: readonly BindingType[] = socket.getProtocol() === 'TLSv1.3' ? ['tls-exporter'] : []
  return {
    types: hash === undefined ? exporter : [...exporter, 'tls-server-end-point'],
    data(type) {
      if (socket.destroyed) return undefined
      if (type === 'tls-exporter') return socket.exportKeyingMaterial(32, 'EXPORTER-Channel-Binding', Buffer.alloc(0))
      if (type === 'tls-unique') return firstFinished(socket)
      return hash === undefined || raw === undefined ? undefined : createHash(hash).update(raw).digest()
    },
  }
}

/** Of a full handshake of TLS 1.3 alone: older versions do not bind to all of theirs (RFC 7627). */
function firstFinished(socket: TLSSocket): Buffer | undefined {
  return socket.getProtocol() === 'TLSv1.3' && !socket.isSessionReused() ? socket.getPeerFinished() : undefined
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

interface Own {
  /** Undefined where the binding is not defined for its signature. */
  readonly hash: string | undefined
  readonly raw: Buffer | undefined
}

/** By connection: to ask Node takes a hundred microseconds and more each time. And by fingerprint, so that they share it. */
const owns = new WeakMap<TLSSocket, Own>()
const known = new Map<string, Own>()

const none: Own = { hash: undefined, raw: undefined }

function certificateOf(socket: TLSSocket): Own {
  const remembered = owns.get(socket)
  if (remembered !== undefined) return remembered
  const own = ownOf(socket.getCertificate())
  owns.set(socket, own)
  return own
}

function ownOf(certificate: ReturnType<TLSSocket['getCertificate']>): Own {
  if (certificate === null || !('raw' in certificate)) return none
  const { raw, fingerprint256 } = certificate
  const own = known.get(fingerprint256) ?? { raw, hash: hashes[signatureAlgorithm(raw)] }
  if (known.size > 1000) known.clear()
  known.set(fingerprint256, own)
  return own
}

function signatureAlgorithm(certificate: Buffer): string {
  try {
    const [, algorithm] = nodesIn(only(nodesIn(certificate), asn1.sequence))
    return algorithm === undefined ? '' : only(nodesIn(algorithm.content), asn1.oid).toString('hex')
  } catch {
    return ''
  }
}
