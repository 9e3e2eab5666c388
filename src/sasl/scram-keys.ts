/**
 * What is stored instead of a password (RFC 5802 §3): keys that can check a SCRAM proof or a password, and cannot be used
 * to log in. Deriving them is slow on purpose and happens in Node's thread pool.
 */
import { createHash, createHmac, pbkdf2, randomBytes, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { saslprep } from '@mongodb-js/saslprep'

const stretch = promisify(pbkdf2)

export type ScramHash = 'sha1' | 'sha256' | 'sha512'

/** Bytes in base64. */
export interface ScramKeys {
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

/** RFC 7677 §4 asks for at least 4096. */
export const defaultIterations = 10_000
const saltBytes = 16
const maxPasswordBytes = 1023

/** The password cannot be prepared (RFC 4013): it is empty, longer than 1023 bytes, or holds what is prohibited. */
export class PasswordError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'PasswordError'
  }
}

/** SASLprep (RFC 4013). Throws PasswordError. */
export function preparePassword(password: string): string {
  if (Buffer.byteLength(password) > maxPasswordBytes) throw new PasswordError('the password is too long')
  let prepared: string
  try {
    // Code points newer than Unicode 3.2 are let through, as in queries (RFC 3454 §7): clients do the same.
    prepared = saslprep(password, { allowUnassigned: true })
  } catch (cause) {
    throw new PasswordError('the password holds characters that are not allowed', { cause })
  }
  if (prepared === '') throw new PasswordError('the password is empty')
  return prepared
}

/** New keys, with a random salt unless one is given. Throws PasswordError. */
export async function deriveScramKeys(
  hash: ScramHash,
  password: string,
  options: { readonly salt?: Buffer; readonly iterations?: number } = {},
): Promise<ScramKeys> {
  const { salt = randomBytes(saltBytes), iterations = defaultIterations } = options
  const salted = await stretch(preparePassword(password), salt, iterations, digestLength[hash], hash)
  return {
    salt: salt.toString('base64'),
    iterations,
    storedKey: digest(hash, hmac(hash, salted, 'Client Key')).toString('base64'),
    serverKey: hmac(hash, salted, 'Server Key').toString('base64'),
  }
}

/** The keys of an account: one set for each hash. Throws PasswordError. */
export async function deriveKeys(
  password: string,
  iterations = defaultIterations,
): Promise<Readonly<Record<ScramHash, ScramKeys>>> {
  const [sha1, sha256, sha512] = await Promise.all([
    deriveScramKeys('sha1', password, { iterations }),
    deriveScramKeys('sha256', password, { iterations }),
    deriveScramKeys('sha512', password, { iterations }),
  ])
  return { sha1, sha256, sha512 }
}

/** Whether this is the password that the keys were derived from; compared in constant time. */
export async function verifyPassword(hash: ScramHash, keys: ScramKeys, password: string): Promise<boolean> {
  let derived: ScramKeys
  try {
    derived = await deriveScramKeys(hash, password, {
      salt: Buffer.from(keys.salt, 'base64'),
      iterations: keys.iterations,
    })
  } catch (error) {
    if (error instanceof PasswordError) return false
    throw error
  }
  return equalSecrets(Buffer.from(derived.storedKey, 'base64'), Buffer.from(keys.storedKey, 'base64'))
}

/** Keys for a user (a bare JID) that does not exist: the same salt whenever the name is tried, and no password fits. */
export function decoyKeys(hash: ScramHash, secret: Buffer, user: string, iterations: number): ScramKeys {
  const make = (purpose: string): Buffer => hmac('sha512', secret, `${purpose}\0${hash}\0${user}`)
  return {
    salt: make('salt').subarray(0, saltBytes).toString('base64'),
    iterations,
    storedKey: make('stored key').subarray(0, digestLength[hash]).toString('base64'),
    serverKey: make('server key').subarray(0, digestLength[hash]).toString('base64'),
  }
}

/** Bytes of a digest. */
export const digestLength: Readonly<Record<ScramHash, number>> = { sha1: 20, sha256: 32, sha512: 64 }

export const digest = (hash: ScramHash, data: Buffer): Buffer => createHash(hash).update(data).digest()

export const hmac = (hash: ScramHash, key: Buffer, data: string | Buffer): Buffer =>
  createHmac(hash, key).update(data).digest()

/** In constant time for equal lengths. */
export const equalSecrets = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b)
