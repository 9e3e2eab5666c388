/** What clients do not acknowledge (XEP-0198) is read again when they are given up: no text of anybody's may stop that. */
import { afterEach, expect, test } from '@jest/globals'
import { openRooms, room } from '../dialogue/muc-stage.js'
import { type Stage, settled } from '../dialogue/stage.js'
import { Wire } from '../dialogue/wire-client.js'

let stage: Stage
afterEach(() => stage.close())

test('half a character, where a reason was cut, keeps no session from its end nor others from their messages', async () => {
  stage = await openRooms()
  const alice = stage.client('alice')
  const wire = new Wire(stage)
  await wire.letIn('bob')
  const bob = await wire.client('bob')
  await bob.binds('phone')
  bob.sends(`<presence to='${room}/bob'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
  bob.sends(`<message to='${room}' type='groupchat' id='m'><body>oops</body></message>`)
  const [, id] = /<stanza-id[^>]* id='([^']+)'/.exec(await bob.hears()) ?? []
  bob.sends(`<enable xmlns='urn:xmpp:sm:3' resume='true'/>`)
  bob.sends(`<iq type='set' id='mod' to='${room}'><moderate xmlns='urn:xmpp:message-moderate:1' id='${id}'>
    <retract xmlns='urn:xmpp:message-retract:1'/><reason>${'x'.repeat(999)}\u{1f600}</reason></moderate></iq>`)
  expect(await bob.hears()).toContain('<reason>xxx')
  await alice.sends(`<message to='bob@a.example/phone' type='chat' id='1'><body>1</body></message>`)
  bob.loses()
  stage.clock.advance(600_000)
  await settled()
  expect(stage.server.sessions.of('bob@a.example')).toEqual([])
  expect(await stage.store.offlineCount('bob@a.example')).toBe(1)
  expect(stage.errors).toEqual([])
})
