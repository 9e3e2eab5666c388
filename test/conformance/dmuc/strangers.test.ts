/** dmuc.md §4 (checklist 47): who is no instance of the room gets nowhere by looking like one; an instance only where it belongs. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Client } from '../../dialogue/stage.js'
import { covenRoster, PlainPeer, PlainPeerhost } from './plain-peer.js'
import { distributed, fillsCoven, joins, openFirsthost, quiet, type Theatre } from './shakespeare.js'

const source = 'coven@chat.shakespeare.lit'

let theatre: Theatre
let macbeth: PlainPeerhost
let marlowe: PlainPeer
let clients: readonly [Client, Client, Client]
beforeEach(async () => {
  theatre = await openFirsthost()
  macbeth = new PlainPeerhost(theatre.stage.peer('rooms.macbeth.lit'))
  marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
  clients = await fillsCoven(theatre, distributed('rooms.macbeth.lit'))
  await macbeth.holdsShadow(...covenRoster)
  await macbeth.announces('anotherwitch')
  await quiet(...clients)
})
afterEach(() => theatre.stage.close())

const nobodyNotices = async (): Promise<void> => {
  for (const client of clients) await client.receivesNothing()
  await macbeth.receivesNothing()
}

describe('a stranger', () => {
  test.each([
    ['config', 'set', "<config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='form'/></config>"],
    ['roster', 'set', "<roster xmlns='urn:xmpp:dmuc:0'/>"],
    [
      'history',
      'get',
      "<room xmlns='urn:xmpp:dmuc:0' id='coven'><history xmlns='http://jabber.org/protocol/muc'/></room>",
    ],
    ['hello', 'set', "<hello xmlns='urn:xmpp:dmuc-sync:0'/>"],
    ['pull', 'get', "<pull xmlns='urn:xmpp:dmuc-sync:0'/>"],
    ['claim', 'set', "<claim xmlns='urn:xmpp:dmuc-sync:0' nick='foo' jid='crone1@shakespeare.lit'/>"],
    ['order', 'set', "<order xmlns='urn:xmpp:dmuc-sync:0' actor='crone1@shakespeare.lit'/>"],
  ])('47 %s: an IQ is forbidden', async (_what, type, payload) => {
    await marlowe.sendsAnything(
      `<iq from='coven@conference.marlowe.lit' id='x1' to='${source}' type='${type}'>${payload}</iq>`,
    )
    const answer = await marlowe.next()
    expect(answer.attrs).toMatchObject({ type: 'error', id: 'x1', to: 'coven@conference.marlowe.lit' })
    expect(answer.getChild('error')?.getChild('forbidden')).toBeDefined()
    await nobodyNotices()
  })

  test.each([
    [
      'presence (E18)',
      `<presence from='coven@conference.marlowe.lit/faustus' to='${source}/faustus'>
         <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x>
       </presence>`,
    ],
    [
      'a departure',
      `<presence from='coven@conference.marlowe.lit/foo' to='${source}/foo' type='unavailable'>
         <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='none'/></x>
       </presence>`,
    ],
    [
      'a message (E25)',
      `<message from='coven@conference.marlowe.lit/foo' to='${source}/foo' type='groupchat'><body>I am foo.</body></message>`,
    ],
    [
      'an event',
      `<message from='coven@conference.marlowe.lit' to='${source}'><event xmlns='urn:xmpp:dmuc-sync:0'/></message>`,
    ],
    [
      'a leave',
      `<message from='coven@conference.marlowe.lit' to='${source}'><leave xmlns='urn:xmpp:dmuc-sync:0'/></message>`,
    ],
  ])('47 %s: anything else is dropped, without an answer', async (_what, stanza) => {
    await marlowe.sendsAnything(stanza)
    await marlowe.receivesNothing()
    await nobodyNotices()
  })

  test('47 another room, or a user, of a peer’s service is a stranger', async () => {
    for (const from of ['heath@rooms.macbeth.lit/foo', 'rooms.macbeth.lit/foo'])
      await macbeth.sends(
        `<message from='${from}' to='${source}/foo' type='groupchat'><body>I am foo.</body></message>`,
      )
    await nobodyNotices()
  })

  test('47 a client of our own is no instance either', async () => {
    const [foo, , baz] = clients
    await baz.sends(
      `<iq id='x1' to='${source}' type='set'><config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='form'/></config></iq>`,
    )
    expect((await baz.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await baz.sends(`<message to='${source}'><leave xmlns='urn:xmpp:dmuc-sync:0'/></message>`)
    await foo.receivesNothing()
    await macbeth.receivesNothing()
  })

  test('47 an error is never answered', async () => {
    await marlowe.sends(`
      <iq from='coven@conference.marlowe.lit' id='x1' to='${source}' type='error'>
        <config xmlns='urn:xmpp:dmuc:0'/>
        <error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
    await marlowe.sends(`
      <message from='coven@conference.marlowe.lit/foo' to='${source}/foo' type='error'>
        <error type='cancel'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </message>`)
    await marlowe.receivesNothing()
    await nobodyNotices()
  })
})

describe('a shadow', () => {
  const refuses = async (payload: string): Promise<void> => {
    await macbeth.sends(`<iq from='coven@rooms.macbeth.lit' id='x1' to='${source}' type='set'>${payload}</iq>`)
    const answer = await macbeth.next()
    expect(answer.getChild('error')?.getChild('forbidden')).toBeDefined()
  }

  test('47 does not configure its source', () =>
    refuses("<config xmlns='urn:xmpp:dmuc:0'><x xmlns='jabber:x:data' type='form'/></config>"))

  test('47 does not tell who the instances are', async () => {
    await macbeth.sends(`
      <iq from='rooms.macbeth.lit' id='x1' to='chat.shakespeare.lit' type='set'>
        <peerhost xmlns='urn:xmpp:dmuc:0'><room id='coven'/></peerhost>
      </iq>`)
    expect((await macbeth.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
  })

  test('47 does not replicate a room over one that exists', async () => {
    await macbeth.sends(`
      <iq from='rooms.macbeth.lit' id='x1' to='chat.shakespeare.lit' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'><room id='coven'/></replicate>
      </iq>`)
    expect((await macbeth.next()).getChild('error')?.getChild('conflict')).toBeDefined()
  })

  test('47 sends no occupant of another home away', async () => {
    await macbeth.withdraws('foo', ['307'])
    await nobodyNotices()
  })

  test('47 takes no nick that somebody has', async () => {
    await macbeth.announces('foo')
    const [foo, bar] = clients
    await bar.receivesNothing()
    await foo.sends(`<message to='${source}' type='groupchat'><body>I am foo.</body></message>`)
    expect((await bar.next()).getChildText('body')).toBe('I am foo.')
  })

  test('47 nor that of somebody who has entered since it has the room', async () => {
    const [foo] = clients
    const lady = theatre.stage.client('hag66@shakespeare.lit', 'phone')
    await joins(lady, `${source}/lady`)
    await quiet(foo, lady)
    await macbeth.drains()
    await macbeth.announces('lady')
    const told = await macbeth.next()
    expect([told.attrs.type, told.attrs.to]).toEqual(['unavailable', 'coven@rooms.macbeth.lit/lady'])
    expect(told.toString()).toContain('code="307"')
    await foo.receivesNothing()
    await lady.receivesNothing()
  })

  test('47 tells its roster, of its own occupants alone', async () => {
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit' id='roster1' to='${source}' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>
          <item affiliation='owner' jid='somewitch@macbeth.lit/mobile' name='thirdwitch'/>
          <item affiliation='none' jid='macduff@macbeth.lit/castle' name='foo'/>
        </roster>
      </iq>`)
    await macbeth.receives(`<iq from='${source}' id='roster1' to='coven@rooms.macbeth.lit' type='result'/>`)
    const seen = (await clients[2].drain()).map(({ attrs }) => [attrs.from, attrs.type])
    expect(seen).toEqual([
      [`${source}/anotherwitch`, 'unavailable'],
      [`${source}/thirdwitch`, undefined],
    ])
  })
})
