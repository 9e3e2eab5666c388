/**
 * Authenticating a client by SASL, whatever its profile (RFC 6120 §6, XEP-0388): one exchange after another until one succeeds, too
 * many have failed, or time is up. Mechanisms are pure; the keys that they ask for are fetched here.
 */
import { decodeBase64, decodeSaslData } from '../sasl/base64.js'
import type {
  FoundUser,
  SaslCondition,
  SaslExchange,
  SaslMechanism,
  SaslStep,
  SaslContext as Start,
} from '../sasl/mechanism.js'
import type { ScramHash, ScramKeys } from '../sasl/scram-keys.js'
import type { Element } from '../xml/element.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Fact } from './feature.js'
import type { Stream } from './stream.js'

/**
 * RFC 6120 §6.4.5 asks for at least 2 retries, at most 5. The first failure of a further mechanism that was offered is not counted: a
 * client that goes through the list with one wrong password comes to its end, and tells its user so.
 */
export const mostFailures = 5

export interface Credentials {
  /** Undefined where the account has none of the hash that was asked for. */
  readonly keys: ScramKeys | undefined
  /** Refused, but only to those who know the password. */
  readonly disabled: boolean
}

/** What came of an exchange. */
export interface Success {
  readonly username: string
  readonly data: Buffer | undefined
  readonly password: string | undefined
}

/** How a profile of SASL writes it. */
export interface Profile<Context> {
  /** A single `=` stands for what is empty. */
  readonly emptyAsEquals: boolean
  challenge(data: Buffer): Element
  failure(condition: SaslCondition, text: string | undefined): Element
  /** The client is who it says: goes on, and rejects where it cannot. */
  succeed(success: Success, context: Context): Promise<void> | undefined
}

/** What is kept while the peer authenticates. */
export class Authentication {
  exchange: SaslExchange | undefined
  disabled = false
  /** The name of one that was offered. */
  mechanism: string | undefined
  failures = 0
  /** Mechanisms that have failed. */
  readonly failed = new Set<string>()
  /** The `<authenticate/>` of SASL2 that is being dealt with. */
  request: Element | undefined
}

export interface AuthenticationContext {
  readonly stream: Stream
  readonly facts: ReadonlySet<Fact>
  readonly encryptionRequired: boolean
  /** Mechanisms that show the password may be used without TLS: the operator says so, and the peer is on loopback. */
  readonly plainWithoutTls: boolean
  /** Those that the operator allows, the strongest first. */
  readonly mechanisms: readonly SaslMechanism[]
  /** Every account of the host has keys of these. */
  readonly hashes: readonly ScramHash[]
  /** The host is for those who have no account, and for nobody else. */
  readonly guests: boolean
  /** The localpart that the stream's header names, where it names one. */
  readonly named: string | undefined
  readonly authentication: Authentication
  /** Failures after which the stream ends. */
  readonly mostFailures: number
  /** What every exchange is started with, beside the mechanisms that were offered. */
  readonly start: Omit<Start, 'offered'>
  /** What the channel can be bound to. */
  readonly bindings: Start['offered']['bindings']
  /** Undefined where there is no such account. */
  credentials(username: string, hash: ScramHash): Promise<Credentials | undefined>
  /** Makes an account for a guest. */
  guest(): Promise<string>
  /** A login was refused, with this condition of SASL. */
  refused(condition: string): void
  /** Something of ours failed. */
  failed(error: unknown): void
}

/** Those that this client may use now, the strongest first. */
export const usableMechanisms = (context: AuthenticationContext): readonly SaslMechanism[] =>
  context.mechanisms.filter((mechanism) => isUsable(mechanism, context))

const isProtected = ({ facts, encryptionRequired }: AuthenticationContext): boolean =>
  facts.has('secure') || !encryptionRequired

const isSafe = ({ requiresTls }: SaslMechanism, context: AuthenticationContext): boolean =>
  isProtected(context) && (!requiresTls || context.facts.has('secure') || context.plainWithoutTls)

function isUsable(mechanism: SaslMechanism, context: AuthenticationContext): boolean {
  const { needs, hash, plus } = mechanism
  if (!isSafe(mechanism, context) || context.guests !== (needs === 'guests')) return false
  if (needs === 'certificate' && context.start.certified.length === 0) return false
  if (plus === true && context.bindings.length === 0) return false
  return hash === undefined || context.hashes.includes(hash)
}

/** Takes the place of an exchange that is under way (RFC 6120 §6.4.2). `text` is the initial response; undefined where there is none. */
export function begin<C extends AuthenticationContext>(
  profile: Profile<C>,
  name: unknown,
  text: string | undefined,
  context: C,
): void {
  const { authentication, mechanisms } = context
  authentication.exchange = undefined
  const mechanism = mechanisms.find((each) => each.name === name)
  if (mechanism === undefined || !isUsable(mechanism, context)) {
    const tooOpen = mechanism === undefined ? !isProtected(context) : !isSafe(mechanism, context)
    return refuse(profile, context, tooOpen ? 'encryption-required' : 'invalid-mechanism')
  }
  const offered = { mechanisms: usableMechanisms(context).map((each) => each.name), bindings: context.bindings }
  authentication.mechanism = mechanism.name
  authentication.exchange = mechanism.start({ ...context.start, offered })
  take(profile, text, context)
}

export const respond = <C extends AuthenticationContext>(profile: Profile<C>, text: string, context: C): void =>
  take(profile, text, context)

/** Ends the attempt; the fifth that counts ends the stream. */
export function refuse<C extends AuthenticationContext>(
  profile: Profile<C>,
  { authentication, stream, refused }: C,
  condition: SaslCondition,
  text?: string,
): void {
  authentication.exchange = undefined
  authentication.request = undefined
  refused(condition)
  stream.send(profile.failure(condition, text))
  if (isFurther(authentication)) return
  if (++authentication.failures >= mostFailures)
    stream.fail(new StreamError('policy-violation', 'too many failed attempts to authenticate'))
}

/** What has failed is a mechanism that had not been tried, after others. Remembers that it has failed. */
function isFurther(authentication: Authentication): boolean {
  const { mechanism, failed } = authentication
  authentication.mechanism = undefined
  if (mechanism === undefined || failed.has(mechanism)) return false
  return failed.add(mechanism).size > 1
}

/** Reads nothing until the work is done, so that the answers keep the order of the questions. */
export function settle<C extends AuthenticationContext>(
  profile: Profile<C>,
  work: Promise<void> | undefined,
  context: C,
): void {
  if (work === undefined) return
  const { stream } = context
  stream.hold()
  work
    .catch((error: unknown) => {
      context.failed(error)
      if (stream.state.is !== 'ended') refuse(profile, context, 'temporary-auth-failure')
    })
    .then(() => stream.release())
    .catch((error: unknown) => context.failed(error))
}

function take<C extends AuthenticationContext>(profile: Profile<C>, text: string | undefined, context: C): void {
  const { exchange } = context.authentication
  if (exchange === undefined) return refuse(profile, context, 'malformed-request')
  const data = text === undefined ? undefined : (profile.emptyAsEquals ? decodeSaslData : decodeBase64)(text)
  if (text !== undefined && data === undefined) return refuse(profile, context, 'incorrect-encoding')
  settle(profile, proceed(profile, exchange.step(data), exchange, context), context)
}

function proceed<C extends AuthenticationContext>(
  profile: Profile<C>,
  step: SaslStep,
  exchange: SaslExchange,
  context: C,
): Promise<void> | undefined {
  switch (step.type) {
    case 'challenge':
      context.stream.send(profile.challenge(step.data))
      return undefined
    case 'failure':
      refuse(profile, context, step.condition, step.text)
      return undefined
    case 'success':
      return succeed(profile, step, context)
    case 'lookup':
      return goOn(find(step.username, step.hash, context))
    case 'guest':
      return goOn(context.guest().then((username) => ({ username, keys: undefined })))
  }
  async function goOn(finding: Promise<FoundUser | undefined>): Promise<void> {
    const next = await exchange.resume(await finding)
    if (context.stream.state.is !== 'ended') await proceed(profile, next, exchange, context)
  }
}

async function find(username: string, hash: ScramHash, context: AuthenticationContext): Promise<FoundUser | undefined> {
  const credentials = await context.credentials(username, hash)
  context.authentication.disabled = credentials?.disabled ?? false
  return credentials && { username, keys: credentials.keys }
}

function succeed<C extends AuthenticationContext>(
  profile: Profile<C>,
  { username, data, password }: SaslStep & { readonly type: 'success' },
  context: C,
): Promise<void> | undefined {
  if (context.authentication.disabled) {
    refuse(profile, context, 'account-disabled')
    return undefined
  }
  context.authentication.exchange = undefined
  return profile.succeed({ username, data, password }, context)
}
