/**
 * Ed25519 (RFC 8032) for the heads of logs: deterministic, so that a replica stays a function of what happened. Each service has one
 * key pair; the private half is 32 bytes that never leave it.
 */
import { createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { memo } from '../util/memo.js'

export interface Signer {
  /** Base64, 32 bytes. */
  readonly publicKey: string
  /** Base64, 64 bytes. */
  sign(text: string): string
}

/** RFC 8410 §7 and §4: what stands before the bare key in DER. */
const privatePrefix = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicPrefix = Buffer.from('302a300506032b6570032100', 'hex')

/** `secret`: 32 bytes. */
export function signerOf(secret: Uint8Array): Signer {
  const key = createPrivateKey({ key: Buffer.concat([privatePrefix, secret]), format: 'der', type: 'pkcs8' })
  const spki = createPublicKey(key).export({ format: 'der', type: 'spki' })
  return {
    publicKey: spki.subarray(publicPrefix.length).toString('base64'),
    sign: (text) => sign(null, Buffer.from(text), key).toString('base64'),
  }
}

/** Of its base64; making one costs more than a signature. Throws for what is no key. */
const publicKeyOf: (base64: string) => KeyObject = memo(1000, (base64) =>
  createPublicKey({ key: Buffer.concat([publicPrefix, Buffer.from(base64, 'base64')]), format: 'der', type: 'spki' }),
)

/** False for whatever is not a signature of `text` by `publicKey`, however it is malformed. */
export function isSigned(publicKey: string, text: string, signature: string): boolean {
  try {
    return verify(null, Buffer.from(text), publicKeyOf(publicKey), Buffer.from(signature, 'base64'))
  } catch {
    return false
  }
}
