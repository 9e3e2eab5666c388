/**
 * What rooms have nothing to do with passes through them whole: live, in the history and in the archive, at the server where it
 * was said and at another that holds the room (XEP-0281).
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
let ann: Client
let bob: Client

const room = (site: string): string => `coven@rooms.${site}.example`
const enter = (client: Client, site: string, nick: string): Promise<void> =>
  client.sends(`<presence to='${room(site)}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)

beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example'])
  ann = await federation.client('ann@a.example/x')
  bob = await federation.client('bob@b.example/x')
  await enter(ann, 'a', 'ann')
  await ann.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_persistentroom'><value>1</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
    </x></query></iq>`)
  await settled()
  await settled()
  await enter(bob, 'b', 'bob')
  await settled()
  await ann.clears()
  await bob.clears()
})
afterEach(() => federation.close())

const cases: readonly (readonly [string, string])[] = [
  [
    'XEP-0444 reactions',
    `<reactions xmlns='urn:xmpp:reactions:0' id='744f6e18'><reaction>\u{1F44B}</reaction><reaction>\u{1F422}</reaction></reactions><store xmlns='urn:xmpp:hints'/>`,
  ],
  ['XEP-0308 a correction', `<body>But soft</body><replace xmlns='urn:xmpp:message-correct:0' id='bad1'/>`],
  [
    'XEP-0461 a reply, with what XEP-0428 says of its body',
    `<body>&gt; Anna wrote\n&gt; hello\nGreat</body><reply xmlns='urn:xmpp:reply:0' to='coven@rooms.a.example/ann' id='message-id1'/><fallback xmlns='urn:xmpp:fallback:0' for='urn:xmpp:reply:0'><body start='0' end='21'/></fallback>`,
  ],
  ['XEP-0359 the id that its author gave it', `<body>hi</body><origin-id xmlns='urn:xmpp:sid:0' id='de305d54'/>`],
  ['XEP-0333 a marker to keep', `<displayed xmlns='urn:xmpp:chat-markers:0' id='x'/>`],
  [
    'XEP-0066 a link',
    `<body>https://x.example/y.png</body><x xmlns='jabber:x:oob'><url>https://x.example/y.png</url></x>`,
  ],
  [
    'XEP-0384 what is encrypted',
    `<encrypted xmlns='eu.siacs.conversations.axolotl'><header sid='1'><key rid='2'>AA==</key><iv>AA==</iv></header><payload>AA==</payload></encrypted><body>OMEMO</body>`,
  ],
]

/** What the sender wrote, as it came: without what the room adds. */
const said = (message: Element | undefined | null): string =>
  (message?.getChildElements() ?? [])
    .filter((element) => !isOfTheRoom(element))
    .map((element) => element.toString().replaceAll('"', "'"))
    .join('')

const isOfTheRoom = ({ name, attrs }: Element): boolean =>
  (name === 'stanza-id' && String(attrs.by).startsWith('coven@')) ||
  attrs.xmlns === 'http://jabber.org/protocol/muc#user' ||
  ['occupant-id', 'delay'].includes(name)

const groupchat = async (client: Client): Promise<Element[]> =>
  (await client.drain()).filter(({ name, attrs }) => name === 'message' && attrs.type === 'groupchat')

async function archived(client: Client, site: string): Promise<Element | undefined> {
  await client.clears()
  await client.sends(`<iq type='set' id='q' to='${room(site)}'><query xmlns='urn:xmpp:mam:2'/></iq>`)
  const results = (await client.drain()).flatMap((stanza) => stanza.getChild('result', 'urn:xmpp:mam:2') ?? [])
  expect(results).toHaveLength(1)
  return results[0]?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message')
}

describe.each(cases)('%s', (_, content) => {
  test.each([['a'], ['b']])('said at %s', async (site) => {
    const speaker = site === 'a' ? ann : bob
    await speaker.sends(`<message to='${room(site)}' type='groupchat' id='m1' xml:lang='en'>${content}</message>`)
    await settled()
    const expected = content.replaceAll('"', "'")
    const [heardByAnn] = await groupchat(ann)
    const [heardByBob] = await groupchat(bob)
    expect([said(heardByAnn), said(heardByBob)]).toEqual([expected, expected])
    expect([heardByAnn?.attrs.id, heardByBob?.attrs.id]).toEqual(['m1', 'm1'])
    for (const [client, at] of [
      [ann, 'a'],
      [bob, 'b'],
    ] as const) {
      const kept = await archived(client, at)
      expect([said(kept), kept?.attrs.id, kept?.attrs['xml:lang']]).toEqual([expected, 'm1', 'en'])
      const author = site === 'a' ? heardByAnn : heardByBob
      // XEP-0421: the archive tells the author as the live message did, at each server the same.
      const id = author?.getChild('occupant-id', 'urn:xmpp:occupant-id:0')?.attrs.id
      expect(kept?.getChild('occupant-id', 'urn:xmpp:occupant-id:0')?.attrs.id).toBe(id)
      const late = await federation.client(`late@${at}.example/x`)
      await enter(late, at, `late-${at}`)
      const [history] = await groupchat(late)
      expect(said(history)).toBe(expected)
    }
  })
})
