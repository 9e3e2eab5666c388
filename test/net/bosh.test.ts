/** XEP-0124 and XEP-0206: sessions of HTTP requests, by literal bodies; a whole login at the end. */
import { createHash } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Bosh } from '../../src/net/bosh.js'
import type { BoshSession } from '../../src/net/bosh-session.js'
import { HttpServer } from '../../src/net/http.js'
import { startBoshListener } from '../../src/server/c2s.js'
import { ManualClock, systemClock } from '../../src/util/clock.js'
import { silentLogger } from '../../src/util/logger.js'
import { SeededRandom, systemRandom } from '../../src/util/random.js'
import type { Element } from '../../src/xml/element.js'
import { parseDocument } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'
import { MemoryGateway } from '../server/memory-gateway.js'
import { leftOut } from '../support/left-out.js'
import { until } from './transport-contract.js'

const limits = { stanzaBytes: 20_000, depth: 20, attributes: 50 }
const stanza = (body: string): string => `<message xmlns='jabber:client'><body>${body}</body></message>`
const open = `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a.example' version='1.0' xml:lang='en'/>`

let http: HttpServer
let clock: ManualClock
let sessions: BoshSession[]
let heard: string[]
/** What each frame is said to have taken. */
let charged: number[]
let ends: (string | undefined)[]
let admits: boolean
/** What is answered when a session opens. */
let greeting: readonly string[]

let polled = 0
/** Requests that have come as far as their session. */
let dealt: number
beforeEach(async () => {
  http = await HttpServer.listen({ host: '127.0.0.1', port: 0, log: silentLogger })
  clock = new ManualClock()
  sessions = []
  heard = []
  charged = []
  ends = []
  admits = true
  greeting = [
    `<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' from='a.example' id='s1' version='1.0'/>`,
    `<stream:features xmlns:stream='http://etherx.jabber.org/streams'/>`,
  ]
  const bosh = new Bosh(
    { times: { wait: 60, inactivity: 30, maxPause: 120 }, limits },
    { clock, random: new SeededRandom(5), admit: () => admits, accept, pollsTooFast: () => polled++ },
  )
  dealt = 0
  http.route('/http-bind', async (request, response, at) => {
    await bosh.handler(request, response, at)
    dealt++
  })
})
afterEach(async () => {
  for (const session of sessions) session.destroy()
  await http.close(100)
})

function accept(session: BoshSession): void {
  sessions.push(session)
  session.handler = {
    data: (frame) => {
      heard.push(String(frame))
      if (String(frame).startsWith('<open')) for (const text of greeting) session.write(text)
      if (String(frame).startsWith('<close') || greeting[0]?.startsWith('<stream:error')) session.end()
    },
    parsed: (frame, bytes) => {
      heard.push(serialize(frame, 'jabber:client'))
      charged.push(bytes)
    },
    closed: (error) => ends.push(error?.message),
  }
}

const url = (): string => `http://127.0.0.1:${http.port}/http-bind`
const post = (text: string, signal?: AbortSignal): Promise<Response> =>
  fetch(url(), { method: 'POST', body: text, headers: { 'Content-Type': 'text/xml' }, ...(signal && { signal }) })

async function asks(text: string): Promise<Element> {
  return parseDocument(await (await post(text)).text(), { ...limits, stanzaBytes: 1e6 }, '')
}

const body = (attributes: string, content = ''): string =>
  `<body xmlns='http://jabber.org/protocol/httpbind' xmlns:xmpp='urn:xmpp:xbosh' ${attributes}>${content}</body>`

/** A session whose next `rid` is 1001. */
async function opens(more = `hold='1' wait='50'`): Promise<{ sid: string; session: BoshSession; answer: Element }> {
  const answer = await asks(body(`rid='1000' to='a.example' ver='1.6' xml:lang='en' xmpp:version='1.0' ${more}`))
  return { sid: String(answer.attrs.sid), session: sessions.at(-1)!, answer }
}
const on = (sid: string, rid: number, content = '', more = ''): string =>
  body(`sid='${sid}' rid='${rid}' ${more}`, content)

/** What was sent before has arrived. */
const roundTrip = (): Promise<Response> => fetch(url())

const inactivity = (): void => clock.advance(30_000)

describe('XEP-0124 §7 a session begins', () => {
  test('with its terms, the id of the stream and its features', async () => {
    const { answer, sid } = await opens()
    expect(answer.attrs).toMatchObject({
      ...{ wait: '50', requests: '2', hold: '1', inactivity: '30', maxpause: '120', from: 'a.example', authid: 's1' },
      ...{ 'xmpp:version': '1.0', 'xmpp:restartlogic': 'true' },
    })
    expect(answer.getChild('features', 'http://etherx.jabber.org/streams')).toBeDefined()
    expect(Buffer.from(sid, 'base64url')).toHaveLength(20)
    expect(heard).toEqual([open])
  })

  test('the wait is what the client wants, but no longer than ours; hold is 1', async () => {
    const { answer } = await opens(`hold='7' wait='100000'`)
    expect(answer.attrs).toMatchObject({ wait: '60', hold: '1', requests: '2' })
  })

  test.each([
    ['no XML', 'hello', 'bad-request'],
    ['another element', `<iq xmlns='jabber:client'/>`, 'bad-request'],
    ['another namespace', `<body rid='1' to='a.example'/>`, 'bad-request'],
    ['an entity', `<!DOCTYPE a [<!ENTITY x 'y'>]>${body(`rid='1' to='a.example'`)}`, 'bad-request'],
    ['no rid', body(`to='a.example'`), 'bad-request'],
    ['a rid beyond 2^53', body(`rid='9007199254740993' to='a.example'`), 'bad-request'],
    ['no domain', body(`rid='1'`), 'improper-addressing'],
    ['a session that is not there', body(`rid='1' sid='x'`), 'item-not-found'],
  ])('§17 refused: %s', async (_name, text, condition) => {
    expect((await asks(text)).attrs).toMatchObject({ type: 'terminate', condition })
    expect(sessions).toEqual([])
  })

  test('too many of one address, and a body that is too long', async () => {
    admits = false
    expect((await asks(body(`rid='1' to='a.example'`))).attrs.condition).toBe('policy-violation')
    const long = await post(body(`rid='1' to='a.example'`, 'x'.repeat(50_000))).catch(() => undefined)
    expect(long?.status ?? 413).toBe(413)
    expect(sessions).toEqual([])
  })

  test('a long body is not waited for before it is known that its client has logged in', async () => {
    const { sid, session } = await opens()
    const begins = (text: string): Promise<string> =>
      new Promise((resolve) => {
        const socket = connect(http.port, '127.0.0.1')
        socket.on('data', (chunk) => resolve(String(chunk).slice(0, 12))).on('error', () => {})
        socket.write(`POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length: 19000\r\n\r\n${text}`)
      })
    const begin = on(sid, 1001, `<message xmlns='jabber:client'><body>${'x'.repeat(17000)}`).replace('</body>', '')
    expect(await begins(body(`rid='1' to='a.example'`, 'x'.repeat(17000)))).toBe('HTTP/1.1 413')
    expect(await begins(begin)).toBe('HTTP/1.1 413')
    session.handler = { ...session.handler, authenticated: true }
    const whole = on(sid, 1001, stanza('x'.repeat(17000)))
    const answered = asks(whole)
    await until(() => heard.length === 2)
    session.write(stanza('hail'))
    expect(String(await answered)).toContain('hail')
  })

  test('§17.3 a stream error ends it with the reason', async () => {
    const error = (condition: string): string =>
      `<stream:error xmlns:stream='http://etherx.jabber.org/streams'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`
    greeting = [error('host-unknown')]
    expect((await asks(body(`rid='1' to='b.example'`))).attrs).toMatchObject({
      type: 'terminate',
      condition: 'host-unknown',
    })
    greeting = [error('system-shutdown')]
    const answer = await asks(body(`rid='1' to='a.example'`))
    expect(answer.attrs).toMatchObject({ type: 'terminate', condition: 'remote-stream-error' })
    expect(String(answer)).toContain('<system-shutdown')
    expect(ends).toEqual([undefined, undefined])
  })
})

describe('XEP-0124 §8 to §14 requests', () => {
  test('what is said goes up at once; the answer is held until there is something to say', async () => {
    const { sid, session } = await opens()
    const answered = asks(on(sid, 1001, stanza('one') + stanza('two')))
    await until(() => heard.length === 3)
    expect(heard.slice(1)).toEqual([stanza('one'), stanza('two')])
    // All that the request took, once.
    expect(charged).toEqual([on(sid, 1001, stanza('one') + stanza('two')).length, 0])
    session.write(stanza('hail'))
    session.write(stanza('and well met'))
    const answer = await answered
    expect(
      answer.getChildren('message', 'jabber:client').map((each) => each.getChildText('body', 'jabber:client')),
    ).toEqual(['hail', 'and well met'])
  })

  test('a stanza without its namespace is one all the same', async () => {
    const { sid } = await opens()
    const answered = post(on(sid, 1001, '<presence><show>away</show></presence>'))
    await until(() => heard.length === 2)
    expect(heard[1]).toBe(`<presence xmlns='jabber:client'><show>away</show></presence>`)
    sessions[0]!.end()
    expect((await answered).status).toBe(200)
  })

  test('§11 after the wait it is answered empty', async () => {
    const { sid } = await opens()
    const answered = asks(on(sid, 1001, stanza('one')))
    await until(() => heard.length === 2)
    clock.advance(50_000)
    expect((await answered).children).toEqual([])
    expect(ends).toEqual([])
  })

  test('a second request frees the first', async () => {
    const { sid } = await opens()
    const first = asks(on(sid, 1001))
    const second = asks(on(sid, 1002, stanza('one')))
    expect((await first).children).toEqual([])
    sessions[0]!.write(stanza('hail'))
    expect(String(await second)).toContain('hail')
  })

  test('§14.2 requests that overtake each other are put in order', async () => {
    const { sid } = await opens()
    const later = asks(on(sid, 1002, stanza('two')))
    await roundTrip()
    expect(heard).toHaveLength(1)
    void asks(on(sid, 1001, stanza('one')))
    await until(() => heard.length === 3)
    expect(heard.slice(1)).toEqual([stanza('one'), stanza('two')])
    sessions[0]!.write(stanza('hail'))
    expect(String(await later)).toContain('hail')
  })

  test('§14.2 one that came too early does not keep a session, where what it follows never comes', async () => {
    const { sid } = await opens()
    const early = asks(on(sid, 1002, stanza('two')))
    await until(() => dealt === 2)
    inactivity()
    expect((await early).attrs).toMatchObject({ type: 'terminate', condition: 'item-not-found' })
    expect(ends).toEqual(['no request for 30 s'])
    expect(heard).toHaveLength(1)
  })

  test('answers that nobody reads count as waiting, until their connection is gone', async () => {
    const { sid, session } = await opens()
    const asksUnread = (rid: number): Socket => {
      const text = on(sid, rid, stanza('one'))
      const socket = connect(http.port, '127.0.0.1')
      socket.pause().write(`POST /http-bind HTTP/1.1\r\nHost: a\r\nContent-Length: ${text.length}\r\n\r\n${text}`)
      return socket
    }
    const first = asksUnread(1001)
    await until(() => heard.length === 2)
    const long = stanza('x'.repeat(16_000_000))
    session.write(long)
    await roundTrip()
    expect(session.backlog).toBeGreaterThan(long.length)
    // The same once more: only the last connection has it.
    const again = asksUnread(1001)
    await new Promise((resolve) => first.resume().once('close', resolve))
    expect(session.backlog).toBeGreaterThan(long.length)
    expect(session.backlog).toBeLessThan(2 * long.length)
    again.destroy()
    await until(() => session.backlog === 0)
  })

  test('§14.3 an answer that was lost is given again, and nothing is done twice', async () => {
    const { sid, session } = await opens()
    const first = post(on(sid, 1001, stanza('one')))
    await until(() => heard.length === 2)
    session.write(stanza('hail'))
    const text = await (await first).text()
    expect(await (await post(on(sid, 1001, stanza('one')))).text()).toBe(text)
    expect(heard).toHaveLength(2)
  })

  test('§14.3 a held request whose connection broke is held again by the same rid', async () => {
    const { sid, session } = await opens()
    const abort = new AbortController()
    const broken = post(on(sid, 1001, stanza('one')), abort.signal).catch(() => 'broken')
    await until(() => heard.length === 2)
    abort.abort()
    expect(await broken).toBe('broken')
    const again = asks(on(sid, 1001, stanza('one')))
    // Whichever the server hears of first, the broken connection, the new request or the stanza: it arrives.
    session.write(stanza('hail'))
    expect(String(await again)).toContain('hail')
    expect(heard).toHaveLength(2)
  })

  test('§14.1 a rid beyond the window ends the session', async () => {
    const { sid } = await opens()
    expect((await asks(on(sid, 1004))).attrs).toMatchObject({ type: 'terminate', condition: 'item-not-found' })
    expect(ends).toEqual(['BOSH: item-not-found'])
    expect((await asks(on(sid, 1001))).attrs.condition).toBe('item-not-found')
  })

  test('§10 without a request it is lost after a while; a pause may be longer', async () => {
    const { sid } = await opens()
    expect((await asks(on(sid, 1001, '', `pause='100'`))).attrs.type).toBeUndefined()
    inactivity()
    expect(ends).toEqual([])
    clock.advance(70_000)
    expect(ends).toEqual(['no request for 100 s'])
    await opens()
    inactivity()
    expect(ends).toHaveLength(2)
  })

  test('§12 polling too fast is refused', async () => {
    polled = 0
    const { sid } = await opens(`hold='0' wait='0'`)
    let rid = 1001
    let answer = await asks(on(sid, rid))
    while (answer.attrs.type === undefined && rid < 1100) answer = await asks(on(sid, ++rid))
    expect(answer.attrs).toMatchObject({ type: 'terminate', condition: 'policy-violation' })
    expect(rid).toBe(1061)
    expect(polled).toBe(1)
  })

  test('§13 the client ends it: its last words are heard, the stream is closed, all requests are answered', async () => {
    const { sid } = await opens()
    const held = asks(on(sid, 1001))
    const last = asks(on(sid, 1002, `<presence xmlns='jabber:client' type='unavailable'/>`, `type='terminate'`))
    await until(() => heard.length === 3)
    expect(heard[2]).toBe(`<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>`)
    expect([(await held).attrs.type, (await last).attrs.type]).toEqual(['terminate', 'terminate'])
    expect(ends).toEqual([undefined])
  })

  test('§15 with keys nobody else can go on, who has seen a request', async () => {
    const sha1 = (text: string): string => createHash('sha1').update(text).digest('hex')
    const [k1, k2] = [sha1(sha1('seed')), sha1('seed')]
    const { sid } = await opens(`hold='0' wait='0' newkey='${k1}'`)
    expect((await asks(on(sid, 1001, '', `key='${k2}'`))).attrs.type).toBeUndefined()
    expect((await asks(on(sid, 1002, '', `key='${k2}'`))).attrs.condition).toBe('item-not-found')
    expect(ends).toHaveLength(1)
    const keyed = await opens(`newkey='${k1}'`)
    expect((await asks(on(keyed.sid, 1001))).attrs.condition).toBe('item-not-found')
  })

  test('while the server is not to be asked, nothing goes up', async () => {
    const { sid, session } = await opens()
    session.pause()
    const answered = post(on(sid, 1001, stanza('one')))
    await roundTrip()
    expect(heard).toHaveLength(1)
    session.resume()
    await until(() => heard.length === 2)
    expect(heard.slice(1)).toEqual([stanza('one')])
    session.end()
    expect((await answered).status).toBe(200)
  })
})

describe('XEP-0206', () => {
  test('§5 a restart begins the stream anew', async () => {
    const { sid } = await opens()
    const answer = await asks(on(sid, 1001, '', `to='a.example' xml:lang='en' xmpp:restart='true'`))
    expect(heard).toEqual([open, open])
    expect(answer.getChild('features', 'http://etherx.jabber.org/streams')).toBeDefined()
  })

  test('the prefix is the client’s own', async () => {
    const { sid } = await opens()
    await asks(
      `<b:body xmlns:b='http://jabber.org/protocol/httpbind' xmlns:x='urn:xmpp:xbosh' sid='${sid}' rid='1001' x:restart='1'/>`,
    )
    expect(heard).toHaveLength(2)
  })
})

test('pages of every origin may ask (CORS); a browser’s visitor is told what this is', async () => {
  const preflight = await fetch(url(), { method: 'OPTIONS', headers: { Origin: 'https://elsewhere.example' } })
  expect(preflight.headers.get('access-control-allow-origin')).toBe('*')
  expect(preflight.headers.get('access-control-allow-methods')).toContain('POST')
  expect((await fetch(url())).status).toBe(405)
})

test.each([
  ['elements', `<x>${'<y/>'.repeat(40)}</x>`, 'too many elements'],
  ['bytes', `<x>${'y'.repeat(9000)}</x>`, 'too much data'],
])('before authentication there is room for few %s', async (_name, content, said) => {
  const { ask, connections } = await serves()
  const { attrs } = await ask(body(`rid='1' to='a.example' xmpp:version='1.0'`))
  const answer = await ask(on(attrs.sid, 2, content))
  expect(answer.attrs).toMatchObject({ type: 'terminate', condition: 'remote-stream-error' })
  expect(String(answer)).toContain('<policy-violation')
  expect(String(answer)).toContain(said)
  await until(() => connections.size === 0)
})

async function serves() {
  const gateway = new MemoryGateway()
  await gateway.addAccount('juliet@a.example', 'secret')
  const { handler, connections } = startBoshListener(
    { requireEncryption: true, leftOut },
    {
      ...{ gateway, clock: systemClock, random: systemRandom, log: silentLogger },
      certificates: { has: () => false, contextFor: () => undefined },
      ...{ secret: Buffer.from('a secret'), iterations: 4096 },
    },
  )
  if (handler !== undefined) http.route('/other', handler)
  const ask = async (text: string): Promise<Element> => {
    const response = await fetch(`http://127.0.0.1:${http.port}/other`, { method: 'POST', body: text })
    return parseDocument(await response.text(), { ...limits, stanzaBytes: 1e6 }, '')
  }
  return { ask, connections }
}

test('XEP-0124, XEP-0206: a whole login, and a stanza each way', async () => {
  const { ask, connections } = await serves()
  const first = await ask(body(`rid='1' to='a.example' hold='1' wait='5' xmpp:version='1.0'`))
  const { sid } = first.attrs
  expect(String(first)).toContain('SCRAM-SHA-256')
  const plain = Buffer.from('\0juliet\0secret').toString('base64')
  const auth = `<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>${plain}</auth>`
  expect(String(await ask(on(sid, 2, auth)))).toContain('<success')
  expect(String(await ask(on(sid, 3, '', `xmpp:restart='true' to='a.example'`)))).toContain(
    'urn:ietf:params:xml:ns:xmpp-bind',
  )
  const bind = `<iq xmlns='jabber:client' type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'><resource>r</resource></bind></iq>`
  expect(String(await ask(on(sid, 4, bind)))).toContain('juliet@a.example/r')
  expect(connections.size).toBe(1)
  expect((await ask(on(sid, 5, `<x xmlns='jabber:client'/>`))).attrs).toMatchObject({
    type: 'terminate',
    condition: 'remote-stream-error',
  })
  await until(() => connections.size === 0)
  await connections.close(1000)
})
