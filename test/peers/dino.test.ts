/**
 * Dino, with its window: a contact, a conversation, a room, the archive after a restart, and a connection that is lost. It takes no
 * certificate that nobody has signed but those of `.onion` domains, and knows no port but DNS's: a proxy leads it to the server.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Dino } from './dino.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'
import { Socks } from './socks.js'
import { until } from './until.js'

const password = 'cauldron-bubble'
const heath = 'heath@rooms.a.onion'

peer([systemPython, 'dino-im', 'Xvfb', 'dbus-daemon', 'xdotool'], ['slixmpp', 'gi'])('Dino', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-dino-pictures-'))
  let server: Dmucd
  let way: Socks
  let ann: Dino
  let bob: Slixmpp

  const picture = (name: string): Promise<unknown> => ann.do('picture', { path: join(pictures, `${name}.png`) })

  beforeAll(async () => {
    server = await startDmucd({
      domain: 'a.onion',
      users: { ann: password, bob: password },
      // Told of one (XEP-0215), it asks DNS for none.
      top: 'external_services = [{ type = "stun", host = "127.0.0.1", port = 3478, transport = "udp" }]',
    })
    way = await Socks.leadingTo(server.c2sPort)
    ann = new Dino(way.url)
    await ann.do('login', { jid: 'ann@a.onion', password })
    bob = await Slixmpp.online(server, 'bob', password)
  })
  afterAll(async () => {
    await ann?.close()
    await bob?.close()
    way?.close()
    await server?.stop()
    process.stderr.write(`screenshots: ${pictures}\n`)
  })

  test('a contact: asked for, accepted, and talked with', async () => {
    await bob.do('contact', { jid: 'ann@a.onion', name: 'Ann', groups: [] })
    await ann.do('open', { uri: 'xmpp:bob@a.onion?message' })
    await ann.shows('This contact would like to add you')
    await ann.do('press', { text: 'Accept' })
    await bob.sees('ann@a.onion/dino')
    await until(
      async () => JSON.stringify((await bob.do('roster', {}))['ann@a.onion']).includes('"both"'),
      () => 'the contact to be one',
      60_000,
    )
    await ann.do('say', { text: 'When shall we meet again? <&>' })
    await bob.hears('When shall we meet again? <&>')
    await bob.do('message', { to: 'ann@a.onion', body: 'When the hurlyburly’s done 😀' })
    await ann.shows('When the hurlyburly’s done 😀')
    await picture('chat')
  })

  test('a room that another has made: its name, its history, its topic; both talk', async () => {
    await bob.do('join', { room: heath, nick: 'bob' })
    await bob.do('configure', { room: heath, values: { 'muc#roomconfig_roomname': 'The heath' } })
    await bob.do('say', { room: heath, body: 'before you came' })
    await bob.hears('before you came')
    await bob.do('subject', { room: heath, subject: 'An open place' })
    await ann.do('open', { uri: `xmpp:${heath}?join` })
    await ann.shows('Join Channel')
    await ann.do('press', { text: 'Join' })
    await bob.sees(`${heath}/ann`)
    for (const text of ['The heath', 'before you came', 'An open place']) await ann.shows(text)
    await ann.do('say', { text: 'Fair is foul' })
    expect((await bob.hears('Fair is foul')).attrs.from).toBe(`${heath}/ann`)
    await bob.do('say', { room: heath, body: 'and foul is fair' })
    await ann.shows('and foul is fair')
    await picture('room')
  })

  test('after a restart it is in the room again, and what was said meanwhile comes from the archives', async () => {
    await ann.do('quit', {})
    await bob.sees(`${heath}/ann`, 'unavailable')
    await bob.do('say', { room: heath, body: 'The raven himself is hoarse' })
    await bob.do('message', { to: 'ann@a.onion', body: 'Is this a dagger?' })
    await ann.do('start', {})
    await bob.sees(`${heath}/ann`)
    await ann.shows('The raven himself is hoarse')
    await ann.shows('Is this a dagger?')
    await picture('restarted')
  })

  test('a connection that is lost: what was said meanwhile is there, and nobody saw it leave', async () => {
    const before = bob.received.length
    way.cut()
    await bob.do('message', { to: 'ann@a.onion', body: 'Out, brief candle' })
    await ann.shows('Out, brief candle')
    expect(bob.received.slice(before).filter(({ attrs }) => attrs.type === 'unavailable')).toEqual([])
    await picture('resumed')
  })
})
