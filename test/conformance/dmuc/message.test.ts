/** XEP-0281 §4.6: messages, subjects and private messages between the instances. */
import { afterEach, describe, expect, test } from '@jest/globals'
import type { Client } from '../../dialogue/stage.js'
import { covenRoster, PlainFirsthost, PlainPeerhost } from './plain-peer.js'
import {
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

async function shadowWithWitch(fields = ''): Promise<[PlainFirsthost, Client]> {
  theatre = await openPeerhost()
  const shakespeare = new PlainFirsthost(theatre.stage.peer('chat.shakespeare.lit'))
  await shakespeare.givesShadow(fields)
  const somewitch = theatre.stage.client('somewitch@macbeth.lit', 'mobile')
  await joins(somewitch, `${shadow}/firstwitch`)
  await shakespeare.next()
  await quiet(somewitch)
  return [shakespeare, somewitch]
}

/** foo, bar and baz are in coven; firstwitch is in its shadow at macbeth. */
async function sourceWithWitch(...fields: readonly string[]): Promise<[PlainPeerhost, Client, Client, Client]> {
  theatre = await openFirsthost()
  const macbeth = new PlainPeerhost(theatre.stage.peer('rooms.macbeth.lit'))
  const clients = await fillsCoven(theatre, ...fields, distributed('rooms.macbeth.lit'))
  await macbeth.holdsShadow(...covenRoster)
  await macbeth.announces('firstwitch')
  await quiet(...clients)
  return [macbeth, ...clients]
}

const stanzaId = (room: string): string => `<stanza-id xmlns='urn:xmpp:sid:0' by='${room}' id='{any}'/>`
const occupantId = "<occupant-id xmlns='urn:xmpp:occupant-id:0' id='{any}'/>"

describe('messages to all', () => {
  test('41 E24 and E25 from an occupant of the shadow to its own occupants and to the source', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await somewitch.sends(`
      <message
          from='somewitch@macbeth.lit/mobile'
          to='theroom@rooms.macbeth.lit'
          type='groupchat'>
        <body>Message 4.</body>
      </message>`)
    await somewitch.receives(`
      <message from='theroom@rooms.macbeth.lit/firstwitch' to='somewitch@macbeth.lit/mobile' type='groupchat'>
        <body>Message 4.</body>
        ${stanzaId(shadow)}${occupantId}
      </message>`)
    await shakespeare.receives(`
      <message
          from='theroom@rooms.macbeth.lit/firstwitch'
          to='coven@chat.shakespeare.lit/firstwitch'
          type='groupchat'>
        <body>Message 4.</body>
      </message>`)
    await shakespeare.receivesNothing()
  })

  test('41 E25 the source delivers what a shadow sends to its own occupants', async () => {
    const [macbeth, ...clients] = await sourceWithWitch()
    await macbeth.sends(`
      <message
          from='coven@rooms.macbeth.lit/firstwitch'
          to='coven@chat.shakespeare.lit/firstwitch'
          type='groupchat'>
        <body>Message 4.</body>
      </message>`)
    for (const client of clients)
      await client.receives(`
        <message from='coven@chat.shakespeare.lit/firstwitch' to='${client.jid}' type='groupchat'>
          <body>Message 4.</body>
          ${stanzaId(source)}${occupantId}
        </message>`)
    await macbeth.receivesNothing()
  })

  test('41 the id of the client is kept, both ways', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await says(foo, source, 'Hail!', 'hail-1')
    await macbeth.receives(`
      <message from='${source}/foo' to='coven@rooms.macbeth.lit/foo' type='groupchat' id='hail-1'><body>Hail!</body></message>`)
    await foo.next()
    await macbeth.says('firstwitch', 'All hail!', 'hail-2')
    expect((await foo.next()).attrs.id).toBe('hail-2')
  })

  test('41 whatever else a message holds is carried, but for what only rooms and instances say', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await foo.sends(`
      <message to='${source}' type='groupchat' id='x1' xml:lang='en'>
        <body>Hail!</body>
        <body xml:lang='de'>Heil!</body>
        <origin-id xmlns='urn:xmpp:sid:0' id='x1'/>
        <event xmlns='urn:xmpp:dmuc-sync:0' instance='${source}' seq='1'/>
        <stanza-id xmlns='urn:xmpp:sid:0' by='coven@rooms.macbeth.lit' id='forged'/>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>
      </message>`)
    await macbeth.receives(`
      <message from='${source}/foo' to='coven@rooms.macbeth.lit/foo' type='groupchat' id='x1' xml:lang='en'>
        <body>Hail!</body>
        <body xml:lang='de'>Heil!</body>
        <origin-id xmlns='urn:xmpp:sid:0' id='x1'/>
      </message>`)
    await foo.next()
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/firstwitch' type='groupchat'>
        <body>Hail!</body>
        <stanza-id xmlns='urn:xmpp:sid:0' by='${source}' id='forged'/>
        <occupant-id xmlns='urn:xmpp:occupant-id:0' id='forged'/>
      </message>`)
    const seen = (await foo.next()).toString()
    expect(seen).toContain('<body>Hail!</body>')
    expect(seen).not.toContain('forged')
  })

  test('41 per sender the order is kept', async () => {
    const [macbeth, , , baz] = await sourceWithWitch()
    const bodies = Array.from({ length: 20 }, (_, index) => `Message ${index}.`)
    await Promise.all(bodies.map((body) => macbeth.says('firstwitch', body)))
    for (const body of bodies) expect((await baz.next()).getChildText('body')).toBe(body)
  })

  test('41 a chat state is relayed and not stored', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    const composing = "<composing xmlns='http://jabber.org/protocol/chatstates'/>"
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/firstwitch' type='groupchat'>${composing}</message>`)
    await foo.receives(`
      <message from='${source}/firstwitch' to='crone1@shakespeare.lit/desktop' type='groupchat'>
        ${composing}${occupantId}
      </message>`)
    await foo.sends(`<message to='${source}' type='groupchat'>${composing}</message>`)
    await macbeth.receives(
      `<message from='${source}/foo' to='coven@rooms.macbeth.lit/foo' type='groupchat'>${composing}</message>`,
    )
    expect((await macbeth.asksForHistory()).getChild('history')?.children).toEqual([])
  })
})

describe('42 the receiving instance checks what the sender may do', () => {
  test('42 a nick that is not of that instance says nothing', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.says('baz', 'I am not baz.')
    await macbeth.says('nobody', 'I am not there.')
    await foo.receivesNothing()
  })

  test('42 in a moderated room an occupant of the shadow has no more voice than one of the source', async () => {
    const [macbeth, foo] = await sourceWithWitch(field('muc#roomconfig_moderatedroom', '1'))
    await macbeth.sends(`
      <presence from='coven@rooms.macbeth.lit/thirdwitch' to='${source}/thirdwitch'>
        <x xmlns='http://jabber.org/protocol/muc#user'><item affiliation='owner' role='moderator'/></x>
      </presence>`)
    const item = (await foo.next()).getChild('x')?.getChild('item')
    expect(item?.attrs).toMatchObject({ affiliation: 'none', role: 'visitor' })
    await macbeth.says('thirdwitch', 'Hear me!')
    await foo.receivesNothing()
  })

  test('42 what the source refuses its own occupant is not relayed', async () => {
    const [macbeth, , , baz] = await sourceWithWitch()
    await baz.sends(`<message to='${source}' type='groupchat'><subject>Mine</subject></message>`)
    expect((await baz.next()).attrs.type).toBe('error')
    await macbeth.receivesNothing()
  })

  test('42 a message that is too long is dropped', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.says('firstwitch', 'Double, double. '.repeat(5000))
    await macbeth.says('firstwitch', 'Toil.')
    expect((await foo.next()).getChildText('body')).toBe('Toil.')
  })
})

describe('43 from occupant to occupant', () => {
  const empty = "<x xmlns='http://jabber.org/protocol/muc#user'/>"

  test('43 a private message goes from the shadow to the source, one hop', async () => {
    const [macbeth, foo, bar] = await sourceWithWitch()
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/foo' type='chat' id='pm1'>
        <body>When shall we three meet again?</body>
      </message>`)
    await foo.receives(`
      <message from='${source}/firstwitch' to='crone1@shakespeare.lit/desktop' type='chat' id='pm1'>
        <body>When shall we three meet again?</body>
        ${empty}${occupantId}
      </message>`)
    await bar.receivesNothing()
    await macbeth.receivesNothing()
    expect((await macbeth.asksForHistory()).getChild('history')?.children).toEqual([])
  })

  test('43 and back', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await foo.sends(`
      <message to='${source}/firstwitch' type='chat' id='pm2'><body>When the hurlyburly’s done.</body></message>`)
    await macbeth.receives(`
      <message from='${source}/foo' to='coven@rooms.macbeth.lit/firstwitch' type='chat' id='pm2'>
        <body>When the hurlyburly’s done.</body>
        ${empty}${occupantId}
      </message>`)
    await foo.receivesNothing()
  })

  test('43 a shadow speaks only for its own occupants', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/baz' to='${source}/foo' type='chat' id='pm3'><body>I am baz.</body></message>`)
    await foo.receivesNothing()
  })

  test('43 a private message to nobody comes back as an error, and the link is none the worse', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/nobody' type='chat' id='pm4'><body>Who?</body></message>`)
    const answer = await macbeth.next()
    expect(answer.attrs).toMatchObject({ type: 'error', id: 'pm4', to: 'coven@rooms.macbeth.lit/firstwitch' })
    await foo.sends(`<message to='${source}/firstwitch' type='chat' id='pm5'><body>Who?</body></message>`)
    await macbeth.next()
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/foo' type='error' id='pm5'>
        <error type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
      </message>`)
    await foo.receives(`
      <message from='${source}/firstwitch' to='crone1@shakespeare.lit/desktop' type='error' id='pm5'>
        <error type='wait'><recipient-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>
        {...}
      </message>`)
    await says(foo, source, 'Still in touch.')
    expect((await macbeth.next()).getChildText('body')).toBe('Still in touch.')
  })

  test('43 a query goes from occupant to occupant, and its answer back', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await foo.sends(`<iq to='${source}/firstwitch' id='v1' type='get'><query xmlns='jabber:iq:version'/></iq>`)
    const { id } = await macbeth.receives(`
      <iq from='${source}/foo' to='coven@rooms.macbeth.lit/firstwitch' id='{$id}' type='get'>
        <query xmlns='jabber:iq:version'/>
      </iq>`)
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit/firstwitch' to='${source}/foo' id='${id}' type='result'>
        <query xmlns='jabber:iq:version'><name>Cauldron</name></query>
      </iq>`)
    await foo.receives(`
      <iq from='${source}/firstwitch' to='crone1@shakespeare.lit/desktop' id='v1' type='result'>
        <query xmlns='jabber:iq:version'><name>Cauldron</name></query>
      </iq>`)
  })

  test('43 a query from the shadow reaches a client here, and its answer the shadow', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.sends(`
      <iq from='coven@rooms.macbeth.lit/firstwitch' to='${source}/foo' id='v2' type='get'>
        <query xmlns='jabber:iq:version'/>
      </iq>`)
    const asked = await foo.next()
    expect(asked.attrs).toMatchObject({
      from: `${source}/firstwitch`,
      to: 'crone1@shakespeare.lit/desktop',
      type: 'get',
    })
    await foo.sends(`
      <iq to='${source}/firstwitch' id='${asked.attrs.id}' type='result'>
        <query xmlns='jabber:iq:version'><name>Broom</name></query>
      </iq>`)
    await macbeth.receives(`
      <iq from='${source}/foo' to='coven@rooms.macbeth.lit/firstwitch' id='v2' type='result'>
        <query xmlns='jabber:iq:version'><name>Broom</name></query>
      </iq>`)
  })

  test('43 whispering is as the room allows it', async () => {
    const [macbeth, foo] = await sourceWithWitch(field('muc#roomconfig_allowpm', 'moderators'))
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/foo' type='chat' id='pm6'><body>Psst.</body></message>`)
    await foo.receivesNothing()
  })
})

describe('44 the subject', () => {
  test('44 it goes to the shadow as a message to all', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await foo.sends(`<message to='${source}' type='groupchat' id='s1'><subject>Fire Burn!</subject></message>`)
    await macbeth.receives(`
      <message from='${source}/foo' to='coven@rooms.macbeth.lit/foo' type='groupchat' id='s1'>
        <subject>Fire Burn!</subject>
      </message>`)
  })

  test('44 an occupant of the shadow changes it where participants may', async () => {
    const [macbeth, foo] = await sourceWithWitch(field('muc#roomconfig_changesubject', '1'))
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/firstwitch' type='groupchat'>
        <subject>Cauldron Bubble!</subject>
      </message>`)
    await foo.receives(`
      <message from='${source}/firstwitch' to='crone1@shakespeare.lit/desktop' type='groupchat'>
        <subject>Cauldron Bubble!</subject>
        ${stanzaId(source)}${occupantId}
      </message>`)
  })

  test('44 and not where they may not', async () => {
    const [macbeth, foo] = await sourceWithWitch()
    await macbeth.sends(`
      <message from='coven@rooms.macbeth.lit/firstwitch' to='${source}/firstwitch' type='groupchat'>
        <subject>Cauldron Bubble!</subject>
      </message>`)
    await foo.receivesNothing()
  })

  test('44 a plain source sets it at the shadow, for those who come later, too', async () => {
    const [shakespeare, somewitch] = await shadowWithWitch()
    await shakespeare.sends(`
      <message from='${source}/foo' to='${shadow}/foo' type='groupchat'><subject>Fire Burn!</subject></message>`)
    expect((await somewitch.next()).getChildText('subject')).toBe('Fire Burn!')
    const macduff = theatre.stage.client('macduff@macbeth.lit', 'castle')
    await joins(macduff, `${shadow}/macduff`)
    await quiet()
    expect((await macduff.drain()).at(-1)?.getChildText('subject')).toBe('Fire Burn!')
  })
})
