/**
 * When a room comes to another server, and who is sent there (XEP-0281 §4.2 and §4.4, E19 to E22), as slixmpp's users meet it at real
 * servers: a.example gives rooms away once two people of b.example have joined, c.example only on the word of its operator.
 */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Link } from '../live/link.mjs'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'
import { until } from './until.js'

const password = 'cauldron-bubble'
const peers = ['rooms.b.example']

peer([systemPython], ['slixmpp'])('rooms that come to where people are, with slixmpp', () => {
  const links = new Map<string, Link>()
  const servers = new Map<string, Dmucd>()
  const clients: Slixmpp[] = []

  const link = (name: string): Link => links.get(name) as Link
  const server = (name: string): Dmucd => servers.get(name) as Dmucd
  /** Users and rooms of another server are reached by links of their own, so that one can fail without the other. */
  const routes = (from: string, ...others: readonly string[]): Record<string, number> =>
    Object.fromEntries(
      others.flatMap((to) => [
        [`${to}.example`, link(`${from}-${to}`).port],
        [`rooms.${to}.example`, link(`${from}-rooms.${to}`).port],
      ]),
    )
  const online = async (at: string, user: string): Promise<Slixmpp> => {
    const client = await Slixmpp.online(server(at), user, password)
    clients.push(client)
    return client
  }
  const holds = async (at: string, room: string): Promise<boolean> =>
    (await server(at).dmucctl('room', 'list')).includes(room)
  const distributes = async (owner: Slixmpp, room: string): Promise<void> => {
    await owner.do('join', { room, nick: 'ann' })
    const values = {
      'muc#roomconfig_persistentroom': true,
      'muc#roomconfig_distributed': true,
      '{urn:xmpp:dmuc-sync:0}peers': peers,
    }
    await owner.do('configure', { room, values })
  }

  beforeAll(async () => {
    for (const from of ['a', 'b', 'c'])
      for (const to of ['a', 'b', 'c'].filter((name) => name !== from))
        for (const name of [to, `rooms.${to}`]) links.set(`${from}-${name}`, await Link.open())
    const quick = 'ping_after = 1\nping_timeout = 1\ngrace = 2'
    const users = { ann: password, bob: password, cat: password, dan: password, eve: password }
    const options: Parameters<typeof startDmucd>[0][] = [
      {
        domain: 'a.example',
        users,
        allow: peers,
        routes: routes('a', 'b'),
        dmuc: `${quick}\nreplicate = "on-join"\non_join_threshold = 2\nredirect = { "b.example" = "rooms.b.example" }`,
      },
      {
        domain: 'b.example',
        users,
        allow: ['rooms.a.example', 'rooms.c.example'],
        routes: routes('b', 'a', 'c'),
        dmuc: quick,
      },
      {
        domain: 'c.example',
        users,
        allow: peers,
        routes: routes('c', 'b'),
        dmuc: `${quick}\nreplicate = "manual"\nredirect = { "b.example" = "rooms.b.example" }`,
      },
    ]
    for (const each of options) servers.set(each.domain.slice(0, 1), await startDmucd(each))
    for (const [name, each] of links) each.to(server(name.slice(-1)).s2sPort)
  })
  afterAll(async () => {
    await Promise.all(clients.map((client) => client.close()))
    await Promise.all([...servers.values()].map((each) => each.stop()))
    await Promise.all([...links.values()].map((each) => each.close()))
  })

  test('on-join: the second of b.example brings the room there, the third is sent to it, and let in while it cannot be reached', async () => {
    const [room, shadow] = ['coven@rooms.a.example', 'coven@rooms.b.example']
    const ann = await online('a', 'ann')
    await distributes(ann, room)
    const [bob, cat, dan, eve] = [
      await online('b', 'bob'),
      await online('b', 'cat'),
      await online('b', 'dan'),
      await online('b', 'eve'),
    ]
    await bob.do('join', { room, nick: 'bob' })
    await bob.do('say', { room, body: 'the first of us' })
    await ann.hears('the first of us')
    expect(await holds('b', shadow)).toBe(false)
    await cat.do('join', { room, nick: 'cat' })
    await ann.next((stanza) => String(stanza.getChildText('body')).startsWith('rooms.b.example holds this room'))
    await until(
      () => holds('b', shadow),
      () => `the shadow to be there:\n${server('b').log()}`,
    )

    await expect(dan.do('join', { room, nick: 'dan' })).rejects.toThrow('cancel redirect')
    const invitation = await dan.next((stanza) => stanza.getChild('x', 'jabber:x:conference') !== undefined)
    expect(invitation.getChild('x', 'jabber:x:conference')?.attrs.jid).toBe(shadow)
    const joined = await dan.do('join', { room: shadow, nick: 'dan', history: 20 })
    expect(joined.occupants).toEqual(['ann', 'bob', 'cat', 'dan'])
    expect(joined.history).toContain('the first of us')
    await ann.sees(`${room}/dan`)

    link('a-rooms.b').cut()
    const peersOf = (): Promise<string> => server('a').dmucctl('room', 'peers', room)
    await until(
      async () => /unreachable|cut off/.test(await peersOf()),
      () => `the shadow to be out of reach:\n${server('a').log()}`,
    )
    await eve.do('join', { room, nick: 'eve' })
    await eve.do('say', { room, body: 'let in' })
    await ann.hears('let in')
    link('a-rooms.b').heal()
    await until(
      async () => (await peersOf()).includes('in step'),
      () => `the shadow to be in step:\n${server('a').log()}`,
    )
    await dan.hears('let in')
    await dan.sees(`${shadow}/eve`)
    await eve.do('leave', { room, nick: 'eve' })
    await ann.sees(`${room}/eve`, 'unavailable')
    await expect(eve.do('join', { room, nick: 'eve' })).rejects.toThrow('cancel redirect')
  })

  test('manual: whoever joins, the room goes nowhere until its operator says so', async () => {
    const [room, shadow] = ['heath@rooms.c.example', 'heath@rooms.b.example']
    const ann = await online('c', 'ann')
    await distributes(ann, room)
    const bob = await online('b', 'bob')
    const cat = await online('b', 'cat')
    await bob.do('join', { room, nick: 'bob' })
    await cat.do('join', { room, nick: 'cat' })
    await cat.do('say', { room, body: 'both of us' })
    await ann.hears('both of us')
    expect(await holds('b', shadow)).toBe(false)
    await server('c').dmucctl('room', 'distribute', room)
    await ann.next((stanza) => String(stanza.getChildText('body')).startsWith('rooms.b.example holds this room'))
    await until(
      () => holds('b', shadow),
      () => `the shadow to be there:\n${server('b').log()}`,
    )
    const dan = await online('b', 'dan')
    await expect(dan.do('join', { room, nick: 'dan' })).rejects.toThrow('cancel redirect')
    expect((await dan.do('join', { room: shadow, nick: 'dan' })).occupants).toEqual(['ann', 'bob', 'cat', 'dan'])
  })
})
