/** XEP-0281 §4.2, E12 under a plain source: it names nobody. conference.marlowe.lit holds another shadow of coven, and says so when it is asked. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Client } from '../../dialogue/stage.js'
import { covenRoster, PlainFirsthost, PlainPeer } from './plain-peer.js'
import { joins, openPeerhost, quiet, says, type Theatre } from './shakespeare.js'

const shadow = 'theroom@rooms.macbeth.lit'
const source = 'coven@chat.shakespeare.lit'
const theirs = 'coven@conference.marlowe.lit'

let theatre: Theatre
let shakespeare: PlainFirsthost
let marlowe: PlainPeer
let somewitch: Client

/** somewitch is in the shadow as anotherwitch. */
async function opens(dmuc: Readonly<Record<string, unknown>> = {}): Promise<void> {
  theatre = await openPeerhost(dmuc)
  shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
  marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
  await shakespeare.givesShadow('', covenRoster.slice(0, 1))
  somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
  await joins(somewitch, `${shadow}/anotherwitch`)
  await shakespeare.next()
  await quiet(somewitch)
}
beforeEach(() => opens())
afterEach(() => theatre.stage.close())

/** E12 and E13. */
async function announcesOne(): Promise<void> {
  await shakespeare.sends(`
    <iq from='chat.shakespeare.lit' id='ph1' to='rooms.macbeth.lit' type='set'>
      <peerhost xmlns='urn:xmpp:dmuc:0'><room id='theroom'/></peerhost>
    </iq>`)
  await shakespeare.receives(`<iq from='rooms.macbeth.lit' id='ph1' to='chat.shakespeare.lit' type='result'/>`)
}

/** E18. */
const enters = (nick: string, type = ''): Promise<void> =>
  marlowe.sends(`
    <presence from='${theirs}/${nick}' to='${shadow}/${nick}' ${type}>
      <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x>
    </presence>`)

const said = (nick: string, body: string): Promise<void> =>
  marlowe.sends(`
    <message from='${theirs}/${nick}' to='${shadow}/${nick}' type='groupchat'><body>${body}</body></message>`)

/** E15 comes; the id of the question. */
const isAsked = async (): Promise<string> =>
  String(
    (
      await marlowe.receives(
        `<iq from='${shadow}' id='{$id}' to='${theirs}' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
      )
    ).id,
  )

/** E16. */
const answers = (id: string, dmucSource: string, features = "<feature var='urn:xmpp:dmuc:0'/>"): Promise<void> =>
  marlowe.sends(`
    <iq from='${theirs}' id='${id}' to='${shadow}' type='result'>
      <query xmlns='http://jabber.org/protocol/disco#info'>
        <identity category='conference' name='A Dark Cave' type='text'/>
        ${features}
        <x xmlns='jabber:x:data' type='result'>
          <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/muc#roominfo</value></field>
          <field var='dmuc-source' type='jid-single'><value>${dmucSource}</value></field>
        </x>
      </query>
    </iq>`)

async function letsIn(): Promise<void> {
  await announcesOne()
  await enters('helen')
  await answers(await isAsked(), source)
}

const heard = async (): Promise<string[]> =>
  (await somewitch.drain()).map(({ attrs, name }) => `${name} ${attrs.from} ${attrs.type ?? ''}`.trim())

describe('a newcomer under a plain source', () => {
  test('26 E12 is admitted once its dmuc-source is ours: who is there is shown, and it hears who is here', async () => {
    await letsIn()
    await marlowe.receives(`
      <presence from='${shadow}/anotherwitch' to='${theirs}/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
    expect(await heard()).toEqual([`presence ${shadow}/helen`])
    await enters('helen', "type='unavailable'")
    expect(await heard()).toEqual([`presence ${shadow}/helen unavailable`])
    await shakespeare.receivesNothing()
  })

  test('26 and speaks with us as the source does; nothing is relayed twice', async () => {
    await letsIn()
    await marlowe.drains()
    await quiet(somewitch)
    await said('helen', 'Was this the face?')
    expect((await somewitch.next()).getChildText('body')).toBe('Was this the face?')
    await shakespeare.receivesNothing()
    await says(somewitch, shadow, 'Hail!')
    const [told] = await marlowe.drains()
    expect([told?.attrs.from, told?.getChildText('body')]).toEqual([`${shadow}/anotherwitch`, 'Hail!'])
    expect((await shakespeare.drains()).map(({ attrs }) => attrs.to)).toEqual([`${source}/anotherwitch`])
    await shakespeare.says('foo', 'Message 5.')
    await marlowe.receivesNothing()
  })

  test('26 what it said while it was asked comes in its order', async () => {
    await announcesOne()
    await enters('helen')
    await said('helen', 'one')
    await said('helen', 'two')
    await answers(await isAsked(), source)
    expect((await somewitch.drain()).map((stanza) => stanza.getChildText('body'))).toEqual([null, 'one', 'two'])
  })

  test('26 what the source relays for it is heard once', async () => {
    await letsIn()
    await shakespeare.announces('helen', "<item affiliation='none' role='participant'/>")
    await quiet(somewitch)
    await shakespeare.says('helen', 'Was this the face?')
    await said('helen', 'Was this the face?')
    expect((await somewitch.drain()).map((stanza) => stanza.getChildText('body'))).toEqual(['Was this the face?'])
  })

  test.each<[string, (id: string) => Promise<void>]>([
    ['names another source', (id) => answers(id, 'coven@chat.fletcher.lit')],
    ['does not speak XEP-0281', (id) => answers(id, source, '')],
    [
      'does not answer that',
      (id) =>
        marlowe.sends(`
          <iq from='${theirs}' id='${id}' to='${shadow}' type='error'>
            <error type='cancel'><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
          </iq>`),
    ],
  ])('26 one that %s is a stranger, and not asked again', async (_, answer) => {
    await announcesOne()
    await enters('helen')
    await answer(await isAsked())
    await enters('helen')
    await said('helen', 'one')
    await marlowe.receivesNothing()
    expect(await heard()).toEqual([])
  })

  test('26 as many as were announced', async () => {
    await enters('helen')
    await marlowe.receivesNothing()
    expect(await heard()).toEqual([])
    await letsIn()
    await marlowe.drains()
    await marlowe.sends(`
      <presence from='wood@conference.marlowe.lit/puck' to='${shadow}/puck'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x>
      </presence>`)
    await marlowe.receivesNothing()
  })

  test('26 a service that the operator does not allow is none', async () => {
    await theatre.stage.close()
    await opens({ allow: ['chat.shakespeare.lit'] })
    await announcesOne()
    await enters('helen')
    await marlowe.receivesNothing()
    expect(await heard()).toEqual([])
  })

  test('26 and one that he denies later is none any more', async () => {
    await letsIn()
    await quiet(somewitch)
    await theatre.rooms().distribution.say('conference.marlowe.lit', 'deny')
    expect(await heard()).toEqual([`presence ${shadow}/helen unavailable`])
    await enters('helen')
    expect(await heard()).toEqual([])
  })
})
