/**
 * When the store fails in the middle of a room: who asked is answered `internal-server-error`, nobody sees anything, nothing has changed, in
 * memory or on disk; other rooms do not notice; and the next time it works.
 */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Store, Write } from '../../src/store/store.js'
import { administer, configure, found, join, openRooms, room, say, says } from './muc-stage.js'
import { type Client, type Stage, settled } from './stage.js'

const other = 'cellar@rooms.a.example'

let stage: Stage
let alice: Client
let bob: Client
let carol: Client
/** A message of bob's. */
let said = ''

beforeEach(async () => {
  stage = await openRooms({ muc_room_locking: false })
  alice = stage.client('alice')
  bob = stage.client('bob')
  carol = stage.client('carol')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1' })
  await join(bob, 'bob')
  await join(carol, 'carol', '', other)
  said = (await says(bob, 'hail'))[0]!
  for (const client of [alice, bob, carol]) await client.clears()
})
afterEach(async () => {
  stage.store.failing = false
  await stage.close()
})

const owner = (payload: string, to = room): string =>
  `<iq type='set' id='o' to='${to}'><query xmlns='http://jabber.org/protocol/muc#owner'>${payload}</query></iq>`

interface Operation {
  readonly does: () => Promise<void>
  /** Who asks, alice unless it is said. */
  readonly by?: () => Client
  /** What the answer to success is, for who asked. */
  readonly answer: string
  /** Kinds of rows, each of which may be the one that fails. */
  readonly rows: readonly Write['type'][]
}

const operations: Readonly<Record<string, Operation>> = {
  message: { does: () => say(alice, 'hello'), answer: 'message', rows: ['room.log'] },
  subject: {
    does: () => alice.sends(`<message to='${room}' type='groupchat' id='s'><subject>Fire</subject></message>`),
    answer: 'message',
    rows: ['room.log', 'room.put'],
  },
  configuration: {
    does: () => configure(alice, { 'muc#roomconfig_roomname': 'Other' }),
    answer: 'iq',
    rows: ['room.log', 'room.put'],
  },
  affiliation: {
    does: () => administer(alice, `<item affiliation='member' jid='carol@a.example'/>`),
    answer: 'iq',
    rows: ['room.log', 'room.put', 'room.affiliation'],
  },
  'a ban': {
    does: () => administer(alice, `<item affiliation='outcast' jid='bob@a.example'/>`),
    answer: 'iq',
    rows: ['room.log', 'room.put', 'room.affiliation'],
  },
  registration: {
    does: () =>
      bob.sends(`<iq type='set' id='g' to='${room}'><query xmlns='jabber:iq:register'>
        <x xmlns='jabber:x:data' type='submit'>
          <field var='FORM_TYPE'><value>http://jabber.org/protocol/muc#register</value></field>
          <field var='muc#register_roomnick'><value>bobby</value></field></x></query></iq>`),
    by: () => bob,
    answer: 'iq',
    rows: ['room.log', 'room.put', 'room.affiliation'],
  },
  retraction: {
    does: () =>
      bob.sends(`<message to='${room}' type='groupchat' id='r'>
        <retract xmlns='urn:xmpp:message-retract:1' id='${said}'/></message>`),
    by: () => bob,
    answer: 'message',
    rows: ['room.log', 'room.amend'],
  },
  moderation: {
    does: () =>
      alice.sends(`<iq type='set' id='m' to='${room}'><moderate xmlns='urn:xmpp:message-moderate:1' id='${said}'>
        <retract xmlns='urn:xmpp:message-retract:1'/></moderate></iq>`),
    answer: 'iq',
    rows: ['room.log', 'room.amend'],
  },
  creation: {
    does: () => join(alice, 'ann', '', 'attic@rooms.a.example'),
    answer: 'presence',
    rows: ['room.log', 'room.put', 'room.affiliation'],
  },
  destruction: { does: () => alice.sends(owner('<destroy/>')), answer: 'iq', rows: ['room.log', 'room.delete'] },
}

/** All there is of all rooms, but for who was in them. */
async function contents(store: Store): Promise<unknown> {
  const rooms = await store.rooms('rooms.a.example', { limit: 99 })
  const loaded = await Promise.all(rooms.map(({ jid }) => store.loadRoom(jid, 99)))
  return loaded.map((room) => ({ ...room, occupants: [] }))
}

describe.each(Object.entries(operations))('%s', (_, { does, by = () => alice, answer, rows }) => {
  test.each(['commits', ...rows] as const)('while %s fail', async (failing) => {
    const before = await contents(stage.store)
    stage.store.failing = failing === 'commits' ? failing : [failing]
    await does()
    await settled()
    const answers = await by().drain()
    expect(answers).toHaveLength(1)
    expect(answers[0]!.name).toBe(answer)
    expect(answers[0]!.attrs.type).toBe('error')
    expect(answers[0]!.getChild('error')?.getChild('internal-server-error')).toBeDefined()
    for (const client of [alice, bob, carol]) await client.receivesNothing()
    stage.store.failing = false
    expect(await contents(stage.store)).toEqual(before)
    await say(carol, 'nothing happened here', other)
    expect((await carol.next()).getChildText('body')).toBe('nothing happened here')
    await does()
    const again = await by().drain()
    expect(again.length).toBeGreaterThan(0)
    expect(again.filter(({ attrs }) => attrs.type === 'error')).toEqual([])
    expect(await contents(stage.store)).not.toEqual(before)
  })
})
