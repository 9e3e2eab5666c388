/** XEP-0084, XEP-0153, XEP-0398: one avatar, however it is published. */
import { createHash } from 'node:crypto'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { answer, comesWanting, event, get, options, publish } from './pubsub-stage.js'
import { type Client, type Peer, Stage, settled } from './stage.js'

let stage: Stage
let juliet: Client
let romeo: Client
let peer: Peer

beforeEach(async () => {
  stage = await Stage.open({ accounts: ['juliet', 'romeo', 'tybalt'] })
  await stage.befriend('juliet', 'romeo')
  juliet = stage.client('juliet')
  romeo = stage.client('romeo')
  peer = stage.peer('b.example')
})
afterEach(async () => {
  await stage.close()
  expect(stage.errors).toEqual([])
})

const image = Buffer.from('This is what she looks like')
const base64 = image.toString('base64')
const hash = createHash('sha1').update(image).digest('hex')
const data = `<data xmlns='urn:xmpp:avatar:data'>${base64}</data>`
const info = `<info id='${hash}' bytes='${image.length}' type='image/png'/>`
const metadata = (content = info) => `<metadata xmlns='urn:xmpp:avatar:metadata'>${content}</metadata>`
const publishes = async (access = 'open') => {
  await juliet.sends(publish('urn:xmpp:avatar:data', data, hash, options({ access_model: access })))
  await juliet.sends(publish('urn:xmpp:avatar:metadata', metadata(), hash, options({ access_model: access })))
  await settled()
}
const photo = `<PHOTO><TYPE>image/png</TYPE><BINVAL>${base64}</BINVAL></PHOTO>`
const card = (content: string) => `<vCard xmlns='vcard-temp'>${content}</vCard>`
const setsCard = async (content: string) => {
  await juliet.clears()
  await juliet.sends(`<iq type='set' id='v'>${card(content)}</iq>`)
  await settled()
}
const cardFor = async (client: Client): Promise<string> => {
  await client.clears()
  await client.sends(`<iq type='get' id='v' to='juliet@a.example'><vCard xmlns='vcard-temp'/></iq>`)
  const stanza = await client.next()
  return stanza.attrs.type === 'error' ? 'none' : String(stanza.getChild('vCard')).replaceAll('"', "'")
}
const update = (content = `<photo>${hash}</photo>`) => `<x xmlns='vcard-temp:x:update'>${content}</x>`
const shown = (content = '', to = 'romeo@a.example') =>
  `<presence from='${juliet.jid}' to='${to}'>${content}</presence>`

test('XEP-0084 §3: who wants to know of avatars is told, and fetches the image', async () => {
  await comesWanting(romeo, 'urn:xmpp:avatar:metadata')
  await romeo.clears()
  await publishes('presence')
  const item = `<items node='urn:xmpp:avatar:metadata'><item id='${hash}'>${metadata()}</item></items>`
  await romeo.receives(event('juliet@a.example', romeo.jid, item))
  await romeo.sends(get(`<items node='urn:xmpp:avatar:data'><item id='${hash}'/></items>`, 'juliet@a.example'))
  const image = `<items node='urn:xmpp:avatar:data'><item id='${hash}'>${data}</item></items>`
  await romeo.receives(answer(romeo, image, 'juliet@a.example'))
})

test('XEP-0398 §3.1: what is published stands in the vCard, for those who may have it', async () => {
  const tybalt = stage.client('tybalt')
  await setsCard('<FN>Juliet</FN>')
  await publishes('presence')
  expect(await cardFor(romeo)).toBe(card(`<FN>Juliet</FN>${photo}`))
  expect(await cardFor(tybalt)).toBe(card('<FN>Juliet</FN>'))
})

test('XEP-0398 §3.1: also where there is no vCard; one with a photo that cannot be published stays as it is', async () => {
  const tybalt = stage.client('tybalt')
  expect(await cardFor(tybalt)).toBe('none')
  await publishes()
  expect(await cardFor(tybalt)).toBe(card(photo))
  const external = '<PHOTO><EXTVAL>https://example.org/me.png</EXTVAL></PHOTO>'
  await tybalt.sends(`<iq type='set' id='v'>${card(external)}</iq>`)
  await tybalt.clears()
  await tybalt.sends(`<iq type='get' id='v' to='tybalt@a.example'><vCard xmlns='vcard-temp'/></iq>`)
  expect((await tybalt.next()).getChild('vCard')?.getChild('PHOTO')?.getChildText('EXTVAL')).toBe(
    'https://example.org/me.png',
  )
})

test('XEP-0398 §3.2: the photo of a vCard is published, once, and goes with it', async () => {
  await comesWanting(romeo, 'urn:xmpp:avatar:metadata')
  await romeo.clears()
  await setsCard(`<FN>Juliet</FN>${photo}`)
  const told = (content: string, id: string) =>
    event(
      'juliet@a.example',
      romeo.jid,
      `<items node='urn:xmpp:avatar:metadata'><item id='${id}'>${metadata(content)}</item></items>`,
    )
  await romeo.receives(told(info, hash))
  await setsCard(`<FN>Juliet Capulet</FN>${photo}`)
  await romeo.receivesNothing()
  const tybalt = stage.client('tybalt')
  expect(await cardFor(tybalt)).toBe(card(`<FN>Juliet Capulet</FN>${photo}`))
  await tybalt.sends(get(`<items node='urn:xmpp:avatar:data'/>`, 'juliet@a.example'))
  const items = `<items node='urn:xmpp:avatar:data'><item id='${hash}'>${data}</item></items>`
  await tybalt.receives(answer(tybalt, items, 'juliet@a.example'))
  await setsCard('<FN>Juliet</FN>')
  await romeo.receives(told('', 'none'))
  expect(await cardFor(romeo)).toBe(card('<FN>Juliet</FN>'))
})

test('XEP-0398 §4: presence says the hash, with each client that has not said that it shows none', async () => {
  await romeo.comesOnline()
  await publishes('presence')
  await juliet.sends('<presence/>')
  await romeo.receives(shown(update()))
  await juliet.sends(`<presence>${update('')}</presence>`)
  await romeo.receives(shown(update()))
  await juliet.sends(`<presence>${update('<photo>0000</photo>')}</presence>`)
  await romeo.receives(shown(update()))
  await juliet.sends(`<presence>${update('<photo/>')}</presence>`)
  await romeo.receives(shown(update('<photo/>')))
  await juliet.sends(`<presence type='unavailable'/>`)
  await romeo.receives(`<presence type='unavailable' from='${juliet.jid}' to='romeo@a.example'/>`)
})

test('XEP-0398 §4: rooms are told of what everybody may have, and of nothing else', async () => {
  await publishes('presence')
  const room = 'coven@b.example/juliet'
  await juliet.sends(`<presence to='${room}'/>`)
  await peer.receives(shown('', room))
  await juliet.sends(
    `<iq type='set' id='q'><pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='urn:xmpp:avatar:data'/></pubsub></iq>`,
  )
  await juliet.sends(
    `<iq type='set' id='q'><pubsub xmlns='http://jabber.org/protocol/pubsub#owner'><delete node='urn:xmpp:avatar:metadata'/></pubsub></iq>`,
  )
  await publishes()
  await juliet.sends(`<presence to='${room}'/>`)
  await peer.receives(shown(update(), room))
})

test('XEP-0153 §4.1: contacts see at once that the avatar changed, or is gone; so does who comes later', async () => {
  await juliet.comesOnline()
  await romeo.comesOnline()
  await publishes()
  await romeo.receives(shown(update()))
  const orchard = stage.client('romeo', 'orchard')
  await orchard.sends('<presence/>')
  await settled()
  const seen = (await orchard.drain()).find(({ attrs }) => attrs.from === juliet.jid)
  expect(seen?.getChild('x')?.getChildText('photo')).toBe(hash)
  await romeo.clears()
  await juliet.sends(publish('urn:xmpp:avatar:metadata', metadata(''), 'off'))
  await romeo.receives(shown(update('<photo/>')))
  await publishes()
  await romeo.receives(shown(update()))
})
