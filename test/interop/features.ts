/** Scenarios of what people do across two servers, all on one pair of servers with one user each. */

import { createHash } from 'node:crypto'
import type { SharedScenario, Users } from './scenario.js'
import { body, check, conditionOf, hasId, theirRooms } from './stage.js'

const x = `<x xmlns='http://jabber.org/protocol/muc'/>`
const groupchat = (room: string, id: string): string =>
  `<message type='groupchat' to='${room}' id='${id}'><body>${id}</body></message>`
const takesRoom = (room: string): string =>
  `<iq type='set' id='take-${room}' to='${room}'><query xmlns='http://jabber.org/protocol/muc#owner'><x xmlns='jabber:x:data' type='submit'/></query></iq>`

/** The owner makes a room; the guest, of the other server, joins, gets the history, talks and is kicked. */
async function room(owner: Users['ann'], guest: Users['ann'], jid: string): Promise<void> {
  owner.send(`<presence to='${jid}/owner'>${x}</presence>`)
  await owner.next(({ attrs }) => attrs.from === `${jid}/owner`)
  owner.send(takesRoom(jid))
  await owner.next(hasId(`take-${jid}`))
  owner.send(groupchat(jid, 'before'))
  await owner.next(hasId('before'))
  guest.send(`<presence to='${jid}/guest'>${x}</presence>`)
  const self = await guest.next(({ name, attrs }) => name === 'presence' && attrs.from === `${jid}/guest`)
  check(/code=["']110["']/.test(self.toString()), `no status 110: ${self}`)
  const told = await guest.next(({ attrs }) => attrs.from === `${jid}/owner` && attrs.type === 'groupchat')
  check(told.getChildText('body') === 'before' && told.getChild('delay', 'urn:xmpp:delay') !== undefined, `${told}`)
  await owner.next(({ attrs }) => attrs.from === `${jid}/guest`)
  guest.send(groupchat(jid, 'hello'))
  check((await owner.next(hasId('hello'))).attrs.from === `${jid}/guest`, 'who said hello?')
  await guest.next(hasId('hello'))
  owner.send(groupchat(jid, 'welcome'))
  await guest.next(hasId('welcome'))
  owner.send(
    `<iq type='set' id='kick' to='${jid}'><query xmlns='http://jabber.org/protocol/muc#admin'><item nick='guest' role='none'/></query></iq>`,
  )
  const kicked = await guest.next(({ attrs }) => attrs.type === 'unavailable' && attrs.from === `${jid}/guest`)
  check(/code=["']307["']/.test(kicked.toString()), `no status 307: ${kicked}`)
}

async function subscription(asker: Users['ann'], asked: Users['ann'], from: string, to: string): Promise<void> {
  asker.send(`<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>`)
  await asker.next(hasId('roster'))
  asked.send(`<iq type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>`)
  await asked.next(hasId('roster'))
  asker.send(`<presence to='${to}' type='subscribe'/>`)
  await asked.next(({ name, attrs }) => name === 'presence' && attrs.type === 'subscribe' && attrs.from === from)
  asked.send(`<presence to='${from}' type='subscribed'/>`)
  await asker.next(({ name, attrs }) => name === 'presence' && attrs.from === `${to}/test`)
  asked.send(`<presence><show>dnd</show></presence>`)
  const busy = await asker.next((stanza) => stanza.attrs.from === `${to}/test` && stanza.getChildText('show') !== null)
  check(busy.getChildText('show') === 'dnd', `${busy}`)
  asker.send(`<presence to='${to}' type='unsubscribe'/>`)
  await asked.next(({ attrs }) => attrs.type === 'unsubscribe')
}

async function ask(from: Users['ann'], to: string, id: string, payload: string) {
  from.send(`<iq type='get' id='${id}' to='${to}'>${payload}</iq>`)
  return from.next(hasId(id))
}

const card = `<vCard xmlns='vcard-temp'><FN>Somebody</FN><PHOTO><TYPE>image/png</TYPE><BINVAL>iVBORw0KGgo=</BINVAL></PHOTO></vCard>`

async function vcard(owner: Users['ann'], reader: Users['ann'], jid: string): Promise<void> {
  owner.send(`<iq type='set' id='card'>${card}</iq>`)
  check((await owner.next(hasId('card'))).attrs.type === 'result', 'the card was not taken')
  const read = await ask(reader, jid, 'read', `<vCard xmlns='vcard-temp'/>`)
  check(read.toString().includes('Somebody') && read.toString().includes('iVBORw0KGgo='), `${read}`)
}

const avatar = { data: 'urn:xmpp:avatar:data', metadata: 'urn:xmpp:avatar:metadata' } as const
const image = 'iVBORw0KGgo='
const imageId = createHash('sha1').update(Buffer.from(image, 'base64')).digest('hex')

const publishes = (id: string, node: string, item: string): string =>
  `<iq type='set' id='${id}'><pubsub xmlns='http://jabber.org/protocol/pubsub'><publish node='${node}'><item id='${imageId}'>${item}</item></publish></pubsub></iq>`

/** Says what it wants to hear of (XEP-0115, XEP-0163 §4), and what that means to each server that asks. */
function wantsAvatars(client: Users['ann']): void {
  const wish = `${avatar.metadata}+notify`
  const ver = createHash('sha1').update(`client/pc//test<${wish}<`).digest('base64')
  const disco = 'http://jabber.org/protocol/disco#info'
  client.answering((stanza) => {
    const { from, id, type } = stanza.attrs
    const node = stanza.getChild('query', disco)?.attrs.node
    if (type !== 'get' || node === undefined) return undefined
    return `<iq type='result' to='${from}' id='${id}'><query xmlns='${disco}' node='${node}'><identity category='client' type='pc' name='test'/><feature var='${wish}'/></query></iq>`
  })
  client.send(
    `<presence><c xmlns='http://jabber.org/protocol/caps' hash='sha-1' node='urn:example:client' ver='${ver}'/></presence>`,
  )
}

/** A contact of whom each hears (XEP-0163 §3). */
async function contacts(one: Users['ann'], other: Users['ann'], oneJid: string, otherJid: string): Promise<void> {
  for (const [asker, asked, from, to] of [
    [one, other, oneJid, otherJid],
    [other, one, otherJid, oneJid],
  ] as const) {
    asker.send(`<presence to='${to}' type='subscribe'/>`)
    await asked.next(({ attrs }) => attrs.type === 'subscribe' && attrs.from === from)
    asked.send(`<presence to='${from}' type='subscribed'/>`)
    await asker.next(({ name, attrs }) => name === 'presence' && attrs.from === `${to}/test`)
  }
}

async function pepAvatar(owner: Users['ann'], reader: Users['ann'], jid: string): Promise<void> {
  owner.send(publishes('data', avatar.data, `<data xmlns='${avatar.data}'>${image}</data>`))
  check((await owner.next(hasId('data'))).attrs.type === 'result', 'the picture was not taken')
  const info = `<info bytes='8' id='${imageId}' type='image/png'/>`
  owner.send(publishes('meta', avatar.metadata, `<metadata xmlns='${avatar.metadata}'>${info}</metadata>`))
  check((await owner.next(hasId('meta'))).attrs.type === 'result', 'what the picture is was not taken')
  const told = await reader.next(
    (stanza) => stanza.name === 'message' && stanza.attrs.from === jid && stanza.toString().includes(avatar.metadata),
  )
  check(told.toString().includes(imageId), `${told}`)
  const items = `<pubsub xmlns='http://jabber.org/protocol/pubsub'><items node='${avatar.data}'><item id='${imageId}'/></items></pubsub>`
  const read = await ask(reader, jid, 'picture', items)
  check(read.attrs.type === 'result' && read.toString().includes(image), `${read}`)
}

async function unknown(from: Users['ann'], to: string): Promise<void> {
  const condition = conditionOf(await ask(from, to, 'unknown', `<query xmlns='urn:example:unknown'/>`))
  check(['service-unavailable', 'feature-not-implemented'].includes(condition), condition)
}

export const features: readonly SharedScenario[] = [
  {
    name: 'messages both ways, a thousand in order',
    async run(_, { ann, juliet }) {
      for (let n = 0; n < 1000; n++) ann.send(body('juliet@p.example/test', `a${n}`))
      for (let n = 0; n < 1000; n++) {
        const { attrs } = await juliet.next(({ name }) => name === 'message')
        check(attrs.id === `a${n}`, `${attrs.id} instead of a${n}`)
      }
      for (let n = 0; n < 200; n++) juliet.send(body('ann@a.example/test', `j${n}`))
      for (let n = 0; n < 200; n++) {
        const { attrs } = await ann.next(({ name }) => name === 'message')
        check(attrs.id === `j${n}`, `${attrs.id} instead of j${n}`)
      }
    },
  },
  {
    name: 'a message to nobody comes back with an error, both ways',
    async run(_, { ann, juliet }) {
      ann.send(body('nobody@p.example', 'lost-there'))
      conditionOf(await ann.next(hasId('lost-there')))
      juliet.send(body('nobody@a.example', 'lost-here'))
      conditionOf(await juliet.next(hasId('lost-here')))
    },
  },
  {
    name: 'presence subscription, we ask',
    run: (_, { ann, juliet }) => subscription(ann, juliet, 'ann@a.example', 'juliet@p.example'),
  },
  {
    name: 'presence subscription, they ask',
    run: (_, { ann, juliet }) => subscription(juliet, ann, 'juliet@p.example', 'ann@a.example'),
  },
  {
    name: 'our room, their user: join, history, talk, kick',
    run: (stage, { ann, juliet }) => room(ann, juliet, `hall@${stage.us.rooms}`),
  },
  {
    name: 'their room, our user: join, history, talk, kick',
    run: (_, { ann, juliet }) => room(juliet, ann, `hall@${theirRooms}`),
  },
  {
    name: 'disco#info and disco#items, both ways',
    async run(stage, { ann, juliet }) {
      for (const [user, domain] of [
        [ann, 'p.example'],
        [juliet, 'a.example'],
      ] as const) {
        const info = await ask(user, domain, 'info', `<query xmlns='http://jabber.org/protocol/disco#info'/>`)
        check(info.attrs.type === 'result' && info.toString().includes('identity'), `${info}`)
        const items = await ask(user, domain, 'items', `<query xmlns='http://jabber.org/protocol/disco#items'/>`)
        check(items.attrs.type === 'result', `${items}`)
      }
      check(stage.us.domain === 'a.example', 'the stage is another one')
    },
  },
  { name: 'vCard with a photo, of our user', run: (_, { ann, juliet }) => vcard(ann, juliet, 'ann@a.example') },
  { name: 'vCard with a photo, of their user', run: (_, { ann, juliet }) => vcard(juliet, ann, 'juliet@p.example') },
  {
    name: 'avatar hash in presence (XEP-0153), both ways',
    async run(_, { ann, juliet }) {
      const update = `<x xmlns='vcard-temp:x:update'><photo>sha1-hash-of-image</photo></x>`
      ann.send(`<presence to='juliet@p.example/test'>${update}</presence>`)
      await juliet.next((stanza) => stanza.getChild('x', 'vcard-temp:x:update') !== undefined)
      juliet.send(`<presence to='ann@a.example/test'>${update}</presence>`)
      await ann.next((stanza) => stanza.getChild('x', 'vcard-temp:x:update') !== undefined)
    },
  },
  {
    name: 'avatar by PEP (XEP-0084), both ways: a contact hears of it and fetches it',
    async run(_, { ann, juliet }) {
      await contacts(ann, juliet, 'ann@a.example', 'juliet@p.example')
      for (const [owner, reader, from, to] of [
        [ann, juliet, 'ann@a.example', 'juliet@p.example'],
        [juliet, ann, 'juliet@p.example', 'ann@a.example'],
      ] as const) {
        wantsAvatars(reader)
        await owner.next((stanza) => stanza.attrs.from === `${to}/test` && stanza.getChild('c') !== undefined)
        await pepAvatar(owner, reader, from)
      }
    },
  },
  {
    name: 'unknown IQs are answered, both ways',
    async run(_, { ann, juliet }) {
      for (const to of ['p.example', 'juliet@p.example']) await unknown(ann, to)
      for (const to of ['a.example', 'ann@a.example']) await unknown(juliet, to)
    },
  },
  {
    name: 'a JID that PRECIS and nodeprep read differently costs nobody the stream',
    async run(_, { ann, juliet }) {
      // PRECIS keeps the sharp s, nodeprep makes two letters of it.
      ann.send(body('stra\u00dfe@p.example', 'sharp'))
      conditionOf(await ann.next(hasId('sharp')))
      juliet.send(body('stra\u00dfe@a.example', 'sharp'))
      conditionOf(await juliet.next(hasId('sharp')))
      // Unassigned in Unicode 3.2, which is all that nodeprep knows.
      juliet.send(body('\u1e9e\u0221@a.example', 'new'))
      conditionOf(await juliet.next(hasId('new')))
      ann.send(body('juliet@p.example/test', 'still'))
      await juliet.next(hasId('still'))
    },
  },
]
