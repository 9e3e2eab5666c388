import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { Element } from '../../src/xml/element.js'
import { parseDocument, XmlError, XmlReader } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'
import { heapHeld } from '../support/collected.js'
import { cut, header, read, readAfterHeader, wide } from './reading.js'

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values)
const join = (...parts: (string | Uint8Array)[]): Uint8Array => Buffer.concat(parts.map((part) => Buffer.from(part)))

/** Of this process alone, so that a busy machine does not count. */
function cpuMs(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1000
}

describe('a stream', () => {
  test('is read child by child', () => {
    expect(
      read([
        `<?xml version='1.0' encoding='UTF-8'?>\n${header}<message to='b@a.example'><body>1 &lt; 2</body></message>`,
        '<presence/></stream:stream>',
      ]),
    ).toEqual([
      "open <stream xmlns='http://etherx.jabber.org/streams' xmlns:stream='http://etherx.jabber.org/streams' to='a.example'/>",
      "element <message to='b@a.example'><body>1 &lt; 2</body></message>",
      'element <presence/>',
      'close',
    ])
  })

  test('tells its content namespace', () => {
    const reader = new XmlReader({ open() {}, element() {}, close() {}, error() {} }, wide)
    expect(reader.contentNamespace).toBe('')
    reader.write(header)
    expect(reader.contentNamespace).toBe('jabber:client')
  })

  test('keeps the prefixes that its header declares', () => {
    const [open] = read(["<s:stream xmlns='jabber:server' xmlns:s='streams' xmlns:db='jabber:server:dialback'>"])
    expect(open).toBe("open <stream xmlns='streams' xmlns:s='streams' xmlns:db='jabber:server:dialback'/>")
  })

  test('hands on an element as soon as its last byte is there', () => {
    const heard: string[] = []
    const reader = new XmlReader(
      { open() {}, element: (element) => heard.push(element.name), close: () => heard.push('close'), error() {} },
      wide,
    )
    reader.write(header)
    reader.write('<message></message')
    expect(heard).toEqual([])
    reader.write('>')
    expect(heard).toEqual(['message'])
    reader.write('</stream:stream>')
    expect(heard).toEqual(['message', 'close'])
  })

  test('gives elements without a parent, their children with theirs', () => {
    let got: Element | undefined
    const reader = new XmlReader({ open() {}, element: (e) => (got = e), close() {}, error() {} }, wide)
    reader.write(`${header}<message><body>x</body></message>`)
    expect(got).toBeInstanceOf(Element)
    expect(got?.parent).toBeNull()
    const [body] = got?.children ?? []
    expect(body instanceof Element && body.parent).toBe(got)
  })

  test('ignores what follows its end', () => {
    expect(read([`${header}</stream:stream>garbage < &`, '<more/>']).slice(1)).toEqual(['close'])
  })

  test('that just ends is not complete', () => {
    const heard: string[] = []
    const make = () =>
      new XmlReader({ open() {}, element() {}, close() {}, error: (error) => heard.push(error.kind) }, wide)
    const half = make()
    half.write(header)
    half.end()
    half.end()
    const closed = make()
    closed.write(`${header}</stream:stream>`)
    closed.end()
    const inside = make()
    inside.write(bytes(0x3c, 0xc3))
    inside.end()
    expect(heard).toEqual(['not-well-formed', 'encoding'])
  })
})

describe('normalising', () => {
  const cases: [string, string, string][] = [
    ['an explicit content namespace', "<message xmlns='jabber:client'/>", '<message/>'],
    [
      'a prefix for the content namespace',
      "<c:iq xmlns:c='jabber:client'><c:query xmlns='q'/></c:iq>",
      '<iq><query/></iq>',
    ],
    ['a foreign root', "<starttls xmlns='urn:tls'><x/></starttls>", "<starttls xmlns='urn:tls'><x/></starttls>"],
    [
      'a prefix of the header',
      '<stream:features><a xmlns="b"/></stream:features>',
      "<features xmlns='http://etherx.jabber.org/streams'><a xmlns='b'/></features>",
    ],
    [
      'children that return to the content namespace',
      "<message><f xmlns='urn:f'><message xmlns='jabber:client'><body/></message></f></message>",
      "<message><f xmlns='urn:f'><message xmlns='jabber:client'><body/></message></f></message>",
    ],
    ['a namespace declared twice', "<iq><q xmlns='q'><i xmlns='q'/></q></iq>", "<iq><q xmlns='q'><i/></q></iq>"],
    ['no namespace', "<iq><q xmlns=''/></iq>", "<iq><q xmlns=''/></iq>"],
    ['a language', "<message xml:lang='de'/>", "<message xml:lang='de'/>"],
    [
      'a prefixed attribute, its prefix declared further out',
      "<message xmlns:a='urn:a'><x><y a:b='c'/></x></message>",
      "<message><x><y xmlns:a='urn:a' a:b='c'/></x></message>",
    ],
    ['unused prefixes', "<message xmlns:a='urn:a' id='1'/>", "<message id='1'/>"],
    ['text in parts', '<m>a<![CDATA[<b>&amp;]]>c&#x64;&#101;</m>', '<m>a&lt;b&gt;&amp;amp;cde</m>'],
    ['an empty CDATA section', '<m><![CDATA[]]></m>', '<m/>'],
    ['brackets around a CDATA end', '<m>]]&gt;<![CDATA[a]]b]]]></m>', '<m>]]&gt;a]]b]</m>'],
    ['line ends and tabs', "<m a='1\r\n2\t3&#9;'>x\r\ny\rz</m>", "<m a='1 2 3&#x9;'>x\ny\nz</m>"],
    ['all five entities', "<m a='&lt;&gt;&amp;&quot;&apos;'/>", "<m a='&lt;&gt;&amp;&quot;&apos;'/>"],
    ['characters beyond the BMP', '<m>\u{1f600}&#x1F600;</m>', '<m>\u{1f600}\u{1f600}</m>'],
  ]
  test.each(cases)('%s', (_, text, expected) => {
    const wanted = [`element ${expected}`]
    expect(readAfterHeader(text)).toEqual(wanted)
    expect(read(cut(join(header, text), 1)).slice(1)).toEqual(wanted)
  })

  test('a prefix may be bound anew, and shadows', () => {
    expect(readAfterHeader("<a:m xmlns:a='1'><a:x xmlns:a='2' a:y=''/><a:z/></a:m>")).toEqual([
      "element <m xmlns='1'><x xmlns='2' xmlns:a='2' a:y=''/><z/></m>",
    ])
  })
})

describe('RFC 6120 §11.1: restricted XML', () => {
  const cases: [string, string][] = [
    ['a document type before the header', '<!DOCTYPE foo>'],
    ['an internal subset that never ends', '<!DOCTYPE lolz [<!ENTITY lol "lol"'],
    ['a document type in the stream', `${header}<!DOCTYPE foo>`],
    ['an entity definition', `${header}<!ENTITY a "b">`],
    ['a comment', `${header}<!-- hello -->`],
    ['a comment that never ends', `${header}<message><!-- hello`],
    ['a comment before the header', `<!-- hello -->${header}`],
    ['a processing instruction', `${header}<?php echo 1 ?>`],
    ['a processing instruction before the header', `<?xml-stylesheet href='a'?>${header}`],
    ['an entity', `${header}<message><body>&nbsp;</body></message>`],
    ['an entity in an attribute', `${header}<message id='&foo;'/>`],
    ['an entity with a long name', `${header}<message>&${'a'.repeat(100)}`],
    ['a predefined entity in capitals', `${header}<message>&AMP;</message>`],
  ]
  test.each(cases)('%s', (_, text) => {
    expect(read([text]).at(-1)).toBe('error restricted')
    expect(read(cut(Buffer.from(text), 1)).at(-1)).toBe('error restricted')
  })
})

describe('RFC 6120 §11.3: not well-formed', () => {
  const cases: [string, string][] = [
    ['a mismatched end tag', `${header}<message><body></message>`],
    ['a mismatched end tag of a stanza', `${header}<message></iq>`],
    ['a mismatched end tag of the stream', `${header}</stream>`],
    ['a duplicate attribute', `${header}<message id='1' id='2'/>`],
    ['a duplicate attribute by namespace', `${header}<m xmlns:a='u' xmlns:b='u' a:x='1' b:x='2'/>`],
    ['an unbound prefix', `${header}<foo:message/>`],
    ['an unbound prefix of an attribute', `${header}<message foo:bar='1'/>`],
    [']]> in text', `${header}<message>a]]>b</message>`],
    ['a control character', `${header}<message>\u0001</message>`],
    ['a NUL', `${header}<message>\0</message>`],
    ['a reference to a control character', `${header}<message>&#1;</message>`],
    ['a reference to a surrogate', `${header}<message>&#xD800;</message>`],
    ['a reference beyond Unicode', `${header}<message>&#x110000;</message>`],
    ['a noncharacter', `${header}<message>\ufffe</message>`],
    ['a second XML declaration', `<?xml version='1.0'?><?xml version='1.0'?>${header}`],
    ['an XML declaration in the stream', `${header}<?xml version='1.0'?>`],
    ['an XML declaration after white space', ` <?xml version='1.0'?>${header}`],
    ['an XML declaration without a version', `<?xml encoding='UTF-8'?>${header}`],
    ['a bare ampersand', `${header}<message>a & b</message>`],
    ['an ampersand and a semicolon', `${header}<message>&;</message>`],
    ['a reference without its semicolon', `${header}<message>&amp</message>`],
    ['a hexadecimal reference without digits', `${header}<message>&#x;</message>`],
    ['a hexadecimal reference with a capital X', `${header}<message>&#X41;</message>`],
    ['a less-than sign in an attribute', `${header}<message id='<'/>`],
    ['a comment in an attribute', `${header}<message id='<!--'/>`],
    ['an attribute without quotes', `${header}<message id=1/>`],
    ['an attribute without value', `${header}<message id/>`],
    ['attributes without white space', `${header}<message id='1'to='2'/>`],
    ['a name that begins with a digit', `${header}<1/>`],
    ['a name with two colons', `${header}<stream:a:b/>`],
    ['white space before a name', `${header}< message/>`],
    ['a prefix bound to nothing', `${header}<message xmlns:a=''/>`],
    ['an element of the namespace that cannot be declared', `${header}<message><xml:a/></message>`],
    ['the prefix xmlns declared', `${header}<message xmlns:xmlns='a'/>`],
    ['the prefix xml bound elsewhere', `${header}<message xmlns:xml='a'/>`],
    ['text before the header', `hello${header}`],
    ['two byte order marks', `\ufeff\ufeff${header}`],
    ['text between stanzas', `${header}hello<message/>`],
    ['CDATA between stanzas', `${header}<![CDATA[ ]]>x<message/>`],
    ['an end tag first', '</stream:stream>'],
    ['malformed markup', `${header}<!>`],
    ['a misspelt CDATA section', `${header}<message><![CDTA[ ]]></message>`],
    ['a slash in a tag', `${header}<message / >`],
  ]
  test.each(cases)('%s', (_, text) => {
    expect(read([text]).at(-1)).toBe('error not-well-formed')
    expect(read(cut(Buffer.from(text), 1)).at(-1)).toBe('error not-well-formed')
  })

  test('what came before is handed on, what is wrong is not', () => {
    expect(readAfterHeader('<a/><b></b><c></d><e/>')).toEqual(['element <a/>', 'element <b/>', 'error not-well-formed'])
    expect(readAfterHeader('<a></a><1')).toEqual(['element <a/>', 'error not-well-formed'])
    expect(readAfterHeader('<a></a><!--')).toEqual(['element <a/>', 'error restricted'])
  })
})

describe('RFC 6120 §11.6: encoding', () => {
  const cases: [string, Uint8Array][] = [
    ['an overlong form', join(header, '<message>', bytes(0xc0, 0xbc))],
    ['a surrogate', join(header, '<message>', bytes(0xed, 0xa0, 0x80))],
    ['a lone continuation byte', join(header, '<message>', bytes(0x80))],
    ['an unfinished sequence', join(header, '<message>', bytes(0xe2, 0x82), '<')],
    ['beyond Unicode', join(header, '<message>', bytes(0xf4, 0x90, 0x80, 0x80))],
    ['UTF-16 with a mark', Buffer.from(`\ufeff${header}`, 'utf16le')],
    ['UTF-16 without one', Buffer.from(header, 'utf16le')],
    ['big-endian UTF-16', Buffer.from(header, 'utf16le').swap16()],
    ['big-endian UTF-16 with a mark', Buffer.from(`\ufeff${header}`, 'utf16le').swap16()],
    ['a declared ISO-8859-1', join(`<?xml version='1.0' encoding='ISO-8859-1'?>${header}`)],
    ['a declared UTF-16', join(`<?xml version='1.0' encoding='UTF-16'?>${header}`)],
  ]
  test.each(cases)('%s', (_, stream) => {
    expect(read([stream]).at(-1)).toBe('error encoding')
    expect(read(cut(stream, 1)).at(-1)).toBe('error encoding')
  })

  test('what stands before the bad byte is read all the same', () => {
    const stream = join(header, '<a/><b>\u00e4', bytes(0xff), '</b><c/>')
    expect(read([stream]).slice(1)).toEqual(['element <a/>', 'error encoding'])
    expect(read([join(header, '<a/>', bytes(0xff))]).slice(1)).toEqual(['element <a/>', 'error encoding'])
  })

  test('a mark, UTF-8 in small letters and half surrogate pairs in strings are accepted', () => {
    expect(read([`\ufeff<?xml version='1.0' encoding='utf-8'?>${header}<m>\ud83d`, '\ude00</m>']).slice(1)).toEqual([
      'element <m>\u{1f600}</m>',
    ])
  })

  test('lone surrogates in strings are not', () => {
    expect(read([header, '<m/>\ud83dx']).slice(1)).toEqual(['element <m/>', 'error encoding'])
    expect(read([header, '\ude00']).slice(1)).toEqual(['error encoding'])
  })
})

describe('limits', () => {
  const stanza = (size: number): string => `<m>${'x'.repeat(size - 7)}</m>`
  const small = { ...wide, stanzaBytes: 200 }

  test.each([1, 7, 64, 100_000])('bytes of a stanza, in chunks of %d', (size) => {
    const result = (text: string) => read(cut(join(header, text), size), small).slice(1)
    expect(result(stanza(200) + stanza(200) + stanza(200))).toHaveLength(3)
    expect(result(stanza(100) + stanza(201))).toEqual([`element ${stanza(100)}`, 'error limit'])
    expect(result(`<m a='${'x'.repeat(300)}`)).toEqual(['error limit'])
    expect(result(`<${'m'.repeat(300)}`)).toEqual(['error limit'])
    expect(result(`<m>${' '.repeat(300)}`)).toEqual(['error limit'])
    expect(result(`hello ${'x'.repeat(300)}`)).toEqual(['error not-well-formed'])
    expect(result(`<m>${'\u20ac'.repeat(64)}</m>`)).toHaveLength(1)
    expect(result(`<m>${'\u20ac'.repeat(65)}</m>`)).toEqual(['error limit'])
  })

  test('bytes are counted, not characters', () => {
    expect(readAfterHeader(`<m>${'\u{1f600}'.repeat(48)}</m>`, small)).toHaveLength(1)
    expect(readAfterHeader(`<m>${'\u{1f600}'.repeat(49)}</m>`, small)).toEqual(['error limit'])
  })

  test('the header is limited, and white space before it', () => {
    expect(read([`<stream a='${'x'.repeat(300)}'>`], small)).toEqual(['error limit'])
    expect(read([' '.repeat(300)], small)).toEqual(['error limit'])
  })

  test('depth', () => {
    const nested = (depth: number) => `${'<a>'.repeat(depth)}${'</a>'.repeat(depth)}`
    expect(readAfterHeader(nested(64))).toHaveLength(1)
    expect(readAfterHeader(nested(65))).toEqual(['error limit'])
    expect(readAfterHeader(`${'<a>'.repeat(64)}<b/>`)).toEqual(['error limit'])
  })

  test('attributes of one element', () => {
    const many = (count: number) => `<m ${Array.from({ length: count }, (_, i) => `a${i}='1'`).join(' ')}/>`
    expect(readAfterHeader(many(100))).toHaveLength(1)
    expect(readAfterHeader(`${many(60)}${many(60)}`)).toHaveLength(2)
    expect(readAfterHeader(many(101))).toEqual(['error limit'])
    expect(read([many(101).replace('<m', '<stream')])).toEqual(['error limit'])
  })

  test('elements of one stanza', () => {
    const limits = { ...wide, elements: 32 }
    expect(readAfterHeader(`<m>${'<a/>'.repeat(31)}</m><m>${'<a/>'.repeat(31)}</m>`, limits)).toHaveLength(2)
    expect(readAfterHeader(`<m>${'<a/>'.repeat(32)}</m>`, limits)).toEqual(['error limit'])
  })

  test('a namespace that is declared once and stands on many elements in the end', () => {
    const long = 'n'.repeat(2000)
    const elements = (count: number) => `<m xmlns:p='${long}'><x>${'<p:a/>'.repeat(count)}</x></m>`
    const attributes = (count: number) => `<m xmlns:p='${long}'>${"<a p:b=''/>".repeat(count)}</m>`
    for (const text of [elements, attributes]) {
      expect(readAfterHeader(text(130))).toHaveLength(1)
      expect(readAfterHeader(text(130) + text(130))).toHaveLength(2)
      expect(readAfterHeader(text(132))).toEqual(['error limit'])
    }
  })

  test('may be changed by the handler, for what follows', () => {
    const heard: string[] = []
    const reader: XmlReader = new XmlReader(
      {
        open() {},
        element(element) {
          heard.push(element.name)
          reader.limits = wide
        },
        close() {},
        error: (error) => heard.push(error.kind),
      },
      small,
    )
    reader.write(`${header}<auth/>${stanza(10_000)}`)
    expect(heard).toEqual(['auth', 'm'])
  })

  test('a long character reference', () => {
    expect(readAfterHeader(`<m>&#${'0'.repeat(20)}65;</m>`)).toEqual(['element <m>A</m>'])
    expect(readAfterHeader(`<m>&#${'0'.repeat(200)}65;</m>`)).toEqual(['error limit'])
  })

  test('white space between stanzas is no part of any (RFC 6120 §4.6.1)', () => {
    const limits = { ...wide, stanzaBytes: 300 }
    for (const size of [1, 100, 1000])
      expect(
        read(cut(join(header, '\n', ' '.repeat(5000), '<m/>\r\n', ' \t'.repeat(2500), '<n/>'), size), limits),
      ).toEqual([expect.stringMatching('^open'), 'element <m/>', 'element <n/>'])
  })

  test('ten million keepalives leave nothing behind', () => {
    const reader = new XmlReader({ open() {}, element() {}, close() {}, error() {} }, { ...wide, stanzaBytes: 1000 })
    reader.write(`${header}<m/>\n`)
    const spaces = Buffer.alloc(10_000, ' \n')
    const before = heapHeld()
    for (let i = 0; i < 1000; i++) reader.write(spaces)
    expect(heapHeld() - before).toBeLessThan(2_000_000)
  })

  test('prefixes cost what declares them, however many others are in scope', () => {
    const time = (around: number): number => {
      const declared = (depth: number) => Array.from({ length: around }, (_, i) => ` xmlns:p${depth}-${i}='n'`).join('')
      const starts = Array.from({ length: 60 }, (_, depth) => `<a${declared(depth)}>`).join('')
      const text = `<m>${starts}${"<b xmlns:q='z'/>".repeat(5000)}${'</a>'.repeat(60)}</m>`
      return cpuMs(() => expect(readAfterHeader(text)).toHaveLength(1))
    }
    time(0)
    // Were all of the 3600 copied for each of the 5000, it would take hundreds of times as long.
    expect(time(60)).toBeLessThan(200 + 20 * time(0))
  })

  test('a 256 KiB attribute in 64-byte chunks takes linear time', () => {
    const time = (size: number): number => {
      const stream = join(header, `<m a='${'x'.repeat(size)}'/>`)
      const limits = { ...wide, stanzaBytes: 4_000_000 }
      return cpuMs(() => expect(read(cut(stream, 64), limits)).toHaveLength(2))
    }
    time(262_144)
    const once = Math.max(10, time(262_144))
    // Eight times as much would take 64 times as long if the time were quadratic.
    expect(time(8 * 262_144)).toBeLessThan(once * 30)
  })
})

describe('the handler', () => {
  test('may stop the reader in every call', () => {
    for (const at of ['open', 'element', 'close']) {
      const heard: string[] = []
      const hear = (name: string) => {
        heard.push(name)
        if (name === at) reader.stop()
      }
      const reader: XmlReader = new XmlReader(
        {
          open: () => hear('open'),
          element: () => hear('element'),
          close: () => hear('close'),
          error: () => hear('error'),
        },
        wide,
      )
      reader.write(`${header}<a></a><b/></stream:stream><`)
      reader.write('&')
      reader.end()
      expect(heard).toEqual(
        { open: ['open'], element: ['open', 'element'], close: ['open', 'element', 'element', 'close'] }[at],
      )
    }
  })

  test('may write to the reader that is calling it', () => {
    const heard: string[] = []
    const reader: XmlReader = new XmlReader(
      {
        open: () => reader.write('<second/></stream:stream>'),
        element: (element) => heard.push(element.name),
        close: () => heard.push('close'),
        error: (error) => heard.push(error.message),
      },
      wide,
    )
    reader.write(`${header}<first/>`)
    expect(heard).toEqual(['first', 'second', 'close'])
  })

  test('has its own exceptions back, even an XmlError, and the reader has stopped', () => {
    const failure = new XmlError('limit', 'of another document')
    const heard: string[] = []
    const reader = new XmlReader(
      {
        open() {},
        element() {
          heard.push('element')
          throw failure
        },
        close() {},
        error: () => heard.push('error'),
      },
      wide,
    )
    expect(() => reader.write(`${header}<a/>`)).toThrow(failure)
    reader.write('<b/>')
    expect(heard).toEqual(['element'])
  })
})

describe('parseDocument', () => {
  const kindOf = (text: string | Uint8Array, limits = wide): string => {
    try {
      return serialize(parseDocument(text, limits, 'jabber:client'))
    } catch (error) {
      if (error instanceof XmlError) return error.kind
      throw error
    }
  }

  test('reads one element', () => {
    expect(kindOf("<message xmlns='jabber:client'><body>x</body></message>")).toBe('<message><body>x</body></message>')
    expect(kindOf("<?xml version='1.0'?>\n<open xmlns='urn:f' to='a'/>\n")).toBe("<open xmlns='urn:f' to='a'/>")
    expect(kindOf('<message/>')).toBe("<message xmlns=''/>")
    expect(kindOf(Buffer.from("\ufeff<m xmlns='jabber:client'>\u00e4</m>"))).toBe('<m>\u00e4</m>')
  })

  test.each([
    ['', 'not-well-formed'],
    [' ', 'not-well-formed'],
    ['x', 'not-well-formed'],
    ['<a>', 'not-well-formed'],
    ['<a', 'not-well-formed'],
    ['<a/><', 'not-well-formed'],
    ['<a></b>', 'not-well-formed'],
    ['<a/><b/>', 'not-well-formed'],
    ['<a/>x', 'not-well-formed'],
    ['<a/>&amp;', 'not-well-formed'],
    ['<a/>&am', 'not-well-formed'],
    ['<a><![CDATA[</a>', 'not-well-formed'],
    ['<a/><!-- -->', 'restricted'],
    ['<!DOCTYPE a><a/>', 'restricted'],
    ["<?xml version='1.0' encoding='latin1'?><a/>", 'encoding'],
    ['<a>\ud800</a>', 'encoding'],
    [`<a>${'x'.repeat(262_144)}</a>`, 'limit'],
    ['<a>'.repeat(65), 'limit'],
  ])('%.40j', (text, kind) => {
    expect(kindOf(text)).toBe(kind)
  })

  test('refuses bytes that are not UTF-8', () => {
    expect(kindOf(join('<a>', bytes(0xc0, 0xbc), '</a>'))).toBe('encoding')
    expect(kindOf(join('<a/>', bytes(0xc3)))).toBe('encoding')
  })
})

describe('properties', () => {
  const nameStart = fc.constantFrom(...'abcXYZ_\u00e9\u4e2d')
  const nameRest = fc.string({ unit: fc.constantFrom(...'abc019.-_\u00e9\u4e2d'), maxLength: 5 })
  const name = fc.tuple(nameStart, nameRest).map(([first, rest]) => first + rest)
  const character = fc
    .integer({ min: 0x20, max: 0x10ffff })
    .filter((code) => !(code >= 0xd800 && code <= 0xdfff) && code !== 0xfffe && code !== 0xffff)
    .map((code) => String.fromCodePoint(code))
  const text = fc.string({
    unit: fc.oneof(character, fc.constantFrom(...'<>&\'"]\n\r\t xyz')),
    minLength: 1,
    maxLength: 12,
  })
  const namespace = fc.constantFrom(undefined, undefined, 'urn:a', 'jabber:client', '')
  const tree: fc.Arbitrary<Element> = fc.letrec<{ tree: Element }>((tie) => ({
    tree: fc
      .record({
        name,
        namespace,
        attrs: fc.dictionary(name, text, { maxKeys: 3 }),
        children: fc.array(fc.oneof({ maxDepth: 3 }, text, tie('tree')), { maxLength: 4 }),
      })
      .map((parts) => {
        const element = new Element(parts.name, parts.attrs)
        if (parts.namespace !== undefined) element.attrs.xmlns = parts.namespace
        for (const child of parts.children) element.cnode(child as Element)
        return element
      }),
  })).tree

  /** The same tree with redundant declarations left out and neighbouring texts joined. */
  function normal(element: Element, outer: string): unknown {
    const { xmlns = outer, ...attrs } = element.attrs
    const children: unknown[] = []
    for (const child of element.children) {
      if (typeof child !== 'string') children.push(normal(child, xmlns))
      else if (typeof children.at(-1) === 'string') children.push(children.pop() + child)
      else children.push(child)
    }
    return [element.name, xmlns, attrs, children]
  }

  test('what the writer writes, the reader reads', () => {
    fc.assert(
      fc.property(tree, fc.integer({ min: 1, max: 50 }), (element, size) => {
        const got: Element[] = []
        const reader = new XmlReader(
          {
            open() {},
            element: (e) => got.push(e),
            close() {},
            error: (error) => {
              throw error
            },
          },
          wide,
        )
        for (const chunk of cut(join(header, serialize(element)), size)) reader.write(chunk)
        expect(got.map((e) => normal(e, 'jabber:client'))).toEqual([normal(element, 'jabber:client')])
      }),
      { seed: 281, numRuns: 500 },
    )
  })

  /** Pieces of streams that are cut, mixed and damaged. */
  const fragment = fc.oneof(
    fc.constantFrom(
      ...[
        '<a>',
        '</a>',
        '<b/>',
        "<m to='x'>",
        '</m>',
        '&lt;',
        '&#65;',
        '&x;',
        '<![CDATA[',
        ']]>',
        '<!--',
        '<?',
        ' ',
        '\r\n',
      ],
      ...["<c xmlns='d'>", '</c>', '<', '>', '&', "'", '</stream:stream>', '\ufeff', '\u00e9', '\u{1f600}', '\0', 'x'],
    ),
    tree.map((element) => serialize(element)),
  )
  const limits = { stanzaBytes: 250, depth: 4, attributes: 3, elements: 6 }

  test('the same stream cut anywhere gives the same result', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.oneof({ weight: 12, arbitrary: fragment }, { weight: 1, arbitrary: fc.constant(bytes(0xc3)) }), {
          maxLength: 12,
        }),
        fc.integer({ min: 1, max: 40 }),
        (opened, parts, size) => {
          const stream = join(opened ? header : '', ...parts)
          const whole = read([stream], limits)
          expect(read(cut(stream, size), limits)).toEqual(whole)
          expect(read(cut(stream, 1), limits)).toEqual(whole)
        },
      ),
      { seed: 45, numRuns: 2000 },
    )
  })

  test('any bytes at all end in at most one error and never in an exception', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (tail, opened) => {
        const heard = read([join(opened ? header : '', tail)])
        expect(heard.filter((line) => line.startsWith('error')).length).toBeLessThanOrEqual(1)
        expect(heard.slice(0, -1).some((line) => line.startsWith('error'))).toBe(false)
      }),
      { seed: 7, numRuns: 1000 },
    )
  })
})
