/** XEP-0281 §4.4 and §4.5: joining a shadow, joining the source, and what the instances tell each other of it. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Client } from '../../dialogue/stage.js'
import { covenHistory, covenRoster, PlainFirsthost, PlainPeerhost } from './plain-peer.js'
import {
  administers,
  configures,
  distributed,
  field,
  fillsCoven,
  joins,
  makesCoven,
  openFirsthost,
  openPeerhost,
  quiet,
  type Theatre,
} from './shakespeare.js'

let theatre: Theatre
afterEach(() => theatre.stage.close())

const source = 'coven@chat.shakespeare.lit'

/** We are the peerhost; somewitch is in theroom as anotherwitch. */
async function shadowWithWitch(fields = ''): Promise<[PlainFirsthost, Client]> {
  theatre = await openPeerhost()
  const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
  await shakespeare.givesShadow(fields)
  const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
  await joins(somewitch, 'theroom@rooms.macbeth.lit/anotherwitch')
  await shakespeare.next()
  await quiet(somewitch)
  return [shakespeare, somewitch]
}

/** We are the firsthost; foo, bar and baz are in coven, and macbeth holds a shadow of it. */
async function sourceWithShadow(...fields: readonly string[]): Promise<[PlainPeerhost, Client, Client, Client]> {
  theatre = await openFirsthost()
  const macbeth = new PlainPeerhost(theatre.stage.peer('rooms.macbeth.lit'))
  const clients = await fillsCoven(theatre, ...fields, distributed('rooms.macbeth.lit'))
  await macbeth.holdsShadow(...covenRoster)
  await quiet(...clients)
  return [macbeth, ...clients]
}

describe('joining a shadow', () => {
  test('33 E17 exactly as XEP-0045: occupants, oneself, history, subject', async () => {
    theatre = await openPeerhost()
    const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'), 'coven')
    await shakespeare.givesShadow('', covenRoster.slice(0, 1), covenHistory)
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await somewitch.sends(`
      <presence
          from='somewitch@macbeth.lit/mobile'
          to='coven@rooms.macbeth.lit/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc'/>
      </presence>`)
    await somewitch.receives(`
      <presence from='coven@rooms.macbeth.lit/foo' to='somewitch@macbeth.lit/mobile'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/></x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
    expect((await somewitch.next()).attrs.from).toBe('coven@rooms.macbeth.lit/anotherwitch')
    for (const body of ['Message 1.', 'Message 2.', 'Message 3.'])
      expect((await somewitch.next()).getChildText('body')).toBe(body)
    await somewitch.receives(`
      <message from='coven@rooms.macbeth.lit' to='somewitch@macbeth.lit/mobile' type='groupchat'><subject/></message>`)
    await somewitch.receivesNothing()
  })

  test('34 E18 the shadow tells the source, under the same nick; the real JID rides along', async () => {
    theatre = await openPeerhost()
    const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
    await shakespeare.givesShadow()
    await joins(theatre.stage.client('somewitch@macbeth.lit', 'mobile'), 'theroom@rooms.macbeth.lit/anotherwitch')
    await shakespeare.receives(`
      <presence
          from='theroom@rooms.macbeth.lit/anotherwitch'
          to='coven@chat.shakespeare.lit/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
    await shakespeare.receivesNothing()
  })

  test('33 a join that the shadow refuses is its own business', async () => {
    const [shakespeare] = await shadowWithWitch()
    const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await joins(macduff, 'theroom@rooms.macbeth.lit/anotherwitch')
    expect((await macduff.next()).getChild('error')?.getChild('conflict')).toBeDefined()
    await joins(macduff, 'theroom@rooms.macbeth.lit/foo')
    expect((await macduff.next()).getChild('error')?.getChild('conflict')).toBeDefined()
    await shakespeare.receivesNothing()
  })

  test('33 who is in the source already is in the room for those who join', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.announces(
      'qux',
      "<item affiliation='none' role='participant' jid='malcolm@shakespeare.lit/horse'/>",
      '<show>away</show>',
    )
    await somewitch.receives(`
      <presence from='theroom@rooms.macbeth.lit/qux' to='somewitch@macbeth.lit/mobile'>
        <show>away</show>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='none' role='participant'/></x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
  })
})

describe('what the source hears of an occupant of its shadow', () => {
  test('34 E18 it looks like a groupchat 1.0 join, and is none: nothing goes back to who announced it', async () => {
    const [macbeth, foo] = await sourceWithShadow()
    await macbeth.sends(`
      <presence
          from='coven@rooms.macbeth.lit/anotherwitch'
          to='coven@chat.shakespeare.lit/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant'/>
        </x>
      </presence>`)
    await foo.receives(`
      <presence from='${source}/anotherwitch' to='crone1@shakespeare.lit/desktop'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='coven@rooms.macbeth.lit/anotherwitch'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
    await macbeth.receivesNothing()
  })

  test('35 it delivers to its own occupants, each of them', async () => {
    const [macbeth, ...clients] = await sourceWithShadow()
    await macbeth.announces('anotherwitch')
    for (const client of clients) expect((await client.next()).attrs.from).toBe(`${source}/anotherwitch`)
  })

  test('35 one stanza goes over the link, whatever the number of occupants', async () => {
    const [macbeth, foo] = await sourceWithShadow()
    for (const nick of ['firstwitch', 'secondwitch', 'thirdwitch']) await macbeth.announces(nick)
    await foo.sends(`<presence to='${source}/foo'><show>dnd</show></presence>`)
    await macbeth.receives(`
      <presence from='${source}/foo' to='coven@rooms.macbeth.lit/foo'>
        <show>dnd</show>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='owner' role='moderator' jid='crone1@shakespeare.lit/desktop'/>
        </x>
      </presence>`)
    await macbeth.receivesNothing()
  })

  test('34 a real JID that rides along is shown to those who may see it', async () => {
    const [macbeth, foo, , baz] = await sourceWithShadow()
    await macbeth.sends(`
      <presence from='coven@rooms.macbeth.lit/anotherwitch' to='${source}/anotherwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
    const item = async (client: Client) => (await client.next()).getChild('x')?.getChild('item')?.attrs.jid
    expect(await item(foo)).toBe('somewitch@macbeth.lit/mobile')
    expect(await item(baz)).toBeUndefined()
  })
})

describe('joining the source', () => {
  const redirect = { 'macbeth.lit': 'rooms.macbeth.lit' }

  const asksForSource = (): Promise<void> =>
    theatre.stage.peer('macbeth.lit').sends(`
      <presence
          from='somewitch@macbeth.lit/mobile'
          to='coven@chat.shakespeare.lit/firstwitch'>
        <x xmlns='http://jabber.org/protocol/muc'/>
      </presence>`)

  async function redirecting(): Promise<[PlainPeerhost, Client]> {
    theatre = await openFirsthost({ redirect })
    const macbeth = new PlainPeerhost(theatre.stage.peer('rooms.macbeth.lit'))
    const crone1 = await makesCoven(theatre, distributed('rooms.macbeth.lit'))
    await macbeth.holdsShadow(covenRoster[0])
    await quiet(crone1)
    return [macbeth, crone1]
  }

  test('36 E19, 37 E20 and 38 E21 the user is redirected, and invited to the shadow', async () => {
    const [, crone1] = await redirecting()
    await asksForSource()
    const somewitch = theatre.stage.peer('macbeth.lit')
    await somewitch.receives(`
      <presence
          from='coven@chat.shakespeare.lit/firstwitch'
          to='somewitch@macbeth.lit/mobile'
          type='error'>
        {...}
        <error type='cancel'>
          <redirect xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>xmpp:coven@rooms.macbeth.lit?join</redirect>
        </error>
      </presence>`)
    await somewitch.receives(`
      <message
          from='coven@chat.shakespeare.lit'
          to='somewitch@macbeth.lit/mobile'>
        <x xmlns='jabber:x:conference'
           jid='coven@rooms.macbeth.lit'/>
      </message>`)
    await crone1.receivesNothing()
  })

  test('39 E22 and E23 the user joins the shadow, and the source hears of it', async () => {
    theatre = await openPeerhost()
    const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
    await shakespeare.givesShadow()
    const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
    await somewitch.sends(`
      <presence
          from='somewitch@macbeth.lit/mobile'
          to='theroom@rooms.macbeth.lit/firstwitch'>
        <x xmlns='http://jabber.org/protocol/muc'/>
      </presence>`)
    await shakespeare.receives(`
      <presence
          from='theroom@rooms.macbeth.lit/firstwitch'
          to='coven@chat.shakespeare.lit/firstwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
  })

  test('36 users of other domains are let in', async () => {
    const [, crone1] = await redirecting()
    await theatre.stage.peer('marlowe.lit').sends(`
      <presence from='faustus@marlowe.lit/study' to='${source}/faustus'><x xmlns='http://jabber.org/protocol/muc'/></presence>`)
    expect((await crone1.next()).attrs.from).toBe(`${source}/faustus`)
  })

  test('36 without a map nobody is redirected', async () => {
    const [, crone1] = await sourceWithShadow()
    await asksForSource()
    expect((await crone1.next()).attrs.from).toBe(`${source}/firstwitch`)
  })

  test('3 while the shadow is not healthy, the user is let into the source', async () => {
    const [macbeth, crone1] = await redirecting()
    await macbeth.sends(`
      <presence from='coven@rooms.macbeth.lit/foo' to='${source}/foo' type='error'>
        <error type='cancel'><remote-server-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </presence>`)
    await asksForSource()
    expect((await crone1.next()).attrs.from).toBe(`${source}/firstwitch`)
  })

  test('37 who may not enter hears so, and nothing of shadows', async () => {
    const [, crone1] = await redirecting()
    await administers(crone1, source, "<item affiliation='outcast' jid='somewitch@macbeth.lit'/>")
    await asksForSource()
    const somewitch = theatre.stage.peer('macbeth.lit')
    const answer = await somewitch.next()
    expect(answer.getChild('error')?.getChild('forbidden')).toBeDefined()
    await somewitch.receivesNothing()
  })

  test('37 a closed room is no plain peer’s: it loses its shadow', async () => {
    const [macbeth, crone1] = await redirecting()
    await configures(crone1, field('muc#roomconfig_membersonly', '1'))
    await quiet(crone1)
    for (const stanza of await macbeth.drains()) expect(stanza.toString()).not.toContain('muc#roomconfig')
    await asksForSource()
    const answer = await theatre.stage.peer('macbeth.lit').next()
    expect(answer.getChild('error')?.getChild('registration-required')).toBeDefined()
  })
})
