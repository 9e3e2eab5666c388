/** XEP-0281 §4.3 and §5: rooms.macbeth.lit lists coven, its shadow of coven@chat.shakespeare.lit, and says what it is. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { expectXml } from '../../support/xml-match.js'
import { covenRoster, PlainFirsthost, PlainPeer } from './plain-peer.js'
import {
  distributed,
  field,
  joins,
  makesCoven,
  openFirsthost,
  openPeerhost,
  quiet,
  type Theatre,
} from './shakespeare.js'

let theatre: Theatre
let shakespeare: PlainFirsthost
let somewitch: Client
beforeEach(async () => {
  theatre = await openPeerhost()
  shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'), 'coven')
  somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
})
afterEach(() => theatre.stage.close())

async function makesRoom(name: string, title: string): Promise<void> {
  const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
  await joins(macduff, `${name}@rooms.macbeth.lit/macduff`)
  await macduff.sends(`
    <iq to='${name}@rooms.macbeth.lit' id='configure1' type='set'>
      <query xmlns='http://jabber.org/protocol/muc#owner'>
        <x xmlns='jabber:x:data' type='submit'>
          ${field('muc#roomconfig_roomname', title)}${field('muc#roomconfig_persistentroom', '1')}
        </x>
      </query>
    </iq>`)
  await quiet(macduff)
}

const features = (answer: Element): string[] =>
  answer
    .getChild('query')
    ?.getChildren('feature')
    .map(({ attrs }) => String(attrs.var)) ?? []

async function informed(client: Client, to: string): Promise<Element> {
  await client.sends(
    `<iq to='${to}' id='hf71vs8m' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
  )
  return client.next()
}

describe('finding a room', () => {
  test('28, 29 E14 and E15 the peerhost lists its shadows among its public rooms', async () => {
    await makesRoom('heath', 'A Lonely Heath')
    await makesRoom('forres', 'The Palace')
    await makesRoom('inverness', 'Macbeth&apos;s Castle')
    await shakespeare.givesShadow(field('muc#roomconfig_roomname', 'A Dark Cave'))
    await somewitch.sends(`
      <iq from='somewitch@macbeth.lit/mobile'
          id='nb2ga51g'
          to='rooms.macbeth.lit'
          type='get'>
        <query xmlns='http://jabber.org/protocol/disco#items'/>
      </iq>`)
    await somewitch.receives(`
      <iq from='rooms.macbeth.lit'
          id='nb2ga51g'
          to='somewitch@macbeth.lit/mobile'
          type='result'>
        <query xmlns='http://jabber.org/protocol/disco#items'>
          <item jid='coven@rooms.macbeth.lit' name='A Dark Cave'/>
          <item jid='forres@rooms.macbeth.lit' name='The Palace'/>
          <item jid='heath@rooms.macbeth.lit' name='A Lonely Heath'/>
          <item jid='inverness@rooms.macbeth.lit' name='Macbeth&apos;s Castle'/>
        </query>
      </iq>`)
  })

  test('28 a shadow whose source is not public is not listed', async () => {
    await shakespeare.givesShadow(field('muc#roomconfig_publicroom', '0'))
    await somewitch.sends(`
      <iq id='nb2ga51g' to='rooms.macbeth.lit' type='get'>
        <query xmlns='http://jabber.org/protocol/disco#items'/>
      </iq>`)
    await somewitch.receives(`
      <iq from='rooms.macbeth.lit' id='nb2ga51g' to='somewitch@macbeth.lit/mobile' type='result'>
        <query xmlns='http://jabber.org/protocol/disco#items'/>
      </iq>`)
  })

  test('30 and 31 E16 a shadow tells its source', async () => {
    await shakespeare.givesShadow(field('muc#roomconfig_roomname', 'A Dark Cave'))
    const answer = await informed(somewitch, 'coven@rooms.macbeth.lit')
    expectXml(
      answer,
      `<iq from='coven@rooms.macbeth.lit'
           id='hf71vs8m'
           to='somewitch@macbeth.lit/mobile'
           type='result'>
         <query xmlns='http://jabber.org/protocol/disco#info'>
           <identity category='conference' name='A Dark Cave' type='text'/>
           {...}
         </query>
       </iq>`,
    )
    const form = answer.getChild('query')?.getChild('x') as Element
    expect(form.attrs.type).toBe('result')
    const shown = (name: string) => form.getChildren('field').find(({ attrs }) => attrs.var === name) as Element
    expectXml(
      shown('FORM_TYPE'),
      `<field xmlns='jabber:x:data' var='FORM_TYPE' type='hidden'>
         <value>http://jabber.org/protocol/muc#roominfo</value>
       </field>`,
    )
    expectXml(
      shown('dmuc-source'),
      `<field xmlns='jabber:x:data' var='dmuc-source' label='Source Room' type='jid-single'>
         <value>coven@chat.shakespeare.lit</value>
       </field>`,
    )
    expect(features(answer)).toEqual(
      expect.arrayContaining(['http://jabber.org/protocol/muc', 'urn:xmpp:dmuc:0', 'urn:xmpp:dmuc-sync:0']),
    )
  })

  test('30 a room that is no shadow has no source', async () => {
    await makesRoom('heath', 'A Lonely Heath')
    const answer = await informed(somewitch, 'heath@rooms.macbeth.lit')
    expect(answer.toString()).not.toContain('dmuc-source')
    expect(features(answer)).not.toContain('urn:xmpp:dmuc:0')
  })
})

describe('determining support', () => {
  test('46 the service has the feature', async () => {
    const answer = await informed(somewitch, 'rooms.macbeth.lit')
    expect(features(answer)).toEqual(expect.arrayContaining(['urn:xmpp:dmuc:0', 'urn:xmpp:dmuc-sync:0']))
  })

  test('46 a peer may ask, too', async () => {
    const marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
    await marlowe.sends(`
      <iq from='conference.marlowe.lit' id='hf71vs8m' to='rooms.macbeth.lit' type='get'>
        <query xmlns='http://jabber.org/protocol/disco#info'/>
      </iq>`)
    expect(features(await marlowe.next())).toContain('urn:xmpp:dmuc:0')
  })

  test('46 a distributed source has it', async () => {
    await theatre.stage.close()
    theatre = await openFirsthost()
    const crone1 = await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    const answer = await informed(crone1, 'coven@chat.shakespeare.lit')
    expect(features(answer)).toContain('urn:xmpp:dmuc:0')
    expect(answer.toString()).not.toContain('dmuc-source')
  })

  test('46 switched off, neither the service nor a room has it', async () => {
    await theatre.stage.close()
    theatre = await openPeerhost({ allow: [] }, { muc_room_locking: false })
    somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    expect(features(await informed(somewitch, 'rooms.macbeth.lit'))).not.toContain('urn:xmpp:dmuc:0')
    await joins(somewitch, 'heath@rooms.macbeth.lit/anotherwitch')
    await quiet(somewitch)
    expect(features(await informed(somewitch, 'heath@rooms.macbeth.lit'))).not.toContain('urn:xmpp:dmuc:0')
  })

  test('28 the occupants of the source are among those of the shadow', async () => {
    await shakespeare.givesShadow('', covenRoster)
    await joins(somewitch, 'coven@rooms.macbeth.lit/anotherwitch')
    await quiet(somewitch)
    await somewitch.sends(`
      <iq to='coven@rooms.macbeth.lit' id='items1' type='get'>
        <query xmlns='http://jabber.org/protocol/disco#items'/>
      </iq>`)
    const names = (await somewitch.next())
      .getChild('query')
      ?.getChildren('item')
      .map(({ attrs }) => attrs.name)
    expect(names).toEqual(['foo', 'bar', 'baz', 'anotherwitch'])
  })
})
