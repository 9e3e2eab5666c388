/** What the server answers: service discovery, ping, version, time, vCards, private storage, and what it does not know. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { modules } from '../../src/modules/index.js'
import type { Module } from '../../src/server/module.js'
import { type Client, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

const coven = { jid: 'coven@rooms.a.example', name: 'The coven' }

/** A component that lists one room. */
const rooms: Module = {
  name: 'rooms',
  hosts: ['muc'],
  setup: (host) => [
    host.identity('conference', 'text', host.name),
    host.feature('http://jabber.org/protocol/muc'),
    { kind: 'disco-items', items: async () => ({ items: [coven], count: 1 }) },
  ],
}

beforeEach(async () => {
  const on = (type: 'user' | 'muc'): Module[] => modules.filter((module) => module.hosts.includes(type))
  stage = await Stage.open({
    accounts: ['alice', 'bob', 'carol'],
    hosts: [
      { domain: 'a.example', type: 'user', name: 'A', modules: on('user') },
      {
        domain: 'rooms.a.example',
        type: 'muc',
        name: 'Rooms of A',
        modules: [rooms, ...on('muc').filter(({ name }) => name === 'disco' || name === 'ping')],
      },
      { domain: 'c.example', type: 'user', modules: [] },
    ],
  })
  await stage.befriend('alice', 'bob')
  alice = stage.client('alice', 'phone')
  bob = stage.client('bob', 'phone')
})
afterEach(() => stage.close())

const error = (condition: string, type = 'cancel'): string =>
  `<error type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error>`

async function asks(client: Client, to: string | undefined, query: string, type = 'get'): Promise<void> {
  await client.sends(`<iq type='${type}' id='q'${to === undefined ? '' : ` to='${to}'`}>${query}</iq>`)
}
const answered = (client: Client, from: string, content: string): Promise<unknown> =>
  client.receives(`<iq type='result' id='q' from='${from}' to='${client.jid}'>${content}</iq>`)
const refused = (client: Client, from: string, condition: string, type = 'cancel'): Promise<unknown> =>
  client.receives(`<iq type='error' id='q' from='${from}' to='${client.jid}'>{...}${error(condition, type)}</iq>`)

const info = `<query xmlns='http://jabber.org/protocol/disco#info'/>`
const items = `<query xmlns='http://jabber.org/protocol/disco#items'/>`

describe('XEP-0030', () => {
  test('§3.1 the server: its identity and the features of all its modules', async () => {
    await asks(alice, 'a.example', info)
    const query = (await alice.next()).getChild('query')
    expect(query?.getChildren('identity').map(({ attrs }) => attrs)).toEqual([
      { category: 'server', type: 'im', name: 'A' },
      { category: 'store', type: 'file', name: 'HTTP File Upload' },
    ])
    const features = query?.getChildren('feature').map(({ attrs }) => attrs.var)
    expect(features).toEqual([...new Set(features)].sort())
    expect(features).toEqual(
      expect.arrayContaining([
        'http://jabber.org/protocol/disco#info',
        'http://jabber.org/protocol/disco#items',
        'jabber:iq:private',
        'jabber:iq:version',
        'msgoffline',
        'urn:xmpp:carbons:2',
        'urn:xmpp:ping',
        'urn:xmpp:time',
        'vcard-temp',
      ]),
    )
  })

  test('§4.1 the server’s items are its components', async () => {
    await asks(alice, 'a.example', items)
    await answered(
      alice,
      'a.example',
      `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='rooms.a.example' name='Rooms of A'/></query>`,
    )
  })

  test('a component shows what its modules registered', async () => {
    await asks(alice, 'rooms.a.example', items)
    await answered(
      alice,
      'rooms.a.example',
      `<query xmlns='http://jabber.org/protocol/disco#items'><item jid='coven@rooms.a.example' name='The coven'/></query>`,
    )
    await asks(alice, 'rooms.a.example', info)
    await answered(
      alice,
      'rooms.a.example',
      `<query xmlns='http://jabber.org/protocol/disco#info'>
        <identity category='conference' type='text' name='Rooms of A'/>
        <feature var='http://jabber.org/protocol/disco#info'/>
        <feature var='http://jabber.org/protocol/disco#items'/>
        <feature var='http://jabber.org/protocol/muc'/>
        <feature var='urn:xmpp:ping'/>
      </query>`,
    )
  })

  test('§8 an account answers its contacts and itself', async () => {
    for (const client of [bob, alice]) {
      await asks(client, 'alice@a.example', info)
      await answered(
        client,
        'alice@a.example',
        `<query xmlns='http://jabber.org/protocol/disco#info'><identity category='account' type='registered'/>{...}</query>`,
      )
    }
  })

  test.each(['bob@a.example', 'nobody@a.example'])('§8 strangers learn nothing of %s', async (jid) => {
    const carol = stage.client('carol', 'phone')
    for (const query of [info, items]) {
      await asks(carol, jid, query)
      await refused(carol, jid, 'service-unavailable')
    }
  })

  test('§3.1 a node that is not there', async () => {
    await asks(alice, 'a.example', `<query xmlns='http://jabber.org/protocol/disco#info' node='x'/>`)
    await refused(alice, 'a.example', 'item-not-found')
  })
})

describe('small answers', () => {
  test.each([['a.example'], ['alice@a.example'], [undefined]])('XEP-0199 §4 ping to %s', async (to) => {
    await asks(alice, to, `<ping xmlns='urn:xmpp:ping'/>`)
    await answered(alice, to ?? 'alice@a.example', '')
  })

  test('XEP-0092 version, without the operating system', async () => {
    await asks(alice, 'a.example', `<query xmlns='jabber:iq:version'/>`)
    await answered(
      alice,
      'a.example',
      `<query xmlns='jabber:iq:version'><name>dmucd</name><version>{any}.{any}</version></query>`,
    )
  })

  test('XEP-0202 time', async () => {
    stage.clock.advance(1500)
    await asks(alice, 'a.example', `<time xmlns='urn:xmpp:time'/>`)
    await answered(
      alice,
      'a.example',
      `<time xmlns='urn:xmpp:time'><tzo>+00:00</tzo><utc>2026-01-01T00:00:01.500Z</utc></time>`,
    )
  })

  test('RFC 6121 §3.4.1 pre-approval is announced to clients, and nothing to those of other hosts', () => {
    const features = (domain: string): string[] => stage.server.clients.streamFeatures(domain).map(String)
    expect(features('a.example')).toContain('<sub xmlns="urn:xmpp:features:pre-approval"/>')
    expect(features('c.example')).toEqual([])
    expect(features('b.example')).toEqual([])
  })
})

describe('XEP-0054', () => {
  const card = `<vCard xmlns='vcard-temp'><FN>Alice &amp; Co</FN><N><GIVEN>Alice</GIVEN></N></vCard>`
  const ask = `<vCard xmlns='vcard-temp'/>`

  test('§3 set, and got by anybody', async () => {
    await asks(alice, undefined, card, 'set')
    await answered(alice, 'alice@a.example', '')
    await asks(alice, undefined, ask)
    await answered(alice, 'alice@a.example', card)
    await asks(bob, 'alice@a.example', ask)
    await answered(bob, 'alice@a.example', card)
  })

  test('§3.1 who has none oneself is told so', async () => {
    await asks(alice, undefined, ask)
    await refused(alice, 'alice@a.example', 'item-not-found')
  })

  test.each(['bob@a.example', 'nobody@a.example'])('§3.3 no card, or no account: %s', async (jid) => {
    await asks(alice, jid, ask)
    await refused(alice, jid, 'service-unavailable')
  })

  test('§3.2 another’s cannot be set', async () => {
    await asks(bob, 'alice@a.example', card, 'set')
    await refused(bob, 'alice@a.example', 'forbidden', 'auth')
  })

  test('a card has a bound', async () => {
    await asks(alice, undefined, `<vCard xmlns='vcard-temp'><NOTE>${'x'.repeat(140_000)}</NOTE></vCard>`, 'set')
    await refused(alice, 'alice@a.example', 'not-acceptable', 'modify')
  })
})

describe('XEP-0049', () => {
  const data = (content: string): string => `<query xmlns='jabber:iq:private'>${content}</query>`

  test('kept by name and namespace, for the owner', async () => {
    await asks(alice, undefined, data(`<one xmlns='urn:x:1'><a b='&lt;'>1</a></one><one xmlns='urn:x:2'/>`), 'set')
    await answered(alice, 'alice@a.example', '')
    await asks(alice, undefined, data(`<one xmlns='urn:x:1'/>`))
    await answered(alice, 'alice@a.example', data(`<one xmlns='urn:x:1'><a b='&lt;'>1</a></one>`))
    await asks(alice, undefined, data(`<two xmlns='urn:x:1'/>`))
    await answered(alice, 'alice@a.example', data(`<two xmlns='urn:x:1'/>`))
    await asks(bob, 'alice@a.example', data(`<one xmlns='urn:x:1'/>`))
    await refused(bob, 'alice@a.example', 'forbidden', 'auth')
  })

  test.each([
    ['nothing', '', 'not-acceptable'],
    ['no namespace of its own', '<one/>', 'not-acceptable'],
  ])('§2.3 refused: %s', async (_name, content, condition) => {
    await asks(alice, undefined, data(content), 'set')
    await refused(alice, 'alice@a.example', condition, 'modify')
  })
})

describe('RFC 6120 §8.4: what nobody knows', () => {
  test.each([
    'a.example',
    'bob@a.example',
    'alice@a.example',
    'bob@a.example/nowhere',
    'nobody@a.example',
    'rooms.a.example',
    'x@rooms.a.example',
    'c.example',
  ])('a request to %s', async (to) => {
    await asks(alice, to, `<query xmlns='urn:example:unknown'/>`)
    await refused(alice, to, 'service-unavailable')
  })
})
