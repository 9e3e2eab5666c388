/** A room on three servers of which two cannot talk while both reach the third (XEP-0281 §4.6; docs/dmuc-sync.md §3 and §5). */
import { afterEach, describe, expect, test } from '@jest/globals'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
afterEach(() => federation.close())

const room = (site: string): string => `coven@rooms.${site}.example`

async function quiet(): Promise<void> {
  for (let round = 0; round < 6; round++) await settled()
}

const join = (client: Client, site: string, nick: string): Promise<void> =>
  client.sends(`<presence to='${room(site)}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)

const item = (attrs: string): string =>
  `<iq type='set' id='admin' to='ROOM'><query xmlns='http://jabber.org/protocol/muc#admin'><item ${attrs}><reason>out</reason></item></query></iq>`

/** Sends a command to the room of its site; the answer, and what else came. */
async function commands(client: Client, site: string, attrs: string): Promise<string> {
  await client.clears()
  await client.sends(item(attrs).replace('ROOM', room(site)))
  await quiet()
  return (await client.drain()).map(String).join('\n')
}

/** ann owns the room at a, bob is at b and cat at c, both admins; then two of the servers cannot talk. */
async function cast(one: string, other: string): Promise<Record<'ann' | 'bob' | 'cat', Client>> {
  federation = await Federation.open(['a.example', 'b.example', 'c.example'])
  const ann = await federation.client('ann@a.example/x')
  const bob = await federation.client('bob@b.example/x')
  const cat = await federation.client('cat@c.example/x')
  await join(ann, 'a', 'ann')
  await ann.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_persistentroom'><value>1</value></field>
      <field var='muc#roomconfig_whois'><value>anyone</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value><value>rooms.c.example</value></field>
    </x></query></iq>`)
  await quiet()
  for (const jid of ['bob@b.example', 'cat@c.example'])
    await ann.sends(item(`jid='${jid}' affiliation='admin'`).replace('ROOM', room('a')))
  await join(bob, 'b', 'bob')
  await join(cat, 'c', 'cat')
  const dan = await federation.client('dan@b.example/x')
  await join(dan, 'b', 'dan')
  await quiet()
  federation.cut(`${one}.example`, `${other}.example`)
  // Both notice, and hear through the third who is there.
  await federation.wait(90_000)
  await federation.wait(10_000)
  for (const client of [ann, bob, cat]) await client.clears()
  return { ann, bob, cat }
}

const seenOut = async (client: Client, nick: string): Promise<string> =>
  (await client.drain())
    .filter(({ name, attrs }) => name === 'presence' && String(attrs.from).endsWith(`/${nick}`))
    .map((stanza) => [...stanza.toString().matchAll(/status code="(\d+)"/g)].map(([, code]) => code).join())
    .join(';')

describe('while two servers of a room cannot talk and both reach a third', () => {
  test('40 a kick goes by way of the third: the occupant is out at home and everywhere, as kicked', async () => {
    const { ann, bob, cat } = await cast('a', 'b')
    const answer = await commands(ann, 'a', "nick='dan' role='none'")
    expect(answer).toContain('type="result"')
    expect(await seenOut(bob, 'dan')).toBe('307')
    expect(await seenOut(cat, 'dan')).toBe('307')
    await federation.wait(2000)
    expect(await seenOut(ann, 'dan')).toBe('307')
  })

  test('40 between two shadows, too, and what the source decides reaches who cannot hear it', async () => {
    const { ann, bob, cat } = await cast('b', 'c')
    expect(await commands(cat, 'c', "nick='dan' role='none'")).toContain('type="result"')
    expect(await seenOut(bob, 'dan')).toBe('307')
    expect(await seenOut(ann, 'dan')).toBe('307')
    await federation.wait(2000)
    expect(await seenOut(cat, 'dan')).toBe('307')
  })

  test('40 a ban at a shadow that cannot reach the source is decided by the source, at once', async () => {
    const { ann, bob } = await cast('a', 'b')
    expect(await commands(bob, 'b', "jid='dan@b.example' affiliation='outcast'")).toContain('type="result"')
    expect(await seenOut(ann, 'dan')).toBe('301')
    await federation.wait(10_000)
    expect(await seenOut(bob, 'dan')).toBe('301')
    expect(await commands(bob, 'b', "jid='eve@c.example' affiliation='member'")).toContain('type="result"')
  })

  test('40 a ban at the source holds at a shadow that cannot reach it', async () => {
    const { ann, bob } = await cast('a', 'b')
    expect(await commands(ann, 'a', "jid='dan@b.example' affiliation='outcast'")).toContain('type="result"')
    await federation.wait(25_000)
    expect(await seenOut(bob, 'dan')).toBe('301')
  })

  test('43 what is private goes by way of nobody: the sender hears at once why it did not arrive', async () => {
    const { ann, bob, cat } = await cast('a', 'b')
    await ann.sends(`<message type='chat' id='m2' to='${room('a')}/bob'><body>secret</body></message>`)
    await quiet()
    const [error] = await ann.drain()
    expect(error?.toString()).toContain('<recipient-unavailable')
    expect(error?.getChild('error')?.attrs.type).toBe('wait')
    expect(error?.toString()).toContain('rooms.b.example cannot be reached')
    await ann.sends(`<iq type='get' id='v' to='${room('a')}/bob'><query xmlns='jabber:iq:version'/></iq>`)
    await quiet()
    expect((await ann.drain()).map(String).join()).toContain('<recipient-unavailable')
    await ann.sends(`<message type='chat' id='m3' to='${room('a')}/cat'><body>and to you</body></message>`)
    await quiet()
    expect((await cat.drain()).map((stanza) => stanza.getChildText('body'))).toContain('and to you')
    expect([await ann.drain(), await bob.drain()].flat().filter(({ name }) => name === 'message')).toEqual([])
    expect(federation.wire.filter((stanza) => stanza.includes('secret</body>'))).toEqual([])
  })
})
