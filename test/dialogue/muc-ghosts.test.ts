/** XEP-0045 §18.1.2: who is gone from another server does not haunt a room. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type MucService, mucService } from '../../src/modules/muc/index.js'
import type { Element } from '../../src/xml/element.js'
import { found, openRooms, room, say } from './muc-stage.js'
import { type Client, type Peer, type Stage, settled } from './stage.js'

const eve = 'eve@b.example/x'
const minute = 60_000

let stage: Stage
let alice: Client
let peer: Peer

const enters = (who: string, to = room): Promise<void> =>
  peer.sends(
    `<presence from='${who}' to='${to}/${who.split('@')[0]}'><x xmlns='http://jabber.org/protocol/muc'/></presence>`,
  )

async function passes(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= minute / 4) {
    stage.clock.advance(Math.min(left, minute / 4))
    await settled()
  }
}

const questions = async (): Promise<Element[]> =>
  (await peer.drain()).filter(({ name, attrs }) => name === 'iq' && attrs.type === 'get')

/** The question that comes within this time. */
async function asked(within = 17 * minute): Promise<Element> {
  for (let left = within; ; left -= minute / 4) {
    const found = await questions()
    expect(found.length).toBeLessThanOrEqual(1)
    if (found[0] !== undefined) return found[0]
    if (left <= 0) throw new Error('Nobody was asked')
    await passes(minute / 4)
  }
}

const answers = (iq: Element): Promise<void> =>
  peer.sends(`<iq type='result' id='${iq.attrs.id}' from='${iq.attrs.to}' to='${iq.attrs.from}'/>`)
const refuses = (iq: Element, condition: string, type = 'cancel'): Promise<void> =>
  peer.sends(`<iq type='error' id='${iq.attrs.id}' from='${iq.attrs.to}' to='${iq.attrs.from}'>
    <error type='${type}'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`)

/** What alice saw of eve: `left 333` where she left with that status. */
async function seen(): Promise<string[]> {
  return (await alice.drain())
    .filter(({ name, attrs }) => name === 'presence' && attrs.type === 'unavailable')
    .map((stanza) => {
      const user = stanza.getChild('x', 'http://jabber.org/protocol/muc#user')
      return `${String(stanza.attrs.from).split('/')[1]} ${user
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code)
        .join()}`
    })
}

beforeEach(async () => {
  stage = await openRooms()
  alice = stage.client('alice')
  await found(alice, 'ann', { 'muc#roomconfig_persistentroom': '1' })
  peer = stage.peer('b.example')
  await enters(eve)
  await peer.clears()
  await alice.clears()
})
afterEach(() => stage.close())

describe('who has been silent for a quarter of an hour', () => {
  test('is pinged by the room, and stays if it answers, whatever it answers', async () => {
    await passes(12 * minute)
    expect(await questions()).toEqual([])
    const first = await asked(5 * minute)
    expect([first.attrs.from, first.attrs.to, first.getChild('ping', 'urn:xmpp:ping')]).toEqual([
      room,
      eve,
      expect.anything(),
    ])
    await answers(first)
    await refuses(await asked(), 'feature-not-implemented')
    expect(await seen()).toEqual([])
  })

  test('is not pinged while it speaks', async () => {
    for (let turn = 0; turn < 4; turn++) {
      await passes(10 * minute)
      await peer.sends(`<message from='${eve}' to='${room}' type='groupchat' id='m${turn}'><body>hi</body></message>`)
    }
    expect(await questions()).toEqual([])
  })

  test.each(['gone', 'item-not-found', 'recipient-unavailable'])(
    'leaves with 333 where its server says %s',
    async (condition) => {
      await refuses(await asked(), condition)
      expect(await seen()).toEqual(['eve 333'])
      expect((await peer.drain()).at(-1)?.attrs).toMatchObject({ type: 'unavailable', to: eve })
      await passes(40 * minute)
      expect(await questions()).toEqual([])
    },
  )

  test('is asked for disco where service-unavailable may mean no such client or no such question', async () => {
    await refuses(await asked(), 'service-unavailable')
    const second = await asked()
    expect(second.getChild('query', 'http://jabber.org/protocol/disco#info')).toBeDefined()
    await answers(second)
    expect(await seen()).toEqual([])
    await refuses(await asked(), 'service-unavailable')
    await refuses(await asked(), 'service-unavailable')
    expect(await seen()).toEqual(['eve 333'])
  })

  test('leaves after two pings that nobody answered; one is a network that hiccups', async () => {
    await asked()
    await answers(await asked(2 * minute))
    expect(await seen()).toEqual([])
    await asked()
    await asked(2 * minute)
    expect(await seen()).toEqual([])
    await passes(minute)
    expect(await seen()).toEqual(['eve 333'])
  })

  test('is pinged once for all its rooms, and leaves all of them', async () => {
    const other = 'other@rooms.a.example'
    await alice.sends(`<presence to='${other}/ann'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    await alice.sends(`<iq type='set' id='i' to='${other}'><query xmlns='http://jabber.org/protocol/muc#owner'>
      <x xmlns='jabber:x:data' type='submit'/></query></iq>`)
    await enters(eve, other)
    await alice.clears()
    await peer.clears()
    await refuses(await asked(), 'item-not-found')
    expect(await seen()).toEqual(['eve 333', 'eve 333'])
  })
})

describe('soon', () => {
  test('when a stream of its server broke', async () => {
    const service = stage.server.service<MucService>('rooms.a.example', mucService)
    service?.interrupted('c.example')
    await passes(minute / 4)
    expect(await questions()).toEqual([])
    service?.interrupted('b.example')
    service?.interrupted('b.example')
    await refuses(await asked(minute / 4), 'remote-server-not-found')
    expect(await seen()).toEqual([])
    await refuses(await asked(minute), 'remote-server-not-found')
    expect(await seen()).toEqual(['eve 333'])
  })

  test('when an error came back that may be the client or its server', async () => {
    await say(alice, 'hello')
    await peer.sends(`<message type='error' from='${eve}' to='${room}/ann' id='hello'><error type='cancel'>
      <service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`)
    expect(await seen()).toEqual([])
    await refuses(await asked(minute / 4), 'item-not-found')
    expect(await seen()).toEqual(['eve 333'])
  })

  test('at once where the error says that it is gone', async () => {
    await peer.sends(`<message type='error' from='${eve}' to='${room}/ann' id='x'><error type='cancel'>
      <item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></message>`)
    expect(await seen()).toEqual(['eve 333'])
    await passes(20 * minute)
    expect(await questions()).toEqual([])
  })
})

test('who belongs to this server is never pinged, and nobody where the operator wants none', async () => {
  await stage.close()
  stage = await openRooms({ muc_ping_silent_after: 0 })
  alice = stage.client('alice')
  await found(alice, 'ann')
  peer = stage.peer('b.example')
  await enters(eve)
  await peer.clears()
  await alice.clears()
  await passes(60 * minute)
  expect(await questions()).toEqual([])
  await alice.receivesNothing()
})
