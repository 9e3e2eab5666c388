/** Our reader beside saxes, a strict XML 1.0 parser that is not ours: of anything at all both say the same. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { SaxesParser } from 'saxes'
import type { Element } from '../../src/xml/element.js'
import { parseDocument, XmlError } from '../../src/xml/reader.js'
import { wide } from './reading.js'

/** Name, namespace, attributes with theirs, and children; texts joined. */
type Tree = readonly [
  name: string,
  namespace: string,
  attributes: readonly string[],
  children: readonly (Tree | string)[],
]
type Verdict = Tree | 'refused'

/** By saxes; undefined where XMPP forbids what XML allows (RFC 6120 §11.1) or where saxes has limits of its own. */
function bySaxes(text: string): Verdict {
  const parser = new SaxesParser({ xmlns: true, defaultXMLVersion: '1.0', forceXMLVersion: true })
  const stack: { name: string; uri: string; attributes: string[]; children: (Tree | string)[] }[] = []
  let root: Tree | undefined
  let failed = false
  parser.on('error', () => {
    failed = true
  })
  parser.on('opentag', (tag) => {
    const attributes = Object.values(tag.attributes)
      .filter(({ name, prefix }) => name !== 'xmlns' && prefix !== 'xmlns')
      .map(({ uri, local, value }) => JSON.stringify([uri, local, value]))
      .sort()
    stack.push({ name: tag.local, uri: tag.uri, attributes, children: [] })
  })
  const add = (text: string) => {
    const children = stack.at(-1)?.children
    if (children === undefined || text === '') return
    if (typeof children.at(-1) === 'string') children.push(`${children.pop()}${text}`)
    else children.push(text)
  }
  parser.on('text', add)
  parser.on('cdata', add)
  parser.on('closetag', () => {
    const { name, uri, attributes, children } = stack.pop()!
    const tree: Tree = [name, uri, attributes, children]
    if (stack.length === 0) root = tree
    else stack.at(-1)!.children.push(tree)
  })
  try {
    parser.write(text).close()
  } catch {
    return 'refused'
  }
  return failed || root === undefined ? 'refused' : root
}

function byUs(text: string): Verdict {
  try {
    return treeOf(parseDocument(text, wide, ''), '')
  } catch (error) {
    if (error instanceof XmlError) return 'refused'
    throw error
  }
}

const xmlNamespace = 'http://www.w3.org/XML/1998/namespace'

function treeOf(element: Element, outer: string): Tree {
  const { xmlns = outer, ...attrs } = element.attrs as Record<string, string>
  const attributes = Object.entries(attrs)
    .filter(([name]) => !name.startsWith('xmlns:'))
    .map(([name, value]) => {
      const colon = name.indexOf(':')
      const prefix = name.slice(0, Math.max(colon, 0))
      const uri = prefix === 'xml' ? xmlNamespace : (attrs[`xmlns:${prefix}`] ?? '')
      return JSON.stringify([uri, name.slice(colon + 1), value])
    })
    .sort()
  const children = element.children.map((child) => (typeof child === 'string' ? child : treeOf(child, xmlns)))
  return [element.name, xmlns, attributes, children]
}

const name = fc.constantFrom(
  'a',
  'b',
  'a:b',
  'b:a',
  'xml:lang',
  'xmlns',
  'xmlns:a',
  'xmlns:b',
  'é',
  '1',
  'a:',
  ':a',
  'a:b:c',
  'a-1.',
  '\u00b7',
)
const value = fc.constantFrom(
  '',
  'u',
  'v',
  'x y',
  '&lt;&amp;',
  '&#65;',
  '&#x42;',
  '&#0;',
  '&#xd800;',
  'a\tb',
  '\r\n',
  '<',
  '"',
  "'",
  '>',
  ']]>',
  '\u0001',
  '\ufffe',
  '\u{1f600}',
  '&',
  '&;',
  '&#x;',
  '&lt',
)
const space = fc.constantFrom(' ', ' ', ' ', '', '\n', '\t \r')
const attribute = fc
  .tuple(space, name, fc.constantFrom('=', '=', '=', ' = ', '', '=='), fc.constantFrom("''", '""', '\'"'), value)
  .map(([before, name, equals, quotes, value]) => `${before}${name}${equals}${quotes[0]}${value}${quotes[1]}`)
const text = fc.constantFrom(
  '',
  'x',
  ' ',
  '\r',
  '\n',
  ']',
  ']]',
  ']]>',
  '>',
  '&amp;',
  '&quot;',
  '&#13;',
  '<![CDATA[',
  '<![CDATA[<&]]>',
  ']]>',
  'é\u{1f600}',
  '\u0007',
  '\uffff',
  '<',
  '&',
)
const part: fc.Arbitrary<string> = fc.oneof(
  text,
  fc
    .tuple(name, fc.array(attribute, { maxLength: 3 }), fc.constantFrom('>', '/>', ' >', '\n/>', '/ >', ''))
    .map(([n, a, end]) => `<${n}${a.join('')}${end}`),
  name.map((n) => `</${n}>`),
  name.map((n) => `</${n} >`),
)
/** Elements that close, with anything inside, so that many documents are whole. */
const nested: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    text,
    fc
      .tuple(name, fc.array(attribute, { maxLength: 3 }), fc.array(tie('node'), { maxLength: 3 }))
      .map(([n, a, inside]) => `<${n}${a.join('')}>${inside.join('')}</${n}>`),
  ),
})).node
/** Only what is right, so that most documents are accepted and the trees are compared. */
const right: fc.Arbitrary<string> = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom('x', ' ', '\r\n\r', '&lt;', '&#x1F600;', ']]', '<![CDATA[<&]] >]]>', '\u{1f600}é'),
    fc
      .tuple(
        fc.constantFrom('a', 'b', 'p:a', 'q:b', 'é'),
        fc.constantFrom('', " xmlns='u'", " xmlns=''", " xmlns:p='v'", ' xmlns:q="u"\n'),
        fc.constantFrom('', " c='1&#9;2'", ' p:c = "\t\'\r\n"', " q:c='>' c='&quot;'", " xml:lang='d'"),
        fc.array(tie('node'), { maxLength: 4 }),
      )
      .map(([n, declared, a, inside]) => `<${n}${declared}${a}>${inside.join('')}</${n}>`),
  ),
})).node

describe('what saxes accepts, we accept, and understand the same', () => {
  const count = { accepted: 0, refused: 0 }
  const same = (document: string) => {
    // saxes trims what is declared, which no specification asks for.
    fc.pre(!/xmlns(?::[^=]*)?\s*=\s*['"]\r\n/.test(document))
    // We refuse elements in the namespace of `xml:`, which our trees could not be written with.
    fc.pre(!/<xml:/.test(document))
    const expected = bySaxes(document)
    count[expected === 'refused' ? 'refused' : 'accepted'] += 1
    expect(byUs(document)).toEqual(expected)
  }

  test.each([
    ['pieces in any order', fc.array(part, { maxLength: 8 }).map((parts) => parts.join('')), 4000],
    [
      'elements with anything inside',
      fc.array(nested, { maxLength: 2 }).map((parts) => `<a xmlns:a='u' xmlns:b='u'>${parts.join('')}</a>`),
      4000,
    ],
    [
      'documents',
      fc.array(right, { maxLength: 5 }).map((parts) => `<r xmlns:p='v' xmlns:q='w'>${parts.join('')}</r>`),
      3000,
    ],
  ])('%s', (_, documents, numRuns) => {
    fc.assert(fc.property(documents, same), { seed: 1998, numRuns })
  })

  test('and both verdicts were seen often', () => {
    expect(count.accepted).toBeGreaterThan(3000)
    expect(count.refused).toBeGreaterThan(3000)
  })
})
