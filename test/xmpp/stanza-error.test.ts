/** Errors of stanzas (RFC 6120 §8.3). */
import { describe, expect, test } from '@jest/globals'
import { xml } from '../../src/xml/element.js'
import { StanzaError, type StanzaErrorCondition } from '../../src/xmpp/stanza-error.js'

describe('RFC 6120 §8.3.3 each condition has the type that it usually has', () => {
  test.each<[string, string]>([
    ['auth', 'forbidden not-authorized registration-required subscription-required'],
    ['cancel', 'conflict feature-not-implemented gone internal-server-error item-not-found not-allowed'],
    ['cancel', 'remote-server-not-found service-unavailable'],
    ['modify', 'bad-request jid-malformed not-acceptable policy-violation redirect'],
    ['wait', 'recipient-unavailable remote-server-timeout resource-constraint unexpected-request'],
  ])('%s: %s', (type, conditions) => {
    for (const condition of conditions.split(' ') as StanzaErrorCondition[])
      expect(new StanzaError(condition).toElement().attrs.type).toBe(type)
  })
})

test('RFC 6120 §8.3.2 a text says its language: English, or that of who wrote it', () => {
  const textOf = (error: StanzaError): unknown => error.toElement().getChild('text')?.attrs['xml:lang']
  expect(textOf(new StanzaError('conflict', { text: 'Taken' }))).toBe('en')
  const namespace = 'urn:ietf:params:xml:ns:xmpp-stanzas'
  const text = xml('text', { xmlns: namespace, 'xml:lang': 'de' }, 'Vergeben')
  expect(textOf(StanzaError.from(xml('error', {}, xml('conflict', { xmlns: namespace }), text)))).toBe('de')
})

test('RFC 6120 §8.3.2 a condition that nobody knows is undefined-condition', () => {
  const unknown = xml('error', { type: 'cancel' }, xml('novel', { xmlns: 'urn:ietf:params:xml:ns:xmpp-stanzas' }))
  expect(StanzaError.from(unknown)).toMatchObject({ condition: 'undefined-condition', type: 'cancel' })
})
