/** What XEP-0281 does not say at all: how distribution ends (checklist 48), with plain peers. ./sync.test.ts has the extension. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Client } from '../../dialogue/stage.js'
import { covenRoster, PlainFirsthost, PlainPeerhost } from './plain-peer.js'
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

/** foo, bar and baz are in coven; anotherwitch is in its shadow at macbeth. */
async function sourceWithWitch(): Promise<[PlainPeerhost, Client, Client, Client]> {
  theatre = await openFirsthost()
  const macbeth = new PlainPeerhost(theatre.stage.peer('rooms.macbeth.lit'))
  const clients = await fillsCoven(theatre, distributed('rooms.macbeth.lit'))
  await macbeth.holdsShadow(...covenRoster)
  await macbeth.announces('anotherwitch')
  await quiet(...clients)
  return [macbeth, ...clients]
}

async function shadowWithWitch(): Promise<[PlainFirsthost, Client]> {
  theatre = await openPeerhost()
  const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
  await shakespeare.givesShadow()
  const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
  await joins(somewitch, `${shadow}/anotherwitch`)
  await shakespeare.next()
  await quiet(somewitch)
  return [shakespeare, somewitch]
}

describe('the source is destroyed', () => {
  const destroys = (owner: Client): Promise<void> =>
    owner.sends(`
      <iq to='${source}' id='destroy1' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'>
          <destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy>
        </query>
      </iq>`)

  test('48 a plain shadow is told that everybody is gone, and where to', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await destroys(foo)
    for (const nick of ['foo', 'bar', 'baz', 'anotherwitch'])
      await macbeth.receives(`
        <presence from='${source}/${nick}' to='coven@rooms.macbeth.lit/${nick}' type='unavailable'>
          <x xmlns='http://jabber.org/protocol/muc#user'>
            <item affiliation='{any}' role='none' jid='{any}'/>
            <destroy jid='heath@chat.shakespeare.lit'><reason>Macbeth doth come.</reason></destroy>
          </x>
        </presence>`)
  })

  test('48 what the shadow says afterwards is of no room', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await destroys(foo)
    await macbeth.drains()
    await quiet(foo)
    await macbeth.announces('thirdwitch')
    await macbeth.receivesNothing()
    const answer = await macbeth.asksForHistory()
    expect(answer.getChild('error')?.getChild('item-not-found')).toBeDefined()
  })
})

describe('the source is distributed no more', () => {
  test.each([
    ['the owner switches it off', field('muc#roomconfig_distributed', 'false')],
    ['the owner takes the service off the list', distributed('conference.marlowe.lit')],
  ])('48 %s: the occupants of the shadow leave, and nothing goes there any more', async (_what, change) => {
    const [macbeth, foo, , baz] = await sourceWithWitch()
    await configures(foo, change)
    await quiet(foo)
    const seen = (await baz.drain()).find(({ name }) => name === 'presence')
    expect(seen?.attrs).toMatchObject({ type: 'unavailable', from: `${source}/anotherwitch` })
    await macbeth.drains()
    await says(foo, source, 'Are you there?')
    await macbeth.receivesNothing()
    await macbeth.announces('anotherwitch')
    await macbeth.says('anotherwitch', 'I am.')
    await baz.next()
    await baz.receivesNothing()
  })

  test('48 and distributed again, the peerhost is asked anew', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await configures(foo, field('muc#roomconfig_distributed', 'false'))
    await macbeth.drains()
    await configures(foo, field('muc#roomconfig_distributed', 'true'))
    await macbeth.holdsShadow(...covenRoster)
    await macbeth.announces('anotherwitch')
    await quiet(foo)
    await says(foo, source, 'Here we are.')
    expect((await macbeth.next()).getChildText('body')).toBe('Here we are.')
  })
})

describe('the shadow is given up', () => {
  test('48 by its operator: its occupants leave, are told where the source is, and the source is told', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    const { rooms, distribution } = theatre.rooms()
    await rooms.with(shadow, (room) => room && distribution.leave(room))
    await somewitch.receives(`
      <presence from='${shadow}/anotherwitch' to='somewitch@macbeth.lit/mobile' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='none'/>
          <destroy jid='${source}'><reason>{any}</reason></destroy>
          <status code='110'/>
        </x>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>
      </presence>`)
    await shakespeare.receives(`
      <presence from='${shadow}/anotherwitch' to='${source}/anotherwitch' type='unavailable'>
        <x xmlns='http://jabber.org/protocol/muc#user'>
          <item affiliation='none' role='none' jid='somewitch@macbeth.lit/mobile'/>
        </x>
      </presence>`)
    await shakespeare.receives(`
      <message from='${shadow}' to='${source}'><leave xmlns='urn:xmpp:dmuc-sync:0'/></message>`)
    await quiet(somewitch)
    await somewitch.sends(
      `<iq to='${shadow}' id='i1' type='get'><query xmlns='http://jabber.org/protocol/disco#info'/></iq>`,
    )
    expect((await somewitch.next()).getChild('error')?.getChild('item-not-found')).toBeDefined()
  })

  test('48 a shadow is its source’s to destroy: an owner who asks for it here is told so', async () => {
    const [, somewitch] = await shadowWithWitch()
    await somewitch.sends(`
      <iq to='${shadow}' id='destroy1' type='set'>
        <query xmlns='http://jabber.org/protocol/muc#owner'><destroy/></query>
      </iq>`)
    expect((await somewitch.next()).getChild('error')?.getChild('forbidden')).toBeDefined()
  })
})
