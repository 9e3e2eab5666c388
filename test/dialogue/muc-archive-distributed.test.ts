/** XEP-0313 on a room that two servers hold (XEP-0281): one id for one message, and nothing is missed after a split. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example'])
})
afterEach(() => federation.close())

const room = (site: string): string => `coven@rooms.${site}.example`

const say = async (client: Client, site: string, body: string): Promise<void> => {
  await client.sends(`<message to='${room(site)}' type='groupchat' id='${body}'><body>${body}</body></message>`)
  await settled()
}

async function annAndBob(): Promise<[Client, Client]> {
  const ann = await federation.client('ann@a.example/x')
  const bob = await federation.client('bob@b.example/x')
  await ann.sends(`<presence to='${room('a')}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await ann.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
    </x></query></iq>`)
  await settled()
  await settled()
  await bob.sends(`<presence to='${room('b')}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await settled()
  return [ann, bob]
}

interface Entry {
  readonly id: string
  readonly body: string
  readonly stamp: string
}

async function archive(client: Client, site: string, content = ''): Promise<Entry[]> {
  await client.clears()
  await client.sends(`<iq type='set' id='q' to='${room(site)}'><query xmlns='urn:xmpp:mam:2'>${content}</query></iq>`)
  return (await client.drain()).flatMap((stanza) => {
    const result = stanza.getChild('result', 'urn:xmpp:mam:2')
    const forwarded = result?.getChild('forwarded', 'urn:xmpp:forward:0')
    const body = forwarded?.getChild('message')?.getChildText('body')
    const stamp = forwarded?.getChild('delay', 'urn:xmpp:delay')?.attrs.stamp
    return body ? [{ id: String(result?.attrs.id), body, stamp: String(stamp) }] : []
  })
}

const bodies = (entries: readonly Entry[]): string[] => entries.map(({ body }) => body)

test('the archive at the shadow is that of the source, with the same ids and times', async () => {
  const [ann, bob] = await annAndBob()
  await say(ann, 'a', 'one')
  await say(bob, 'b', 'two')
  const atSource = await archive(ann, 'a')
  expect(bodies(atSource)).toEqual(['one', 'two'])
  expect(await archive(bob, 'b')).toEqual(atSource)
})

test('dmuc.md §3 Order: what arrives late is found by who has read up to the split, and tells when it was said', async () => {
  const [ann, bob] = await annAndBob()
  await say(ann, 'a', 'one')
  federation.cut('a.example', 'b.example')
  await federation.wait(1000)
  const saidAt = new Date(federation.clock.now()).toISOString()
  await say(bob, 'b', 'theirs')
  await federation.wait(120_000)
  await say(ann, 'a', 'ours')
  const read = await archive(ann, 'a')
  expect(bodies(read)).toEqual(['one', 'ours'])
  const healedAt = new Date(federation.clock.now()).toISOString()
  federation.heal('a.example', 'b.example')
  await federation.wait(120_000)
  const since = `<set xmlns='http://jabber.org/protocol/rsm'><after>${read.at(-1)?.id}</after></set>`
  const missed = await archive(ann, 'a', since)
  expect(missed).toEqual([{ id: expect.any(String), body: 'theirs', stamp: saidAt }])
  const byTime = `<x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>urn:xmpp:mam:2</value></field>
    <field var='start'><value>${healedAt}</value></field></x>`
  expect(bodies(await archive(ann, 'a', byTime))).toContain('theirs')
  expect((await archive(ann, 'a')).map(({ id }) => id).sort()).toEqual(
    (await archive(bob, 'b')).map(({ id }) => id).sort(),
  )
})
