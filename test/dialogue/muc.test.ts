/** Rooms as people meet them through the server: coming, talking and going, and the marks that a room puts on what is said. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { configure, join, openRooms, room, say } from './muc-stage.js'
import type { Client, Stage } from './stage.js'

let stage: Stage
let alice: Client
let bob: Client

beforeEach(async () => {
  stage = await openRooms()
  alice = stage.client('alice')
  bob = stage.client('bob')
})
afterEach(() => stage.close())

/** Alice has made the room, and Bob is in. */
async function together(): Promise<void> {
  await join(alice, 'firstwitch')
  await configure(alice)
  await join(bob, 'secondwitch')
  for (const client of [alice, bob]) await client.clears()
}

/** `rights`: attributes of the item. */
const occupant = (nick: string, to: Client, rights: string, statuses: readonly number[] = [], type = ''): string =>
  `<presence from='${room}/${nick}' to='${to.jid}'${type}><x xmlns='http://jabber.org/protocol/muc#user'>
    <item ${rights}/>${statuses.map((code) => `<status code='${code}'/>`).join('')}</x>
    <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/></presence>`

const asks = (client: Client, to: string, query: string, type = 'get'): Promise<void> =>
  client.sends(`<iq type='${type}' id='q' to='${to}'>${query}</iq>`)

const command = (name: string, fields: Readonly<Record<string, string>> | undefined): string => {
  const values = Object.entries(fields ?? {}).map(
    ([key, value]) => `<field var='${key}'><value>${value}</value></field>`,
  )
  const form = fields === undefined ? '' : `<x xmlns='jabber:x:data' type='submit'>${values.join('')}</x>`
  return `<command xmlns='http://jabber.org/protocol/commands' node='urn:xmpp:hats:commands:${name}'>${form}</command>`
}

describe('XEP-0045', () => {
  test('§10.1.1 who comes first makes the room; §7.2.2 who comes next sees who is there, and is seen', async () => {
    await join(alice, 'firstwitch')
    await alice.receives(
      occupant('firstwitch', alice, `affiliation='owner' role='moderator' jid='${alice.jid}'`, [110, 170, 201]),
    )
    await configure(alice)
    await alice.clears()
    await join(bob, 'secondwitch')
    await bob.receives(occupant('firstwitch', bob, `affiliation='owner' role='moderator'`))
    await bob.receives(
      occupant('secondwitch', bob, `affiliation='none' role='participant' jid='${bob.jid}'`, [110, 170]),
    )
    await alice.receives(occupant('secondwitch', alice, `affiliation='none' role='participant' jid='${bob.jid}'`))
  })

  test('§7.4 what one says all hear, also who says it; §7.14 who leaves is seen to go', async () => {
    await together()
    await say(bob, 'hubble')
    for (const client of [alice, bob])
      await client.receives(
        `<message from='${room}/secondwitch' to='${client.jid}' type='groupchat' id='hubble'><body>hubble</body>{...}</message>`,
      )
    await bob.sends(`<presence type='unavailable' to='${room}/secondwitch'/>`)
    const rights = `affiliation='none' role='none' jid='${bob.jid}'`
    await alice.receives(occupant('secondwitch', alice, rights, [], ` type='unavailable'`))
    await bob.receives(occupant('secondwitch', bob, rights, [110], ` type='unavailable'`))
  })
})

test('XEP-0359 §3.1 a message has the room’s id, the same for all, whatever its author claims; its author’s own id stays', async () => {
  await together()
  await bob.sends(`<message to='${room}' type='groupchat' id='m'><body>Hi</body>
    <stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='forged'/><origin-id xmlns='urn:xmpp:sid:0' id='own'/></message>`)
  const ids = new Set<string>()
  for (const client of [alice, bob]) {
    const message = await client.next()
    const found = message.getChildren('stanza-id', 'urn:xmpp:sid:0')
    expect(found.map(({ attrs }) => attrs.by)).toEqual([room])
    expect(message.getChild('origin-id', 'urn:xmpp:sid:0')?.attrs.id).toBe('own')
    ids.add(String(found[0]!.attrs.id))
  }
  expect(ids.size).toBe(1)
  expect([...ids]).not.toContain('forged')
})

test('XEP-0410 §3 who is in and asks is answered by the room; who is not is told so', async () => {
  await together()
  const ping = `<ping xmlns='urn:xmpp:ping'/>`
  await asks(bob, `${room}/secondwitch`, ping)
  await bob.receives(`<iq type='result' id='q' from='${room}/secondwitch' to='${bob.jid}'/>`)
  const carol = stage.client('carol')
  await asks(carol, `${room}/secondwitch`, ping)
  await carol.receives(`<iq type='error' id='q' from='${room}/secondwitch' to='${carol.jid}'>{...}
    <error type='cancel' by='${room}'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>{...}</error></iq>`)
})

test('XEP-0421 §3 somebody has one id in a room, on presence and messages, under every nick; two people have two', async () => {
  await together()
  const idOf = async (client: Client): Promise<string> =>
    String((await client.next()).getChild('occupant-id', 'urn:xmpp:occupant-id:0')?.attrs.id)
  await say(bob, 'one')
  const bobs = await idOf(alice)
  expect(bobs).toMatch(/^.{20,}$/)
  await join(bob, 'thirdwitch')
  await alice.clears()
  await say(bob, 'two')
  expect(await idOf(alice)).toBe(bobs)
  await say(alice, 'three')
  expect(await idOf(alice)).not.toBe(bobs)
})

test('XEP-0317 and XEP-0050: an owner makes a hat by commands of the room, gives it, and all see who wears it', async () => {
  await together()
  await asks(
    alice,
    room,
    `<query xmlns='http://jabber.org/protocol/disco#items' node='http://jabber.org/protocol/commands'/>`,
  )
  expect(String(await alice.next())).toContain('urn:xmpp:hats:commands:create')
  await asks(alice, room, command('create', undefined), 'set')
  expect((await alice.next()).getChild('command')?.attrs.status).toBe('executing')
  const uri = 'http://schemas.example.com/hats#host'
  await asks(alice, room, command('create', { 'hats#title': 'Host', 'hats#uri': uri }), 'set')
  await asks(alice, room, command('assign', { 'hats#jid': 'bob@a.example', 'hats#uri': uri }), 'set')
  const worn = (await bob.drain()).map((stanza) => stanza.getChild('hats', 'urn:xmpp:hats:0')?.getChild('hat')?.attrs)
  expect(worn).toContainEqual(expect.objectContaining({ title: 'Host', uri }))
  await asks(bob, room, command('create', { 'hats#title': 'Thane', 'hats#uri': `${uri}2` }), 'set')
  expect((await bob.next()).attrs.type).toBe('error')
})
