/**
 * urn:xmpp:dmuc-sync:0 as a shadow speaks it (docs/dmuc-sync.md): theroom@rooms.macbeth.lit is ours; the source coven and the other
 * shadow at conference.marlowe.lit are scripts that were written from that page.
 */
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { expectXml } from '../../support/xml-match.js'
import { PlainPeer } from './plain-peer.js'
import { administers, field, joins, key, openPeerhost, quiet, says, type Theatre } from './shakespeare.js'

const source = 'coven@chat.shakespeare.lit'
const shadow = 'theroom@rooms.macbeth.lit'
const other = 'theroom@conference.marlowe.lit'
const room = '7f1c1f0e-8c7b-4f5c-9d64-0f6a3c2b1a00'
const S = 'urn:xmpp:dmuc-sync:0'
const stanzaIdKey = 'AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='
const occupantSalt = 'AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE='

const hmac = (key: string, text: string): string =>
  createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64url')
const occupantId = (bareJid: string): string => hmac(occupantSalt, `${room}\n${bareJid}`)

let theatre: Theatre
let shakespeare: PlainPeer
let marlowe: PlainPeer
/** Our incarnation, from our hello. */
let ours: string

beforeEach(async () => {
  theatre = await openPeerhost()
  shakespeare = new PlainPeer(theatre.stage.peer('chat.shakespeare.lit'))
  marlowe = new PlainPeer(theatre.stage.peer('conference.marlowe.lit'))
})
afterEach(() => theatre.stage.close())

const identity = `room='${room}' source='${source}' epoch='1' rank='0'`

const replicate = (attributes = identity): string => `
  <iq from='chat.shakespeare.lit' id='replicate1' to='rooms.macbeth.lit' type='set'>
    <replicate xmlns='urn:xmpp:dmuc:0'>
      <room id='theroom'/>
      <source xmlns='${S}' ${attributes}/>
    </replicate>
  </iq>`

const accepted = `
  <iq from='rooms.macbeth.lit' id='replicate1' to='chat.shakespeare.lit' type='result'>
    <accepted xmlns='${S}' jid='${shadow}' key='${key}'/>
  </iq>`

const table = (revision: number, more = ''): string => `
  <instances xmlns='${S}' revision='${revision}'>
    <instance jid='${source}' kind='sync' rank='0'/>
    <instance jid='${shadow}' kind='sync' rank='1'/>
    ${more}
  </instances>`

const config = (attributes = identity, fields = ''): string => `
  <iq from='${source}' id='config1' to='${shadow}' type='set'>
    <config xmlns='urn:xmpp:dmuc:0'>
      <x xmlns='jabber:x:data' type='submit'>
        <field type='hidden' var='FORM_TYPE'>
          <value>http://jabber.org/protocol/muc#roomconfig</value>
        </field>
        ${fields}
      </x>
      <room xmlns='${S}' ${attributes} config='4' register='2'>
        <keys number='1' stanza-id='${stanzaIdKey}' occupant-id='${occupantSalt}'/>
        <entry jid='crone1@shakespeare.lit' affiliation='owner'/>
        <entry jid='macduff@macbeth.lit' affiliation='admin'/>
        <entry jid='porter@macbeth.lit' affiliation='outcast' reason='Knock, knock.'/>
        ${table(1)}
      </room>
    </config>
  </iq>`

const roster = `
  <iq from='${source}' id='roster1' to='${shadow}' type='set'>
    <roster xmlns='urn:xmpp:dmuc:0'>
      <item affiliation='owner' jid='crone1@shakespeare.lit/desktop' name='foo'>
        <occupant xmlns='${S}' home='${source}' role='moderator' occupant-id='${occupantId('crone1@shakespeare.lit')}'
            since='1767225600000.0' grant='0'>
          <presence xmlns='jabber:client'><show>away</show></presence>
        </occupant>
      </item>
      <item affiliation='none' jid='hag66@shakespeare.lit/pda' name='baz'>
        <occupant xmlns='${S}' home='${source}' role='visitor' occupant-id='${occupantId('hag66@shakespeare.lit')}'
            since='1767225600000.1' grant='0'>
          <presence xmlns='jabber:client'/>
        </occupant>
      </item>
      <list xmlns='${S}' incarnation='shakespeare-1' revision='5' seq='3'/>
    </roster>
  </iq>`

const result = (id: string): string => `<iq from='${shadow}' id='${id}' to='${source}' type='result'/>`

/** Revision 6: four changes of the configuration and two of the register, as E5 tells. */
const event = (seq: number, author = '', more = '/'): string => `
  <event xmlns='${S}' instance='${source}' incarnation='shakespeare-1' seq='${seq}' stamp='17672256000${seq % 10}0.0' epoch='1'
      revision='6' id='any-${seq}' ${author} ${more}>`

const byFoo = `nick='foo' jid='crone1@shakespeare.lit' occupant-id='${occupantId('crone1@shakespeare.lit')}'`

const hello = (incarnation: string, occupants: number, vector: string): string => `
  <hello xmlns='${S}' ${identity} incarnation='${incarnation}' config='4' register='2' occupants='${occupants}'>
    ${table(1)}
    <vector xmlns='${S}'>${vector}</vector>
  </hello>`

/** E3 to E8. */
async function replicates(fields = ''): Promise<void> {
  await shakespeare.sends(replicate())
  await shakespeare.receives(accepted)
  await shakespeare.sends(config(identity, fields))
  await shakespeare.receives(result('config1'))
  await shakespeare.sends(roster)
  await shakespeare.receives(result('roster1'))
}

/** E9 and E10: event 3 is served, what lies below it counts as known. */
async function givesHistory(): Promise<void> {
  const { id } = (await shakespeare.next()).attrs
  await shakespeare.sends(`
    <iq from='${source}' id='${id}' to='${shadow}' type='result'>
      <history xmlns='http://jabber.org/protocol/muc'>
        <message xmlns='jabber:client' from='${source}/foo' type='groupchat' id='m3'>
          <body>Message 3.</body>
          <delay xmlns='urn:xmpp:delay' from='${source}' stamp='2026-01-01T00:00:00Z'/>
          ${event(3, byFoo)}
        </message>
        <floor xmlns='${S}'>
          <vector><origin instance='${source}' incarnation='shakespeare-1' seq='2'/></vector>
        </floor>
      </history>
    </iq>`)
}

/** E3 to E10, the hello, and both sides are in touch; marlowe too, if it is to be. */
async function inTouch(fields = ''): Promise<void> {
  await replicates(fields)
  await givesHistory()
  const greeting = await shakespeare.next()
  ours = String(greeting.getChild('hello', S)?.attrs.incarnation)
  await shakespeare.sends(`
    <iq from='${source}' id='${greeting.attrs.id}' to='${shadow}' type='result'>
      ${hello('shakespeare-1', 5, `<origin instance='${source}' incarnation='shakespeare-1' seq='3'/>`)}
    </iq>`)
  await quiet()
}

/** E12: marlowe holds a shadow, too; it greets, and is in touch with us. */
async function withMarlowe(): Promise<void> {
  await shakespeare.sends(`
    <iq from='chat.shakespeare.lit' id='ph1' to='rooms.macbeth.lit' type='set'>
      <peerhost xmlns='urn:xmpp:dmuc:0'>
        <room id='theroom'/>
        ${table(2, `<instance jid='${other}' kind='sync' rank='2'/>`)}
      </peerhost>
    </iq>`)
  await shakespeare.receives(`<iq from='rooms.macbeth.lit' id='ph1' to='chat.shakespeare.lit' type='result'/>`)
  const greeting = await marlowe.next()
  expect(greeting.attrs).toMatchObject({ from: shadow, to: other, type: 'set' })
  await marlowe.sends(`
    <iq from='${other}' id='${greeting.attrs.id}' to='${shadow}' type='result'>${hello('marlowe-1', 1, '')}</iq>`)
  const list = await marlowe.next()
  await marlowe.sends(`
    <iq from='${other}' id='${list.attrs.id}' to='${shadow}' type='result'>
      <occupants xmlns='${S}' incarnation='marlowe-1' revision='1' seq='0'/>
    </iq>`)
  await quiet()
  await marlowe.drains()
}

/** A nick is claimed, and granted. */
async function grants(nick: string, jid: string, number = 1): Promise<void> {
  const { id } = await shakespeare.receives(`
    <iq from='${shadow}' id='{$id}' to='${source}' type='set'><claim xmlns='${S}' nick='${nick}' jid='${jid}'/></iq>`)
  await shakespeare.sends(`
    <iq from='${source}' id='${id}' to='${shadow}' type='result'><grant xmlns='${S}' number='${number}'/></iq>`)
}

async function witchEnters(nick = 'firstwitch'): Promise<Client> {
  const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
  await joins(somewitch, `${shadow}/${nick}`)
  await grants(nick, 'somewitch@macbeth.lit')
  await shakespeare.next()
  await quiet(somewitch)
  return somewitch
}

describe('replication', () => {
  test('13 E3 and 14 E4 a source that names itself is told that we speak the extension', async () => {
    await shakespeare.sends(replicate())
    await shakespeare.receives(accepted)
    await shakespeare.sends(replicate())
    await shakespeare.receives(accepted)
  })

  test('15 a source that belongs to another service is forbidden', async () => {
    await shakespeare.sends(replicate(`room='${room}' source='coven@conference.marlowe.lit' epoch='1' rank='0'`))
    expect((await shakespeare.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
  })

  test('15 another room of the same source is a conflict', async () => {
    await shakespeare.sends(replicate())
    await shakespeare.next()
    await shakespeare.sends(replicate(`room='another' source='${source}' epoch='1' rank='0'`))
    expect((await shakespeare.next()).getChild('error')?.getChild('conflict')).toBeDefined()
  })

  test('17 E5 the configuration of a room other than the one that was asked for is a conflict', async () => {
    await shakespeare.sends(replicate())
    await shakespeare.next()
    await shakespeare.sends(config(`room='another' source='${source}' epoch='1' rank='0'`))
    expect((await shakespeare.next()).getChild('error')?.getChild('conflict')).toBeDefined()
    await shakespeare.sends(config(`room='${room}' source='${other}' epoch='1' rank='0'`))
    expect((await shakespeare.next()).getChild('error')?.getChild('conflict')).toBeDefined()
    await shakespeare.sends(config())
    await shakespeare.receives(result('config1'))
  })

  test('19 E7 roles, presence and occupant-ids of the roster are those of the source', async () => {
    await inTouch(field('muc#roomconfig_whois', 'anyone'))
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${shadow}/firstwitch`)
    await grants('firstwitch', 'somewitch@macbeth.lit')
    await somewitch.receives(`
      <presence from='${shadow}/foo' to='somewitch@macbeth.lit/mobile'>
        <show>away</show>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='owner' role='moderator' jid='crone1@shakespeare.lit/desktop'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='${occupantId('crone1@shakespeare.lit')}'/>
      </presence>`)
    expect((await somewitch.next()).getChild('x')?.getChild('item')?.attrs.role).toBe('visitor')
    expect((await somewitch.next()).getChild('occupant-id')?.attrs.id).toBe(occupantId('somewitch@macbeth.lit'))
    const stanzaId = `1${hmac(stanzaIdKey, `${room}\n${source}\nshakespeare-1\n3`).slice(0, 22)}`
    await somewitch.receives(`
      <message from='${shadow}/foo' to='somewitch@macbeth.lit/mobile' type='groupchat' id='m3'>
        <body>Message 3.</body>
        <stanza-id xmlns='urn:xmpp:sid:0' by='${shadow}' id='${stanzaId}'/>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='${occupantId('crone1@shakespeare.lit')}'/>
        <delay xmlns='urn:xmpp:delay' from='${shadow}' stamp='2026-01-01T00:00:00.030Z'/>
      </message>`)
  })

  test('33 the register of the source holds here', async () => {
    await inTouch()
    const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await joins(macduff, `${shadow}/macduff`)
    await grants('macduff', 'macduff@macbeth.lit')
    const told = await shakespeare.next()
    expect(told.getChild('x')?.getChild('item')?.attrs).toMatchObject({ affiliation: 'admin', role: 'moderator' })
  })

  test('45 after the history we greet, and say what we hold', async () => {
    await replicates()
    await givesHistory()
    await shakespeare.receives(`
      <iq from='${shadow}' id='{any}' to='${source}' type='set'>
        <hello xmlns='${S}' ${identity} incarnation='{any}' key='${key}' keys='1' config='4' register='2' occupants='1' decisions='{any}'>
          ${table(1)}
          <vector xmlns='${S}'><origin instance='${source}' incarnation='shakespeare-1' seq='3'/></vector>
        </hello>
      </iq>`)
  })
})

describe('occupants of ours', () => {
  test('33 E17, 34 E18 a nick is asked for at the source before it is announced', async () => {
    await inTouch()
    await withMarlowe()
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${shadow}/firstwitch`)
    await somewitch.receivesNothing()
    await grants('firstwitch', 'somewitch@macbeth.lit', 7)
    for (const [peer, to] of [
      [shakespeare, source],
      [marlowe, other],
    ] as const)
      await peer.receives(`
        <presence from='${shadow}/firstwitch' to='${to}/firstwitch'>
          <x xmlns='http://jabber.org/protocol/muc#user'>
            <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
          </x>
          <occupant xmlns='${S}' incarnation='${ours}' revision='2' seq='0' jid='somewitch@macbeth.lit'
              occupant-id='${occupantId('somewitch@macbeth.lit')}' since='{any}' grant='7'/>
        </presence>`)
    expect((await somewitch.next()).attrs.from).toBe(`${shadow}/foo`)
  })

  test('33 a nick that the source refuses is a conflict', async () => {
    await inTouch()
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${shadow}/firstwitch`)
    const { id } = (await shakespeare.next()).attrs
    await shakespeare.sends(`
      <iq from='${source}' id='${id}' to='${shadow}' type='error'>
        <error type='cancel'><conflict xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </iq>`)
    expect((await somewitch.next()).getChild('error')?.getChild('conflict')).toBeDefined()
    await shakespeare.receivesNothing()
  })

  test('33 a source that does not answer in 2 s is not waited for', async () => {
    await inTouch()
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await joins(somewitch, `${shadow}/firstwitch`)
    await shakespeare.next()
    theatre.stage.clock.advance(2000)
    expect((await shakespeare.next()).attrs.from).toBe(`${shadow}/firstwitch`)
  })
})

describe('messages', () => {
  test('41 E24 and E25 to our own occupants, and to every other instance', async () => {
    await inTouch()
    await withMarlowe()
    const somewitch = await witchEnters()
    await marlowe.drains()
    await somewitch.sends(`
      <message
          from='somewitch@macbeth.lit/mobile'
          to='theroom@rooms.macbeth.lit'
          type='groupchat'>
        <body>Message 4.</body>
      </message>`)
    const ownEvent = `
      <event xmlns='${S}' instance='${shadow}' incarnation='${ours}' digest='{any}' prev='{any}' seq='1' stamp='{any}' epoch='1' revision='6' occupants='2' id='{any}'
          nick='firstwitch' jid='somewitch@macbeth.lit' occupant-id='${occupantId('somewitch@macbeth.lit')}'/>`
    await marlowe.receives(`
      <message
          from='theroom@rooms.macbeth.lit/firstwitch'
          to='theroom@conference.marlowe.lit/firstwitch'
          type='groupchat'>
        <body>Message 4.</body>
        ${ownEvent}
      </message>`)
    await shakespeare.receives(`
      <message
          from='theroom@rooms.macbeth.lit/firstwitch'
          to='coven@chat.shakespeare.lit/firstwitch'
          type='groupchat'>
        <body>Message 4.</body>
        ${ownEvent}
      </message>`)
    expect((await somewitch.next()).getChildText('body')).toBe('Message 4.')
  })

  test('35 and 41 what another instance says is shown here, and relayed to nobody', async () => {
    await inTouch()
    await withMarlowe()
    const somewitch = await witchEnters()
    await marlowe.drains()
    await shakespeare.sends(`
      <message from='${source}/foo' to='${shadow}/foo' type='groupchat'><body>Message 4.</body>${event(4, byFoo)}</message>`)
    expect((await somewitch.next()).getChildText('body')).toBe('Message 4.')
    await marlowe.receivesNothing()
    await shakespeare.receivesNothing()
  })

  test('45 what one instance lacks, any member that holds it gives', async () => {
    await inTouch()
    await shakespeare.sends(`
      <message from='${source}/foo' to='${shadow}/foo' type='groupchat'><body>Message 4.</body>${event(4, byFoo)}</message>`)
    await withMarlowe()
    await marlowe.sends(`
      <iq from='${other}' id='pull1' to='${shadow}' type='get'>
        <pull xmlns='${S}' room='${room}'>
          <range instance='${source}' incarnation='shakespeare-1' from='3' to='9'/>
        </pull>
      </iq>`)
    const page = (await marlowe.next()).getChild('events', S)
    expect(page?.getChildren('event').map(({ attrs }) => attrs.seq)).toEqual(['3', '4'])
  })

  test('42 a visitor of the source has no voice here: what it says is stored void', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    const byBaz = `nick='baz' jid='hag66@shakespeare.lit' occupant-id='${occupantId('hag66@shakespeare.lit')}'`
    await shakespeare.sends(`
      <message from='${source}/baz' to='${shadow}/baz' type='groupchat'><body>Hear me.</body>${event(4, byBaz)}</message>`)
    await somewitch.receivesNothing()
    await shakespeare.sends(`
      <iq from='${source}' id='pull1' to='${shadow}' type='get'>
        <pull xmlns='${S}' room='${room}'><range instance='${source}' incarnation='shakespeare-1' from='4' to='4'/></pull>
      </iq>`)
    const kept = (await shakespeare.next()).getChild('events', S)?.getChild('event')
    expect(kept?.attrs).toMatchObject({ seq: '4', void: 'true' })
    expect(kept?.toString()).not.toContain('Hear me.')
  })
})

describe('what the source decides', () => {
  const tells = (seq: number, operation: string): Promise<void> =>
    shakespeare.sends(`<message from='${source}' to='${shadow}'>${event(seq, '', '')}${operation}</event></message>`)

  test('40 a ban reaches an occupant here', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    await tells(
      4,
      "<register revision='3' jid='somewitch@macbeth.lit' affiliation='outcast' actor='crone1@shakespeare.lit'/>",
    )
    await somewitch.receives(`
      <presence from='${shadow}/firstwitch' to='somewitch@macbeth.lit/mobile' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='outcast' role='none' jid='somewitch@macbeth.lit/mobile'><actor nick='foo'/></item>
          <status code='110'/><status code='301'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
  })

  test('4 a configuration is shown as one', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    await tells(
      4,
      `<config revision='5'>
         <x xmlns='jabber:x:data' type='submit'>${field('muc#roomconfig_roomname', 'A Dark Cave')}</x>
       </config>`,
    )
    await somewitch.receives(`
      <message from='${shadow}' to='somewitch@macbeth.lit/mobile' type='groupchat'>
        <x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>
      </message>`)
  })

  test('4 one that a later revision has overtaken changes nothing', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    await tells(
      4,
      `<config revision='4'>
         <x xmlns='jabber:x:data' type='submit'>${field('muc#roomconfig_roomname', 'A Lonely Heath')}</x>
       </config>`,
    )
    await somewitch.receivesNothing()
  })

  test('47 nobody else decides it', async () => {
    await inTouch()
    await withMarlowe()
    const somewitch = await witchEnters()
    await marlowe.sends(`
      <message from='${other}' to='${shadow}'>
        <event xmlns='${S}' instance='${other}' incarnation='marlowe-1' seq='1' stamp='1767225600000.0' epoch='1' revision='6' id='x'>
          <register revision='3' jid='somewitch@macbeth.lit' affiliation='outcast'/>
        </event>
      </message>`)
    await somewitch.receivesNothing()
  })

  test('40 a kick that the source orders is carried out here', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    await shakespeare.sends(`
      <iq from='${source}' id='order1' to='${shadow}' type='set'>
        <order xmlns='${S}' actor='crone1@shakespeare.lit'><kick nick='firstwitch' reason='Avaunt!'/></order>
      </iq>`)
    const kicked = await somewitch.next()
    expect(
      kicked
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toEqual(['110', '307'])
    const answers = await shakespeare.drains()
    expectXml(answers[0] as Element, result('order1'))
    expect(answers[1]?.getChild('occupant', S)?.attrs).toMatchObject({ cause: 'kicked', incarnation: ours })
  })

  test('4 an owner who is here proposes; the source decides', async () => {
    await inTouch()
    const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await joins(macduff, `${shadow}/macduff`)
    await grants('macduff', 'macduff@macbeth.lit')
    await shakespeare.next()
    await quiet(macduff)
    await administers(macduff, shadow, "<item affiliation='member' jid='malcolm@shakespeare.lit'/>")
    const { id } = await shakespeare.receives(`
      <iq from='${shadow}' id='{$id}' to='${source}' type='set'>
        <order xmlns='${S}' actor='macduff@macbeth.lit'>
          <register revision='{any}' jid='malcolm@shakespeare.lit' affiliation='member' actor='macduff@macbeth.lit'/>
        </order>
      </iq>`)
    await macduff.receivesNothing()
    await shakespeare.sends(`<iq from='${source}' id='${id}' to='${shadow}' type='result'/>`)
    await macduff.receives(`<iq from='${shadow}' id='admin1' to='macduff@macbeth.lit/castle' type='result'/>`)
  })

  test('48 the end of the source is the end of the shadow', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    await tells(4, "<destroy reason='Macbeth doth come.' alternate='heath@chat.shakespeare.lit'/>")
    await somewitch.receives(`
      <presence from='${shadow}/firstwitch' to='somewitch@macbeth.lit/mobile' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='none'/>
          <destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy>
          <status code='110'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
    await quiet(somewitch)
    await says(somewitch, shadow, 'Is there anybody?')
    expect((await somewitch.next()).getChild('error')?.getChild('item-not-found')).toBeDefined()
  })

  test('48 the source takes the room back: its occupants are told where it is', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    await shakespeare.sends(`<message from='${source}' to='${shadow}'><leave xmlns='${S}'/></message>`)
    const gone = await somewitch.next()
    expect(gone.attrs.type).toBe('unavailable')
    expect(gone.getChild('x')?.getChild('destroy')?.attrs.jid).toBe(source)
    await quiet()
    await shakespeare.sends(replicate())
    await shakespeare.receives(accepted)
  })

  test('48 the operator gives the shadow up', async () => {
    await inTouch()
    const somewitch = await witchEnters()
    const { rooms, distribution } = theatre.rooms()
    await rooms.with(shadow, (live) => live && distribution.leave(live))
    expect((await somewitch.next()).getChild('x')?.getChild('destroy')?.attrs.jid).toBe(source)
    await shakespeare.receives(`<message from='${shadow}' to='${source}'><leave xmlns='${S}'/></message>`)
  })

  test('26 the table tells that an instance is gone: its occupants leave', async () => {
    await inTouch()
    await withMarlowe()
    const somewitch = await witchEnters()
    await marlowe.sends(`
      <presence from='${other}/faustus' to='${shadow}/faustus'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='faustus@marlowe.lit/study'/>
        </x>
        <occupant xmlns='${S}' incarnation='marlowe-1' revision='2' seq='0' jid='faustus@marlowe.lit'
            occupant-id='${occupantId('faustus@marlowe.lit')}' since='1767225600000.0' grant='2'/>
      </presence>`)
    expect((await somewitch.next()).attrs.from).toBe(`${shadow}/faustus`)
    await shakespeare.sends(`
      <iq from='chat.shakespeare.lit' id='ph2' to='rooms.macbeth.lit' type='set'>
        <peerhost xmlns='urn:xmpp:dmuc:0'>
          <room id='theroom'/>
          ${table(3, `<instance jid='${other}' kind='sync' rank='2' gone='true'/>`)}
        </peerhost>
      </iq>`)
    expect((await somewitch.next()).attrs).toMatchObject({ from: `${shadow}/faustus`, type: 'unavailable' })
    await marlowe.drains()
    await marlowe.sends(`<iq from='${other}' id='list1' to='${shadow}' type='get'><occupants xmlns='${S}'/></iq>`)
    expect((await marlowe.next()).getChild('error')?.getChild('gone')).toBeDefined()
  })
})
