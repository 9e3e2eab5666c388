/**
 * urn:xmpp:dmuc-sync:0 as a source speaks it (docs/dmuc-sync.md): coven@chat.shakespeare.lit is ours, the shadow at rooms.macbeth.lit
 * is a script that was written from that page.
 */
import { createHmac } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { expectXml } from '../../support/xml-match.js'
import { covenRoster, PlainPeer, PlainPeerhost } from './plain-peer.js'
import {
  administers,
  configures,
  distributed,
  field,
  fillsCoven,
  key,
  openFirsthost,
  quiet,
  says,
  type Theatre,
} from './shakespeare.js'

const source = 'coven@chat.shakespeare.lit'
const shadow = 'coven@rooms.macbeth.lit'
const S = 'urn:xmpp:dmuc-sync:0'

let theatre: Theatre
let macbeth: PlainPeer
let foo: Client
let bar: Client
let baz: Client
/** The id of the room, from E3. */
let room: string
/** Our incarnation, from E7. */
let ours: string
/** What everybody computes for somewitch@macbeth.lit from the key of E5 (docs/dmuc-sync.md §1). */
let witchId: string
/** Changes of configuration and register together, as E5 tells. */
let revision: number

beforeEach(async () => {
  theatre = await openFirsthost()
  macbeth = new PlainPeer(theatre.stage.peer('rooms.macbeth.lit'))
  ;[foo, bar, baz] = await fillsCoven(theatre)
})
afterEach(() => theatre.stage.close())

async function accepts(...fields: readonly string[]): Promise<void> {
  await configures(foo, ...fields, distributed('rooms.macbeth.lit'))
  const asked = await macbeth.receives(`
    <iq from='chat.shakespeare.lit' id='{$id}' to='rooms.macbeth.lit' type='set'>
      <replicate xmlns='urn:xmpp:dmuc:0'>
        <room id='coven'/>
        <source xmlns='${S}' room='{$room}' source='${source}' epoch='1' rank='0'/>
      </replicate>
    </iq>`)
  room = String(asked.room)
  await macbeth.sends(`
    <iq from='rooms.macbeth.lit' id='${asked.id}' to='chat.shakespeare.lit' type='result'>
      <accepted xmlns='${S}' jid='${shadow}'/>
    </iq>`)
}

const acknowledges = (iq: Element): Promise<void> =>
  macbeth.sends(`<iq from='${iq.attrs.to}' id='${iq.attrs.id}' to='${iq.attrs.from}' type='result'/>`)

/** E3 to E8, E12 and E13. */
async function replicates(...fields: readonly string[]): Promise<void> {
  await accepts(...fields)
  const config = await macbeth.next()
  const told = config.getChild('config')?.getChild('room', S)
  revision = Number(told?.attrs.config) + Number(told?.attrs.register)
  const salt = told?.getChild('keys')?.attrs['occupant-id']
  witchId = createHmac('sha256', Buffer.from(String(salt), 'base64'))
    .update(`${room}\nsomewitch@macbeth.lit`)
    .digest('base64url')
  await acknowledges(config)
  const roster = await macbeth.next()
  ours = String(roster.getChild('roster')?.getChild('list')?.attrs.incarnation)
  await acknowledges(roster)
  await acknowledges(await macbeth.next())
  await quiet(foo, bar, baz)
}

const vector = (...origins: readonly string[]): string => `<vector xmlns='${S}'>${origins.join('')}</vector>`

/** The shadow greets; what the source answers. `seq`: how many of its own events the shadow has. */
async function greets(seq: number, occupants: number, incarnation = 'macbeth-1'): Promise<Element> {
  await macbeth.sends(`
    <iq from='${shadow}' id='hello1' to='${source}' type='set'>
      <hello xmlns='${S}' room='${room}' source='${source}' epoch='1' rank='0' incarnation='${incarnation}'
          config='3' register='2' occupants='${occupants}'>
        <instances revision='1'>
          <instance jid='${source}' kind='sync' rank='0'/>
          <instance jid='${shadow}' kind='sync' rank='1'/>
        </instances>
        ${vector(`<origin instance='${shadow}' incarnation='${incarnation}' seq='${seq}'/>`)}
      </hello>
    </iq>`)
  return macbeth.next()
}

/** Replicated and greeted: events and presences of macbeth-1 are taken from 1 on. */
async function inTouch(...fields: readonly string[]): Promise<void> {
  await replicates(...fields)
  await greets(0, 1)
  const list = await macbeth.next()
  expect(list.getChild('occupants', S)).toBeDefined()
  await macbeth.sends(`
    <iq from='${shadow}' id='${list.attrs.id}' to='${source}' type='result'>
      <occupants xmlns='${S}' incarnation='macbeth-1' revision='1' seq='0'/>
    </iq>`)
  await quiet(foo, bar, baz)
}

const occupant = (revision: number, more = ''): string =>
  `<occupant xmlns='${S}' incarnation='macbeth-1' revision='${revision}' seq='0' jid='somewitch@macbeth.lit'
     occupant-id='${witchId}' since='1767225600000.0' grant='1' ${more}/>`

const witchEnters = (revision = 2, grant = ''): Promise<void> =>
  macbeth.sends(`
    <presence from='${shadow}/anotherwitch' to='${source}/anotherwitch'>
      <x xmlns='http://jabber.org/protocol/muc#user'>
        <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
      </x>
      ${occupant(revision, grant)}
    </presence>`)

const event = (seq: number, more = ''): string =>
  `<event xmlns='${S}' instance='${shadow}' incarnation='macbeth-1' seq='${seq}' stamp='176722560${seq}000.0' epoch='1'
     revision='${revision}' id='id-${seq}' nick='anotherwitch' jid='somewitch@macbeth.lit' occupant-id='${witchId}' ${more}`

const witchSays = (seq: number, body: string): Promise<void> =>
  macbeth.sends(`
    <message from='${shadow}/anotherwitch' to='${source}/anotherwitch' type='groupchat'>
      <body>${body}</body>
      ${event(seq)}/>
    </message>`)

describe('the room beside the configuration', () => {
  test('13 E3, 14 E4, 17 E5 which room it is, its keys, register and instances go to a member', async () => {
    await accepts()
    const iq = await macbeth.next()
    expectXml(
      iq.getChild('config')?.getChild('room', S) as Element,
      `<room xmlns='${S}' room='${room}' source='${source}' epoch='1' rank='0' config='{any}' register='{any}'>
         <keys number='1' stanza-id='{any}' occupant-id='{any}'/>
         <entry jid='crone1@shakespeare.lit' affiliation='owner'/>
         <entry jid='wiccarocks@shakespeare.lit' affiliation='admin'/>
         <instances revision='1' prev='{any}' signature='{any}'>
           <instance jid='${source}' kind='sync' rank='0' key='${key}'/>
           <instance jid='${shadow}' kind='sync' rank='1'/>
         </instances>
       </room>`,
    )
    expect(iq.attrs).toMatchObject({ from: source, to: shadow, type: 'set' })
  })

  test('19 E7 the roster tells of each occupant what XEP-0281 leaves out, and where the list stands', async () => {
    await baz.sends(`<presence to='${source}/baz'><show>away</show></presence>`)
    await accepts()
    await acknowledges(await macbeth.next())
    const extra = (since: string, role: string, presence: string): string =>
      `<occupant xmlns='${S}' home='${source}' role='${role}' occupant-id='{any}' since='${since}' grant='0'>
         <presence xmlns='jabber:client'>${presence}</presence>
       </occupant>`
    await macbeth.receives(`
      <iq from='${source}' id='{any}' to='${shadow}' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>
          <item affiliation='owner' jid='crone1@shakespeare.lit/desktop' name='foo'>${extra('{any}', 'moderator', '')}</item>
          <item affiliation='admin' jid='wiccarocks@shakespeare.lit/laptop' name='bar'>${extra('{any}', 'moderator', '')}</item>
          <item affiliation='none' jid='hag66@shakespeare.lit/pda' name='baz'>
            ${extra('{any}', 'participant', '<show>away</show>')}
          </item>
          <list xmlns='${S}' incarnation='{any}' revision='{any}' seq='{any}'/>
        </roster>
      </iq>`)
  })

  test('26 E12 the newcomer is told the table, too', async () => {
    await accepts()
    await acknowledges(await macbeth.next())
    await acknowledges(await macbeth.next())
    await macbeth.receives(`
      <iq from='chat.shakespeare.lit' id='{any}' to='rooms.macbeth.lit' type='set'>
        <peerhost xmlns='urn:xmpp:dmuc:0'>
          <room id='coven'/>
          <instances xmlns='${S}' revision='1' prev='{any}' signature='{any}'>
            <instance jid='${source}' kind='sync' rank='0' key='${key}'/>
            <instance jid='${shadow}' kind='sync' rank='1'/>
          </instances>
        </peerhost>
      </iq>`)
  })

  test('24 E10 the history tells which events these are, and up to where the rest counts as known', async () => {
    await says(foo, source, 'Message 1.')
    await says(baz, source, 'Message 2.')
    await replicates()
    await macbeth.sends(`
      <iq from='${shadow}' id='history1' to='${source}' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='coven'>
          <history xmlns='http://jabber.org/protocol/muc' maxstanzas='1'/>
        </room>
      </iq>`)
    const captures = await macbeth.receives(`
      <iq from='${source}' id='history1' to='${shadow}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>
          <message xmlns='jabber:client' from='${source}/baz' type='groupchat'>
            <body>Message 2.</body>
            <delay xmlns='urn:xmpp:delay' from='${source}' stamp='2026-01-01T00:00:00.000Z'/>
            <event xmlns='${S}' instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='{$seq}' stamp='{any}' epoch='1'
                revision='{any}' id='{any}' nick='baz' jid='hag66@shakespeare.lit' occupant-id='{any}'/>
          </message>
          <floor xmlns='${S}'>
            <vector><origin instance='${source}' incarnation='${ours}' seq='{$below}'/></vector>
          </floor>
        </history>
      </iq>`)
    expect(Number(captures.below)).toBe(Number(captures.seq) - 1)
  })

  test('38 E21 an invitation to a member’s shadow brings the password along', async () => {
    await theatre.stage.close()
    theatre = await openFirsthost({ redirect: { 'macbeth.lit': 'rooms.macbeth.lit' } })
    macbeth = new PlainPeer(theatre.stage.peer('rooms.macbeth.lit'))
    ;[foo, bar, baz] = await fillsCoven(theatre)
    await inTouch(field('muc#roomconfig_roomsecret', 'harpier'))
    const somewitch = theatre.stage.peer('macbeth.lit')
    const asks = (password: string): Promise<void> =>
      somewitch.sends(`
        <presence from='somewitch@macbeth.lit/mobile' to='${source}/firstwitch'>
          <x xmlns='http://jabber.org/protocol/muc'>${password}</x>
        </presence>`)
    await asks('')
    expect((await somewitch.next()).getChild('error')?.getChild('not-authorized')).toBeDefined()
    await asks('<password>harpier</password>')
    expect((await somewitch.next()).getChild('error')?.getChildText('redirect')).toBe(`xmpp:${shadow}?join`)
    await somewitch.receives(`
      <message from='${source}' to='somewitch@macbeth.lit/mobile'>
        <x xmlns='jabber:x:conference' jid='${shadow}' password='harpier'/>
      </message>`)
  })
})

describe('greetings', () => {
  test('45 a hello is answered with our own', async () => {
    await replicates()
    expectXml(
      await greets(0, 1),
      `<iq from='${source}' id='hello1' to='${shadow}' type='result'>
         <hello xmlns='${S}' room='${room}' source='${source}' epoch='1' rank='0' incarnation='${ours}' key='${key}' keys='1'
             config='{any}' register='{any}' occupants='{any}' decisions='{any}'>
           <instances revision='1' prev='{any}' signature='{any}'>
             <instance jid='${source}' kind='sync' rank='0' key='${key}'/>
             <instance jid='${shadow}' kind='sync' rank='1'/>
           </instances>
           <vector><origin instance='${source}' incarnation='${ours}' seq='{any}'/></vector>
           <head instance='${source}' incarnation='${ours}' seq='{any}' signature='{any}'/>
         </hello>
       </iq>`,
    )
  })

  test('45 a hello that means another room, or another epoch, is a conflict', async () => {
    await replicates()
    const theirs = room
    room = 'another'
    expect((await greets(0, 1)).getChild('error')?.getChild('conflict')).toBeDefined()
    room = theirs
    expect((await greets(0, 1)).attrs.type).toBe('result')
  })

  test('45 after it we fetch what we lack: first events, then the list of occupants', async () => {
    await replicates()
    await greets(2, 3)
    const { id } = await macbeth.receives(`
      <iq from='${source}' id='{$id}' to='${shadow}' type='get'>
        <pull xmlns='${S}' room='${room}'>
          <range instance='${shadow}' incarnation='macbeth-1' from='1' to='2'/>
        </pull>
      </iq>`)
    await macbeth.sends(`
      <iq from='${shadow}' id='${id}' to='${source}' type='result'>
        <events xmlns='${S}'>
          ${event(1)}><message xmlns='jabber:client' type='groupchat' id='m1'><body>Hail!</body></message></event>
          ${event(2)}><message xmlns='jabber:client' type='groupchat'><body>All hail!</body></message></event>
        </events>
      </iq>`)
    await foo.receives(`
      <message from='${source}/anotherwitch' to='crone1@shakespeare.lit/desktop' type='groupchat' id='m1'>
        <body>Hail!</body>
        <stanza-id xmlns='urn:xmpp:sid:0' by='${source}' id='{any}'/>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='${witchId}'/>
        <delay xmlns='urn:xmpp:delay' from='${source}' stamp='2026-01-01T00:00:01.000Z'/>
      </message>`)
    expect((await foo.next()).getChildText('body')).toBe('All hail!')
    const list = await macbeth.receives(
      `<iq from='${source}' id='{$id}' to='${shadow}' type='get'><occupants xmlns='${S}'/></iq>`,
    )
    await macbeth.sends(`
      <iq from='${shadow}' id='${list.id}' to='${source}' type='result'>
        <occupants xmlns='${S}' incarnation='macbeth-1' revision='3' seq='2'>
          <presence xmlns='jabber:client' from='${shadow}/anotherwitch' to='${shadow}/anotherwitch'>
            <show>away</show>
            <x xmlns='http://jabber.org/protocol/muc#user'>
              <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
            </x>
            ${occupant(3)}
          </presence>
        </occupants>
      </iq>`)
    await foo.receives(`
      <presence from='${source}/anotherwitch' to='crone1@shakespeare.lit/desktop'>
        <show>away</show>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='${witchId}'/>
      </presence>`)
  })
})

describe('occupants', () => {
  test('34 E18 a presence in its place in the list is shown', async () => {
    await inTouch()
    await witchEnters()
    await foo.receives(`
      <presence from='${source}/anotherwitch' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='${witchId}'/>
      </presence>`)
    await macbeth.receivesNothing()
  })

  test('34 E18 one that is out of place is not: the list is fetched', async () => {
    await inTouch()
    await witchEnters(4)
    await foo.receivesNothing()
    await macbeth.receives(`<iq from='${source}' id='{any}' to='${shadow}' type='get'><occupants xmlns='${S}'/></iq>`)
  })

  test('34 E18 and an old one is ignored', async () => {
    await inTouch()
    await witchEnters(1)
    await foo.receivesNothing()
    await macbeth.receivesNothing()
  })

  test('34, 40 ours go to the shadow with their place', async () => {
    await inTouch()
    await baz.sends(`<presence to='${source}/baz'><show>xa</show></presence>`)
    const { revision } = await macbeth.receives(`
      <presence from='${source}/baz' to='${shadow}/baz'>
        <show>xa</show>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='hag66@shakespeare.lit/pda'/>
        </x>
        <occupant xmlns='${S}' incarnation='${ours}' revision='{$revision}' seq='{any}' jid='hag66@shakespeare.lit'
            occupant-id='{any}' since='{any}' grant='0'/>
      </presence>`)
    await baz.sends(`<presence to='${source}/baz' type='unavailable'/>`)
    await macbeth.receives(`
      <presence from='${source}/baz' to='${shadow}/baz' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='none' jid='hag66@shakespeare.lit/pda'/>
        </x>
        <occupant xmlns='${S}' incarnation='${ours}' revision='${Number(revision) + 1}' seq='{any}' cause='left'/>
      </presence>`)
  })

  test('45 our list is given to a member that asks', async () => {
    await inTouch()
    await macbeth.sends(`<iq from='${shadow}' id='list1' to='${source}' type='get'><occupants xmlns='${S}'/></iq>`)
    const list = (await macbeth.next()).getChild('occupants', S)
    expect(list?.attrs).toMatchObject({ incarnation: ours })
    expect(list?.getChildren('presence').map(({ attrs }) => attrs.from)).toEqual(
      ['foo', 'bar', 'baz'].map((nick) => `${source}/${nick}`),
    )
  })

  test('45 occupants of a plain shadow are on it: the source speaks for them', async () => {
    await inTouch()
    await configures(foo, distributed('rooms.macbeth.lit', 'conference.marlowe.lit'))
    const marlowe = new PlainPeerhost(theatre.stage.peer('conference.marlowe.lit'))
    await marlowe.holdsShadow(...covenRoster)
    await macbeth.drains()
    await marlowe.announces('faustus')
    const told = await macbeth.next()
    expect(told.attrs).toMatchObject({ from: `${source}/faustus`, to: `${shadow}/faustus` })
    expect(told.getChild('occupant', S)?.attrs.incarnation).toBe(ours)
    await marlowe.says('faustus', 'Settle thy studies.')
    const said = await macbeth.next()
    expect(said.attrs).toMatchObject({ from: `${source}/faustus`, to: `${shadow}/faustus` })
    expect(said.getChild('event', S)?.attrs).toMatchObject({ instance: source, incarnation: ours, nick: 'faustus' })
    await macbeth.sends(`<iq from='${shadow}' id='list1' to='${source}' type='get'><occupants xmlns='${S}'/></iq>`)
    const names = (await macbeth.next())
      .getChild('occupants', S)
      ?.getChildren('presence')
      .map(({ attrs }) => attrs.from)
    expect(names).toContain(`${source}/faustus`)
    await witchEnters()
    expect((await marlowe.next()).attrs.from).toBe(`${source}/anotherwitch`)
    await witchSays(1, 'Hail!')
    expect((await marlowe.next()).attrs.from).toBe(`${source}/anotherwitch`)
    await macbeth.receivesNothing()
  })
})

describe('43 private messages', () => {
  const whisper = (from: string, to: string): string => `
    <message from='${from}' to='${to}' type='chat' id='pm1'><body>Psst.</body></message>`

  test('43 between a member and a plain shadow they go through the source', async () => {
    await inTouch()
    await configures(foo, distributed('rooms.macbeth.lit', 'conference.marlowe.lit'))
    const marlowe = new PlainPeerhost(theatre.stage.peer('conference.marlowe.lit'))
    await marlowe.holdsShadow(...covenRoster)
    await marlowe.announces('faustus')
    await witchEnters()
    await macbeth.drains()
    await marlowe.drains()
    await macbeth.sends(whisper(`${shadow}/anotherwitch`, `${source}/faustus`))
    await marlowe.receives(whisper(`${source}/anotherwitch`, 'coven@conference.marlowe.lit/faustus'))
    await marlowe.sends(whisper('coven@conference.marlowe.lit/faustus', `${source}/anotherwitch`))
    await macbeth.receives(whisper(`${source}/faustus`, `${shadow}/anotherwitch`))
    await macbeth.sends(whisper(`${shadow}/faustus`, `${source}/foo`))
    expect((await macbeth.next()).attrs.type).toBe('error')
    await quiet(foo)
  })

  test('43 a member speaks only for its own', async () => {
    await inTouch()
    await macbeth.sends(whisper(`${shadow}/baz`, `${source}/foo`))
    expect((await macbeth.next()).attrs.type).toBe('error')
    await foo.receivesNothing()
  })
})

describe('events', () => {
  test('41 E25 ours carry their identity', async () => {
    await inTouch()
    await says(foo, source, 'Message 4.', 'm4')
    await macbeth.receives(`
      <message from='${source}/foo' to='${shadow}/foo' type='groupchat' id='m4'>
        <body>Message 4.</body>
        <event xmlns='${S}' instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='{any}' stamp='{any}' epoch='1'
            revision='{any}' occupants='{any}' id='{any}' nick='foo' jid='crone1@shakespeare.lit' occupant-id='{any}'/>
      </message>`)
  })

  test('41 E25 one of the shadow is taken once', async () => {
    await inTouch()
    await witchEnters()
    await witchSays(1, 'Message 4.')
    await witchSays(1, 'Message 4.')
    await witchSays(2, 'Message 5.')
    await baz.next()
    expect((await baz.next()).getChildText('body')).toBe('Message 4.')
    expect((await baz.next()).getChildText('body')).toBe('Message 5.')
    await baz.receivesNothing()
  })

  test('45 above a gap it waits until the gap is pulled', async () => {
    await inTouch()
    await witchEnters()
    await baz.next()
    await witchSays(2, 'Message 5.')
    await baz.receivesNothing()
    const { id } = await macbeth.receives(`
      <iq from='${source}' id='{$id}' to='${shadow}' type='get'>
        <pull xmlns='${S}' room='${room}'><range instance='${shadow}' incarnation='macbeth-1' from='1' to='2'/></pull>
      </iq>`)
    await macbeth.sends(`
      <iq from='${shadow}' id='${id}' to='${source}' type='result'>
        <events xmlns='${S}'>
          ${event(1)}><message xmlns='jabber:client' type='groupchat'><body>Message 4.</body></message></event>
          ${event(2)}><message xmlns='jabber:client' type='groupchat'><body>Message 5.</body></message></event>
        </events>
      </iq>`)
    expect((await baz.next()).getChildText('body')).toBe('Message 4.')
    expect((await baz.next()).getChildText('body')).toBe('Message 5.')
    await baz.receivesNothing()
  })

  test('47 an event in the name of another instance is dropped', async () => {
    await inTouch()
    await witchEnters()
    await baz.next()
    await macbeth.sends(`
      <message from='${shadow}/foo' to='${source}/foo' type='groupchat'>
        <body>I am foo.</body>
        <event xmlns='${S}' instance='${source}' incarnation='${ours}' seq='99' stamp='1767225600000.0' epoch='1'
            revision='2' id='id-99' nick='foo' jid='crone1@shakespeare.lit' occupant-id='x'/>
      </message>`)
    await baz.receivesNothing()
  })

  test('42 one that its author may not say is shown to nobody, and counts', async () => {
    await inTouch()
    await witchSays(1, 'I am not in the room.')
    await witchEnters()
    await witchSays(2, 'Now I am.')
    expect((await baz.next()).name).toBe('presence')
    expect((await baz.next()).getChildText('body')).toBe('Now I am.')
  })

  test('45 a member pulls ours', async () => {
    await inTouch()
    await says(foo, source, 'Message 4.', 'm4')
    const seq = Number((await macbeth.next()).getChild('event', S)?.attrs.seq)
    const pulls = (from: number, to: number): Promise<void> =>
      macbeth.sends(`
        <iq from='${shadow}' id='pull1' to='${source}' type='get'>
          <pull xmlns='${S}' room='${room}'>
            <range instance='${source}' incarnation='${ours}' from='${from}' to='${to}'/>
          </pull>
        </iq>`)
    await pulls(seq, seq)
    await macbeth.receives(`
      <iq from='${source}' id='pull1' to='${shadow}' type='result'>
        <events xmlns='${S}'>
          <event instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='${seq}' stamp='{any}' epoch='1' revision='{any}' id='{any}'
              nick='foo' jid='crone1@shakespeare.lit' occupant-id='{any}'>
            <message xmlns='jabber:client' type='groupchat' id='m4'><body>Message 4.</body></message>
          </event>
        </events>
      </iq>`)
    await pulls(1, 2)
    await macbeth.receives(`
      <iq from='${source}' id='pull1' to='${shadow}' type='result'>
        <events xmlns='${S}'>
          <event instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='1' stamp='{any}' epoch='1' revision='{any}' id='{any}'>
            <config revision='1'><x xmlns='jabber:x:data' type='submit'>{...}</x></config>
          </event>
          <event instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='2' stamp='{any}' epoch='1' revision='{any}' id='{any}'>
            <register revision='1' jid='crone1@shakespeare.lit' affiliation='owner'/>
          </event>
        </events>
      </iq>`)
  })

  test('4 changes of register and configuration are events that the source numbers', async () => {
    await inTouch()
    await administers(
      foo,
      source,
      "<item affiliation='outcast' jid='macduff@macbeth.lit'><reason>Thane of Fife</reason></item>",
    )
    const { revision } = await macbeth.receives(`
      <message from='${source}' to='${shadow}'>
        <event xmlns='${S}' instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='{any}' stamp='{any}' epoch='1' revision='{any}' id='{any}'>
          <register revision='{$revision}' jid='macduff@macbeth.lit' affiliation='outcast' reason='Thane of Fife'
              actor='crone1@shakespeare.lit'/>
        </event>
      </message>`)
    expect(Number(revision)).toBeGreaterThan(0)
    // What is numbered is signed at once (docs/dmuc-sync.md §7).
    expect((await macbeth.next()).getChild('head', S)?.attrs.instance).toBe(source)
    await configures(foo, field('muc#roomconfig_roomname', 'A Dark Cave'))
    const changed = (await macbeth.next()).getChild('event', S)?.getChild('config')
    expect(changed?.toString()).toContain('A Dark Cave')
  })

  test('47 a shadow numbers neither', async () => {
    await inTouch()
    await macbeth.sends(`
      <message from='${shadow}' to='${source}'>
        ${event(1)}><register revision='99' jid='somewitch@macbeth.lit' affiliation='owner'/></event>
      </message>`)
    await foo.sends(`
      <iq to='${source}' id='owners1' type='get'>
        <query xmlns='http://jabber.org/protocol/muc#admin'><item affiliation='owner'/></query>
      </iq>`)
    await foo.receives(`
      <iq from='${source}' id='owners1' to='crone1@shakespeare.lit/desktop' type='result'>
        <query xmlns='http://jabber.org/protocol/muc#admin'>
          <item affiliation='owner' jid='crone1@shakespeare.lit'/>
        </query>
      </iq>`)
  })

  test('41 a chat state is marked as what is not logged', async () => {
    await inTouch()
    await foo.sends(`
      <message to='${source}' type='groupchat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>`)
    await macbeth.receives(`
      <message from='${source}/foo' to='${shadow}/foo' type='groupchat'>
        <composing xmlns='http://jabber.org/protocol/chatstates'/>
        <ephemeral xmlns='${S}'/>
      </message>`)
  })
})

describe('claims and orders', () => {
  const claims = (nick: string, jid: string): Promise<void> =>
    macbeth.sends(`
      <iq from='${shadow}' id='claim1' to='${source}' type='set'><claim xmlns='${S}' nick='${nick}' jid='${jid}'/></iq>`)

  test('33 a nick is granted once, and then kept for who asked', async () => {
    await inTouch()
    await claims('anotherwitch', 'somewitch@macbeth.lit')
    await macbeth.receives(`
      <iq from='${source}' id='claim1' to='${shadow}' type='result'><grant xmlns='${S}' number='1' proof='{any}'/></iq>`)
    await claims('anotherwitch', 'macduff@macbeth.lit')
    expect((await macbeth.next()).getChild('error')?.getChild('conflict')).toBeDefined()
    theatre.stage.clock.advance(10_000)
    await macbeth.drains()
    await claims('anotherwitch', 'macduff@macbeth.lit')
    const granted = (await macbeth.drains()).find(({ attrs }) => attrs.id === 'claim1')
    expect(granted?.getChild('grant', S)?.attrs.number).toBe('2')
  })

  test('33 one that somebody has is not granted', async () => {
    await inTouch()
    await claims('foo', 'somewitch@macbeth.lit')
    expect((await macbeth.next()).getChild('error')?.getChild('conflict')).toBeDefined()
  })

  const orders = (actor: string, what: string): Promise<void> =>
    macbeth.sends(`
      <iq from='${shadow}' id='order1' to='${source}' type='set'><order xmlns='${S}' actor='${actor}'>${what}</order></iq>`)

  async function witchIsAdmin(): Promise<void> {
    await inTouch()
    await administers(foo, source, "<item affiliation='admin' jid='somewitch@macbeth.lit'/>")
    await witchEnters()
    await macbeth.drains()
    await quiet(foo, bar, baz)
  }

  test('40 an admin at the shadow has the source kick one of its own', async () => {
    await witchIsAdmin()
    await orders('somewitch@macbeth.lit', "<kick nick='baz' reason='Avaunt!'/>")
    const kicked = await baz.next()
    expect(
      kicked
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toEqual(['110', '307'])
    expect((await macbeth.drains()).map(({ name, attrs }) => [name, attrs.type])).toEqual(
      expect.arrayContaining([
        ['iq', 'result'],
        ['presence', 'unavailable'],
      ]),
    )
  })

  test('40 and ban', async () => {
    await witchIsAdmin()
    await orders('somewitch@macbeth.lit', "<register revision='0' jid='hag66@shakespeare.lit' affiliation='outcast'/>")
    const banned = await baz.next()
    expect(
      banned
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toEqual(['110', '301'])
  })

  test('40 a configuration made of an older one is refused, and undoes nothing', async () => {
    await inTouch()
    await administers(foo, source, "<item affiliation='owner' jid='somewitch@macbeth.lit'/>")
    await witchEnters()
    await macbeth.drains()
    const named = (revision: number, name: string): Promise<void> =>
      orders(
        'somewitch@macbeth.lit',
        `<config revision='${revision}'><x xmlns='jabber:x:data' type='submit'>
          <field var='muc#roomconfig_roomname'><value>${name}</value></field></x></config>`,
      )
    const answer = async (): Promise<Element | undefined> =>
      (await macbeth.drains()).find(({ attrs }) => attrs.id === 'order1')
    await named(0, 'The heath')
    expect((await answer())?.attrs.type).toBe('result')
    await named(1, 'The castle')
    const error = (await answer())?.getChild('error')
    expect(error?.attrs.type).toBe('wait')
    expect(error?.getChild('conflict')).toBeDefined()
    await orders('crone1@shakespeare.lit', "<config revision='1'><x xmlns='jabber:x:data' type='submit'/></config>")
    expect((await answer())?.getChild('error')?.getChild('forbidden')).toBeDefined()
  })

  test('47 an instance speaks for its own occupants alone', async () => {
    await inTouch()
    await orders('crone1@shakespeare.lit', "<kick nick='baz'/>")
    expect((await macbeth.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await baz.receivesNothing()
  })

  test('47 the actor’s right is checked anew', async () => {
    await inTouch()
    await witchEnters()
    await quiet(baz)
    await orders('somewitch@macbeth.lit', "<kick nick='baz'/>")
    expect((await macbeth.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await orders('somewitch@macbeth.lit', "<register revision='0' jid='hag66@shakespeare.lit' affiliation='outcast'/>")
    expect((await macbeth.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await orders('somewitch@macbeth.lit', '<destroy/>')
    expect((await macbeth.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await baz.receivesNothing()
  })

  test('40 we order the shadow to kick one of its own', async () => {
    await inTouch()
    await witchEnters()
    await quiet(foo)
    await administers(foo, source, "<item nick='anotherwitch' role='none'><reason>Aroint thee!</reason></item>")
    const { id } = await macbeth.receives(`
      <iq from='${source}' id='{$id}' to='${shadow}' type='set'>
        <order xmlns='${S}' actor='crone1@shakespeare.lit'><kick nick='anotherwitch' reason='Aroint thee!'/></order>
      </iq>`)
    await foo.receivesNothing()
    await macbeth.sends(`<iq from='${shadow}' id='${id}' to='${source}' type='result'/>`)
    await foo.receives(`<iq from='${source}' id='admin1' to='crone1@shakespeare.lit/desktop' type='result'/>`)
  })
})

describe('48 the end', () => {
  test('48 the source is destroyed', async () => {
    await inTouch()
    await foo.sends(`
      <iq to='${source}' id='destroy1' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'>
          <destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy>
        </query>
      </iq>`)
    await macbeth.receives(`
      <message from='${source}' to='${shadow}'>
        <event xmlns='${S}' instance='${source}' incarnation='${ours}' digest='{any}' prev='{any}' seq='{any}' stamp='{any}' epoch='1' revision='{any}' id='{any}'>
          <destroy reason='Macbeth doth come.' alternate='heath@chat.shakespeare.lit'/>
        </event>
      </message>`)
  })

  test('48 the room is distributed no more', async () => {
    await inTouch()
    await witchEnters()
    await quiet(baz)
    await configures(foo, field('muc#roomconfig_distributed', '0'))
    const told = await macbeth.drains()
    expectXml(told.at(-1) as Element, `<message from='${source}' to='${shadow}'><leave xmlns='${S}'/></message>`)
    const seen = (await baz.drain()).find(({ name }) => name === 'presence')
    expect(seen?.attrs).toMatchObject({ from: `${source}/anotherwitch`, type: 'unavailable' })
  })

  test('48 the shadow leaves', async () => {
    await inTouch()
    await witchEnters()
    await quiet(foo, baz)
    await macbeth.sends(`<message from='${shadow}' to='${source}'><leave xmlns='${S}'/></message>`)
    expect((await baz.next()).attrs).toMatchObject({ from: `${source}/anotherwitch`, type: 'unavailable' })
    await quiet(foo)
    await macbeth.drains()
    await says(foo, source, 'Are you there?')
    await macbeth.receivesNothing()
  })
})
