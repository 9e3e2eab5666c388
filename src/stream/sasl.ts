/**
 * SASL (RFC 6120 §6), the receiving side: runs the exchange of one mechanism after another until one succeeds, the fifth
 * has failed, or time is up. Mechanisms are pure; the keys that they ask for are fetched here.
 */
import { decodeSaslData, encodeSaslData } from '../sasl/base64.js'
import type { SaslCondition, SaslExchange, SaslMechanism, SaslStep, SaslContext as Start } from '../sasl/mechanism.js'
import type { ScramHash, ScramKeys } from '../sasl/scram-keys.js'
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Fact, Feature } from './feature.js'
import type { Stream } from './stream.js'

/** RFC 6120 §6.4.5 asks for at least 2, at most 5. */
const maxFailures = 5

export interface Credentials {
  readonly keys: ScramKeys
  /** Refused, but only to those who know the password. */
  readonly disabled: boolean
}

/** What is kept while the peer authenticates. */
export class Authentication {
  exchange: SaslExchange | undefined
  disabled = false
  failures = 0
}

export interface SaslContext {
  readonly stream: Stream
  readonly facts: ReadonlySet<Fact>
  readonly encryptionRequired: boolean
  /** Mechanisms that show the password may be used without TLS: the operator says so, and the peer is on loopback. */
  readonly plainWithoutTls: boolean
  /** Those that the operator allows, the strongest first. */
  readonly mechanisms: readonly SaslMechanism[]
  readonly authentication: Authentication
  /** What every exchange is started with. */
  readonly start: Start
  /** Undefined where there is no such account. */
  credentials(username: string, hash: ScramHash): Promise<Credentials | undefined>
  /** The success was written: the stream is to be restarted. */
  authenticated(username: string): void
  /** Why the keys could not be had. */
  failed(error: unknown): void
}

export const sasl: Feature<SaslContext> = {
  name: 'sasl',
  ns: ns.sasl,
  requires: [],
  excludes: ['authenticated'],

  offer(context) {
    const usable = context.mechanisms.filter((mechanism) => isUsable(mechanism, context))
    if (usable.length === 0) return undefined
    return xml('mechanisms', { xmlns: ns.sasl }, ...usable.map(({ name }) => xml('mechanism', {}, name)))
  },

  accept(element: Element, context) {
    if (context.facts.has('authenticated')) throw new StreamError('policy-violation', 'already authenticated')
    if (element.name === 'auth') begin(element, context)
    else if (element.name === 'response') respond(element, context)
    else if (element.name === 'abort') fail(context, 'aborted')
    else throw new StreamError('unsupported-stanza-type')
  },
}

const isProtected = ({ facts, encryptionRequired }: SaslContext): boolean => facts.has('secure') || !encryptionRequired

const isUsable = (mechanism: SaslMechanism, context: SaslContext): boolean =>
  isProtected(context) && (!mechanism.requiresTls || context.facts.has('secure') || context.plainWithoutTls)

function begin(element: Element, context: SaslContext): void {
  const { authentication, mechanisms } = context
  if (authentication.exchange !== undefined) {
    fail(context, 'malformed-request', 'another exchange is under way')
    return
  }
  const mechanism = mechanisms.find(({ name }) => name === element.attrs.mechanism)
  if (mechanism === undefined) fail(context, isProtected(context) ? 'invalid-mechanism' : 'encryption-required')
  else if (!isUsable(mechanism, context)) fail(context, 'encryption-required')
  else {
    authentication.exchange = mechanism.start(context.start)
    const text = element.getText()
    take(text === '' ? undefined : decodeSaslData(text), text !== '', context)
  }
}

function respond(element: Element, context: SaslContext): void {
  const text = element.getText()
  take(text === '' ? Buffer.alloc(0) : decodeSaslData(text), true, context)
}

/** `given` without data is what could not be decoded. */
function take(data: Buffer | undefined, given: boolean, context: SaslContext): void {
  const { exchange } = context.authentication
  if (exchange === undefined) fail(context, 'malformed-request')
  else if (given && data === undefined) fail(context, 'incorrect-encoding')
  else proceed(exchange.step(data), exchange, context)
}

function proceed(step: SaslStep, exchange: SaslExchange, context: SaslContext): void {
  switch (step.type) {
    case 'challenge':
      context.stream.send(xml('challenge', { xmlns: ns.sasl }, encodeSaslData(step.data)))
      return
    case 'failure':
      fail(context, step.condition, step.text)
      return
    case 'success':
      succeed(step.username, step.data, context)
      return
    case 'lookup':
      // Nothing is read meanwhile, so that the answers keep the order of the questions.
      context.stream.hold()
      lookUp(step.username, step.hash, exchange, context)
        .catch((error: unknown): SaslStep => {
          context.failed(error)
          return { type: 'failure', condition: 'temporary-auth-failure' }
        })
        .then((next) => {
          if (context.stream.state.is !== 'ended') proceed(next, exchange, context)
          context.stream.release()
        })
        .catch((error: unknown) => context.failed(error))
  }
}

async function lookUp(
  username: string,
  hash: ScramHash,
  exchange: SaslExchange,
  context: SaslContext,
): Promise<SaslStep> {
  const credentials = await context.credentials(username, hash)
  context.authentication.disabled = credentials?.disabled ?? false
  return exchange.resume(credentials?.keys)
}

function succeed(username: string, data: Buffer | undefined, context: SaslContext): void {
  if (context.authentication.disabled) {
    fail(context, 'account-disabled')
    return
  }
  context.authentication.exchange = undefined
  context.stream.send(xml('success', { xmlns: ns.sasl }, data && encodeSaslData(data)))
  context.authenticated(username)
}

function fail(context: SaslContext, condition: SaslCondition, text?: string): void {
  const { authentication, stream } = context
  authentication.exchange = undefined
  stream.send(
    xml(
      'failure',
      { xmlns: ns.sasl },
      xml(condition),
      text === undefined ? undefined : xml('text', { 'xml:lang': 'en' }, text),
    ),
  )
  if (++authentication.failures >= maxFailures)
    stream.fail(new StreamError('policy-violation', 'too many failed attempts to authenticate'))
}
