/** XEP-0424 and XEP-0425 in a room that two servers hold (XEP-0281): gone at one is gone at both, also after a split. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
let ann: Client
let bob: Client

const room = (site: string): string => `coven@rooms.${site}.example`

beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example'])
  ann = await federation.client('ann@a.example/x')
  bob = await federation.client('bob@b.example/x')
  await ann.sends(`<presence to='${room('a')}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await ann.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_persistentroom'><value>1</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
    </x></query></iq>`)
  await settled()
  await settled()
  await bob.sends(`<presence to='${room('b')}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await settled()
  await ann.clears()
  await bob.clears()
})
afterEach(() => federation.close())

/** Says it, and gives the id that the room gave it. */
async function says(client: Client, site: string, body: string): Promise<string> {
  await client.sends(`<message to='${room(site)}' type='groupchat' id='${body}'><body>${body}</body></message>`)
  const heard = (await client.drain()).find((stanza) => stanza.getChildText('body') === body)
  return String(heard?.getChild('stanza-id', 'urn:xmpp:sid:0')?.attrs.id)
}

const retract = (client: Client, site: string, id: string): Promise<void> =>
  client.sends(`<message to='${room(site)}' type='groupchat' id='r1'>
    <retract xmlns='urn:xmpp:message-retract:1' id='${id}'/></message>`)

const moderate = (client: Client, site: string, id: string): Promise<void> =>
  client.sends(`<iq type='set' id='mod' to='${room(site)}'><moderate xmlns='urn:xmpp:message-moderate:1' id='${id}'>
    <retract xmlns='urn:xmpp:message-retract:1'/><reason>off topic</reason></moderate></iq>`)

const isNotice = (stanza: Element): boolean => stanza.getChild('retract', 'urn:xmpp:message-retract:1') !== undefined

/** What the archive has, as `id body`, or `id (who)` for what is gone. */
async function archive(client: Client, site: string): Promise<string[]> {
  await client.clears()
  await client.sends(`<iq type='set' id='q' to='${room(site)}'><query xmlns='urn:xmpp:mam:2'/></iq>`)
  return (await client.drain()).flatMap((stanza) => {
    const result = stanza.getChild('result', 'urn:xmpp:mam:2')
    const message = result?.getChild('forwarded', 'urn:xmpp:forward:0')?.getChild('message')
    if (message === undefined || isNotice(message)) return []
    const retracted = message.getChild('retracted', 'urn:xmpp:message-retract:1')
    const by = retracted?.getChild('moderated', 'urn:xmpp:message-moderate:1')?.attrs.by
    const who = by === undefined ? 'author' : String(by).split('/')[1]
    return [`${result?.attrs.id} ${retracted === undefined ? message.getChildText('body') : `(${who})`}`]
  })
}

const both = async (): Promise<[string[], string[]]> => [await archive(ann, 'a'), await archive(bob, 'b')]

test('what a moderator retracts at the source is gone at the shadow, and its people are told', async () => {
  const id = await says(bob, 'b', 'spam')
  await bob.clears()
  await moderate(ann, 'a', id)
  await settled()
  const notice = (await bob.drain()).find(isNotice)
  expect(notice?.attrs.from).toBe(room('b'))
  expect(notice?.getChild('retract')?.attrs.id).toBe(id)
  expect(await both()).toEqual([[`${id} (ann)`], [`${id} (ann)`]])
})

test('what an author at the shadow takes back is gone at the source', async () => {
  const id = await says(bob, 'b', 'oops')
  const kept = await says(ann, 'a', 'mine')
  await retract(bob, 'b', id)
  await settled()
  const expected = [`${id} (author)`, `${kept} mine`]
  expect(await both()).toEqual([expected, expected])
})

test('what is said and gone during a split never reaches the people of the other side', async () => {
  federation.cut('a.example', 'b.example')
  await federation.wait(1000)
  const id = await says(bob, 'b', 'oops')
  await retract(bob, 'b', id)
  const other = await says(ann, 'a', 'spam')
  await moderate(ann, 'a', other)
  await federation.wait(120_000)
  await ann.clears()
  await bob.clears()
  federation.heal('a.example', 'b.example')
  await federation.wait(120_000)
  const bodies = async (client: Client): Promise<unknown[]> =>
    (await client.drain()).map((stanza) => stanza.getChildText('body')).filter((body) => body !== null)
  expect(await bodies(ann)).toEqual([])
  expect(await bodies(bob)).toEqual([])
  const sorted = [`${id} (author)`, `${other} (ann)`].sort()
  expect((await both()).map((entries) => entries.sort())).toEqual([sorted, sorted])
})

test('what was said before a split is gone on both sides after it, whoever retracted it', async () => {
  const spam = await says(bob, 'b', 'spam')
  const oops = await says(bob, 'b', 'oops')
  await settled()
  federation.cut('a.example', 'b.example')
  await federation.wait(1000)
  await moderate(ann, 'a', spam)
  await retract(bob, 'b', oops)
  await federation.wait(120_000)
  federation.heal('a.example', 'b.example')
  await federation.wait(120_000)
  const expected = [`${spam} (ann)`, `${oops} (author)`]
  expect(await both()).toEqual([expected, expected])
})
