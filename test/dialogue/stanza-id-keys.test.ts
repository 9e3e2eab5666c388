/** What is said after a server has left a room has ids that it cannot work out, the same everywhere else (XEP-0359; docs/dmuc-sync.md §1). */
import { afterEach, expect, test } from '@jest/globals'
import { keyNumberOf, stanzaIdOf } from '../../src/dmuc/ids.js'
import { type MucService, mucService } from '../../src/modules/muc/index.js'
import type { LiveRoom } from '../../src/modules/muc/live-room.js'
import { Federation } from './federation.js'
import { type Client, settled } from './stage.js'

let federation: Federation
afterEach(() => federation.close())

const room = (site: string): string => `coven@rooms.${site}.example`
const live = (site: string): LiveRoom | undefined => {
  const { server, rooms } = federation.site(`${site}.example`)
  return server.service<MucService>(rooms, mucService)?.rooms.get(room(site))
}

async function quiet(): Promise<void> {
  for (let round = 0; round < 8; round++) await settled()
}

const join = (client: Client, site: string, nick: string): Promise<void> =>
  client.sends(`<presence to='${room(site)}/${nick}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)

const sharing = (...sites: readonly string[]): string => `
  <iq type='set' id='cfg' to='${room('a')}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'>
      <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
      <field var='muc#roomconfig_persistentroom'><value>1</value></field>
      <field var='muc#roomconfig_distributed'><value>true</value></field>
      <field var='{urn:xmpp:dmuc-sync:0}peers'>${sites.map((site) => `<value>rooms.${site}.example</value>`).join('')}</field>
    </x></query></iq>`

/** The ids under which the clients saw these words. */
async function idsOf(body: string, ...clients: readonly Client[]): Promise<string[]> {
  const found: string[] = []
  for (const client of clients)
    for (const stanza of await client.drain())
      if (stanza.getChildText('body') === body) found.push(String(stanza.getChild('stanza-id')?.attrs.id))
  return found
}

const say = (client: Client, site: string, body: string): Promise<void> =>
  client.sends(`<message to='${room(site)}' type='groupchat' id='${body}'><body>${body}</body></message>`)

test('a new key when a room is taken back from a server, for who is there and who comes back later', async () => {
  federation = await Federation.open(['a.example', 'b.example', 'c.example', 'd.example'])
  const [ann, bob, dan] = [
    await federation.client('ann@a.example/x'),
    await federation.client('bob@b.example/x'),
    await federation.client('dan@d.example/x'),
  ] as const
  await join(ann, 'a', 'ann')
  await ann.sends(sharing('b', 'c', 'd'))
  await quiet()
  await join(bob, 'b', 'bob')
  await join(dan, 'd', 'dan')
  await quiet()
  await say(bob, 'b', 'before')
  await quiet()
  const [before, ...same] = await idsOf('before', ann, bob, dan)
  expect([same, keyNumberOf(String(before))]).toEqual([[before, before], 1])
  const left = live('c')!.replica

  // d can reach b, and hears nothing of it.
  federation.cut('a.example', 'd.example')
  await ann.sends(sharing('b', 'd'))
  await quiet()
  expect(live('c')).toBeUndefined()
  await say(bob, 'b', 'after')
  await say(dan, 'd', 'meanwhile')
  await quiet()
  const after = await idsOf('after', ann, bob, dan)
  expect([after.length, new Set(after).size]).toEqual([3, 1])
  expect(keyNumberOf(after[0]!)).toBeGreaterThan(1)
  // What c knows does not tell it.
  const spoken = live('b')!.replica.room.history.at(-2)!
  expect(spoken.stanzaId).toBe(after[0])
  for (const key of [left.keys, { ...left.keys, number: keyNumberOf(after[0]!) }])
    expect(stanzaIdOf(key, left.identity.roomId, spoken.id)).not.toBe(after[0])

  federation.heal('a.example', 'd.example')
  await federation.wait(60_000)
  expect(live('d')!.replica.keys).toEqual(live('a')!.replica.keys)
  expect(live('b')!.replica.keys).toEqual(live('a')!.replica.keys)
  await say(dan, 'd', 'at last')
  await quiet()
  const last = await idsOf('at last', ann, bob, dan)
  expect([last.length, new Set(last).size, keyNumberOf(last[0]!)]).toEqual([3, 1, keyNumberOf(after[0]!)])
  for (const site of ['a', 'b', 'd'])
    expect(
      live(site)!
        .replica.room.history.map(({ stanzaId }) => stanzaId)
        .sort(),
    ).toEqual(
      live('a')!
        .replica.room.history.map(({ stanzaId }) => stanzaId)
        .sort(),
    )
  // It is on disk, too.
  await federation.crash('b.example')
  await federation.wait(10_000)
  expect(live('b')!.replica.keys).toEqual(live('a')!.replica.keys)
})
