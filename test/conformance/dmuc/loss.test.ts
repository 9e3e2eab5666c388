/**
 * XEP-0281 §1.3, points 5 and 6, with plain peers: what happens while the link is lost, and when it is back (checklist 4 to 6).
 * Between instances that speak the extension this is ./sync.test.ts and the dialogues.
 */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { covenRoster, PlainFirsthost, type PlainPeer, PlainPeerhost } from './plain-peer.js'
import {
  configures,
  distributed,
  field,
  fillsCoven,
  joins,
  openFirsthost,
  openPeerhost,
  quiet,
  says,
  type Theatre,
} from './shakespeare.js'

let theatre: Theatre
afterEach(() => theatre.stage.close())

const source = 'coven@chat.shakespeare.lit'
const shadow = 'theroom@rooms.macbeth.lit'

async function passes(ms: number): Promise<void> {
  for (let left = ms; left > 0; left -= 1000) {
    theatre.stage.clock.advance(Math.min(1000, left))
    await quiet()
  }
}

/** The link is back, and time passes until that is noticed. */
async function comesBack(peer: PlainPeer): Promise<void> {
  await peer.drains()
  peer.isCutOff = false
  const before = peer.heard
  for (let seconds = 0; peer.heard === before && seconds < 200; seconds += 1) await passes(1000)
}

async function shadowWithWitch(): Promise<[PlainFirsthost, Client]> {
  theatre = await openPeerhost({ ping_after: 5, ping_timeout: 2, grace: 20 })
  const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
  await shakespeare.givesShadow()
  const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
  await joins(somewitch, `${shadow}/anotherwitch`)
  await shakespeare.next()
  await quiet(somewitch)
  return [shakespeare, somewitch]
}

async function sourceWithWitch(): Promise<[PlainPeerhost, Client, Client, Client]> {
  theatre = await openFirsthost({ ping_after: 5, ping_timeout: 2, grace: 20 })
  const macbeth = new PlainPeerhost(theatre.stage.peer('rooms.macbeth.lit'))
  const clients = await fillsCoven(theatre, distributed('rooms.macbeth.lit'))
  await macbeth.holdsShadow(...covenRoster)
  await macbeth.announces('anotherwitch')
  await quiet(...clients)
  return [macbeth, ...clients]
}

describe('while connected', () => {
  test('4 a change of the configuration goes to the plain shadow as a configuration', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await configures(foo, field('muc#roomconfig_roomname', 'A Dark Cave'))
    const form = await macbeth.takesConfig()
    expect(form.toString()).toContain('<value>A Dark Cave</value>')
    await macbeth.receivesNothing()
  })

  test('4 one of a plain source is carried out at the shadow, and its occupants are told', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.sendsConfig(field('muc#roomconfig_roomname', 'A Dark Cave'))
    await somewitch.receives(`
      <message from='${shadow}' to='somewitch@macbeth.lit/mobile' type='groupchat'>
        <x xmlns='http://jabber.org/protocol/muc#user'><status code='104'/></x>
      </message>`)
    await shakespeare.sendsConfig(field('muc#roomconfig_membersonly', '1'))
    const seen = await somewitch.next()
    expect(
      seen
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toEqual(['110', '322'])
  })

  test('4 the firsthost rules: who has a nick there keeps it, and ours is renamed', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.announces(
      'anotherwitch',
      "<item affiliation='none' role='participant' jid='hag66@shakespeare.lit/pda'/>",
    )
    const codes = (presence: Element) =>
      presence
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code)
    const renamed = await somewitch.next()
    expect(codes(renamed)).toEqual(['110', '303'])
    expect(codes(await somewitch.next())).toEqual(['110', '210'])
    const nick = renamed.getChild('x')?.getChild('item')?.attrs.nick
    const told = await shakespeare.drains()
    expect(told.map(({ attrs }) => [attrs.from, attrs.type])).toEqual([
      [`${shadow}/anotherwitch`, 'unavailable'],
      [`${shadow}/${nick}`, undefined],
    ])
  })
})

describe('the link is lost', () => {
  test('5 the shadow goes on: messages, history, coming and going', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    shakespeare.isCutOff = true
    await passes(15_000)
    await shakespeare.drains()
    await says(somewitch, shadow, 'Where are they?')
    expect((await somewitch.next()).getChildText('body')).toBe('Where are they?')
    const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await joins(macduff, `${shadow}/macduff`)
    await quiet()
    expect((await macduff.drain()).map((stanza) => stanza.getChildText('body'))).toContain('Where are they?')
    await shakespeare.receivesNothing()
  })

  test('5 past the grace its occupants are shown as gone; not before', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    shakespeare.isCutOff = true
    await passes(15_000)
    await somewitch.receivesNothing()
    await passes(20_000)
    const gone = await somewitch.drain()
    expect(gone.map(({ attrs }) => [attrs.type, attrs.from])).toEqual(
      ['foo', 'bar', 'baz'].map((nick) => ['unavailable', `${shadow}/${nick}`]),
    )
    expect(gone[0]?.getChild('x')?.getChild('status')?.attrs.code).toBe('333')
  })

  test('5 the owner of a shadow that is cut off changes nothing', async () => {
    const [shakespeare] = await shadowWithWitch()
    const crone1 = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await shakespeare.announces('qux', "<item affiliation='owner' role='moderator' jid='macduff@macbeth.lit/castle'/>")
    shakespeare.isCutOff = true
    await passes(15_000)
    await crone1.sends(`
      <iq to='${shadow}' id='configure1' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'>
          <x xmlns='jabber:x:data' type='submit'>${field('muc#roomconfig_roomname', 'Mine')}</x>
        </query>
      </iq>`)
    const answer = await crone1.next()
    expect(answer.attrs.type).toBe('error')
  })
})

describe('the link is back', () => {
  test('6 a plain source is told who is here, and asked for what was said meanwhile', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    shakespeare.isCutOff = true
    await passes(15_000)
    await shakespeare.drains()
    await says(somewitch, shadow, 'Where are they?')
    await somewitch.next()
    await comesBack(shakespeare)
    await shakespeare.receives(`
      <presence from='${shadow}/anotherwitch' to='${source}/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
    const { id } = await shakespeare.receives(`
      <iq from='${shadow}' id='{$id}' to='${source}' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='theroom'>
          <history xmlns='http://jabber.org/protocol/muc' maxstanzas='1000' since='{any}'/>
        </room>
      </iq>`)
    await shakespeare.sends(`
      <iq from='${source}' id='${id}' to='${shadow}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>
          <message xmlns='jabber:client' from='${source}/baz' type='groupchat'>
            <body>Where are you?</body>
            <delay xmlns='urn:xmpp:delay' from='${source}' stamp='2026-01-01T00:00:09Z'/>
          </message>
        </history>
      </iq>`)
    await quiet()
    const late = (await somewitch.drain()).find(({ name }) => name === 'message')
    expect(late?.getChildText('body')).toBe('Where are you?')
    expect(late?.getChild('delay')?.attrs.stamp).toBe('2026-01-01T00:00:09.000Z')
    await shakespeare.receivesNothing()
  })

  test('6 a plain source that gives its roster before we know that the link is back hears who is here', async () => {
    const [shakespeare] = await shadowWithWitch()
    shakespeare.isCutOff = true
    await passes(45_000)
    await shakespeare.drains()
    shakespeare.isCutOff = false
    await shakespeare.sends(`
      <iq from='${source}' id='roster2' to='${shadow}' type='set'>
        <roster xmlns='urn:xmpp:dmuc:0'>${covenRoster.join('')}</roster>
      </iq>`)
    await shakespeare.receives(`<iq from='${shadow}' id='roster2' to='${source}' type='result'/>`)
    await shakespeare.receives(`
      <presence from='${shadow}/anotherwitch' to='${source}/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
    await shakespeare.receives(`
      <iq from='${shadow}' id='{any}' to='${source}' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='theroom'>
          <history xmlns='http://jabber.org/protocol/muc' maxstanzas='1000' since='{any}'/>
        </room>
      </iq>`)
    await passes(10_000)
    await shakespeare.receivesNothing()
  })

  test('6 a plain shadow gets configuration and roster again, and is asked for what was said there', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    macbeth.isCutOff = true
    await passes(45_000)
    await macbeth.drains()
    await quiet(foo)
    await configures(foo, field('muc#roomconfig_roomname', 'A Dark Cave'))
    await quiet(foo)
    await macbeth.receivesNothing()
    await comesBack(macbeth)
    expect((await macbeth.takesConfig()).toString()).toContain('A Dark Cave')
    await macbeth.takesRoster(...covenRoster)
    const { id } = await macbeth.receives(`
      <iq from='${source}' id='{$id}' to='coven@rooms.macbeth.lit' type='get'>
        <room xmlns='urn:xmpp:dmuc:0' id='coven'>
          <history xmlns='http://jabber.org/protocol/muc' maxstanzas='1000' since='{any}'/>
        </room>
      </iq>`)
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit' id='${id}' to='${source}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>
          <message xmlns='jabber:client' from='coven@rooms.macbeth.lit/anotherwitch' type='groupchat'>
            <body>Where are you?</body>
            <delay xmlns='urn:xmpp:delay' from='somewitch@macbeth.lit/mobile' stamp='2026-01-01T00:00:09Z'/>
          </message>
        </history>
      </iq>`)
    await quiet()
    expect((await foo.drain()).map((stanza) => stanza.getChildText('body'))).toContain('Where are you?')
    await macbeth.announces('anotherwitch')
    expect((await foo.next()).attrs.from).toBe(`${source}/anotherwitch`)
    await macbeth.receivesNothing()
  })

  test('6 and what was said there reaches the other shadows', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    const marlowe = new PlainPeerhost(theatre.stage.peer('conference.marlowe.lit'))
    await configures(foo, distributed('rooms.macbeth.lit', 'conference.marlowe.lit'))
    await marlowe.acceptsReplication()
    await marlowe.takesConfig()
    await marlowe.sends(
      `<iq from='${marlowe.shadow}' id='${(await marlowe.next()).attrs.id}' to='${source}' type='result'/>`,
    )
    macbeth.isCutOff = true
    await passes(15_000)
    await comesBack(macbeth)
    await macbeth.takesConfig()
    await macbeth.takesRoster(...covenRoster)
    const { id } = (await macbeth.next()).attrs
    await marlowe.drains()
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit' id='${id}' to='${source}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>
          <message xmlns='jabber:client' from='coven@rooms.macbeth.lit/anotherwitch' type='groupchat'>
            <body>Where are you?</body>
            <delay xmlns='urn:xmpp:delay' from='coven@rooms.macbeth.lit' stamp='2026-01-01T00:00:09Z'/>
          </message>
        </history>
      </iq>`)
    await marlowe.receives(`
      <message from='${source}/anotherwitch' to='${marlowe.shadow}/anotherwitch' type='groupchat'>
        <body>Where are you?</body>
      </message>`)
    await macbeth.receivesNothing()
  })

  test('6 what both have already is not taken twice', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.says('anotherwitch', 'Once.', 'm1')
    macbeth.isCutOff = true
    await passes(15_000)
    await comesBack(macbeth)
    await macbeth.takesConfig()
    await macbeth.takesRoster(...covenRoster)
    const { id } = (await macbeth.next()).attrs
    await quiet(foo)
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit' id='${id}' to='${source}' type='result'>
        <history xmlns='http://jabber.org/protocol/muc'>
          <message xmlns='jabber:client' from='coven@rooms.macbeth.lit/anotherwitch' type='groupchat' id='m1'>
            <body>Once.</body>
            <delay xmlns='urn:xmpp:delay' from='coven@rooms.macbeth.lit' stamp='2026-01-01T00:00:00Z'/>
          </message>
        </history>
      </iq>`)
    await foo.receivesNothing()
  })
})
