/** A room on two servers, from its creation to a split and its heal, as its occupants see it (XEP-0281). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openMemoryStore } from '../../src/store/memory.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
beforeEach(async () => {
  federation = await Federation.open(['a.example', 'b.example'])
})
afterEach(() => federation.close())

const room = (site: string): string => `coven@rooms.${site}.example`

async function bodies(client: Client): Promise<string[]> {
  const found: string[] = []
  for (const stanza of await client.drain()) {
    const body = stanza.getChildText('body')
    if (stanza.name === 'message' && stanza.attrs.type === 'groupchat' && body) found.push(body)
  }
  return found
}

async function distribute(owner: Client): Promise<void> {
  await owner.sends(`<presence to='${room('a')}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  await owner.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_persistentroom'><value>1</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'><value>rooms.b.example</value></field>
    </x></query></iq>`)
  await settled()
  await settled()
}

const say = (client: Client, site: string, body: string): Promise<void> =>
  client.sends(`<message to='${room(site)}' type='groupchat' id='${body}'><body>${body}</body></message>`)

const join = (client: Client, site: string, nick: string): Promise<void> =>
  client.sends(`<presence to='${room(site)}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)

/** Who a client sees come (+) and go (-), in order. */
async function comings(client: Client): Promise<string[]> {
  return (await client.drain())
    .filter(({ name }) => name === 'presence')
    .map(({ attrs }) => `${attrs.type === 'unavailable' ? '-' : '+'}${String(attrs.from).split('/')[1]}`)
}

async function annAndBob(): Promise<[Client, Client]> {
  const ann = await federation.client('ann@a.example/x')
  const bob = await federation.client('bob@b.example/x')
  await distribute(ann)
  await join(bob, 'b', 'bob')
  await settled()
  await ann.clears()
  await bob.clears()
  return [ann, bob]
}

describe('a distributed room', () => {
  test('a joiner at the shadow sees who is at the source, and is seen there', async () => {
    const ann = await federation.client('ann@a.example/x')
    const bob = await federation.client('bob@b.example/x')
    await distribute(ann)
    await ann.clears()
    await join(bob, 'b', 'bob')
    await settled()
    expect(await comings(bob)).toEqual(['+ann', '+bob'])
    expect(await comings(ann)).toEqual(['+bob'])
  })

  test('messages go both ways, in order', async () => {
    const [ann, bob] = await annAndBob()
    await say(ann, 'a', 'one')
    await say(ann, 'a', 'two')
    await say(bob, 'b', 'three')
    await settled()
    expect(await bodies(ann)).toEqual(['one', 'two', 'three'])
    expect((await bodies(bob)).filter((body) => body !== 'three')).toEqual(['one', 'two'])
  })

  test('the same message has the same stanza-id at both instances, each by its own room', async () => {
    const [ann, bob] = await annAndBob()
    await say(ann, 'a', 'one')
    await settled()
    const ids = [await ann.drain(), await bob.drain()].map((stanzas) => stanzas.at(-1)?.getChild('stanza-id')?.attrs)
    expect(ids[0]?.id).toBe(ids[1]?.id)
    expect(ids.map((attrs) => attrs?.by)).toEqual([room('a'), room('b')])
  })

  test('leaving, changing the nick and being kicked are seen at the other instance', async () => {
    const [ann, bob] = await annAndBob()
    await bob.sends(`<presence to='${room('b')}/robert'/>`)
    await settled()
    expect(await comings(ann)).toEqual(['-bob', '+robert'])
    await ann.sends(`<iq type='set' id='k' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#admin'>
      <item nick='robert' role='none'><reason>out</reason></item></query></iq>`)
    await settled()
    await settled()
    expect(await comings(ann)).toEqual(['-robert'])
    const removal = (await bob.drain()).at(-1)
    expect(removal?.attrs.type).toBe('unavailable')
    expect(removal?.toString()).toContain('307')
  })

  test('a ban at the source reaches the shadow, and holds there', async () => {
    const [ann, bob] = await annAndBob()
    await ann.sends(`<iq type='set' id='b' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#admin'>
      <item jid='bob@b.example' affiliation='outcast'/></query></iq>`)
    await settled()
    expect(await comings(ann)).toEqual(['-bob'])
    expect(await comings(bob)).toEqual(['-bob'])
    await join(bob, 'b', 'bob')
    const [refusal] = await bob.drain()
    expect(refusal?.attrs.type).toBe('error')
    expect(refusal?.toString()).toContain('forbidden')
  })

  test('in a split both sides go on; after it each has what the other said, in order, late ones with their time', async () => {
    const [ann, bob] = await annAndBob()
    federation.cut('a.example', 'b.example')
    for (let n = 1; n <= 150; n++) {
      await say(ann, 'a', `a${n}`)
      await say(bob, 'b', `b${n}`)
    }
    await settled()
    expect(await bodies(ann)).toHaveLength(150)
    expect(await bodies(bob)).toHaveLength(150)
    federation.heal('a.example', 'b.example')
    await federation.wait(70_000)
    const late = (await ann.drain()).filter((stanza) => stanza.getChild('delay') !== undefined)
    expect(late.map((stanza) => stanza.getChildText('body'))).toEqual(
      Array.from({ length: 150 }, (_, n) => `b${n + 1}`),
    )
    expect(await bodies(bob)).toEqual(Array.from({ length: 150 }, (_, n) => `a${n + 1}`))
  })

  test('past the grace the other side is shown as gone (333); when the link heals they are back', async () => {
    const [ann, bob] = await annAndBob()
    federation.cut('a.example', 'b.example')
    await say(ann, 'a', 'is anybody there?')
    await federation.wait(120_000)
    const gone = (await ann.drain()).filter(({ name }) => name === 'presence')
    expect(gone).toHaveLength(1)
    expect(gone[0]?.toString()).toContain('333')
    expect(await comings(bob)).toEqual(['-ann'])
    federation.heal('a.example', 'b.example')
    await federation.wait(130_000)
    expect(await comings(ann)).toEqual(['+bob'])
    expect(await comings(bob)).toEqual(['+ann'])
  })

  test('a private message finds its way to the other instance and back', async () => {
    const [ann, bob] = await annAndBob()
    await ann.sends(`<message to='${room('a')}/bob' type='chat' id='p'><body>psst</body></message>`)
    await settled()
    const [heard] = await bob.drain()
    expect([heard?.attrs.from, heard?.getChildText('body')]).toEqual([`${room('b')}/ann`, 'psst'])
    await bob.sends(`<message to='${room('b')}/ann' type='chat' id='q'><body>yes?</body></message>`)
    await settled()
    expect((await ann.drain()).at(-1)?.getChildText('body')).toBe('yes?')
  })

  test('the owner may configure from the shadow: the source decides, all have it', async () => {
    const [ann, bob] = await annAndBob()
    await ann.sends(`<iq type='set' id='o' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#admin'>
      <item jid='bob@b.example' affiliation='owner'/></query></iq>`)
    await settled()
    await bob.clears()
    await bob.sends(`<iq type='set' id='c' to='${room('b')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_roomname'><value>A Dark Cave</value></field></x></query></iq>`)
    await settled()
    await settled()
    const answers = (await bob.drain()).filter(({ name }) => name === 'iq')
    expect(answers.map(({ attrs }) => attrs.type)).toEqual(['result'])
    for (const site of ['a', 'b']) {
      const asker = site === 'a' ? ann : bob
      await asker.clears()
      await asker.sends(
        `<iq type='get' id='d' to='${room(site)}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
      )
      expect((await asker.drain())[0]?.toString()).toContain('A Dark Cave')
    }
  })

  test('one nick for two people at the same time: the source gives it to one of them', async () => {
    await annAndBob()
    const [al, bea] = [await federation.client('al@a.example/x'), await federation.client('bea@b.example/x')]
    await Promise.all([join(al, 'a', 'sam'), join(bea, 'b', 'sam')])
    await settled()
    await settled()
    const outcomes = [await al.drain(), await bea.drain()].map((stanzas) =>
      stanzas.some(({ attrs }) => attrs.type === 'error'),
    )
    expect(outcomes.filter(Boolean)).toHaveLength(1)
  })

  test.each(['a', 'b'])(
    '%s crashes: what was said is there after it, and the rooms find together again',
    async (crashed) => {
      const [ann, bob] = await annAndBob()
      await say(ann, 'a', 'before')
      await say(bob, 'b', 'before, too')
      await settled()
      await ann.clears()
      await bob.clears()
      await federation.crash(`${crashed}.example`)
      const stays = crashed === 'a' ? bob : ann
      const other = crashed === 'a' ? 'b' : 'a'
      await say(stays, other, 'meanwhile')
      await federation.wait(60_000)
      expect(await comings(stays)).toEqual([crashed === 'a' ? '-ann' : '-bob'])
      const eve = await federation.client(`eve@${crashed}.example/x`)
      await join(eve, crashed, 'eve')
      await settled()
      expect((await bodies(eve)).sort()).toEqual(['before', 'before, too', 'meanwhile'])
      expect(await comings(stays)).toEqual(['+eve'])
    },
  )
})

describe('a shadow that lost its disk', () => {
  test('is given the room again, with its history and its occupants', async () => {
    const [ann] = await annAndBob()
    await say(ann, 'a', 'before')
    await settled()
    federation.site('b.example').store = openMemoryStore()
    await federation.crash('b.example')
    await federation.wait(60_000)
    await ann.clears()
    const eve = await federation.client('eve@b.example/x')
    await join(eve, 'b', 'eve')
    await settled()
    const heard = await eve.drain()
    expect(heard.map((stanza) => stanza.getChildText('body')).filter(Boolean)).toEqual(['before'])
    expect(heard.some(({ attrs }) => attrs.from === `${room('b')}/ann`)).toBe(true)
    expect(await comings(ann)).toEqual(['+eve'])
  })
})

describe('a room after a crash', () => {
  test('keeps the nicks of who was in it, and tells those who cannot know that they are out', async () => {
    const ann = await federation.client('ann@a.example/x')
    const bob = await federation.client('bob@b.example/x')
    await bob.comesOnline()
    await join(ann, 'a', 'ann')
    await ann.sends(`<iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'><field var='muc#roomconfig_persistentroom'><value>1</value></field></x></query></iq>`)
    await join(bob, 'a', 'bob')
    await settled()
    await bob.clears()
    await federation.crash('a.example')
    const den = await federation.client('den@a.example/x')
    await join(den, 'a', 'bob')
    await settled()
    expect((await den.drain()).map(({ attrs }) => attrs.type)).toEqual(['error'])
    const told = (await bob.drain()).filter(({ name }) => name === 'presence')
    expect(told.map(({ attrs }) => [attrs.from, attrs.type])).toEqual([[`${room('a')}/bob`, 'unavailable']])
    await join(bob, 'a', 'bob')
    await settled()
    expect((await comings(bob)).at(-1)).toBe('+bob')
  })
})
