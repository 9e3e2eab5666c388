import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { xml } from '../../src/xml/element.js'
import { parseDocument } from '../../src/xml/reader.js'
import { escapeAttribute, escapeText, Rendered, serialize } from '../../src/xml/writer.js'
import { wide } from './reading.js'

describe('serialize', () => {
  test('writes names, attributes and children in their order', () => {
    const element = xml('message', { to: 'a', id: undefined, type: 'chat' }, xml('body', {}, 'x'), 'y', xml('z'))
    expect(serialize(element)).toBe("<message to='a' type='chat'><body>x</body>y<z/></message>")
  })

  test('writes the content namespace on the root alone, and only where it has none', () => {
    expect(serialize(xml('iq', { id: '1' }, xml('a')), 'jabber:client')).toBe(
      "<iq xmlns='jabber:client' id='1'><a/></iq>",
    )
    expect(serialize(xml('iq', { xmlns: 'b' }), 'jabber:client')).toBe("<iq xmlns='b'/>")
    expect(serialize(xml('iq', { xmlns: '' }), 'jabber:client')).toBe("<iq xmlns=''/>")
  })

  test('escapes what would end or change an attribute or a text', () => {
    expect(escapeAttribute(`<a b="c" d='e'>&\t\n\r`)).toBe(
      '&lt;a b=&quot;c&quot; d=&apos;e&apos;&gt;&amp;&#x9;&#xA;&#xD;',
    )
    expect(escapeText(`]]><a b="c">&\t\n\r`)).toBe(']]&gt;&lt;a b="c"&gt;&amp;\t\n&#xD;')
    expect(serialize(xml('a', { b: "'/><x y='" }, '</a><x>'))).toBe(
      "<a b='&apos;/&gt;&lt;x y=&apos;'>&lt;/a&gt;&lt;x&gt;</a>",
    )
  })

  test('leaves everything else as it is', () => {
    expect(serialize(xml('a', { b: 'ä€\u{1f600}' }, 'ä€\u{1f600}'))).toBe("<a b='ä€\u{1f600}'>ä€\u{1f600}</a>")
  })
})

describe('Rendered', () => {
  const stanza = xml('message', { from: 'room@a/n', to: 'old', type: 'groupchat' }, xml('body', {}, 'a & b'))

  test('takes each recipient', () => {
    const rendered = new Rendered(stanza)
    expect(rendered.name).toBe('message')
    const tail = '<body>a &amp; b</body></message>'
    expect(rendered.to('x@a')).toBe(`<message from='room@a/n' type='groupchat' to='x@a'>${tail}`)
    expect(rendered.to("o'neill@a/<&>")).toBe(
      `<message from='room@a/n' type='groupchat' to='o&apos;neill@a/&lt;&amp;&gt;'>${tail}`,
    )
  })

  test('takes the content namespace where the framing asks for it', () => {
    expect(new Rendered(xml('presence')).to('x', 'jabber:client')).toBe("<presence xmlns='jabber:client' to='x'/>")
    expect(new Rendered(xml('presence', { xmlns: 'b' })).to('x', 'jabber:client')).toBe("<presence xmlns='b' to='x'/>")
  })

  test('is what serialize writes of the same stanza to that recipient', () => {
    const text = fc.string({ unit: fc.constantFrom(...'<>&\'"]\n\r\t x\u00e9\u{1f600}') })
    fc.assert(
      fc.property(text, text, text, (to, id, body) => {
        const build = () => xml('message', { id, to }, xml('body', {}, body))
        const read = (source: string) => parseDocument(source, wide, 'jabber:client')
        const spliced = read(new Rendered(build()).to(to, 'jabber:client'))
        const whole = read(serialize(build(), 'jabber:client'))
        expect(spliced.attrs).toEqual({ id, to })
        expect(spliced.attrs).toEqual(whole.attrs)
        expect(spliced.getChildText('body')).toBe(body)
        expect(whole.getChildText('body')).toBe(body)
      }),
      { seed: 1, numRuns: 300 },
    )
  })
})

test('what XML does not allow is never written, however it came to be in a tree', () => {
  const text = serialize(xml('m', { a: 'x\0y\x1fz\ufffe' }, 'x\x08y\x0bz\uffff\u{1f600}\n\t'))
  expect(text).toBe("<m a='x\ufffdy\ufffdz\ufffd'>x\ufffdy\ufffdz\ufffd\u{1f600}\n\t</m>")
  expect(serialize(parseDocument(text, { stanzaBytes: 1000, depth: 9, attributes: 9 }, ''))).toBe(text)
})
