/** XEP-0045 where the service and the server take part, not the room alone: discovery, what is not there, coming and going. */
import { afterEach, describe, expect, test } from '@jest/globals'
import { found, join, openRooms, room, say } from './muc-stage.js'
import { type Client, type Stage, settled } from './stage.js'

let stage: Stage
afterEach(() => stage.close())

const info = (to: string, node = ''): string =>
  `<iq type='get' id='i' to='${to}'><query xmlns='http://jabber.org/protocol/disco#info'${node && ` node='${node}'`}/></iq>`
const items = (to: string, node = ''): string =>
  `<iq type='get' id='i' to='${to}'><query xmlns='http://jabber.org/protocol/disco#items'${node && ` node='${node}'`}/></iq>`

async function conditionOf(client: Client): Promise<string | undefined> {
  const [child] = (await client.next()).getChild('error')?.children ?? []
  return typeof child === 'object' ? child.name : undefined
}

async function listed(client: Client): Promise<unknown[]> {
  await client.clears()
  await client.sends(items('rooms.a.example'))
  return (await client.next())
    .getChild('query')!
    .getChildren('item')
    .map(({ attrs }) => attrs.jid)
}

describe('XEP-0045 §6 discovery', () => {
  test('XEP-0045 §6.1 the server names its service of rooms among its items', async () => {
    stage = await openRooms()
    const bob = stage.client('bob')
    await bob.sends(items('a.example'))
    const jids = (await bob.next())
      .getChild('query')!
      .getChildren('item')
      .map(({ attrs }) => attrs.jid)
    expect(jids).toContain('rooms.a.example')
  })

  test('XEP-0045 §6.2 the service has the identity of a conference, and its features', async () => {
    stage = await openRooms()
    const bob = stage.client('bob')
    await bob.sends(info('rooms.a.example'))
    const query = (await bob.next()).getChild('query')!
    expect(query.getChild('identity')?.attrs).toMatchObject({ category: 'conference', type: 'text' })
    const features = query.getChildren('feature').map(({ attrs }) => attrs.var)
    expect(features).toEqual(
      expect.arrayContaining([
        'http://jabber.org/protocol/muc',
        'http://jabber.org/protocol/muc#stable_id',
        'http://jabber.org/protocol/rsm',
        'urn:xmpp:occupant-id:0',
      ]),
    )
  })

  test('XEP-0045 §6.3 public rooms are listed, hidden ones are not', async () => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'ann')
    expect(await listed(bob)).toEqual([room])
    await found(alice, 'ann', { 'muc#roomconfig_publicroom': '0' })
    expect(await listed(bob)).toEqual([])
  })

  test('XEP-0045 §6.7 which rooms somebody is in is asked of the client, and its answer comes back', async () => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await stage.befriend('alice', 'bob')
    await alice.comesOnline()
    const node = 'http://jabber.org/protocol/muc#rooms'
    await bob.sends(items(alice.jid, node))
    await alice.receives(
      `<iq type='get' id='i' from='${bob.jid}' to='${alice.jid}'><query xmlns='http://jabber.org/protocol/disco#items' node='${node}'/></iq>`,
    )
    const answer = `<query xmlns='http://jabber.org/protocol/disco#items' node='${node}'><item jid='${room}' name='ann'/></query>`
    await alice.sends(`<iq type='result' id='i' to='${bob.jid}'>${answer}</iq>`)
    await bob.receives(`<iq type='result' id='i' from='${alice.jid}' to='${bob.jid}'>${answer}</iq>`)
  })
})

describe('rooms that are not there, or not yet', () => {
  const asked: readonly (readonly [string, string, string])[] = [
    [
      'XEP-0045 §7.10 registration: item-not-found',
      `<iq type='get' id='i' to='${room}'><query xmlns='jabber:iq:register'/></iq>`,
      'item-not-found',
    ],
    ['XEP-0045 §6.4 room information: item-not-found', info(room), 'item-not-found'],
    [
      'XEP-0045 §17.2 a message to the room: item-not-found',
      `<message type='groupchat' id='i' to='${room}'><body>Hail</body></message>`,
      'item-not-found',
    ],
    [
      'XEP-0045 §17.2 a message to an occupant: item-not-found',
      `<message type='chat' id='i' to='${room}/ann'><body>Hail</body></message>`,
      'item-not-found',
    ],
  ]
  test.each(asked)('%s, without a room as in a locked one', async (_title, stanza, expected) => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await bob.sends(stanza)
    expect(await conditionOf(bob)).toBe(expected)
    await join(alice, 'ann')
    await bob.sends(stanza)
    expect(await conditionOf(bob)).toBe(expected)
  })

  test('XEP-0045 §7.2.18 presence to a room that is not there: 110, 307, 333, and none is made', async () => {
    stage = await openRooms()
    const bob = stage.client('bob')
    await bob.sends(`<presence to='${room}/bob'/>`)
    const kick = await bob.next()
    expect(kick.attrs).toMatchObject({ from: `${room}/bob`, type: 'unavailable' })
    expect(
      kick
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toEqual(['110', '307', '333'])
    expect(await listed(bob)).toEqual([])
  })

  test('XEP-0045 §10.1.1, §7.2.11 creation is restricted to administrators: not-allowed', async () => {
    stage = await openRooms({ restrict_room_creation: 'admin' })
    const [admin, bob] = [stage.client('admin'), stage.client('bob')]
    await join(bob, 'bob')
    expect(await conditionOf(bob)).toBe('not-allowed')
    await found(admin, 'ann')
    expect(await listed(bob)).toEqual([room])
  })
})

describe('addresses', () => {
  test('XEP-0045 §17.1 nicknames are prepared: what is the same is not taken twice', async () => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'Macbe\u0301th')
    await join(bob, 'Macb\u00e9th')
    expect(await conditionOf(bob)).toBe('conflict')
  })

  test('XEP-0045 §17.1 names of rooms are addresses: prepared, and never empty', async () => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'ann')
    await join(bob, 'bob', '', 'COVEN@rooms.a.example')
    expect((await bob.next()).attrs.from).toBe(`${room}/ann`)
    await bob.clears()
    await join(bob, 'bob', '', 'rooms.a.example')
    expect(await listed(bob)).toEqual([room])
  })
})

describe('coming and going', () => {
  // XEP-0249: the invitation is for clients to understand.
  test('XEP-0045 §7.8.1 a direct invitation passes from user to user, as it is', async () => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await bob.comesOnline()
    const invitation = `<x xmlns='jabber:x:conference' jid='${room}' password='cauldronburn' reason='Hey' continue='true' thread='e0ff'/>`
    await alice.sends(`<message to='bob@a.example'>${invitation}</message>`)
    await bob.receives(`<message from='${alice.jid}' to='bob@a.example'>${invitation}{...}</message>`)
  })

  test('XEP-0045 §7.14 a temporary room ends with its last occupant, a persistent one stays', async () => {
    stage = await openRooms()
    const alice = stage.client('alice')
    for (const [persistent, left] of [
      ['0', []],
      ['1', [room]],
    ] as const) {
      await found(alice, 'ann', { 'muc#roomconfig_persistentroom': persistent })
      await say(alice, 'Hail')
      await alice.sends(`<presence to='${room}/ann' type='unavailable'/>`)
      await settled()
      expect(await listed(alice)).toEqual(left)
    }
  })

  test('XEP-0045 §11.2 the service stops: unavailable with 332, to each of itself', async () => {
    stage = await openRooms()
    const [alice, bob] = [stage.client('alice'), stage.client('bob')]
    await found(alice, 'ann')
    await join(bob, 'bob')
    await alice.clears()
    await bob.clears()
    await stage.close()
    for (const [client, nick] of [
      [alice, 'ann'],
      [bob, 'bob'],
    ] as const) {
      const [last, ...more] = (await client.drain()).filter(({ attrs }) => String(attrs.from).startsWith(room))
      expect(last?.attrs).toMatchObject({ from: `${room}/${nick}`, type: 'unavailable' })
      expect(
        last
          ?.getChild('x')
          ?.getChildren('status')
          .map(({ attrs }) => attrs.code),
      ).toEqual(['110', '332'])
      expect(more).toEqual([])
    }
  })
})
