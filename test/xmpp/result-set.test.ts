import { describe, expect, test } from '@jest/globals'
import { parseDocument } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'
import { readResultSet, writeResultSet } from '../../src/xmpp/result-set.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { wide } from '../xml/reading.js'

const read = (content: string, cap = 50) =>
  readResultSet(
    parseDocument(`<query xmlns='q'><set xmlns='http://jabber.org/protocol/rsm'>${content}</set></query>`, wide, ''),
    cap,
  )

describe('XEP-0059: a request', () => {
  test.each<[string, string, object]>([
    ['for the first page', '<max>10</max>', { max: 10 }],
    ['for the next page', '<max>10</max><after>abc</after>', { max: 10, after: 'abc' }],
    ['for the page before', '<max>10</max><before>abc</before>', { max: 10, before: 'abc' }],
    ['for the last page', '<max>10</max><before/>', { max: 10, before: '' }],
    ['out of order', '<max>10</max><index>371</index>', { max: 10, index: 371 }],
    ['for the count', '<max>0</max>', { max: 0 }],
    ['without max', '', { max: 50 }],
    ['for a billion', '<max>1000000000</max>', { max: 50 }],
    ['for more than a number can say', `<max>${'9'.repeat(400)}</max>`, { max: 50 }],
    ['with an empty after', '<max>1</max><after/>', { max: 1 }],
    ['with white space', '<max> 7\n</max>', { max: 7 }],
    ['with SQL in it', "<after>' OR 1=1 --</after>", { max: 50, after: "' OR 1=1 --" }],
    ['with foreign children', "<max xmlns='x'>3</max>", { max: 50 }],
  ])('%s', (_, content, wanted) => {
    expect(read(content)).toEqual(wanted)
  })

  test('is none where there is none', () => {
    expect(readResultSet(parseDocument("<query xmlns='q'><set/></query>", wide, ''), 50)).toBeUndefined()
  })

  test.each(['<max>-1</max>', '<max>x</max>', '<max/>', '<max>1.5</max>', '<max>1e3</max>', '<index>-1</index>'])(
    '%s is a bad request',
    (content) => {
      expect(() => read(content)).toThrow(StanzaError)
      expect(() => read(content)).toThrow('not a number')
    },
  )
})

describe('XEP-0059: an answer', () => {
  test('has the page’s ends and the count', () => {
    expect(serialize(writeResultSet({ first: 'a', last: 'b', index: 0, count: 800 }))).toBe(
      "<set xmlns='http://jabber.org/protocol/rsm'><first index='0'>a</first><last>b</last><count>800</count></set>",
    )
    expect(serialize(writeResultSet({ first: 'a', last: 'b' }))).toBe(
      "<set xmlns='http://jabber.org/protocol/rsm'><first>a</first><last>b</last></set>",
    )
  })

  test('is short for an empty page', () => {
    expect(serialize(writeResultSet({ count: 0 }))).toBe(
      "<set xmlns='http://jabber.org/protocol/rsm'><count>0</count></set>",
    )
    expect(serialize(writeResultSet({}))).toBe("<set xmlns='http://jabber.org/protocol/rsm'/>")
  })
})
