/** A real Prosody and a real dmucd, joined by dialback over TLS: the users of each in the rooms of the other. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
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

  test("Prosody's user owns a room of ours: locks, opens, invites, whispers, reads the archive, bans, destroys", async () => {
    const room = 'tower@rooms.a.example'
    const ask = async (id: string, type: string, payload: string): Promise<Element> => {
      juliet.send(`<iq type="${type}" id="${id}" to="${room}">${payload}</iq>`)
      return juliet.next(({ name, attrs }) => name === 'iq' && attrs.id === id)
    }
    const condition = async (): Promise<string> => {
      const refused = await ann.next(({ name, attrs }) => name === 'presence' && attrs.type === 'error')
      return String(refused.getChild('error')?.getChildElements()[0]?.name)
    }
    juliet.send(`<presence to="${room}/juliet">${x}</presence>`)
    const self = await juliet.next(({ name, attrs }) => name === 'presence' && attrs.from === `${room}/juliet`)
    expect(self.toString()).toMatch(/affiliation="owner".*code="201"/)
    ann.send(`<presence to="${room}/ann">${x}</presence>`)
    expect(await condition()).toBe('item-not-found')

    const secret = `<field var="muc#roomconfig_roomsecret"><value>nightingale</value></field>`
    const form = `<x xmlns="jabber:x:data" type="submit"><field var="FORM_TYPE"><value>http://jabber.org/protocol/muc#roomconfig</value></field>${secret}</x>`
    const owner = 'http://jabber.org/protocol/muc#owner'
    expect((await ask('t1', 'set', `<query xmlns="${owner}">${form}</query>`)).attrs.type).toBe('result')
    ann.send(`<presence to="${room}/ann">${x}</presence>`)
    expect(await condition()).toBe('not-authorized')
    juliet.send(
      `<message to="${room}"><x xmlns="http://jabber.org/protocol/muc#user"><invite to="ann@a.example"/></x></message>`,
    )
    const invitation = await ann.next(({ name, attrs }) => name === 'message' && attrs.from === room)
    const password = invitation.getChild('x')?.getChildText('password')
    expect(password).toBe('nightingale')
    ann.send(
      `<presence to="${room}/ann"><x xmlns="http://jabber.org/protocol/muc"><password>${password}</password></x></presence>`,
    )
    await ann.sees(`${room}/ann`)

    juliet.send(`<message type="chat" to="${room}/ann" id="w1"><body>It was the nightingale</body></message>`)
    expect((await ann.hears('It was the nightingale')).attrs.from).toBe(`${room}/juliet`)
    ann.send(groupchat(room, 't2', 'It was the lark'))
    await juliet.next(({ attrs }) => attrs.id === 't2')
    juliet.send(`<iq type="set" id="mam" to="${room}"><query xmlns="urn:xmpp:mam:2"/></iq>`)
    const result = await juliet.next((stanza) => stanza.getChild('result', 'urn:xmpp:mam:2') !== undefined)
    expect(result.toString()).toContain('It was the lark')
    await juliet.next(({ attrs }) => attrs.id === 'mam')

    const ban = `<query xmlns="http://jabber.org/protocol/muc#admin"><item affiliation="outcast" jid="ann@a.example"/></query>`
    expect((await ask('t3', 'set', ban)).attrs.type).toBe('result')
    expect((await ann.sees(`${room}/ann`, 'unavailable')).toString()).toContain('code="301"')
    const destroy = `<query xmlns="${owner}"><destroy><reason>The sun rises</reason></destroy></query>`
    expect((await ask('t4', 'set', destroy)).attrs.type).toBe('result')
    expect((await ask('t5', 'get', '<query xmlns="http://jabber.org/protocol/disco#info"/>')).attrs.type).toBe('error')
  })

  test('our user makes a room at Prosody, talks with its user, and gets the history after coming back', async () => {
    const room = 'balcony@rooms.p.example'
    ann.send(`<presence to="${room}/ann">${x}</presence>`)
    expect((await ann.sees(`${room}/ann`)).toString()).toContain('<status code="201"/>')
    await accepts(room)
    juliet.send(`<presence to="${room}/juliet">${x}</presence>`)
    await ann.sees(`${room}/juliet`)
    juliet.send(groupchat(room, 'j2', 'Ay me!'))
    expect((await ann.hears('Ay me!')).attrs).toMatchObject({
      from: `${room}/juliet`,
      to: expect.stringMatching(/^ann@a\.example\/xmppjs\/./),
    })
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

  test('our server stops: who is in its rooms from elsewhere is told with 332', async () => {
    const room = 'vault@rooms.a.example'
    juliet.send(`<presence to="${room}/juliet">${x}</presence>`)
    await juliet.next(({ name, attrs }) => name === 'presence' && attrs.from === `${room}/juliet`)
    await us.stop()
    const told = await juliet.next(({ attrs }) => attrs.from === `${room}/juliet` && attrs.type === 'unavailable')
    expect(told.toString()).toContain('code="332"')
  })
})
