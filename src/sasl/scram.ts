/**
 * SCRAM, the server's side (RFC 5802, RFC 7677), without channel binding. An unknown user gets the same exchange as a known
 * one, with a salt that stays the same, and fails where a wrong password would.
 */
import { decodeText, localpart, mayActAs } from './identity.js'
import { failure, type SaslContext, type SaslExchange, type SaslMechanism, type SaslStep } from './mechanism.js'
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
  readonly #context: SaslContext
  #state: State = { at: 'client-first' }

  constructor(hash: ScramHash, context: SaslContext) {
    this.#hash = hash
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

  resume(keys: ScramKeys | undefined): SaslStep {
    const state = this.#state
    if (state.at !== 'lookup') throw new Error(`SCRAM was resumed in state ${state.at}`)
    const { first, username } = state
    const { random, secret, iterations } = this.#context
    // Made for everybody, so that it takes the same time.
    const decoy = decoyKeys(this.#hash, secret, username, iterations)
    const used = keys ?? decoy
    const nonce = first.nonce + random.token()
    const serverFirst = `r=${nonce},s=${used.salt},i=${used.iterations}`
    this.#state = { at: 'client-final', first, username, keys: used, known: keys !== undefined, nonce, serverFirst }
    return { type: 'challenge', data: Buffer.from(serverFirst) }
  }

  #clientFirst(first: ClientFirst | undefined): SaslStep {
    const { domain, plusOffered } = this.#context
    if (first === undefined) return failure('malformed-request')
    if (first.flag.type === 'p') return failure('not-authorized', 'this mechanism does not bind to the channel')
    // RFC 5802 §6: the client saw no -PLUS although we offered it, so somebody removed it from the list.
    if (first.flag.type === 'y' && plusOffered) return failure('not-authorized', 'the offered mechanisms were changed')
    const username = localpart(first.username, domain)
    if (username === undefined) return failure('not-authorized')
    if (!mayActAs(first.authzid, username, domain)) return failure('invalid-authzid')
    this.#state = { at: 'lookup', first, username }
    return { type: 'lookup', username, hash: this.#hash }
  }

  #clientFinal(state: State & { at: 'client-final' }, final: ClientFinal | undefined): SaslStep {
    if (final === undefined || final.proof.length !== digestLength[this.#hash]) return failure('malformed-request')
    const { first, keys, known, username } = state
    const bound = final.binding.equals(Buffer.from(first.gs2Header)) && final.nonce === state.nonce
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

/** One of the SCRAM family; they differ in the hash. */
export const scram = (name: string, hash: ScramHash, strength: number): SaslMechanism => ({
  name,
  strength,
  requiresTls: false,
  start: (context) => new ScramExchange(hash, context),
})
