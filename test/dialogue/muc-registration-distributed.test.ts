/** Registration (XEP-0045 §§7.10, 9.9, XEP-0077) in a room that two servers hold (XEP-0281): asked at one, approved at the other. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
let ann: Client
let bob: Client

const room = (site: string): string => `coven@rooms.${site}.example`
const enter = (client: Client, site: string, nick: string): Promise<void> =>
  client.sends(`<presence to='${room(site)}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
const wait = async (): Promise<void> => {
  for (let turn = 0; turn < 6; turn++) await settled()
}

beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example'])
  ann = await federation.client('ann@a.example/x')
  bob = await federation.client('bob@b.example/x')
  await enter(ann, 'a', 'ann')
  await ann.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_persistentroom'><value>1</value></field>
      <field var='muc#roomconfig_membersonly'><value>1</value></field>
      <field var='muc#roomconfig_roomadmins'><value>bob@b.example</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
    </x></query></iq>`)
  await wait()
  await enter(bob, 'b', 'bob')
  await wait()
  await ann.sends(`<presence to='${room('a')}/ann' type='unavailable'/>`)
  await wait()
  await bob.clears()
})
afterEach(() => federation.close())

const form = (stanza: Element | undefined): Element | undefined =>
  stanza?.name === 'message' ? (stanza.getChild('x', 'jabber:x:data') ?? undefined) : undefined

async function entersAt(site: string, client: Client): Promise<string> {
  await client.clears()
  await enter(client, site, 'cat')
  await wait()
  const [first] = await client.drain()
  return first?.getChild('error')?.getChildElements()[0]?.name ?? 'in'
}

test('the admin at the shadow gets the form from the room there, and answers it there; the register is the same at both', async () => {
  const carol = await federation.client('carol@a.example/x')
  await carol.comesOnline()
  expect(await entersAt('a', carol)).toBe('registration-required')
  await carol.sends(`<iq type='set' id='reg' to='${room('a')}'><query xmlns='jabber:iq:register'>
    <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>
    <field var='muc#register_roomnick'><value>cat</value></field></x></query></iq>`)
  await wait()
  expect((await carol.next()).attrs.type).toBe('result')
  const asked = (await bob.drain()).find((stanza) => form(stanza) !== undefined)
  expect(asked?.attrs.from).toBe(room('b'))
  const fields = form(asked)?.getChildren('field') ?? []
  const answer = fields.map(({ attrs }, index) => {
    const given = attrs.var === 'muc#register_allow' ? '1' : fields[index]?.getChildText('value')
    return `<field var='${attrs.var}'><value>${given}</value></field>`
  })
  await bob.sends(`<message to='${room('b')}'><x xmlns='jabber:x:data' type='submit'>${answer.join('')}</x></message>`)
  await wait()
  expect((await carol.next()).getChild('x', 'http://jabber.org/protocol/muc#user')?.getChild('invite')).toBeDefined()
  expect(await entersAt('a', carol)).toBe('in')
  const dan = await federation.client('dan@b.example/x')
  await bob.sends(`<iq type='set' id='m' to='${room('b')}'><query xmlns='http://jabber.org/protocol/muc#admin'>
    <item jid='dan@b.example' affiliation='member'/></query></iq>`)
  await wait()
  expect(await entersAt('b', dan)).toBe('conflict')
})
