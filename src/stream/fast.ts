/** Tokens in place of passwords (XEP-0484): what is offered within SASL2, and a login by one. */
import { decodeBase64 } from '../sasl/base64.js'
import {
  type HashedTokenMechanism,
  hashedTokenMechanisms,
  knowsToken,
  readInitiator,
  responderProof,
} from '../sasl/hashed-token.js'
import { localpart } from '../sasl/identity.js'
import type { SaslCondition } from '../sasl/mechanism.js'
import { child, type Element, xml } from '../xml/element.js'
import { writeDateTime } from '../xmpp/date-time.js'
import type { Xep } from '../xmpp/xep.js'
import type { AuthenticationContext } from './authentication.js'

export const fastXep: Xep = {
  number: 484,
  version: '0.2.0',
  without: 'TLS early data',
  test: 'dialogue/sasl2.test.ts',
}

const fastNs = 'urn:xmpp:fast:0'

/** What is known of a token that was used. */
export type TokenUse =
  | { readonly is: 'unknown' | 'expired' }
  /** `due`: it is time for another one. */
  | { readonly is: 'good'; readonly token: string; readonly due: boolean; readonly disabled: boolean }

export interface Tokens {
  /** `fits` says whether the client knows a token. What it changes is durable before the answer. */
  use(
    username: string,
    by: {
      readonly agent: string
      readonly mechanism: string
      readonly invalidate: boolean
      fits(token: string): boolean
    },
  ): Promise<TokenUse>
  /** A new one, durable. */
  issue(
    username: string,
    to: { readonly agent: string; readonly mechanism: string },
  ): Promise<{ readonly token: string; readonly expiresAt: number }>
}

export interface FastContext extends AuthenticationContext {
  /** Undefined where the operator wants none. */
  readonly tokens: Tokens | undefined
}

const usable = ({ tokens, bindings, guests }: FastContext): readonly HashedTokenMechanism[] =>
  tokens === undefined || guests
    ? []
    : hashedTokenMechanisms.filter(({ binding }) => binding === undefined || bindings.includes(binding))

/** A child of SASL2's `<inline/>`. */
export function fastOffer(context: FastContext): Element | undefined {
  const offered = usable(context)
  if (offered.length === 0) return undefined
  return xml('fast', { xmlns: fastNs }, ...offered.map(({ name }) => xml('mechanism', {}, name)))
}

export const asksForTokenLogin = (request: Element): boolean => child(request, 'fast', fastNs) !== undefined

/** Who logged in by a token, with our proof, and the mechanism of the token that is to follow it. */
export type TokenLogin =
  | { readonly is: 'refused'; readonly condition: SaslCondition }
  | { readonly is: 'good'; readonly username: string; readonly data: Buffer; readonly renew: string | undefined }

const refused = (condition: SaslCondition): TokenLogin => ({ is: 'refused', condition })

/** `agent`: the id of the client's installation. */
export async function logInByToken(
  request: Element,
  agent: string | undefined,
  context: FastContext,
): Promise<TokenLogin> {
  const mechanism = usable(context).find(({ name }) => name === request.attrs.mechanism)
  if (mechanism === undefined || context.tokens === undefined) return refused('invalid-mechanism')
  const data = decodeBase64(request.getChildText('initial-response') ?? '')
  if (data === undefined) return refused('incorrect-encoding')
  const message = readInitiator(data)
  if (message === undefined || agent === undefined) return refused('malformed-request')
  const username = localpart(message.username, context.start.domain)
  const channel = mechanism.binding === undefined ? Buffer.alloc(0) : context.start.binding(mechanism.binding)
  if (username === undefined || channel === undefined) return refused('not-authorized')
  const invalidate = isTrue(child(request, 'fast', fastNs)?.attrs.invalidate)
  const use = await context.tokens.use(username, {
    ...{ agent, mechanism: mechanism.name, invalidate },
    fits: (token) => knowsToken(message, token, channel),
  })
  if (use.is !== 'good') return refused(use.is === 'expired' ? 'credentials-expired' : 'not-authorized')
  if (use.disabled) return refused('account-disabled')
  const renew = use.due && !invalidate ? mechanism.name : undefined
  return { is: 'good', username, data: responderProof(use.token, channel), renew }
}

const isTrue = (value: unknown): boolean => value === 'true' || value === '1'

/** The mechanism that a client wants a token for, where we have it. */
export function requestedToken(request: Element, context: FastContext): string | undefined {
  const wanted: unknown = child(request, 'request-token', fastNs)?.attrs.mechanism
  return usable(context).find(({ name }) => name === wanted)?.name
}

export const tokenElement = ({ token, expiresAt }: Awaited<ReturnType<Tokens['issue']>>): Element =>
  xml('token', { xmlns: fastNs, token, expiry: writeDateTime(expiresAt) })
