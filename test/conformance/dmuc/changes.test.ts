/** What XEP-0281 leaves open of occupants: leaving, nick change, status, role and affiliation, kick and ban go as presence of XEP-0045. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Element } from '../../../src/xml/element.js'
import type { Client } from '../../dialogue/stage.js'
import { covenRoster, PlainFirsthost, PlainPeerhost } from './plain-peer.js'
import {
  administers,
  configures,
  distributed,
  field,
  fillsCoven,
  joins,
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

  const codes = (presence: Element): string[] =>
    presence
      .getChild('x')
      ?.getChildren('status')
      .map(({ attrs }) => String(attrs.code)) ?? []

  test('40 a plain source gives an occupant of the shadow another nick: 303, and 210', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.withdraws('anotherwitch', ['303'], "nick='firstwitch'")
    const renamed = await somewitch.next()
    expect([codes(renamed), renamed.getChild('x')?.getChild('item')?.attrs.nick]).toEqual([
      ['110', '303'],
      'firstwitch',
    ])
    const present = await somewitch.next()
    expect([present.attrs.from, codes(present)]).toEqual([`${shadow}/firstwitch`, ['110', '210']])
    await shakespeare.receivesNothing()
    await shakespeare.says('firstwitch', 'not said by the source')
    await somewitch.receivesNothing()
  })

  test.each([
    ['conflict', ['110', '303']],
    ['forbidden', ['110', '307']],
  ])('40 a plain source answers E18 with %s: ours is called otherwise, or goes', async (condition, expected) => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    const refuses = (nick: string): Promise<void> =>
      shakespeare.sends(`
        <presence from='${source}/${nick}' to='${shadow}/${nick}' type='error'>
          <error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
        </presence>`)
    await refuses('anotherwitch')
    const gone = await somewitch.next()
    expect(codes(gone)).toEqual(expected)
    const nick = gone.getChild('x')?.getChild('item')?.attrs.nick
    if (nick === undefined) return shakespeare.receivesNothing()
    await somewitch.next()
    expect((await shakespeare.drains()).map(({ attrs }) => attrs.from)).toEqual([
      `${shadow}/anotherwitch`,
      `${shadow}/${nick}`,
    ])
    // Not for ever.
    await refuses(nick)
    expect(codes(await somewitch.next())).toEqual(['110', '307'])
  })

  test('40 a nick change at the source: 303 to the shadow, then the new presence', async () => {
    const [macbeth, , , baz] = await sourceWithShadow()
    await baz.sends(`<presence to='${source}/qux'/>`)
    const item = "affiliation='none' role='participant' jid='hag66@shakespeare.lit/pda'"
    await macbeth.receives(
      leaves(`${source}/baz`, 'coven@rooms.macbeth.lit/baz', user(`<item ${item} nick='qux'/><status code='303'/>`)),
    )
    await macbeth.receives(
      `<presence from='${source}/qux' to='coven@rooms.macbeth.lit/qux'>${user(`<item ${item}/>`)}</presence>`,
    )
  })

  test.each(['307', '301'])('40 a plain shadow shuts one of its own out: %s', async (code) => {
    const [macbeth, foo, , baz] = await sourceWithShadow()
    await macbeth.announces('anotherwitch')
    await quiet(foo, baz)
    await macbeth.withdraws('anotherwitch', [code])
    expect(codes(await baz.next())).toEqual([code])
    await macbeth.withdraws('foo', [code])
    await baz.receivesNothing()
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
