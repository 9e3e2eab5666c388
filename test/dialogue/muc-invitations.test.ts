/** Invitations (XEP-0045 §7.8) between live clients and servers. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { found, join, openRooms, room } from './muc-stage.js'
import { type Client, type Stage, settled } from './stage.js'

let stage: Stage
let alice: Client
beforeEach(async () => {
  stage = await openRooms()
  alice = stage.client('alice')
  await found(alice, 'ann')
})
afterEach(() => stage.close())

const invites = (client: Client, ...to: readonly string[]): Promise<void> =>
  client.sends(`<message to='${room}' id='inv'><x xmlns='http://jabber.org/protocol/muc#user'>
    ${to.map((jid) => `<invite to='${jid}'><reason>Come</reason></invite>`).join('')}</x></message>`)
const bounces = (from: string, id = 'inv'): Promise<void> =>
  stage.peer('b.example').sends(`<message type='error' from='${from}' to='${room}' id='${id}'><error type='cancel'>
    <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`)

const told = (who: string): string => `<message type='error' from='${room}' to='alice@a.example/phone' id='inv'>
  <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
  <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>The invitation did not reach ${who}</text></error></message>`

test('§7.8.2 who invites a JID that does not exist is told: item-not-found', async () => {
  await invites(alice, 'nobody@a.example')
  await alice.receives(told('nobody@a.example'))
  await invites(alice, 'eve@b.example', 'adam@b.example')
  await bounces('adam@b.example/x')
  await alice.receives(told('adam@b.example'))
  await alice.receivesNothing()
})

test('who was not invited tells nobody anything, nor who was a second time', async () => {
  await invites(alice, 'eve@b.example')
  for (const [from, id] of [
    ['eve@b.example', 'other'],
    ['mallory@b.example', 'inv'],
  ] as const)
    await bounces(from, id)
  await alice.receivesNothing()
  await bounces('eve@b.example')
  await alice.receives(told('eve@b.example'))
  await bounces('eve@b.example')
  await alice.receivesNothing()
})

test('the whole way: an invitation into a members-only room, entered, and a decline to who invited', async () => {
  await alice.sends(`<iq type='set' id='c' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'>
    <x xmlns='jabber:x:data' type='submit'><field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#roomconfig</value></field>
    <field var='muc#roomconfig_membersonly'><value>1</value></field></x></query></iq>`)
  const [bob, carol] = [stage.client('bob'), stage.client('carol')]
  await bob.comesOnline()
  await carol.comesOnline()
  await alice.clears()
  await invites(alice, 'bob@a.example', 'carol@a.example')
  for (const client of [bob, carol])
    await client.receives(`<message from='${room}' to='{any}' id='inv'><x xmlns='http://jabber.org/protocol/muc#user'>
      <invite from='${room}/ann'><reason>Come</reason></invite></x>{...}</message>`)
  await join(bob, 'bob')
  await settled()
  expect((await bob.drain()).some(({ attrs }) => attrs.from === `${room}/ann`)).toBe(true)
  await alice.clears()
  await carol.sends(`<message to='${room}'><x xmlns='http://jabber.org/protocol/muc#user'>
    <decline to='${room}/ann'><reason>Sorry</reason></decline></x></message>`)
  await alice.receives(`<message from='${room}' to='alice@a.example/phone'><x xmlns='http://jabber.org/protocol/muc#user'>
    <decline from='carol@a.example'><reason>Sorry</reason></decline></x></message>`)
})
