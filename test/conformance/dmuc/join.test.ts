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

describe('40 what the text leaves open goes the same way', () => {
  const leaves = (from: string, to: string, inside: string): string =>
    `<presence from='${from}' to='${to}' type='unavailable'>${inside}</presence>`
  const user = (inside: string): string => `<x xmlns='http://jabber.org/protocol/muc#user'>${inside}</x>`
  const occupantId = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>"
  const shadow = 'theroom@rooms.macbeth.lit'

  test('40 E18 in reverse: leaving a shadow', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await somewitch.sends(`<presence to='${shadow}/anotherwitch' type='unavailable'><status>gone</status></presence>`)
    await shakespeare.receives(
      leaves(
        `${shadow}/anotherwitch`,
        `${source}/anotherwitch`,
        `<status>gone</status>${user("<item affiliation='none' role='none' jid='somewitch@macbeth.lit/mobile'/>")}`,
      ),
    )
  })

  test('40 an occupant of the shadow leaves', async () => {
    const [macbeth, , , baz] = await sourceWithShadow()
    await macbeth.announces('anotherwitch')
    await baz.next()
    await macbeth.withdraws('anotherwitch')
    await baz.receives(
      leaves(
        `${source}/anotherwitch`,
        'hag66@shakespeare.lit/pda',
        user("<item affiliation='none' role='none'/>") + occupantId,
      ),
    )
    await macbeth.receivesNothing()
  })

  test('40 status: away and back, from both sides', async () => {
    const [macbeth, , , baz] = await sourceWithShadow()
    await macbeth.announces('anotherwitch')
    await macbeth.announces('anotherwitch', '<show>away</show>')
    expect((await baz.next()).getChildText('show')).toBeNull()
    expect((await baz.next()).getChildText('show')).toBe('away')
    await baz.sends(`<presence to='${source}/baz'><show>xa</show><status>brewing</status></presence>`)
    await macbeth.receives(`
      <presence from='${source}/baz' to='coven@rooms.macbeth.lit/baz'>
        <show>xa</show><status>brewing</status>
        ${user("<item affiliation='none' role='participant' jid='hag66@shakespeare.lit/pda'/>")}
      </presence>`)
  })

  test('40 a nick change at the shadow: unavailable with 303, then the new presence', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await somewitch.sends(`<presence to='${shadow}/secondwitch'/>`)
    await shakespeare.receives(
      leaves(
        `${shadow}/anotherwitch`,
        `${source}/anotherwitch`,
        user(
          `<item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile' nick='secondwitch'/><status code='303'/>`,
        ),
      ),
    )
    await shakespeare.receives(`
      <presence from='${shadow}/secondwitch' to='${source}/secondwitch'>
        ${user("<item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>")}
      </presence>`)
  })

  test('40 a nick change of an occupant of the shadow, who goes on under the new one', async () => {
    const [macbeth, , , baz] = await sourceWithShadow()
    await macbeth.announces('anotherwitch')
    await macbeth.withdraws('anotherwitch', ['303'], "nick='secondwitch'")
    await macbeth.announces('secondwitch')
    await baz.next()
    await baz.receives(
      leaves(
        `${source}/anotherwitch`,
        'hag66@shakespeare.lit/pda',
        `${user("<item affiliation='none' role='participant' nick='secondwitch'/><status code='303'/>")}${occupantId}`,
      ),
    )
    expect((await baz.next()).attrs.from).toBe(`${source}/secondwitch`)
    await macbeth.says('secondwitch', 'Fair is foul.')
    expect((await baz.next()).getChildText('body')).toBe('Fair is foul.')
    await macbeth.announces('secondwitch', '<show>away</show>')
    expect((await baz.next()).getChildText('show')).toBe('away')
  })

  test('40 a kick at the source of one of its own: 307', async () => {
    const [macbeth, foo] = await sourceWithShadow()
    await administers(foo, source, "<item nick='baz' role='none'><reason>Avaunt!</reason></item>")
    await macbeth.receives(
      leaves(
        `${source}/baz`,
        'coven@rooms.macbeth.lit/baz',
        user(`
          <item affiliation='none' role='none' jid='hag66@shakespeare.lit/pda'>
            <actor jid='crone1@shakespeare.lit' nick='foo'/><reason>Avaunt!</reason>
          </item>
          <status code='307'/>`),
      ),
    )
  })

  test('40 a kick at the source of an occupant of the shadow: it is out here, and the shadow is told', async () => {
    const [macbeth, foo, , baz] = await sourceWithShadow()
    await macbeth.announces('anotherwitch')
    await quiet(foo, baz)
    await administers(foo, source, "<item nick='anotherwitch' role='none'/>")
    await macbeth.receives(
      leaves(
        `${source}/anotherwitch`,
        'coven@rooms.macbeth.lit/anotherwitch',
        user(`
          <item affiliation='none' role='none' jid='coven@rooms.macbeth.lit/anotherwitch'>
            <actor jid='crone1@shakespeare.lit' nick='foo'/>
          </item>
          <status code='307'/>`),
      ),
    )
    const seen = await baz.next()
    expect(seen.attrs).toMatchObject({ type: 'unavailable', from: `${source}/anotherwitch` })
    await foo.receives(`<iq from='${source}' id='admin1' to='crone1@shakespeare.lit/desktop' type='result'/>`)
    await quiet(foo, baz)
    await macbeth.says('anotherwitch', 'still here')
    await baz.receivesNothing()
  })

  test('40 a ban at the source: 301 to the shadow, for its own occupants too, and they stay out', async () => {
    const [macbeth, foo, , baz] = await sourceWithShadow()
    const announce = (): Promise<void> =>
      macbeth.sends(`
        <presence from='coven@rooms.macbeth.lit/anotherwitch' to='${source}/anotherwitch'>
          ${user("<item affiliation='none' role='participant' jid='somewitch@macbeth.lit/mobile'/>")}
        </presence>`)
    await announce()
    await quiet(foo, baz)
    await administers(foo, source, "<item affiliation='outcast' jid='somewitch@macbeth.lit'/>")
    await macbeth.receives(
      leaves(
        `${source}/anotherwitch`,
        'coven@rooms.macbeth.lit/anotherwitch',
        user(`
          <item affiliation='outcast' role='none' jid='somewitch@macbeth.lit/mobile'>
            <actor jid='crone1@shakespeare.lit' nick='foo'/>
          </item>
          <status code='301'/>`),
      ),
    )
    expect((await baz.next()).attrs.type).toBe('unavailable')
    await quiet(foo, baz)
    await announce()
    await baz.receivesNothing()
    await administers(foo, source, "<item affiliation='outcast' jid='hag66@shakespeare.lit'/>")
    const told = await macbeth.next()
    expect(told.attrs).toMatchObject({ type: 'unavailable', from: `${source}/baz` })
    expect(told.getChild('x')?.getChild('status')?.attrs.code).toBe('301')
  })

  test('40 a change of affiliation and of role at the source', async () => {
    const [macbeth, foo] = await sourceWithShadow()
    const shown = (affiliation: string, role: string): string => `
      <presence from='${source}/baz' to='coven@rooms.macbeth.lit/baz'>
        ${user(`<item affiliation='${affiliation}' role='${role}' jid='hag66@shakespeare.lit/pda'/>`)}
      </presence>`
    await administers(foo, source, "<item affiliation='member' jid='hag66@shakespeare.lit'/>")
    await macbeth.receives(shown('member', 'participant'))
    await administers(foo, source, "<item nick='baz' role='moderator'/>")
    await macbeth.receives(shown('member', 'moderator'))
    await administers(foo, source, "<item affiliation='admin' jid='hag66@shakespeare.lit'/>")
    await macbeth.receives(shown('admin', 'moderator'))
  })

  test('40 changes at a plain source are seen at the shadow: 303, 307, 301, affiliation', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.announces(
      'baz',
      "<item affiliation='member' role='participant' jid='hag66@shakespeare.lit/pda'/>",
    )
    await somewitch.receives(`
      <presence from='${shadow}/baz' to='somewitch@macbeth.lit/mobile'>
        ${user("<item affiliation='member' role='participant'/>")}${occupantId}
      </presence>`)
    await shakespeare.withdraws('baz', ['303'], "jid='hag66@shakespeare.lit/pda' nick='qux'")
    await somewitch.receives(
      leaves(
        `${shadow}/baz`,
        'somewitch@macbeth.lit/mobile',
        user("<item affiliation='member' role='participant' nick='qux'/><status code='303'/>") + occupantId,
      ),
    )
    expect((await somewitch.next()).attrs.from).toBe(`${shadow}/qux`)
    await shakespeare.announces(
      'qux',
      "<item affiliation='member' role='participant' jid='hag66@shakespeare.lit/pda'/>",
    )
    await shakespeare.withdraws('qux', ['307'])
    await somewitch.receives(
      leaves(
        `${shadow}/qux`,
        'somewitch@macbeth.lit/mobile',
        user("<item affiliation='member' role='none'/><status code='307'/>") + occupantId,
      ),
    )
    await shakespeare.withdraws('bar', ['301'])
    const banned = await somewitch.next()
    expect(banned.getChild('x')?.getChild('status')?.attrs.code).toBe('301')
  })

  test('40 a plain source shuts an occupant of the shadow out', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.withdraws('anotherwitch', ['307'])
    await somewitch.receives(
      leaves(
        `${shadow}/anotherwitch`,
        'somewitch@macbeth.lit/mobile',
        user(`
          <item affiliation='none' role='none' jid='somewitch@macbeth.lit/mobile'/>
          <status code='110'/><status code='307'/>`) + occupantId,
      ),
    )
    await joins(somewitch, `${shadow}/anotherwitch`)
    await quiet(somewitch)
    await shakespeare.withdraws('anotherwitch', ['301'])
    expect(
      (await somewitch.next())
        .getChild('x')
        ?.getChildren('status')
        .map(({ attrs }) => attrs.code),
    ).toEqual(['110', '301'])
    await joins(somewitch, `${shadow}/anotherwitch`)
    expect((await somewitch.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
  })

  test('40 a plain source takes voice from an occupant of the shadow', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch(field('muc#roomconfig_moderatedroom', '0'))
    await shakespeare.announces(
      'anotherwitch',
      "<item affiliation='none' role='visitor' jid='somewitch@macbeth.lit/mobile'/>",
    )
    expect((await somewitch.next()).getChild('x')?.getChild('item')?.attrs.role).toBe('visitor')
    await somewitch.sends(`<message to='${shadow}' type='groupchat'><body>Hail!</body></message>`)
    expect((await somewitch.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
    await shakespeare.receivesNothing()
  })

  test('40 plain shadows see each other through the source', async () => {
    const [macbeth, foo] = await sourceWithShadow()
    const marlowe = new PlainPeerhost(theatre.stage.peer('conference.marlowe.lit'))
    await configures(foo, distributed('rooms.macbeth.lit', 'conference.marlowe.lit'))
    await macbeth.takesConfig()
    await marlowe.holdsShadow(...covenRoster)
    await macbeth.next()
    await macbeth.announces('anotherwitch')
    await marlowe.receives(`
      <presence from='${source}/anotherwitch' to='coven@conference.marlowe.lit/anotherwitch'>
        ${user("<item affiliation='none' role='participant' jid='coven@rooms.macbeth.lit/anotherwitch'/>")}
      </presence>`)
    await macbeth.says('anotherwitch', 'Hail!')
    await marlowe.receives(`
      <message from='${source}/anotherwitch' to='coven@conference.marlowe.lit/anotherwitch' type='groupchat'>
        <body>Hail!</body>
      </message>`)
    await macbeth.withdraws('anotherwitch')
    expect((await marlowe.next()).attrs.type).toBe('unavailable')
    await macbeth.receivesNothing()
  })
})
