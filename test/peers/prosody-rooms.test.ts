/** A real Prosody and a real dmucd, joined by dialback over TLS: the users of each in the rooms of the other. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Dmucd, startDmucd } from './dmucd.js'
import { PlainClient } from './plain-client.js'
import { type Prosody, startProsody } from './prosody.js'
import { peer } from './require-peer.js'
import { XmppJs } from './xmpp-js.js'

const password = 'cauldron-bubble'
const x = `<x xmlns="http://jabber.org/protocol/muc"/>`
const groupchat = (room: string, id: string, body: string): string =>
  `<message type="groupchat" to="${room}" id="${id}"><body>${body}</body></message>`

peer(['prosody'])('rooms between Prosody and dmucd', () => {
  let us: Dmucd
  let prosody: Prosody
  /** Our user, with @xmpp/client. */
  let ann: XmppJs
  /** Prosody's user. */
  let juliet: PlainClient

  beforeAll(async () => {
    us = await startDmucd({ domain: 'a.example', users: { ann: password } })
    prosody = await startProsody({
      domain: 'p.example',
      mucDomain: 'rooms.p.example',
      users: { juliet: password },
      routes: { [us.domain]: us.s2sPort, [us.rooms]: us.s2sPort },
    })
    await us.reroute({ 'p.example': prosody.s2sPort, 'rooms.p.example': prosody.s2sPort })
    const service = `xmpp://127.0.0.1:${us.c2sPort}`
    ann = new XmppJs({ service, jid: 'ann@a.example', password, certificate: us.certificate })
    await ann.online()
    ann.send('<presence/>')
    juliet = await PlainClient.login(prosody.c2sPort, 'p.example', 'juliet', password)
    juliet.send('<presence/>')
  })
  afterAll(async () => {
    juliet?.close()
    await ann?.close()
    await prosody?.stop()
    await us?.stop()
  })

  /** The owner takes the room as it is made (XEP-0045 §10.1.2): it opens for others. */
  const accepts = async (room: string): Promise<void> => {
    ann.send(`<iq type="set" id="${room}" to="${room}"><query xmlns="http://jabber.org/protocol/muc#owner">
      <x xmlns="jabber:x:data" type="submit"/></query></iq>`)
    await ann.next((stanza) => stanza.attrs.id === room && stanza.attrs.type === 'result')
  }

  test("Prosody's user enters our room, gets its history, talks, is seen, is kicked", async () => {
    const room = 'heath@rooms.a.example'
    ann.send(`<presence to="${room}/ann">${x}</presence>`)
    await ann.sees(`${room}/ann`)
    await accepts(room)
    ann.send(groupchat(room, 'm1', 'When shall we three meet again?'))
    await ann.hears('When shall we three meet again?')

    juliet.send(`<presence to="${room}/juliet">${x}</presence>`)
    const self = await juliet.next(({ name, attrs }) => name === 'presence' && attrs.from === `${room}/juliet`)
    expect(self.toString()).toContain('code="110"')
    const told = await juliet.next((stanza) => stanza.getChildText('body') === 'When shall we three meet again?')
    expect(told.attrs.from).toBe(`${room}/ann`)
    expect(told.getChild('delay', 'urn:xmpp:delay')).toBeDefined()
    await ann.sees(`${room}/juliet`)

    juliet.send(groupchat(room, 'j1', 'In thunder, lightning, or in rain? ü €'))
    expect((await ann.hears('In thunder, lightning, or in rain? ü €')).attrs.from).toBe(`${room}/juliet`)
    const reflected = await juliet.next(({ attrs }) => attrs.id === 'j1')
    expect(reflected.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.by).toBe(room)
    ann.send(groupchat(room, 'm2', 'When the battle is lost'))
    await juliet.next(({ attrs }) => attrs.id === 'm2')

    juliet.send(`<iq type="get" id="d1" to="${room}"><query xmlns="http://jabber.org/protocol/disco#info"/></iq>`)
    const info = await juliet.next(({ attrs }) => attrs.id === 'd1')
    expect(info.toString()).toContain('http://jabber.org/protocol/muc')
    ann.send(`<iq type="set" id="k1" to="${room}"><query xmlns="http://jabber.org/protocol/muc#admin">
      <item nick="juliet" role="none"><reason>and won</reason></item></query></iq>`)
    const kicked = await juliet.next(({ attrs }) => attrs.type === 'unavailable')
    expect(kicked.toString()).toContain('code="307"')
  })

  test('our user makes a room at Prosody, talks with its user, and gets the history after coming back', async () => {
    const room = 'balcony@rooms.p.example'
    ann.send(`<presence to="${room}/ann">${x}</presence>`)
    expect((await ann.sees(`${room}/ann`)).toString()).toContain('<status code="201"/>')
    await accepts(room)
    juliet.send(`<presence to="${room}/juliet">${x}</presence>`)
    await ann.sees(`${room}/juliet`)
    juliet.send(groupchat(room, 'j2', 'Ay me!'))
    expect((await ann.hears('Ay me!')).attrs).toMatchObject({ from: `${room}/juliet`, to: 'ann@a.example/xmppjs' })
    ann.send(groupchat(room, 'm3', 'She speaks'))
    expect((await ann.hears('She speaks')).attrs.id).toBe('m3')
    await juliet.next((stanza) => stanza.getChildText('body') === 'She speaks')
    ann.send(`<presence to="${room}/ann" type="unavailable"/>`)
    await ann.sees(`${room}/ann`, 'unavailable')
    ann.send(`<presence to="${room}/ann">${x}</presence>`)
    await ann.hears('Ay me!')
    expect((await ann.hears('She speaks')).getChild('delay', 'urn:xmpp:delay')).toBeDefined()
  })

  test('contacts across the two: subscription, presence, chat', async () => {
    // Who has asked for the roster is told of subscriptions (RFC 6121 §2.2).
    ann.send('<iq type="get" id="r1"><query xmlns="jabber:iq:roster"/></iq>')
    ann.send('<presence to="juliet@p.example" type="subscribe"/>')
    const asked = await juliet.next(({ attrs }) => attrs.type === 'subscribe')
    expect(asked.attrs.from).toBe('ann@a.example')
    juliet.send('<presence to="ann@a.example" type="subscribed"/>')
    await ann.sees('juliet@p.example', 'subscribed')
    await ann.sees('juliet@p.example/test')
    juliet.send('<message to="ann@a.example/xmppjs" type="chat" id="c1"><body>O Romeo</body></message>')
    expect((await ann.hears('O Romeo')).attrs.from).toBe('juliet@p.example/test')
  })

  test('every stream between the two was encrypted and proved by dialback', () => {
    const entries = us
      .log()
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    const accepted = entries.filter(({ msg }) => msg === 'Accepted a server')
    const connected = entries.filter(({ msg }) => msg === 'Connected to a server')
    expect(accepted.length).toBeGreaterThan(0)
    expect(connected.length).toBeGreaterThan(0)
    for (const { by, protocol } of accepted) expect({ by, protocol }).toEqual({ by: 'dialback', protocol: 'TLSv1.3' })
    for (const { protocol } of connected) expect(protocol).toBe('TLSv1.3')
  })
})
