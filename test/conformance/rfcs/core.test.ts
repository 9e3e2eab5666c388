/** Clauses of RFC 6120 and RFC 7395 that are of the whole connection: what goes over the wire, stream and stanzas together. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Element, elements } from '../../../src/xml/element.js'
import { parseDocument } from '../../../src/xml/reader.js'
import { Stage } from '../../dialogue/stage.js'
import { Wire, type WireClient } from '../../dialogue/wire-client.js'

let stage: Stage
let wire: Wire

beforeEach(async () => {
  stage = await Stage.open()
  wire = new Wire(stage)
  await wire.letIn('alice', 'bob')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

async function bound(name: string, kind: 'tcp' | 'websocket' = 'tcp', header = ''): Promise<WireClient> {
  const client = await wire.client(name, kind, header)
  await client.binds('phone')
  return client
}

const headerOf = (text: string): string => /<stream:stream[^>]*>/.exec(text)?.[0] ?? ''

describe('RFC 6120 §4 streams', () => {
  test('RFC 6120 §4.2, §11.5 the answer begins with an XML declaration and the header, then come the features', async () => {
    const text = await wire.stranger().hears()
    expect(text).toMatch(/^<\?xml version='1\.0'\?><stream:stream [^>]*><stream:features>.*<\/stream:features>$/)
  })

  test('RFC 6120 §4.7.1, §4.7.4, §4.7.5 our header says who answers, in which language and version', async () => {
    const header = headerOf(await wire.stranger().hears())
    expect(header).toContain(` from='a.example'`)
    expect(header).toContain(` xml:lang='en'`)
    expect(header).toContain(` version='1.0'`)
    expect(header).not.toContain(` to=`)
  })

  test('RFC 6120 §4.7.2 a client that says who it is is named in our header, by its bare JID', async () => {
    const named = wire.unopened()
    named.opens(`from='Alice@a.example/phone'`)
    expect(headerOf(await named.hears())).toContain(` to='alice@a.example'`)
  })

  test('RFC 6120 §4.7.3 ids are long, and never the same', async () => {
    const ids = []
    for (let n = 0; n < 20; n++) ids.push(/ id='([^']*)'/.exec(await wire.stranger().hears())?.[1] ?? '')
    expect(new Set(ids).size).toBe(20)
    for (const id of ids) expect(id.length).toBeGreaterThanOrEqual(16)
  })

  test('RFC 6120 §4.8.5 the prefix of the stream is stream, and features and errors have it', async () => {
    const client = wire.stranger()
    client.writes('<!-- x -->')
    const text = await client.hears()
    expect(text).toContain(`xmlns:stream='http://etherx.jabber.org/streams'`)
    expect(text).toMatch(/<stream:features>.*<stream:error>.*<\/stream:error>$/)
  })

  test('RFC 6120 §11.7 white space between stanzas is nothing', async () => {
    const client = await bound('alice')
    client.writes(' \n\t ')
    client.sends(`<iq type='get' id='p' to='a.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
    expect(await client.hears()).toContain(`id='p'`)
  })
})

describe('RFC 6120 §8, §10 stanzas', () => {
  test('RFC 6120 §8.1.5 a stanza without xml:lang gets that of the stream; one that has its own keeps it', async () => {
    const [alice, bob] = [await bound('alice', 'tcp', `xml:lang='de-AT'`), await bound('bob')]
    alice.sends(`<message to='bob@a.example/phone' type='chat' id='1'><body>Servus</body></message>`)
    alice.sends(`<message to='bob@a.example/phone' type='chat' id='2' xml:lang='en'><body>Hi</body></message>`)
    const text = await bob.hears()
    expect(/<message[^>]* id='1'[^>]*>/.exec(text)?.[0]).toContain(`xml:lang='de-AT'`)
    expect(/<message[^>]* id='2'[^>]*>/.exec(text)?.[0]).toContain(`xml:lang='en'`)
  })

  test('RFC 6120 §8.1.5 what is no language tag is not repeated', async () => {
    const [alice, bob] = [await bound('alice', 'tcp', `xml:lang='${'x'.repeat(2000)}'`), await bound('bob')]
    alice.sends(`<message to='bob@a.example/phone' type='chat' id='1'><body>Hi</body></message>`)
    const text = await bob.hears()
    expect(text).toContain('<body>Hi</body>')
    expect(text).not.toContain('xml:lang')
  })

  test('RFC 6120 §8.1.3 an answer has the id of what was asked, an error that of what failed', async () => {
    const alice = await bound('alice')
    alice.sends(`<iq type='get' id='ä &amp; b' to='a.example'><ping xmlns='urn:xmpp:ping'/></iq>`)
    alice.sends(`<message to='nobody@a.example' type='chat' id='&lt;2&gt;'><body>Hi</body></message>`)
    const [pong, error] = (await alice.frames()).map(read)
    expect(pong?.attrs).toMatchObject({ type: 'result', id: 'ä & b' })
    expect(error?.attrs).toMatchObject({ type: 'error', id: '<2>' })
  })

  test('RFC 6120 §8.3.1 an error of a stanza names it as its sender did, and has an error with a type and one condition', async () => {
    const alice = await bound('alice')
    alice.sends(`<message to='nobody@a.example' type='chat' id='2'><body>Hi</body></message>`)
    const [error] = (await alice.frames()).map(read)
    expect(error?.attrs).toMatchObject({ from: 'nobody@a.example', to: 'alice@a.example/phone' })
    const found = error?.getChild('error')
    expect(found?.attrs.type).toBe('cancel')
    expect(elements(found as Element).map(({ name, attrs }) => [name, attrs.xmlns])).toEqual([
      ['service-unavailable', 'urn:ietf:params:xml:ns:xmpp-stanzas'],
    ])
  })

  test('RFC 6120 §10.3.3 a request without to is answered for the account, a result without to concerns nobody', async () => {
    const alice = await bound('alice')
    alice.sends(`<iq type='get' id='1'><query xmlns='jabber:iq:roster'/></iq>`)
    expect(read((await alice.frames())[0] ?? '').attrs).toMatchObject({
      type: 'result',
      id: '1',
      from: 'alice@a.example',
    })
    alice.sends(`<iq type='result' id='2'/>`)
    expect(await alice.frames()).toEqual([])
  })

  test('RFC 6120 §10.3.3 a request without to that nobody understands: service-unavailable', async () => {
    const alice = await bound('alice')
    alice.sends(`<iq type='get' id='1'><query xmlns='urn:unknown'/></iq>`)
    const error = read((await alice.frames())[0] ?? '').getChild('error')
    expect(error?.getChild('service-unavailable')).toBeDefined()
  })

  test('RFC 6120 §10.5.2 a request to the server with a resource is answered with an error, a message is not swallowed', async () => {
    const alice = await bound('alice')
    alice.sends(`<iq type='get' id='1' to='a.example/x'><query xmlns='urn:unknown'/></iq>`)
    alice.sends(`<message id='2' to='a.example/x'><body>Hi</body></message>`)
    expect((await alice.frames()).map(read).map(({ attrs }) => [attrs.id, attrs.type])).toEqual([
      ['1', 'error'],
      ['2', 'error'],
    ])
  })
})

const limits = { stanzaBytes: 1024 * 1024, depth: 64, attributes: 100 }
const read = (text: string): Element => parseDocument(text, limits, 'jabber:client')
const framing = 'urn:ietf:params:xml:ns:xmpp-framing'

describe('RFC 7395 a stream of frames', () => {
  test('RFC 7395 §3.3.3 each frame is one document with all its namespaces, without a declaration', async () => {
    const alice = wire.unopened('websocket', 'alice')
    await alice.logIn(false)
    alice.sends(
      `<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>`,
    )
    alice.sends(`<presence/>`)
    alice.sends(`<iq type='get' id='d' to='a.example'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
    alice.sends(`<message to='nobody@a.example' id='m'><body>Hi</body></message>`)
    const said = await alice.frames()
    alice.sends(`<a xmlns='urn:x'/>`)
    said.push(...(await alice.frames()))
    expect(said.length).toBeGreaterThan(9)
    for (const frame of said) {
      expect(frame).toMatch(/^<[^?!]/)
      // Read with no context at all, every name has its namespace.
      expect(parseDocument(frame, limits, '').attrs.xmlns).toBeDefined()
    }
    const names = said
      .map((frame) => parseDocument(frame, limits, ''))
      .map(({ name, attrs }) => `${name} ${attrs.xmlns}`)
    expect(names.slice(0, 2)).toEqual([`open ${framing}`, 'features http://etherx.jabber.org/streams'])
    expect(names.slice(-2)).toEqual(['error http://etherx.jabber.org/streams', `close ${framing}`])
  })

  test.each([
    ['two elements', `<presence xmlns='jabber:client'/><presence xmlns='jabber:client'/>`],
    ['half an element', `<presence xmlns='jabber:client'>`],
    ['white space, which is no ping here (§3.8)', ' '],
    ['text', 'hello'],
    ['a stream of bytes', `<stream:stream xmlns:stream='http://etherx.jabber.org/streams'>`],
  ])('RFC 7395 §3.3.3 refused: %s', async (_name, frame) => {
    const alice = await bound('alice', 'websocket')
    alice.writes(frame)
    const [error, close] = await alice.frames()
    expect(error).toMatch(/^<stream:error [^>]*>.*<not-well-formed /)
    expect(close).toBe(`<close xmlns='${framing}'/>`)
    expect(alice.closed).toBe(true)
  })

  test('RFC 7395 §3.4 the answer to <open/> is <open/> with from, id, version and language', async () => {
    const [open = ''] = await wire.stranger('alice', 'websocket').frames()
    expect(read(open).attrs).toMatchObject({ from: 'a.example', version: '1.0', 'xml:lang': 'en' })
    expect(read(open).attrs.id).toMatch(/./)
  })

  test('RFC 7395 §3.5 an error before the stream is open comes after <open/>, in a frame of its own, then <close/>', async () => {
    const alice = wire.unopened('websocket')
    alice.writes(`<open xmlns='${framing}' to='nowhere.example' version='1.0'/>`)
    const names = (await alice.frames()).map((frame) => parseDocument(frame, limits, '')).map(({ name }) => name)
    expect(names).toEqual(['open', 'error', 'close'])
    expect(alice.closed).toBe(true)
  })

  test('RFC 7395 §3.6 a connection that is lost without <close/> ends the stream', async () => {
    await stage.befriend('alice', 'bob')
    const alice = await bound('alice', 'websocket')
    const bob = stage.client('bob')
    await bob.comesOnline()
    alice.sends('<presence/>')
    await bob.receives(`<presence from='alice@a.example/phone' to='bob@a.example'/>`)
    alice.loses()
    await bob.receives(`<presence type='unavailable' from='alice@a.example/phone' to='bob@a.example'/>`)
  })

  test('RFC 7395 §3.7 a restart is another <open/>, without <close/>, and is answered with a new id', async () => {
    const alice = wire.unopened('websocket', 'alice')
    await alice.logIn(false)
    const opened = (await alice.frames()).filter((frame) => frame.startsWith('<open'))
    expect(new Set(opened.map((frame) => read(frame).attrs.id)).size).toBe(2)
  })

  test('RFC 7395 §3.9 STARTTLS is neither offered nor granted', async () => {
    const alice = wire.stranger('alice', 'websocket')
    expect(await alice.hears()).not.toContain('starttls')
    alice.sends(`<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>`)
    expect(await alice.hears()).toBe(`<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><close xmlns='${framing}'/>`)
  })

  test('RFC 7395 §3.10 stream management is there, and a stream is resumed on another WebSocket', async () => {
    const alice = await bound('alice', 'websocket')
    alice.sends(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`)
    const id = /<enabled [^>]*id='([^']*)'/.exec(await alice.hears())?.[1]
    expect(id).toBeDefined()
    alice.loses()
    const again = await wire.client('alice', 'websocket')
    again.sends(`<resume xmlns='urn:xmpp:sm:3' previd='${id}' h='0'/>`)
    expect(await again.hears()).toContain('<resumed ')
  })
})
