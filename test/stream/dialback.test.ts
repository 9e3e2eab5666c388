/** Dialback keys and elements (XEP-0220, XEP-0185). */
import { describe, expect, test } from '@jest/globals'
import { DialbackKeys, dialbackReply, readDialback, valid } from '../../src/stream/dialback.js'
import { serialize } from '../../src/xml/writer.js'
import { parse } from '../support/xml-match.js'

describe('keys', () => {
  test.each([
    [
      'XEP-0185 §3',
      's3cr3tf0rd14lb4ck',
      ['xmpp.example.com', 'example.org', 'D60000229F'],
      '37c69b1cf07a3f67c04a5ef5902fa5114f2c76fe4a2686482ba5b89323075643',
    ],
    [
      'XEP-0220 example 1',
      's3cr3tf0rd14lb4ck',
      ['montague.example', 'capulet.example', 'D60000229F'],
      'b4835385f37fe2895af6c196b59097b16862406db80559900d96bf6fa7d23df3',
    ],
    [
      'XEP-0220 example 5',
      'd14lb4ck43v3r',
      ['capulet.example', 'montague.example', '417GAF25'],
      '225cc5aa6a071133249d25fef42ae516fc7a86c523aa1c6980a7f73e784c972d',
    ],
  ] as const)('%s', (_, secret, [receiving, originating, id], key) => {
    const keys = new DialbackKeys(secret)
    expect(keys.key(receiving, originating, id)).toBe(key)
    expect(keys.matches(key, receiving, originating, id)).toBe(true)
  })

  test('hold for nothing else', () => {
    const keys = new DialbackKeys('secret')
    const key = keys.key('b.example', 'a.example', 'id1')
    expect(keys.matches(key, 'b.example', 'a.example', 'id2')).toBe(false)
    expect(keys.matches(key, 'a.example', 'b.example', 'id1')).toBe(false)
    expect(keys.matches(key, 'b.example', 'c.example', 'id1')).toBe(false)
    expect(keys.matches(key.toUpperCase(), 'b.example', 'a.example', 'id1')).toBe(false)
    expect(keys.matches('', 'b.example', 'a.example', 'id1')).toBe(false)
    expect(keys.matches('ä'.repeat(64), 'b.example', 'a.example', 'id1')).toBe(false)
    expect(new DialbackKeys('other').matches(key, 'b.example', 'a.example', 'id1')).toBe(false)
  })
})

describe('elements', () => {
  const read = (text: string) => readDialback(parse(text))

  test('domains are prepared, the key is trimmed', () => {
    expect(
      read(`<db:result xmlns:db='jabber:server:dialback' from='Capulet.Example' to='MONTAGUE.example'>
        abc
      </db:result>`),
    ).toEqual({
      kind: 'result',
      from: 'capulet.example',
      to: 'montague.example',
      id: undefined,
      answer: undefined,
      key: 'abc',
    })
  })

  test('any prefix will do, other elements are none', () => {
    expect(read(`<x:verify xmlns:x='jabber:server:dialback' from='a.example' to='b.example' id='1'/>`)?.kind).toBe(
      'verify',
    )
    expect(read(`<result from='a.example' to='b.example'/>`)).toBeUndefined()
    expect(read(`<other xmlns='jabber:server:dialback' from='a.example' to='b.example'/>`)).toBeUndefined()
  })

  test.each([
    ['no from', `to='b.example'`],
    ['no to', `from='a.example'`],
    ['a full JID', `from='x@a.example' to='b.example'`],
    ['no domain', `from='a..example' to='b.example'`],
  ])('%s is improper addressing', (_, attributes) => {
    expect(() => read(`<result xmlns='jabber:server:dialback' ${attributes}/>`)).toThrow('improper-addressing')
  })

  test('an unknown type counts as invalid, and an error without a condition is one', () => {
    const answer = (rest: string) =>
      read(`<result xmlns='jabber:server:dialback' from='a.example' to='b.example' ${rest}`)?.answer
    expect(answer(`type='maybe'/>`)).toEqual({ is: 'invalid' })
    expect(answer(`type='error'/>`)).toMatchObject({ is: 'error', error: { condition: 'undefined-condition' } })
    expect(
      answer(
        `type='error'><error type='cancel' xmlns='jabber:server'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></result>`,
      ),
    ).toMatchObject({ is: 'error', error: { condition: 'item-not-found' } })
  })

  test('a reply goes back where the request came from', () => {
    expect(serialize(dialbackReply('verify', { from: 'a.example', to: 'b.example', id: '7' }, valid))).toBe(
      "<db:verify from='b.example' to='a.example' id='7' type='valid'/>",
    )
  })
})
