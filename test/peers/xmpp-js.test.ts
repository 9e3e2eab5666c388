/** @xmpp/client over TCP with STARTTLS and over WebSocket, in one room. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'
import { XmppJs } from './xmpp-js.js'

const password = 'cauldron-bubble'
const at = 'heath@rooms.a.example'
const open: XmppJs[] = []

peer([])('@xmpp/client', () => {
  let server: Dmucd
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users: { ann: password, bob: password } })
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.close()))
  })
  afterAll(() => server.stop())

  const login = (user: string, service: string, word = password): XmppJs => {
    const { certificate } = server
    const client = new XmppJs({ service, jid: `${user}@a.example`, password: word, certificate })
    open.push(client)
    return client
  }
  const tcp = (): string => `xmpp://127.0.0.1:${server.c2sPort}`
  const webSocket = (): string => `ws://127.0.0.1:${server.httpPort}/xmpp-websocket`
  const join = (client: XmppJs, nick: string): void =>
    client.send(
      `<presence to="${at}/${nick}"><x xmlns="http://jabber.org/protocol/muc"><history maxstanzas="20"/></x></presence>`,
    )

  test('a room is made over STARTTLS and entered over WebSocket; both talk, both have the history', async () => {
    const ann = login('ann', tcp())
    const [annJid, bobJid] = [/^ann@a\.example\/xmppjs\/./, /^bob@a\.example\/xmppjs\/./]
    expect(await ann.online()).toEqual({
      ...{ jid: expect.stringMatching(annJid), mechanism: 'SCRAM-SHA-1', secure: true },
    })
    const bob = login('bob', webSocket())
    expect(await bob.online()).toMatchObject({ jid: expect.stringMatching(bobJid), mechanism: 'SCRAM-SHA-1' })
    join(ann, 'ann')
    expect((await ann.sees(`${at}/ann`)).toString()).toContain('<status code="201"/>')
    ann.send(`<iq type="set" id="accept" to="${at}"><query xmlns="http://jabber.org/protocol/muc#owner">
      <x xmlns="jabber:x:data" type="submit"/></query></iq>`)
    await ann.next((stanza) => stanza.attrs.id === 'accept' && stanza.attrs.type === 'result')
    ann.send(`<message type="groupchat" to="${at}" id="m1"><body>Hail! ü € 😀 &lt;&amp;&gt;</body></message>`)
    await ann.hears('Hail! ü € 😀 <&>')
    join(bob, 'bob')
    const told = await bob.hears('Hail! ü € 😀 <&>')
    expect(told.getChild('delay', 'urn:xmpp:delay')?.attrs.from).toBe(at)
    await ann.sees(`${at}/bob`)
    bob.send(`<message type="groupchat" to="${at}" id="m2"><body>All hail</body></message>`)
    const [reflected, heard] = [await bob.hears('All hail'), await ann.hears('All hail')]
    expect(reflected.attrs).toMatchObject({ from: `${at}/bob`, id: 'm2', to: expect.stringMatching(bobJid) })
    expect(heard.attrs).toMatchObject({ from: `${at}/bob`, id: 'm2', to: expect.stringMatching(annJid) })
    bob.send(
      `<message type="chat" to="${at}/ann" id="m3"><body>A word</body><x xmlns="http://jabber.org/protocol/muc#user"/></message>`,
    )
    expect((await ann.hears('A word')).attrs.from).toBe(`${at}/bob`)
    await bob.close()
    await ann.sees(`${at}/bob`, 'unavailable')
  })

  test('a login in one step (SASL2, Bind 2), with a password; the next one with the token (FAST) that it got', async () => {
    const ann = login('ann', tcp())
    expect(await ann.online()).toMatchObject({ mechanism: 'SCRAM-SHA-1' })
    for (const _time of ['the second', 'the third'])
      expect(await ann.again()).toEqual({
        ...{ jid: expect.stringMatching(/^ann@a\.example\/xmppjs\/./), mechanism: 'HT-SHA-256-NONE', secure: true },
      })
    ann.send('<iq type="get" id="ping" to="a.example"><ping xmlns="urn:xmpp:ping"/></iq>')
    await ann.next(({ attrs }) => attrs.id === 'ping' && attrs.type === 'result')
  })

  test.each([
    ['STARTTLS', tcp],
    ['WebSocket', webSocket],
  ])('a wrong password is refused over %s', async (_name, service) => {
    await expect(login('ann', service(), 'double-toil').online()).rejects.toThrow('not-authorized')
  })
})
