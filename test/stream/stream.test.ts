import { describe, expect, test } from '@jest/globals'
import { StreamError } from '../../src/xmpp/stream-error.js'
import { clientHeader, ourHeader, record, streamError } from './record.js'

const streams = 'http://etherx.jabber.org/streams'

describe('RFC 6120 §4.7 headers', () => {
  test('the receiving side answers with an id and its own name', () => {
    const { stream, headers, output } = record()
    stream.receive(clientHeader(`from='juliet@a.example' to='a.example' version='1.0' xml:lang='it'`))
    expect(headers).toEqual([{ to: 'a.example', from: 'juliet@a.example', id: undefined, version: '1.0', lang: 'it' }])
    expect(output()).toBe(ourHeader('id1'))
    expect(stream.state.is).toBe('open')
    expect(stream.id).toBe('id1')
  })

  test('the initiating side sends first and takes the id of the answer', () => {
    const { stream, output } = record({ role: 'initiating', contentNamespace: 'jabber:server' })
    stream.open({ from: 'a.example', to: 'b.example' })
    expect(output()).toBe(
      `<?xml version='1.0'?><stream:stream xmlns='jabber:server' xmlns:stream='${streams}' ` +
        `xmlns:db='jabber:server:dialback' from='a.example' to='b.example' version='1.0'>`,
    )
    stream.receive(`<s:stream xmlns='jabber:server' xmlns:s='${streams}' id='x1' from='b.example' version='1.0'>`)
    expect(stream.state.is).toBe('open')
    expect(stream.id).toBe('x1')
  })

  test.each([
    [
      'wrong root namespace',
      `<stream:stream xmlns='jabber:client' xmlns:stream='urn:x' version='1.0'>`,
      'invalid-namespace',
    ],
    ['no namespace at all', `<stream version='1.0'>`, 'invalid-namespace'],
    [
      'wrong content namespace',
      `<stream:stream xmlns='jabber:server' xmlns:stream='${streams}' version='1.0'>`,
      'invalid-namespace',
    ],
    ['no content namespace', `<stream:stream xmlns:stream='${streams}' version='1.0'>`, 'invalid-namespace'],
    ['another root', `<stream:features xmlns='jabber:client' xmlns:stream='${streams}' version='1.0'>`, 'bad-format'],
    ['no version', `<stream:stream xmlns='jabber:client' xmlns:stream='${streams}'>`, 'unsupported-version'],
    [
      'version 0.9',
      `<stream:stream xmlns='jabber:client' xmlns:stream='${streams}' version='0.9'>`,
      'unsupported-version',
    ],
  ])('%s', (_, header, condition) => {
    const { stream, output, ends } = record()
    stream.receive(header)
    const text = output()
    expect(text.startsWith(ourHeader('id1', ` from=''`))).toBe(true)
    expect(text).toContain(`<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>`)
    expect(text.endsWith('</stream:error></stream:stream>')).toBe(true)
    expect(ends).toMatchObject([{ is: 'error', by: 'us', error: { condition } }])
  })

  test('§4.7.5: a higher version is answered with ours', () => {
    const { stream, output } = record()
    stream.receive(clientHeader(`to='a.example' version='2.0'`))
    expect(output()).toBe(ourHeader('id1'))
  })

  test.each(['01.0', '1.000', '1.13', '10.2'])('RFC 6120 §4.7.5 version %s is a number, not a text', (version) => {
    const { stream, output } = record()
    stream.receive(clientHeader(`to='a.example' version='${version}'`))
    expect(output()).toBe(ourHeader('id1'))
  })

  test('RFC 6120 §4.7.5 a header of another server without a version is answered with none', () => {
    const { stream, output } = record({ contentNamespace: 'jabber:server' })
    stream.receive(`<stream:stream xmlns='jabber:server' xmlns:stream='${streams}' to='a.example'>`)
    expect(output()).toMatch(/<stream:stream .* from='a.example' id='id1' xml:lang='en'>$/)
  })

  test('RFC 6120 §4.7.3 an id in the header of the initiating side is nothing', () => {
    const { stream, output } = record()
    stream.receive(clientHeader(`to='a.example' id='mine' version='1.0'`))
    expect(output()).toBe(ourHeader('id1'))
    expect(stream.id).toBe('id1')
  })

  test('RFC 6120 §4.8.2 each child may declare the content namespace itself', () => {
    const { stream, elements, ends } = record()
    stream.receive(`<stream xmlns='${streams}' to='a.example' version='1.0'>`)
    stream.receive(`<message xmlns='jabber:client' to='b'><body>x</body></message><a xmlns='urn:x'/>`)
    expect(elements).toEqual([`<message to='b'><body>x</body></message>`, `<a xmlns='urn:x'/>`])
    stream.receive(`<error/>`)
    expect(ends).toMatchObject([{ by: 'peer', error: { condition: 'undefined-condition' } }])
  })

  test.each(['jabber:server', 'jabber:component:accept'])(
    'RFC 6120 §4.8.3 a stanza of %s, which is not the namespace of this stream: invalid-namespace',
    (namespace) => {
      const { stream, elements, output } = record()
      stream.receive(clientHeader())
      output()
      stream.receive(`<message xmlns='${namespace}' to='b'/>`)
      expect(elements).toEqual([])
      expect(output()).toBe(streamError('invalid-namespace'))
    },
  )

  test('RFC 6120 §4.8.5 what the header or a prefix declared is declared by each stanza, and the content has no prefix', () => {
    const { stream, elements } = record()
    const declared = `xmlns='jabber:client' xmlns:c='jabber:client' xmlns:x='urn:x' xmlns:stream='${streams}'`
    stream.receive(`<stream:stream ${declared} version='1.0'>`)
    stream.receive(`<c:message to='b' x:a='1'><c:body>hi</c:body><x:y/></c:message>`)
    expect(elements).toEqual([`<message to='b' xmlns:x='urn:x' x:a='1'><body>hi</body><y xmlns='urn:x'/></message>`])
  })

  test('§4.9.1.2: an error in the header is sent after our own header', () => {
    const { stream, output } = record(
      {},
      {
        opened: () => {
          throw new StreamError('host-unknown')
        },
      },
    )
    stream.receive(clientHeader())
    expect(output()).toBe(ourHeader('id1', ` from=''`) + streamError('host-unknown'))
  })
})

describe('RFC 6120 §11 XML', () => {
  test.each([
    ['a document type', '<!DOCTYPE x [<!ENTITY a "b">]>', 'restricted-xml'],
    ['an entity', '<a>&b;</a>', 'restricted-xml'],
    ['a comment', '<!-- x -->', 'restricted-xml'],
    ['a processing instruction', '<?php x ?>', 'restricted-xml'],
    ['a mismatched tag', '<a></b>', 'not-well-formed'],
    ['a duplicate attribute', `<a b='1' b='2'/>`, 'not-well-formed'],
    ['an unbound prefix', '<a:b/>', 'not-well-formed'],
    [']]> in text', '<a>]]></a>', 'not-well-formed'],
    ['a control character', '<a>\u0001</a>', 'not-well-formed'],
    ['a second XML declaration', `<?xml version='1.0'?>`, 'not-well-formed'],
    ['text between stanzas', 'hello <a/>', 'not-well-formed'],
  ])('%s', (_, xml, condition) => {
    const { stream, output, ends } = record()
    stream.receive(clientHeader())
    output()
    stream.receive(`${xml}<presence/>`)
    expect(output()).toBe(streamError(condition))
    expect(ends).toMatchObject([{ is: 'error', by: 'us', error: { condition } }])
  })

  test.each([
    ['overlong C0 BC', [0xc0, 0xbc]],
    ['surrogate ED A0 80', [0xed, 0xa0, 0x80]],
  ])('%s is unsupported-encoding', (_, bytes) => {
    const { stream, output } = record()
    stream.receive(Buffer.from(clientHeader()))
    output()
    stream.receive(Buffer.from([0x3c, 0x61, 0x3e, ...bytes, 0x3c, 0x2f, 0x61, 0x3e]))
    expect(output()).toBe(streamError('unsupported-encoding'))
  })

  test('UTF-16 from the first byte is unsupported-encoding, after our header', () => {
    const { stream, output } = record()
    stream.receive(Buffer.from(clientHeader(), 'utf16le'))
    expect(output()).toBe(ourHeader('id1', ` from=''`) + streamError('unsupported-encoding'))
  })

  test('RFC 6120 §11.5 a standalone declaration means nothing', () => {
    const { stream, headers } = record()
    stream.receive(clientHeader().replace(`?>`, ` standalone='no'?>`))
    expect(headers).toHaveLength(1)
  })

  test('RFC 6120 §11.6 U+FEFF in text is a character', () => {
    const { stream, elements } = record()
    stream.receive(Buffer.from(`${clientHeader()}<message><body>\ufeffa\ufeff</body></message>`))
    expect(elements).toEqual(['<message><body>\ufeffa\ufeff</body></message>'])
  })

  test('cut at every byte, the result is the same', () => {
    const bytes = Buffer.from(
      `${clientHeader()}<presence/> <message to='ü@a.example'><body>€ 😀</body></message></stream:stream>`,
    )
    const whole = record()
    whole.stream.receive(bytes)
    const expected = [whole.headers, whole.elements, whole.ends, whole.output()]
    expect(whole.elements).toHaveLength(2)
    for (let cut = 1; cut < bytes.length; cut++) {
      const parts = record()
      parts.stream.receive(bytes.subarray(0, cut))
      parts.stream.receive(bytes.subarray(cut))
      expect([parts.headers, parts.elements, parts.ends, parts.output()]).toEqual(expected)
    }
    const single = record()
    for (const byte of bytes) single.stream.receive(Uint8Array.of(byte))
    expect([single.headers, single.elements, single.ends, single.output()]).toEqual(expected)
  })
})

describe('limits', () => {
  test('8 KiB before authentication, over restarts', () => {
    const { stream, ends, output } = record({}, { element: () => stream.restart() })
    for (let round = 0; round < 8; round++) stream.receive(`${clientHeader()}<a>${'x'.repeat(800)}</a>`)
    expect(ends).toEqual([])
    output()
    stream.receive(`${clientHeader()}<a>${'x'.repeat(2000)}</a>`)
    expect(output()).toBe(
      ourHeader('id9', ` from=''`) + streamError('policy-violation', 'too much data before authentication'),
    )
    expect(ends).toMatchObject([{ error: { condition: 'policy-violation' } }])
  })

  test('32 elements before authentication, none of them counted after it', () => {
    const { stream, ends, elements } = record()
    stream.receive(clientHeader() + '<a/>'.repeat(32))
    expect(ends).toEqual([])
    stream.receive('<a/>')
    expect(elements).toHaveLength(32)
    expect(ends).toMatchObject([{ error: { condition: 'policy-violation' } }])

    const known = record()
    known.stream.receive(clientHeader())
    known.stream.established()
    known.stream.receive('<a/>'.repeat(10_000))
    expect(known.elements).toHaveLength(10_000)
    expect(known.ends).toEqual([])
  })

  test('32 elements inside one before authentication', () => {
    const { stream, ends, elements } = record()
    stream.receive(`${clientHeader()}<a>${'<b/>'.repeat(32)}</a>`)
    expect(elements).toEqual([])
    expect(ends).toMatchObject([{ error: { condition: 'policy-violation' } }])
  })

  test.each([
    ['262,145 bytes', `<a>${'x'.repeat(262_145 - 7)}</a>`, `<a>${'x'.repeat(262_144 - 7)}</a>`],
    ['depth 65', '<a>'.repeat(65) + '</a>'.repeat(65), '<a>'.repeat(64) + '</a>'.repeat(64)],
    [
      '101 attributes',
      `<a ${Array.from({ length: 101 }, (_, n) => `a${n}=''`).join(' ')}/>`,
      `<a ${Array.from({ length: 100 }, (_, n) => `a${n}=''`).join(' ')}/>`,
    ],
  ])('%s is a policy-violation, just below is not', (_, over, below) => {
    const { stream, ends, elements, output } = record()
    stream.receive(clientHeader())
    stream.established()
    stream.receive(below)
    expect(elements).toHaveLength(1)
    expect(ends).toEqual([])
    output()
    stream.receive(over)
    expect(output()).toBe(streamError('policy-violation'))
  })

  test('60 s without authentication: connection-timeout, also before a header', () => {
    const { clock, output, ends } = record()
    clock.advance(59_999)
    expect(ends).toEqual([])
    clock.advance(1)
    expect(output()).toBe(ourHeader('id1', ` from=''`) + streamError('connection-timeout'))
    const known = record()
    known.stream.receive(clientHeader())
    known.stream.established()
    known.clock.advance(600_000)
    expect(known.ends).toEqual([])
  })
})

describe('RFC 6120 §4.3.3 restarts and what lies between', () => {
  test('a restart has a new id, and what stands behind it in the same packet is the new stream', () => {
    const { stream, output, elements } = record({}, { element: (element) => element.name === 'a' && stream.restart() })
    stream.receive(`${clientHeader()}<a/>${clientHeader()}<b/>`)
    expect(output()).toBe(ourHeader('id1') + ourHeader('id2'))
    expect(elements).toEqual(['<a/>', '<b/>'])
  })

  test('§5.4.3.3: nothing is read after suspend, and bytes in the same packet end the stream', () => {
    const { stream, elements, ends, output } = record({}, { element: () => stream.suspend() })
    stream.receive(`${clientHeader()}<starttls/><presence/>`)
    expect(elements).toEqual(['<starttls/>'])
    expect(output()).toBe(ourHeader('id1'))
    expect(ends).toMatchObject([{ is: 'error', by: 'us', error: { condition: 'policy-violation' } }])
  })

  test('white space behind <starttls></starttls> is let pass', () => {
    const { stream, ends } = record({}, { element: () => stream.suspend() })
    stream.receive(`${clientHeader()}<starttls></starttls>\n`)
    expect(ends).toEqual([])
    stream.restart()
    stream.receive(clientHeader())
    expect(stream.id).toBe('id2')
  })

  test('what arrives while held is read after release, in order', () => {
    const { stream, elements, ends } = record({}, { element: (element) => element.name === 'a' && stream.hold() })
    stream.receive(`${clientHeader()}<a/><b/>`)
    stream.receive('<c/>')
    expect(elements).toEqual(['<a/>'])
    stream.release()
    expect(elements).toEqual(['<a/>', '<b/>', '<c/>'])
    stream.receive(`<a/>${'<d/>'.repeat(10)}`)
    stream.release()
    expect(elements).toHaveLength(14)
    expect(ends).toEqual([])
  })

  test('what is held counts', () => {
    const { stream, ends } = record({}, { element: () => stream.hold() })
    stream.receive(`${clientHeader()}<a/>`)
    for (let n = 0; n < 100; n++) stream.receive(' '.repeat(100))
    expect(ends).toMatchObject([{ error: { condition: 'policy-violation' } }])
  })
})

describe('RFC 6120 §4.4 closing, §4.9 errors', () => {
  test('the peer closes, we answer', () => {
    const { stream, output, ends } = record()
    stream.receive(clientHeader())
    output()
    stream.receive('</stream:stream>')
    expect(output()).toBe('</stream:stream>')
    expect(ends).toEqual([{ is: 'closed' }])
  })

  test('we close, the peer answers; its last stanzas are dropped', () => {
    const { stream, output, ends, elements } = record()
    stream.receive(clientHeader())
    output()
    stream.close()
    stream.close()
    stream.sendText('<presence/>')
    expect(output()).toBe('</stream:stream>')
    stream.receive('<presence/></stream:stream>')
    expect(elements).toEqual([])
    expect(ends).toEqual([{ is: 'closed' }])
  })

  test('we close, the peer never answers: 5 s', () => {
    const { stream, clock, ends } = record()
    stream.receive(clientHeader())
    stream.close()
    clock.advance(4999)
    expect(ends).toEqual([])
    clock.advance(1)
    expect(ends).toEqual([{ is: 'closed', unanswered: true }])
  })

  test("the peer's stream error ends the stream and is understood", () => {
    const { stream, output, ends } = record()
    stream.receive(clientHeader())
    output()
    stream.receive(
      `<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/>` +
        `<text xmlns='urn:ietf:params:xml:ns:xmpp-streams' xml:lang='en'>twice</text></stream:error>`,
    )
    expect(output()).toBe('</stream:stream>')
    expect(ends).toMatchObject([{ is: 'error', by: 'peer', error: { condition: 'conflict', text: 'twice' } }])
  })

  test('the connection goes away in the middle', () => {
    const { stream, ends, output } = record()
    stream.receive(`${clientHeader()}<message`)
    output()
    const error = new Error('ECONNRESET')
    stream.transportClosed(error)
    stream.fail(new StreamError('reset'))
    stream.receive('/>')
    expect(output()).toBe('')
    expect(ends).toEqual([{ is: 'lost', error }])
  })

  test('a defect of ours is internal-server-error with its cause', () => {
    const cause = new TypeError('ours')
    const { stream, ends } = record(
      {},
      {
        element: () => {
          throw cause
        },
      },
    )
    stream.receive(`${clientHeader()}<a/><b/>`)
    expect(ends).toMatchObject([{ error: { condition: 'internal-server-error', cause } }])
  })
})

describe('RFC 7395 framing', () => {
  const open = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0'/>`

  test('§3.3.2: <open/> is answered with <open/>', () => {
    const { stream, output } = record({ framing: 'framed' })
    stream.receive(open)
    expect(output()).toBe(
      `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='a.example' id='id1' version='1.0' xml:lang='en'/>`,
    )
  })

  test('§3.3.3: each frame stands alone and declares its namespaces', () => {
    const { stream, elements } = record({ framing: 'framed' })
    stream.receive(open)
    stream.receive(`<message xmlns='jabber:client' to='b@a.example'><body>hi</body></message>`)
    expect(elements).toEqual([`<message to='b@a.example'><body>hi</body></message>`])
  })

  test.each([
    ['a stream header', clientHeader(), 'not-well-formed'],
    ['a stanza first', `<presence xmlns='jabber:client'/>`, 'invalid-namespace'],
    [
      'another root in the framing namespace',
      `<foo xmlns='urn:ietf:params:xml:ns:xmpp-framing' version='1.0'/>`,
      'bad-format',
    ],
    ['a comment', `<!-- -->${open}`, 'restricted-xml'],
  ])('%s: an error after our <open/>, then <close/>', (_, frame, condition) => {
    const { stream, output, ends } = record({ framing: 'framed' })
    stream.receive(frame)
    const text = output()
    expect(text.startsWith(`<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='' id='id1'`)).toBe(true)
    expect(text).toContain(`<stream:error xmlns:stream='${streams}'><${condition} `)
    expect(text.endsWith(`</stream:error><close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`)).toBe(true)
    expect(ends).toMatchObject([{ error: { condition } }])
  })

  test('two elements in one frame are not well-formed', () => {
    const { stream, ends, elements } = record({ framing: 'framed' })
    stream.receive(open)
    stream.receive(`<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>`)
    expect(elements).toEqual([])
    expect(ends).toMatchObject([{ error: { condition: 'not-well-formed' } }])
  })

  test('a second <open/> that is no restart is refused; after a restart it is the new stream', () => {
    const unasked = record({ framing: 'framed' })
    unasked.stream.receive(open)
    unasked.stream.receive(open)
    expect(unasked.ends).toMatchObject([{ error: { condition: 'bad-format' } }])
    const asked = record({ framing: 'framed' })
    asked.stream.receive(open)
    asked.stream.restart()
    asked.stream.receive(open)
    expect(asked.stream.id).toBe('id2')
  })

  test('§3.6: <close/> is answered with <close/>', () => {
    const { stream, output, ends } = record({ framing: 'framed' })
    stream.receive(open)
    output()
    stream.receive(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`)
    expect(output()).toBe(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`)
    expect(ends).toEqual([{ is: 'closed' }])
  })
})
