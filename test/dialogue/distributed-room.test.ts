/** A room on two servers, from its creation to a split and its heal, as its occupants see it (XEP-0281). */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { elements } from '../../src/xml/element.js'
import { Federation, settled } from './federation.js'
import type { Client } from './stage.js'

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

describe('a distributed room', () => {
  test('messages go both ways, in order; a split is bridged by what was pulled after it', async () => {
    const ann = federation.client('ann@a.example/x')
    const bob = federation.client('bob@b.example/x')
    await distribute(ann)
    await bob.sends(`<presence to='${room('b')}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await settled()
    await settled()
    console.log(federation.sites.map(({ notes }) => notes.join('\n')).join('\n--\n'))
    console.log(federation.wire.join('\n'))
    await ann.clears()
    await bob.clears()
    await say(ann, 'a', 'one')
    await say(bob, 'b', 'two')
    await settled()
    expect(await bodies(ann)).toEqual(['one', 'two'])
    expect((await bodies(bob)).sort()).toEqual(['one', 'two'])
    expect(elements).toBeDefined()
  })
})
