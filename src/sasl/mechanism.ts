/**
 * What a SASL mechanism is to the stream (RFC 4422, RFC 6120 §6): a pure exchange of messages. It never reads storage; it
 * asks for the keys of a user by a `lookup` step, and the stream resumes it with them.
 */
import type { Random } from '../util/random.js'
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
  /** `username` is a prepared localpart; `data` goes with the success (RFC 6120 §6.4.6). */
  | { readonly type: 'success'; readonly username: string; readonly data?: Buffer }
  | { readonly type: 'failure'; readonly condition: SaslCondition; readonly text?: string }

export interface SaslContext {
  /** The prepared domain that the client wants to log in to. */
  readonly domain: string
  readonly random: Random
  /** Secret of this server, the same after a restart; makes up the salts of users that do not exist. */
  readonly secret: Buffer
  /** The iteration count of this server's own keys: what users that do not exist seem to have. */
  readonly iterations: number
  /** Mechanisms with channel binding (`-PLUS`) were among those offered on this stream. */
  readonly plusOffered: boolean
}

/** One attempt. After `success` or `failure` it is of no use any more. */
export interface SaslExchange {
  /** The client's next message, decoded; undefined for an `<auth/>` without an initial response. */
  step(data: Buffer | undefined): SaslStep
  /** The keys of the user that was asked for; undefined where there is no such user. */
  resume(keys: ScramKeys | undefined): SaslStep | Promise<SaslStep>
}

export interface SaslMechanism {
  /** As registered with IANA. */
  readonly name: string
  /** Stronger ones are offered first. */
  readonly strength: number
  /** Shows the password to whoever listens. */
  readonly requiresTls: boolean
  start(context: SaslContext): SaslExchange
}

export const failure = (condition: SaslCondition, text?: string): SaslStep =>
  text === undefined ? { type: 'failure', condition } : { type: 'failure', condition, text }
