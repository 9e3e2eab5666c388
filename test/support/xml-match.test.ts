import { describe, expect, test } from '@jest/globals'
import { expectXml, mismatch } from './xml-match.js'

describe('the same', () => {
  test.each([
    ['order of attributes and quotes', `<a x="1" y='2'/>`, `<a y="2" x="1"/>`],
    ['prefixes', `<p:a xmlns:p='urn:x'><p:b/></p:a>`, `<a xmlns='urn:x'><b/></a>`],
    ['indentation', `<a><b/><c>t</c></a>`, `<a>\n  <b/>\n  <c>t</c>\n</a>`],
    ['entities and CDATA', `<a>&lt;&#x41;</a>`, `<a><![CDATA[<A]]></a>`],
    ['a content namespace or none', `<message xmlns='jabber:client'><body/></message>`, `<message><body/></message>`],
    ['any value', `<a id='x7'>text</a>`, `<a id='{any}'>{any}</a>`],
    ['a part of a value', `<a id='urn:7:x'/>`, `<a id='urn:{any}:x'/>`],
    ['further elements', `<a><b/><c/><d/><e/></a>`, `<a><b/>{...}<e/></a>`],
    ['no further elements', `<a><b/></a>`, `<a><b/>{...}</a>`],
  ])('%s', (_name, actual, expected) => {
    expect(mismatch(actual, expected)).toBeUndefined()
  })
})

describe('different', () => {
  test.each([
    [`<a/>`, `<b/>`, '/a: <a/> instead of <b/>'],
    [`<a/>`, `<a xmlns='urn:x'/>`, '/a: namespace "" instead of "urn:x"'],
    [`<a><b xmlns='urn:y'/></a>`, `<a><b/></a>`, '/a/b: namespace "urn:y" instead of ""'],
    [`<a x='1'/>`, `<a x='2'/>`, '/a: x="1" instead of "2"'],
    [`<a x='1'/>`, `<a/>`, '/a: unexpected x="1"'],
    [`<a/>`, `<a x='{any}'/>`, '/a: no attribute x, expected "{any}"'],
    [`<a>1</a>`, `<a>2</a>`, '/a: the text "1" instead of the text "2"'],
    [`<a> 1</a>`, `<a>1</a>`, '/a: the text " 1" instead of the text "1"'],
    [`<a><b/><c/></a>`, `<a><c/><b/></a>`, '/a/c: <b/> instead of <c/>'],
    [`<a><b/><c/></a>`, `<a><b/></a>`, '/a: 2 children (<b/> <c/>) instead of 1 (<b/>)'],
    [`<a/>`, `<a>{any}</a>`, '/a: 0 children () instead of 1 (the text "{any}")'],
    [`<a><c/></a>`, `<a><b/>{...}<c/></a>`, '/a: only 1 children (<c/>)'],
  ])('%s and %s', (actual, expected, difference) => {
    expect(mismatch(actual, expected)).toBe(difference)
  })
})

describe('captures', () => {
  test('a value is remembered and must be the same again', () => {
    const captures = {}
    expect(expectXml(`<a id='7' ref='7'/>`, `<a id='{$x}' ref='{$x}'/>`, captures)).toEqual({ x: '7' })
    expect(mismatch(`<a id='8'/>`, `<a id='{$x}'/>`, captures)).toBe('/a: id="8" instead of "{$x}"')
    expect(mismatch(`<a id='1' ref='2'/>`, `<a id='{$y}' ref='{$y}'/>`)).toBe('/a: ref="2" instead of "{$y}"')
  })

  test('nothing is remembered of what did not match', () => {
    const captures = {}
    mismatch(`<a id='7'>x</a>`, `<a id='{$x}'>y</a>`, captures)
    expect(captures).toEqual({})
  })
})

test('the error shows both documents', () => {
  expect(() => expectXml(`<a y='2' x='1'><b>t</b></a>`, `<a><b>u</b></a>`)).toThrow(
    '/a: unexpected y="2"\n\nexpected:\n<a>\n  <b>u</b>\n</a>\n\nactual:\n<a x="1" y="2">\n  <b>t</b>\n</a>\n',
  )
})
