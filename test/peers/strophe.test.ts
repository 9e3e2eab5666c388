/** Strophe.js on a page of another origin, by WebSocket and by BOSH: account, conversation, archive, room, a lost connection. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { openBrowser } from './browser.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'
import { Strophe, stropheSite } from './strophe.js'

const password = 'cauldron-bubble'
const open: Strophe[] = []
const client = 'xmlns="jabber:client"'

peer(['/usr/bin/chromium'])('Strophe.js', () => {
  let server: Dmucd
  let browser: Browser
  let site: Awaited<ReturnType<typeof stropheSite>>
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users: { ann: password, bob: password } })
    site = await stropheSite()
    browser = await openBrowser()
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((strophe) => strophe.close()))
  })
  afterAll(async () => {
    await browser?.close()
    site?.close()
    await server?.stop()
  })

  const services = {
    WebSocket: () => `ws://127.0.0.1:${server.httpPort}/xmpp-websocket`,
    BOSH: () => `http://127.0.0.1:${server.httpPort}/http-bind`,
  }
  const page = async (): Promise<Strophe> => {
    const strophe = await Strophe.open(browser, site.address)
    open.push(strophe)
    return strophe
  }
  /** Logged in, and available. */
  const online = async (user: string, by: keyof typeof services, resource: string = by): Promise<Strophe> => {
    const strophe = await page()
    expect(await strophe.login(services[by](), `${user}@a.example/${resource}`, password)).toBe('CONNECTED')
    await strophe.send(`<presence ${client}/>`)
    await strophe.sees(`${user}@a.example/${resource}`)
    return strophe
  }
  const mechanism = ({ sent }: Strophe) => sent.find(({ name }) => name === 'auth')?.attrs.mechanism

  test.each(['WebSocket', 'BOSH'] as const)('logs in by %s, and is told that a password is wrong', async (by) => {
    const strophe = await online('ann', by)
    expect(mechanism(strophe)).toBe('SCRAM-SHA-512')
    const other = await page()
    await other.login(services[by](), 'ann@a.example', 'double-toil')
    expect(other.statuses).toContain('AUTHFAIL')
  })

  test('contacts find each other; what is said reaches every device, and the archive', async () => {
    const ann = await online('ann', 'WebSocket')
    const bob = await online('bob', 'BOSH')
    const desk = await online('bob', 'WebSocket', 'desk')
    await ann.send(`<presence ${client} type="subscribe" to="bob@a.example"/>`)
    await bob.sees('ann@a.example', 'subscribe')
    await bob.send(`<presence ${client} type="subscribed" to="ann@a.example"/>`)
    await ann.sees('bob@a.example/BOSH')
    const roster = await ann.asks(`<iq ${client} type="get" id="r"><query xmlns="jabber:iq:roster"/></iq>`, 'r')
    expect(roster.getChild('query')?.getChild('item')?.attrs).toMatchObject({
      jid: 'bob@a.example',
      subscription: 'to',
    })
    for (const each of [bob, desk])
      await each.asks(`<iq ${client} type="set" id="c"><enable xmlns="urn:xmpp:carbons:2"/></iq>`, 'c')
    await ann.send(
      `<message ${client} type="chat" to="bob@a.example/BOSH"><body>Hail! ü € 😀 &lt;&amp;&gt;</body></message>`,
    )
    await bob.hears('Hail! ü € 😀 <&>')
    const carbon = await desk.next((stanza) => stanza.getChild('received', 'urn:xmpp:carbons:2') !== undefined)
    expect(carbon.toString()).toContain('Hail! ü € 😀 &lt;&amp;&gt;')
    await bob.send(`<message ${client} type="chat" to="ann@a.example/WebSocket"><body>All hail</body></message>`)
    await ann.hears('All hail')
    await desk.next((stanza) => stanza.getChild('sent', 'urn:xmpp:carbons:2') !== undefined)
    await desk.asks(`<iq ${client} type="set" id="m"><query xmlns="urn:xmpp:mam:2"/></iq>`, 'm')
    for (const body of ['Hail! ü € 😀 &lt;&amp;&gt;', 'All hail'])
      await desk.next((stanza) => String(stanza.getChild('result', 'urn:xmpp:mam:2')).includes(`<body>${body}</body>`))
  })

  test('a room: made by BOSH, entered by WebSocket; talk, history, a kick', async () => {
    const at = 'heath@rooms.a.example'
    const x = (of: string): string =>
      `<presence ${client} to="${at}/${of}"><x xmlns="http://jabber.org/protocol/muc"/></presence>`
    const ann = await online('ann', 'BOSH')
    const bob = await online('bob', 'WebSocket')
    await ann.send(x('ann'))
    expect((await ann.sees(`${at}/ann`)).toString()).toContain('<status code="201"/>')
    const owner = 'http://jabber.org/protocol/muc#owner'
    const accept = `<query xmlns="${owner}"><x xmlns="jabber:x:data" type="submit"/></query>`
    await ann.asks(`<iq ${client} type="set" id="accept" to="${at}">${accept}</iq>`, 'accept')
    await ann.send(`<message ${client} type="groupchat" to="${at}"><body>before you came</body></message>`)
    await ann.hears('before you came')
    await bob.send(x('bob'))
    expect((await bob.hears('before you came')).getChild('delay', 'urn:xmpp:delay')?.attrs.from).toBe(at)
    await bob.send(`<message ${client} type="groupchat" to="${at}"><body>in thunder</body></message>`)
    for (const each of [ann, bob]) expect((await each.hears('in thunder')).attrs.from).toBe(`${at}/bob`)
    const kick = '<item nick="bob" role="none"><reason>Out, damned spot</reason></item>'
    await ann.asks(
      `<iq ${client} type="set" id="k" to="${at}"><query xmlns="http://jabber.org/protocol/muc#admin">${kick}</query></iq>`,
      'k',
    )
    expect((await bob.sees(`${at}/bob`, 'unavailable')).toString()).toContain('Out, damned spot')
  })

  test('a lost WebSocket: the session is resumed, with what was said meanwhile', async () => {
    const ann = await online('ann', 'BOSH')
    const bob = await online('bob', 'WebSocket')
    const resumed = await bob.loses(() =>
      ann.send(`<message ${client} type="chat" to="bob@a.example"><body>while you were away</body></message>`),
    )
    expect(resumed).toBe(true)
    await bob.hears('while you were away')
  })
})
