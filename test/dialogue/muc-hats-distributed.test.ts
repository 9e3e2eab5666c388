/** XEP-0317 in a room that two servers hold (XEP-0281): a hat given at one is seen at both, and is still there after a restart. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
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

async function runs(
  client: Client,
  site: string,
  name: string,
  fields: Readonly<Record<string, string>>,
): Promise<void> {
  const xml = Object.entries(fields).map(([name, value]) => `<field var='hats#${name}'><value>${value}</value></field>`)
  await client.sends(`<iq type='set' id='hat' to='${room(site)}'>
    <command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:${name}'>
    <x xmlns='jabber:x:data' type='submit'>${xml.join('')}</x></command></iq>`)
  await settled()
}

/** The last that this client saw of each nick's hats. */
async function seen(client: Client): Promise<Record<string, string>> {
  const worn: Record<string, string> = {}
  for (const stanza of await client.drain()) {
    if (stanza.name !== 'presence') continue
    const hats = stanza.getChild('hats', 'urn:xmpp:hats:0')?.getChildren('hat') ?? []
    worn[String(stanza.attrs.from).split('/')[1]!] = hats.map(({ attrs }) => attrs.title).join()
  }
  return worn
}

test('given at the source it is seen at the shadow; an admin at the shadow makes and gives one, too', async () => {
  await runs(ann, 'a', 'create', { uri: 'u:host', title: 'Host' })
  await runs(ann, 'a', 'assign', { uri: 'u:host', jid: 'bob@b.example' })
  expect([await seen(ann), await seen(bob)]).toEqual([{ bob: 'Host' }, { bob: 'Host' }])
  await runs(bob, 'b', 'create', { uri: 'u:scribe', title: 'Scribe' })
  expect((await bob.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
  await ann.sends(`<iq type='set' id='adm' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#admin'>
    <item jid='bob@b.example' affiliation='admin'/></query></iq>`)
  await settled()
  await ann.clears()
  await bob.clears()
  await runs(bob, 'b', 'create', { uri: 'u:scribe', title: 'Scribe' })
  await runs(bob, 'b', 'assign', { uri: 'u:scribe', jid: 'ann@a.example' })
  expect([await seen(ann), await seen(bob)]).toEqual([{ ann: 'Scribe' }, { ann: 'Scribe' }])
})

test('it is on the disk of both', async () => {
  await runs(ann, 'a', 'create', { uri: 'u:host', title: 'Host' })
  await runs(ann, 'a', 'assign', { uri: 'u:host', jid: 'bob@b.example' })
  await federation.crash('a.example')
  await federation.crash('b.example')
  const carol = await federation.client('carol@b.example/x')
  const bobAgain = await federation.client('bob@b.example/y')
  await enter(carol, 'b', 'carol')
  await enter(bobAgain, 'b', 'bob')
  await settled()
  expect(await seen(carol)).toMatchObject({ bob: 'Host', carol: '' })
})
