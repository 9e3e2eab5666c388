/** XEP-0281 §4.2 as its firsthost: chat.shakespeare.lit gives plain peers shadows of coven. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { expectXml } from '../../support/xml-match.js'
import { covenRoster, PlainPeerhost } from './plain-peer.js'
import {
  configures,
  distributed,
  field,
  fillsCoven,
  makesCoven,
  openFirsthost,
  quiet,
  says,
  type Theatre,
} from './shakespeare.js'

let theatre: Theatre
afterEach(() => theatre.stage.close())

const macbethOf = ({ stage }: Theatre): PlainPeerhost => new PlainPeerhost(stage.peer('rooms.macbeth.lit'))
const marloweOf = ({ stage }: Theatre): PlainPeerhost => new PlainPeerhost(stage.peer('conference.marlowe.lit'))

const room = 'coven@chat.shakespeare.lit'

describe('the request', () => {
  test('13 E3 the firsthost asks the peerhost to replicate the room; the source rides beside it', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.receives(`
      <iq from='chat.shakespeare.lit' id='{any}' to='rooms.macbeth.lit' type='set'>
        <replicate xmlns='urn:xmpp:dmuc:0'>
          <room id='coven'/>
          <source xmlns='urn:xmpp:dmuc-sync:0' room='{any}' source='coven@chat.shakespeare.lit' epoch='1' rank='0'/>
        </replicate>
      </iq>`)
  })

  test('14 E4 the peerhost accepts with an empty result; the owner hears of it once people can join there', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const crone1 = await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.acceptsReplication()
    await macbeth.takesConfig()
    await crone1.receivesNothing()
    await macbeth.takesRoster(`<item affiliation='owner' jid='crone1@shakespeare.lit/desktop' name='foo'/>`)
    await crone1.receives(`
      <message from='${room}' to='crone1@shakespeare.lit/desktop' type='groupchat'>
        <body>rooms.macbeth.lit holds this room now, as coven@rooms.macbeth.lit</body>
      </message>`)
  })

  test('14 nothing is given to a peerhost that has not answered', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const crone1 = await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.next()
    await says(crone1, room, 'Thrice the brinded cat hath mew’d.')
    await macbeth.receivesNothing()
  })

  test.each([
    ['forbidden', 'auth'],
    ['conflict', 'cancel'],
    ['not-allowed', 'cancel'],
    ['feature-not-implemented', 'cancel'],
    ['service-unavailable', 'cancel'],
  ])('15 a refusal with %s is final: the owner is told why, and nobody asks again', async (condition, type) => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const crone1 = await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    const { id } = (await macbeth.next()).attrs
    await macbeth.sends(`
      <iq from='rooms.macbeth.lit' id='${id}' to='chat.shakespeare.lit' type='error'>
        <error type='${type}'>
          <${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/>
          <text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas' xml:lang='en'>No coven here.</text>
        </error>
      </iq>`)
    await crone1.receives(`
      <message from='${room}' to='crone1@shakespeare.lit/desktop' type='groupchat'>
        <body>rooms.macbeth.lit does not hold this room: No coven here.</body>
      </message>`)
    theatre.stage.clock.advance(3_600_000)
    await macbeth.receivesNothing()
  })

  test('15 a refusal for lack of resources passes: the peerhost is asked again', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    const { id } = (await macbeth.next()).attrs
    await macbeth.sends(`
      <iq from='rooms.macbeth.lit' id='${id}' to='chat.shakespeare.lit' type='error'>
        <error type='wait'><resource-constraint xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
    await macbeth.receivesNothing()
    theatre.stage.clock.advance(5_000)
    await macbeth.acceptsReplication()
  })
})

describe('what the source gives its shadow', () => {
  test('17 E5 and 18 E6 the configuration, as a submitted form', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    await makesCoven(theatre, field('muc#roomconfig_roomname', 'A Dark Cave'), distributed('rooms.macbeth.lit'))
    await macbeth.acceptsReplication()
    const form = await macbeth.takesConfig()
    const value = (name: string) =>
      form
        .getChildren('field')
        .find(({ attrs }) => attrs.var === name)
        ?.getChildText('value')
    expect(value('muc#roomconfig_roomname')).toBe('A Dark Cave')
    expect(value('muc#roomconfig_persistentroom')).toBe('1')
    expect(value('muc#roomconfig_distributed')).toBe('1')
  })

  test('19 E7 and 20 E8 the room roster: affiliation, full JID, nick', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    await fillsCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.acceptsReplication()
    await macbeth.takesConfig()
    await macbeth.receives(`
      <iq from='coven@chat.shakespeare.lit' id='{any}' to='coven@rooms.macbeth.lit' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>
          <item affiliation='owner' jid='crone1@shakespeare.lit/desktop' name='foo'/>
          <item affiliation='admin' jid='wiccarocks@shakespeare.lit/laptop' name='bar'/>
          <item affiliation='none' jid='hag66@shakespeare.lit/pda' name='baz'/>
        </roster>
      </iq>`)
  })

  test('16 config, then roster, then history: each waits for the one before, live traffic for the roster', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const [foo, bar, baz] = await fillsCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.acceptsReplication()
    const config = await macbeth.next()
    expect(config.getChild('config')).toBeDefined()
    await says(foo, room, 'Message 1.')
    await baz.sends(`<presence to='${room}/baz' type='unavailable'/>`)
    await quiet(foo, bar, baz)
    await macbeth.receivesNothing()
    await macbeth.sends(`<iq from='coven@rooms.macbeth.lit' id='${config.attrs.id}' to='${room}' type='result'/>`)
    await macbeth.takesRoster(...covenRoster.slice(0, 2))
    await says(foo, room, 'Message 2.')
    await macbeth.receives(`
      <message from='${room}/foo' to='coven@rooms.macbeth.lit/foo' type='groupchat'><body>Message 2.</body></message>`)
    const history = await macbeth.asksForHistory()
    expect(history.toString()).toContain('Message 1.')
  })

  test('16 a shadow that refuses the configuration is given nothing more', async () => {
    theatre = await openFirsthost()
    const macbeth = macbethOf(theatre)
    const crone1 = await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.acceptsReplication()
    const { id } = (await macbeth.next()).attrs
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit' id='${id}' to='${room}' type='error'>
        <error type='cancel'><not-acceptable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
    await says(crone1, room, 'Message 1.')
    await macbeth.receivesNothing()
  })
})

describe('the history', () => {
  let clients: readonly Client[]
  async function spokenIn(...fields: readonly string[]): Promise<PlainPeerhost> {
    theatre = await openFirsthost({ max_history: 3 })
    const macbeth = macbethOf(theatre)
    clients = await fillsCoven(theatre, ...fields, distributed('rooms.macbeth.lit'))
    await macbeth.holdsShadow(...covenRoster)
    for (const [index, client] of clients.entries()) {
      theatre.stage.clock.advance(6_000)
      await says(client, room, `Message ${index + 1}.`)
    }
    await macbeth.drains()
    return macbeth
  }

  test('22 E9 and 24 E10 the shadow asks, the source answers: in a non-anonymous room with real JIDs', async () => {
    const macbeth = await spokenIn(field('muc#roomconfig_whois', 'anyone'))
    expectXml(
      await macbeth.asksForHistory(),
      `<iq from='coven@chat.shakespeare.lit' id='history1' to='coven@rooms.macbeth.lit' type='result'>
         <history xmlns='http://jabber.org/protocol/muc'>
           <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/foo' type='groupchat'>
             <body>Message 1.</body>
             <delay xmlns='urn:xmpp:delay' from='crone1@shakespeare.lit' stamp='2026-01-01T00:00:06.000Z'/>
           </message>
           <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/bar' type='groupchat'>
             <body>Message 2.</body>
             <delay xmlns='urn:xmpp:delay' from='wiccarocks@shakespeare.lit' stamp='2026-01-01T00:00:12.000Z'/>
           </message>
           <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/baz' type='groupchat'>
             <body>Message 3.</body>
             <delay xmlns='urn:xmpp:delay' from='hag66@shakespeare.lit' stamp='2026-01-01T00:00:18.000Z'/>
           </message>
         </history>
       </iq>`,
    )
  })

  test('24 E10 in a semi-anonymous room the delay names the room', async () => {
    const macbeth = await spokenIn()
    const history = await macbeth.asksForHistory("maxstanzas='1'")
    expectXml(
      history.getChild('history') as Element,
      `<history xmlns='http://jabber.org/protocol/muc'>
         <message xmlns='jabber:client' from='coven@chat.shakespeare.lit/baz' type='groupchat'>
           <body>Message 3.</body>
           <delay xmlns='urn:xmpp:delay' from='coven@chat.shakespeare.lit' stamp='2026-01-01T00:00:18.000Z'/>
         </message>
       </history>`,
    )
  })

  const told = (answer: Element): (string | null)[] =>
    answer
      .getChild('history')
      ?.getChildren('message')
      .map((message) => message.getChildText('body')) ?? []

  test.each([
    ["maxstanzas='2'", ['Message 2.', 'Message 3.']],
    ["maxstanzas='0'", []],
    ["seconds='7'", ['Message 2.', 'Message 3.']],
    ["since='2026-01-01T00:00:18Z'", ['Message 3.']],
    ["maxchars='0'", []],
    ["maxchars='400'", ['Message 3.']],
    ["maxstanzas='2' since='2026-01-01T00:00:18Z'", ['Message 3.']],
    ["maxstanzas='1000'", ['Message 1.', 'Message 2.', 'Message 3.']],
  ])('23 the request may say %s', async (attributes, expected) => {
    const macbeth = await spokenIn()
    expect(told(await macbeth.asksForHistory(attributes))).toEqual(expected)
  })

  test('23 whatever is asked, the service has its own bound', async () => {
    const macbeth = await spokenIn()
    await says(clients[0] as Client, room, 'Message 4.')
    await macbeth.drains()
    const answer = await macbeth.asksForHistory("maxstanzas='1000'")
    expect(told(answer)).toEqual(['Message 2.', 'Message 3.', 'Message 4.'])
  })

  test('25 E11 an acknowledgement of the history is no XMPP, and ignored', async () => {
    const macbeth = await spokenIn()
    await macbeth.asksForHistory()
    await macbeth.sends(`<iq from='coven@rooms.macbeth.lit' id='history1' to='${room}' type='result'/>`)
    await macbeth.receivesNothing()
  })
})

describe('the other peerhosts', () => {
  test('26 E12 and 27 E13 they hear of a new one, which hears nothing of itself', async () => {
    theatre = await openFirsthost()
    const [macbeth, marlowe] = [macbethOf(theatre), marloweOf(theatre)]
    const [crone1] = await fillsCoven(theatre, distributed('conference.marlowe.lit'))
    await marlowe.holdsShadow(...covenRoster)
    await marlowe.receivesNothing()
    await configures(crone1, distributed('rooms.macbeth.lit', 'conference.marlowe.lit'))
    await marlowe.takesConfig()
    await macbeth.holdsShadow(...covenRoster)
    const { id } = await marlowe.receives(`
      <iq from='chat.shakespeare.lit' id='{$id}' to='conference.marlowe.lit' type='set'>
        <peerhost xmlns='urn:xmpp:dmuc:0'>
          <room id='coven'/>
          <instances xmlns='urn:xmpp:dmuc-sync:0' revision='{any}' prev='{any}' signature='{any}'>
            <instance jid='coven@chat.shakespeare.lit' kind='sync' rank='0' key='{any}'/>
            <instance jid='coven@conference.marlowe.lit' kind='plain' rank='1'/>
            <instance jid='coven@rooms.macbeth.lit' kind='plain' rank='2'/>
          </instances>
        </peerhost>
      </iq>`)
    await marlowe.sends(`<iq from='conference.marlowe.lit' id='${id}' to='chat.shakespeare.lit' type='result'/>`)
    await marlowe.receivesNothing()
    await macbeth.receivesNothing()
  })
})
