/** slixmpp as somebody who publishes: tunes, avatars, bookmarks, keys; at one server, and from one to another. */
import { afterAll, afterEach, beforeAll, expect, test } from '@jest/globals'
import type { Element } from '../../src/xml/element.js'
import { type Dmucd, startDmucd, startDmucdPair } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'

const password = 'cauldron-bubble'
const users = { ann: password, bob: password, cat: password }
const plugins = ['xep_0115', 'xep_0163', 'xep_0118', 'xep_0084', 'xep_0049', 'xep_0048', 'xep_0223', 'xep_0222']
const clients: Slixmpp[] = []

async function online(server: Dmucd, user: string): Promise<Slixmpp> {
  const client = await Slixmpp.online(server, user, password, plugins)
  clients.push(client)
  return client
}
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()))
})

const befriended = async (ann: Slixmpp, bob: Slixmpp, jid: string): Promise<void> => {
  await ann.do('contact', { jid, name: 'Bob', groups: [] })
  await ann.sees(`${jid}/slix`)
  await bob.sees('ann@a.example/slix')
}
const told = (client: Slixmpp, node: string): Promise<Element> =>
  client.next((stanza) => stanza.getChild('event')?.getChild('items')?.attrs.node === node)
const item = (stanza: Element): Element => stanza.getChild('event')!.getChild('items')!.getChild('item')!

const tuneNs = 'http://jabber.org/protocol/tune'
const metadataNs = 'urn:xmpp:avatar:metadata'
/** The smallest PNG: one transparent pixel. */
const pixel = 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=='

peer([systemPython], ['slixmpp'])('slixmpp publishes', () => {
  let server: Dmucd
  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users })
  })
  afterAll(() => server.stop())

  test('a tune to a contact who wants to hear of tunes, and who comes later', async () => {
    const ann = await online(server, 'ann')
    const bob = await online(server, 'bob')
    await befriended(ann, bob, 'bob@a.example')
    await ann.do('tune', { title: 'Heath' })
    const event = await told(bob, tuneNs)
    expect([event.attrs.from, event.attrs.type]).toEqual(['ann@a.example', 'headline'])
    expect(item(event).getChild('tune')?.getChildText('title')).toBe('Heath')
    await told(ann, tuneNs)
    await bob.do('logout', {})
    await ann.sees('bob@a.example/slix', 'unavailable')
    await ann.do('tune', { title: 'Thunder' })
    const again = await online(server, 'bob')
    const last = await told(again, tuneNs)
    expect(item(last).getChild('tune')?.getChildText('title')).toBe('Thunder')
    expect(last.getChild('delay')?.attrs.from).toBe('ann@a.example')
  })

  test('an avatar: told, fetched, in the vCard, and its hash in presence', async () => {
    const ann = await online(server, 'ann')
    const bob = await online(server, 'bob')
    const id = await ann.do('publish_avatar', { image: pixel })
    expect(item(await told(bob, metadataNs)).attrs.id).toBe(id)
    expect(await bob.do('avatar', { jid: 'ann@a.example', hash: id })).toBe(pixel)
    expect(await bob.do('card', { jid: 'ann@a.example' })).toBe(pixel)
    await ann.do('presence', { show: 'away' })
    const away = await bob.next(
      ({ name, attrs, children }) => name === 'presence' && attrs.from === 'ann@a.example/slix' && children.length > 1,
    )
    expect(away.getChild('x', 'vcard-temp:x:update')?.getChildText('photo')).toBe(id)
  })

  test('bookmarks: the same in private storage, as a list that is published, and one by one', async () => {
    const cat = await online(server, 'cat')
    const rooms = { 'heath@rooms.a.example': 'Heath', 'hall@rooms.a.example': 'Hall' }
    await cat.do('store_bookmarks', { rooms, method: 'xep_0049' })
    expect(await cat.do('bookmarks', { method: 'xep_0223' })).toEqual(rooms)
    const one = await cat.do('published', { jid: 'cat@a.example', node: 'urn:xmpp:bookmarks:1' })
    expect(Object.keys(one).sort()).toEqual(Object.keys(rooms).sort())
    await cat.do('store_bookmarks', { rooms: { 'hall@rooms.a.example': 'Great hall' }, method: 'xep_0223' })
    expect(await cat.do('bookmarks', { method: 'xep_0049' })).toEqual({ 'hall@rooms.a.example': 'Great hall' })
  })

  test('keys of OMEMO, which everybody may have; a node is configured and deleted', async () => {
    const ann = await online(server, 'ann')
    const cat = await online(server, 'cat')
    const node = 'eu.siacs.conversations.axolotl.devicelist'
    const list = "<list xmlns='eu.siacs.conversations.axolotl'><device id='31415'/></list>"
    await ann.do('publish', { node, item: 'current', payload: list, options: { access_model: 'open' } })
    expect(await cat.do('nodes', { jid: 'ann@a.example' }).catch(String)).toContain('service-unavailable')
    const found = await cat.do('published', { jid: 'ann@a.example', node })
    expect(found.current).toContain('31415')
    const [before, after] = await ann.do('configure_node', { node, values: { 'pubsub#access_model': 'whitelist' } })
    expect([before, after]).toEqual([{ 'pubsub#access_model': 'open' }, { 'pubsub#access_model': 'whitelist' }])
    await expect(cat.do('published', { jid: 'ann@a.example', node })).rejects.toThrow('not-allowed')
    await ann.do('delete_node', { node })
    await expect(ann.do('published', { jid: 'ann@a.example', node })).rejects.toThrow('item-not-found')
  })
})

peer([systemPython], ['slixmpp'])('slixmpp publishes to another server', () => {
  let servers: readonly [Dmucd, Dmucd]
  beforeAll(async () => {
    servers = await startDmucdPair({ domain: 'a.example', users }, { domain: 'b.example', users })
  })
  afterAll(() => Promise.all(servers.map((server) => server.stop())))

  test('a tune arrives, and the last one when its user comes', async () => {
    const ann = await online(servers[0], 'ann')
    const bob = await online(servers[1], 'bob')
    await befriended(ann, bob, 'bob@b.example')
    await ann.do('tune', { title: 'Heath' })
    expect(
      item(await told(bob, tuneNs))
        .getChild('tune')
        ?.getChildText('title'),
    ).toBe('Heath')
    await bob.do('logout', {})
    const again = await online(servers[1], 'bob')
    expect(
      item(await told(again, tuneNs))
        .getChild('tune')
        ?.getChildText('title'),
    ).toBe('Heath')
  })
})
