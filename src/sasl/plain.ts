/** PLAIN (RFC 4616): `authzid NUL authcid NUL password`, checked against stored SCRAM keys. */
import { decodeText, localpart, mayActAs } from './identity.js'
import {
  type FoundUser,
  failure,
  type SaslContext,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from './mechanism.js'
import { decoyKeys, verifyPassword } from './scram-keys.js'

const hash = 'sha256'
/** RFC 4616 §2, for each of the three parts. */
const maxPartBytes = 255

class PlainExchange implements SaslExchange {
  readonly #context: SaslContext
  #given: { readonly username: string; readonly password: string } | undefined

  constructor(context: SaslContext) {
    this.#context = context
  }

  step(data: Buffer | undefined): SaslStep {
    if (data === undefined) return { type: 'challenge', data: Buffer.alloc(0) }
    const parts = decodeText(data)?.split('\0')
    if (parts?.length !== 3 || parts.some((part) => Buffer.byteLength(part) > maxPartBytes))
      return failure('malformed-request')
    const [authzid, authcid, password] = parts as [string, string, string]
    if (authcid === '' || password === '') return failure('malformed-request')
    const { domain } = this.#context
    const username = localpart(authcid, domain)
    if (username === undefined) return failure('not-authorized')
    if (!mayActAs(authzid, username, domain)) return failure('invalid-authzid')
    this.#given = { username, password }
    return { type: 'lookup', username, hash }
  }

  async resume(found: FoundUser | undefined): Promise<SaslStep> {
    const given = this.#given
    if (given === undefined) throw new Error('PLAIN was resumed before it asked')
    this.#given = undefined
    const { username, password } = given
    const { domain, secret, iterations } = this.#context
    const keys = found?.keys
    // Made for everybody, so that it takes the same time.
    const decoy = decoyKeys(hash, secret, `${username}@${domain}`, iterations)
    const fits = await verifyPassword(hash, keys ?? decoy, password)
    return fits && keys !== undefined ? { type: 'success', username, password } : failure('not-authorized')
  }
}

export const plain: SaslMechanism = {
  name: 'PLAIN',
  strength: 1,
  requiresTls: true,
  start: (context) => new PlainExchange(context),
}
