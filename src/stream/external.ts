/**
 * SASL EXTERNAL between servers (RFC 6120 §6, XEP-0178 §3): TLS has shown the certificate already, so all that is said is
 * the domain, which the stream's header names too. The mechanism's elements in both directions.
 */
import { decodeSaslData, encodeSaslData } from '../sasl/base64.js'
import { child, type Element, elements, xml } from '../xml/element.js'
import { asciiDomain, prepareDomain } from '../xmpp/domain.js'
import { ns } from '../xmpp/namespaces.js'
import type { Xep } from '../xmpp/xep.js'

export const externalXep: Xep = {
  number: 178,
  version: '1.2',
  test: 'server/s2s-certificates.test.ts',
}

const mechanism = 'EXTERNAL'

/** A child of the stream's features. */
export const externalFeature = (): Element => xml('mechanisms', { xmlns: ns.sasl }, xml('mechanism', {}, mechanism))

export function offersExternal(features: Element): boolean {
  const offered = child(features, 'mechanisms', ns.sasl)
  return offered !== undefined && elements(offered).some((each) => each.getText().trim() === mechanism)
}

/** COMPAT: ejabberd and Prosody name the domain although the header does, and that is always allowed (XEP-0178 §3). */
export const externalRequest = (domain: string): Element =>
  xml('auth', { xmlns: ns.sasl, mechanism }, encodeSaslData(Buffer.from(asciiDomain(domain))))

export const saslSuccess = (): Element => xml('success', { xmlns: ns.sasl })
export const saslFailure = (condition: ExternalFailure): Element => xml('failure', { xmlns: ns.sasl }, xml(condition))

export type ExternalFailure = 'invalid-mechanism' | 'incorrect-encoding' | 'invalid-authzid' | 'not-authorized'

/** Is this `<auth/>` for the domain of the header? What is wrong with it, or undefined. Whether it is proved is for others. */
export function wrongRequest(auth: Element, domain: string): ExternalFailure | undefined {
  if (auth.name !== 'auth' || auth.attrs.mechanism !== mechanism) return 'invalid-mechanism'
  const given = decodeSaslData(auth.getText().trim() || '=')
  if (given === undefined) return 'incorrect-encoding'
  return given.length === 0 || prepareDomain(given.toString()) === domain ? undefined : 'invalid-authzid'
}

/** The condition of a `<failure/>`, for the log. */
export const failureCondition = (failure: Element): string => elements(failure)[0]?.name ?? 'no condition'
