/**
 * What a SASL mechanism is to the stream (RFC 4422, RFC 6120 §6): a pure exchange of messages. It never reads storage; it
 * asks for the keys of a user by a `lookup` step, and the stream resumes it with them.
 */
import type { Random } from '../util/random.js'
import type { BindingType, UsableBinding } from './channel-binding.js'
import type { ScramHash, ScramKeys } from './scram-keys.js'

/** RFC 6120 §6.5. */
export const saslConditions = [
  'aborted',
  'account-disabled',
  'credentials-expired',
  'encryption-required',
  'incorrect-encoding',
  'invalid-authzid',
  'invalid-mechanism',
  'malformed-request',
  'mechanism-too-weak',
  'not-authorized',
  'temporary-auth-failure',
] as const

export type SaslCondition = (typeof saslConditions)[number]

export type SaslStep =
  | { readonly type: 'challenge'; readonly data: Buffer }
  /** Answer with `resume`. `username` is a prepared localpart. */
  | { readonly type: 'lookup'; readonly username: string; readonly hash: ScramHash }
  /** Answer with `resume`: an account for somebody without a name. */
  | { readonly type: 'guest' }
  /**
   * `username` is a prepared localpart; `data` goes with the success (RFC 6120 §6.4.6); `password` was shown and fits, so keys that the
   * account has not can be made of it.
   */
  | { readonly type: 'success'; readonly username: string; readonly data?: Buffer; readonly password?: string }
  | { readonly type: 'failure'; readonly condition: SaslCondition; readonly text?: string }

export interface SaslContext {
  /** The prepared domain that the client wants to log in to. */
  readonly domain: string
  readonly random: Random
  /** Secret of this server, the same after a restart; makes up the salts of users that do not exist. */
  readonly secret: Buffer
  /** The iteration count of this server's own keys: what users that do not exist seem to have. */
  readonly iterations: number
  /** Mechanisms that were offered on this stream, and types of channel binding (XEP-0440); none where there is no channel to bind to. */
  readonly offered: { readonly mechanisms: readonly string[]; readonly bindings: readonly BindingType[] }
  /** The data of the channel for a type that was offered. */
  binding(type: UsableBinding): Buffer | undefined
  /** Localparts at `domain` that the client's certificate proves (XEP-0178). */
  readonly certified: readonly string[]
}

export interface FoundUser {
  readonly username: string
  readonly keys: ScramKeys | undefined
}

/** One attempt. After `success` or `failure` it is of no use any more. */
export interface SaslExchange {
  /** The client's next message, decoded; undefined for an `<auth/>` without an initial response. */
  step(data: Buffer | undefined): SaslStep
  /**
   * The user that was asked for, or the one that was made for a guest; undefined where there is no such user. Keys are undefined where a
   * user has none of that hash.
   */
  resume(found: FoundUser | undefined): SaslStep | Promise<SaslStep>
}

export interface SaslMechanism {
  /** As registered with IANA. */
  readonly name: string
  /** Stronger ones are offered first. */
  readonly strength: number
  /** Shows the password to whoever listens. */
  readonly requiresTls: boolean
  /** Keys of this hash are what it checks: offered where every account has them. */
  readonly hash?: ScramHash
  /** Needs a channel to bind to. */
  readonly plus?: true
  /** For those whose certificate says who they are; for those who have no account, at hosts that ask for it. */
  readonly needs?: 'certificate' | 'guests'
  start(context: SaslContext): SaslExchange
}

export const failure = (condition: SaslCondition, text?: string): SaslStep =>
  text === undefined ? { type: 'failure', condition } : { type: 'failure', condition, text }
