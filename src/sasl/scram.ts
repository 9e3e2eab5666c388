/**
 * SCRAM, the server's side (RFC 5802, RFC 7677), with and without channel binding, and with what the server offered in what is
 * signed (XEP-0474). An unknown user gets the same exchange as a known one, with a salt that stays the same, and fails where a
 * wrong password would.
 */
import { asBindingType, type UsableBinding, unannounced } from './channel-binding.js'
import { offerDigest } from './downgrade-protection.js'
import { decodeText, localpart, mayActAs } from './identity.js'
import {
  type FoundUser,
  failure,
  type SaslContext,
  type SaslExchange,
  type SaslMechanism,
  type SaslStep,
} from './mechanism.js'
import { decoyKeys, digest, digestLength, equalSecrets, hmac, type ScramHash, type ScramKeys } from './scram-keys.js'
import { type ClientFinal, type ClientFirst, parseClientFinal, parseClientFirst } from './scram-message.js'

type State =
  | { readonly at: 'client-first' }
  | { readonly at: 'lookup'; readonly first: ClientFirst; readonly username: string }
  | {
      readonly at: 'client-final'
      readonly first: ClientFirst
      readonly username: string
      readonly keys: ScramKeys
      readonly known: boolean
      /** The client's and ours together. */
      readonly nonce: string
      readonly serverFirst: string
    }
  | { readonly at: 'end' }

class ScramExchange implements SaslExchange {
  readonly #hash: ScramHash
  readonly #plus: boolean
  readonly #context: SaslContext
  #state: State = { at: 'client-first' }

  constructor(hash: ScramHash, plus: boolean, context: SaslContext) {
    this.#hash = hash
    this.#plus = plus
    this.#context = context
  }

  step(data: Buffer | undefined): SaslStep {
    const state = this.#state
    if (data === undefined && state.at === 'client-first') return { type: 'challenge', data: Buffer.alloc(0) }
    this.#state = { at: 'end' }
    const text = decodeText(data ?? Buffer.alloc(0))
    if (text === undefined) return failure('malformed-request')
    if (state.at === 'client-first') return this.#clientFirst(parseClientFirst(text))
    if (state.at === 'client-final') return this.#clientFinal(state, parseClientFinal(text))
    throw new Error(`SCRAM got a message in state ${state.at}`)
  }

  resume(found: FoundUser | undefined): SaslStep {
    const state = this.#state
    if (state.at !== 'lookup') throw new Error(`SCRAM was resumed in state ${state.at}`)
    const { first, username } = state
    const { domain, random, secret, iterations, offered } = this.#context
    const keys = found?.keys
    // Made for everybody, so that it takes the same time.
    const decoy = decoyKeys(this.#hash, secret, `${username}@${domain}`, iterations)
    const used = keys ?? decoy
    const nonce = first.nonce + random.token()
    const offer = offered.mechanisms.length === 0 ? '' : `,h=${offerDigest(this.#hash, offered)}`
    const serverFirst = `r=${nonce},s=${used.salt},i=${used.iterations}${offer}`
    this.#state = { at: 'client-final', first, username, keys: used, known: keys !== undefined, nonce, serverFirst }
    return { type: 'challenge', data: Buffer.from(serverFirst) }
  }

  #clientFirst(first: ClientFirst | undefined): SaslStep {
    const { domain } = this.#context
    if (first === undefined) return failure('malformed-request')
    const wrong = this.#wrongBinding(first)
    if (wrong !== undefined) return failure('not-authorized', wrong)
    const username = localpart(first.username, domain)
    if (username === undefined) return failure('not-authorized')
    if (!mayActAs(first.authzid, username, domain)) return failure('invalid-authzid')
    this.#state = { at: 'lookup', first, username }
    return { type: 'lookup', username, hash: this.#hash }
  }

  /** RFC 5802 §6 */
  #wrongBinding({ flag }: ClientFirst): string | undefined {
    const { offered } = this.#context
    if (flag.type === 'p') {
      if (!this.#plus) return 'this mechanism does not bind to the channel'
      if (flag.name === unannounced) return undefined
      const type = asBindingType(flag.name)
      return type !== undefined && offered.bindings.includes(type) ? undefined : 'this channel binding was not offered'
    }
    if (this.#plus) return 'this mechanism binds to the channel'
    // The client saw no -PLUS although we offered it, so somebody removed it from the list.
    return flag.type === 'y' && offered.bindings.length > 0 ? 'the offered mechanisms were changed' : undefined
  }

  /** What the client's `c=` has to be; undefined where the channel has no data any more. */
  #boundTo({ flag, gs2Header }: ClientFirst): Buffer | undefined {
    const header = Buffer.from(gs2Header)
    if (flag.type !== 'p') return header
    const type: UsableBinding | undefined = flag.name === unannounced ? unannounced : asBindingType(flag.name)
    const data = type && this.#context.binding(type)
    return data && Buffer.concat([header, data])
  }

  #clientFinal(state: State & { at: 'client-final' }, final: ClientFinal | undefined): SaslStep {
    if (final === undefined || final.proof.length !== digestLength[this.#hash]) return failure('malformed-request')
    const { first, keys, known, username } = state
    const channel = this.#boundTo(first)
    const bound = channel !== undefined && equalSecrets(final.binding, channel) && final.nonce === state.nonce
    const signed = `${first.bare},${state.serverFirst},${final.withoutProof}`
    const storedKey = Buffer.from(keys.storedKey, 'base64')
    const clientKey = xor(final.proof, hmac(this.#hash, storedKey, signed))
    const fits = equalSecrets(digest(this.#hash, clientKey), storedKey)
    if (!fits || !known || !bound) return failure('not-authorized')
    const signature = hmac(this.#hash, Buffer.from(keys.serverKey, 'base64'), signed)
    return { type: 'success', username, data: Buffer.from(`v=${signature.toString('base64')}`) }
  }
}

const xor = (a: Buffer, b: Buffer): Buffer => Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)))

/** One hash of the SCRAM family: with channel binding, and without. Binding outweighs every hash. */
export const scram = (name: string, hash: ScramHash, strength: number): readonly SaslMechanism[] => [
  {
    name: `${name}-PLUS`,
    strength: strength + 100,
    requiresTls: true,
    hash,
    plus: true,
    start: (context) => new ScramExchange(hash, true, context),
  },
  { name, strength, requiresTls: false, hash, start: (context) => new ScramExchange(hash, false, context) },
]
