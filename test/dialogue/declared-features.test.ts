/** XEP-0030: what the server, its accounts, its service of rooms and a room tell is what some part declares (src/xmpp/xep.ts), all of it. */
import { afterEach, expect, test } from '@jest/globals'
import { specifications } from '../../src/config/specifications.js'
import { modules } from '../../src/modules/index.js'
import { configure, found, openRooms, room } from './muc-stage.js'
import type { Client, Stage } from './stage.js'

let stage: Stage
afterEach(() => stage.close())

async function featuresOf(client: Client, jid: string): Promise<string[]> {
  await client.sends(`<iq type='get' id='i' to='${jid}'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`)
  const query = (await client.next()).getChild('query')!
  return query.getChildren('feature').map(({ attrs }) => String(attrs.var))
}

test('XEP-0030 §3.1 what is told is declared, and what is declared is told', async () => {
  stage = await openRooms({ dmuc: { allow: ['rooms.b.example'] } })
  const alice = stage.client('alice')
  const told = new Set<string>()
  const ask = async (jid: string) => {
    const features = await featuresOf(alice, jid)
    expect(features).not.toEqual([])
    for (const feature of features) told.add(feature)
  }
  for (const jid of ['a.example', 'alice@a.example', 'rooms.a.example']) await ask(jid)
  await found(alice, 'firstwitch')
  await ask(room)
  // Each of the types of rooms that the first answer did not name.
  await configure(alice, {
    'muc#roomconfig_publicroom': '0',
    'muc#roomconfig_membersonly': '1',
    'muc#roomconfig_moderatedroom': '1',
    'muc#roomconfig_whois': 'anyone',
    'muc#roomconfig_passwordprotectedroom': '1',
    'muc#roomconfig_roomsecret': 'cauldronburn',
    'muc#roomconfig_persistentroom': '1',
  })
  await alice.clears()
  await ask(room)
  const declared = specifications(modules).flatMap(({ features }) => features)
  expect([...told].sort()).toEqual([...new Set(declared)].sort())
})
