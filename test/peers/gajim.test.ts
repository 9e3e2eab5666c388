/** Gajim, with its windows: a contact, a conversation, rooms, and a connection that is lost. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Dmucd, startDmucd } from './dmucd.js'
import { Gajim } from './gajim.js'
import { peer, systemPython } from './require-peer.js'
import { Slixmpp } from './slixmpp.js'
import { until } from './until.js'

const password = 'cauldron-bubble'

peer([systemPython, 'gajim', 'Xvfb', 'dbus-run-session'], ['slixmpp'])('Gajim', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-gajim-pictures-'))
  let server: Dmucd
  let ann: Gajim
  let bob: Slixmpp

  const picture = (name: string): Promise<unknown> => ann.do('picture', { path: join(pictures, `${name}.png`) })

  beforeAll(async () => {
    server = await startDmucd({ domain: 'a.example', users: { ann: password, bob: password } })
    ann = new Gajim()
    await ann.connects('ann@a.example', password, server.c2sPort, server.certificate)
    bob = await Slixmpp.online(server, 'bob', password)
  })
  afterAll(async () => {
    await ann?.close()
    await bob?.close()
    await server?.stop()
    process.stderr.write(`screenshots: ${pictures}\n`)
  })

  test('a contact: asked, seen, and talked with', async () => {
    await ann.do('add', { jid: 'bob@a.example' })
    await until(
      async () => (await ann.do('roster', {}))['bob@a.example'] === 'both',
      () => 'the contact to be one',
      60_000,
    )
    await ann.do('chat', { jid: 'bob@a.example' })
    await ann.do('say', { text: 'When shall we meet again? ü € 😀 <&>' })
    await bob.hears('When shall we meet again? ü € 😀 <&>')
    await bob.do('message', { to: 'ann@a.example', body: 'When the hurlyburly’s done' })
    await ann.shows('When the hurlyburly’s done')
    await picture('chat')
  })

  test('a room that another has made: its name, its history, its topic; both talk', async () => {
    const at = 'heath@rooms.a.example'
    await bob.do('join', { room: at, nick: 'bob' })
    await bob.do('configure', { room: at, values: { 'muc#roomconfig_roomname': 'The heath' } })
    await bob.do('say', { room: at, body: 'before you came' })
    await bob.hears('before you came')
    await bob.do('subject', { room: at, subject: 'An open place' })
    await ann.do('enter', { room: at, nick: 'ann' })
    await bob.sees(`${at}/ann`)
    for (const text of ['The heath', 'before you came', 'An open place']) await ann.shows(text)
    await ann.do('say', { text: 'Fair is foul' })
    expect((await bob.hears('Fair is foul')).attrs.from).toBe(`${at}/ann`)
    await bob.do('say', { room: at, body: 'and foul is fair' })
    await ann.shows('and foul is fair')
    await picture('room')
  })

  test('a room that it makes itself, and another enters', async () => {
    const at = 'castle@rooms.a.example'
    await ann.do('make', { room: at, name: 'The castle' })
    await until(
      () =>
        bob.do('roominfo', { jid: at }).then(
          () => true,
          () => false,
        ),
      () => 'the room to be open',
      60_000,
    )
    await bob.do('join', { room: at, nick: 'bob' })
    await bob.do('say', { room: at, body: 'This castle hath a pleasant seat' })
    await ann.shows('This castle hath a pleasant seat')
    await picture('castle')
  })

  test('a connection that is lost: what was said meanwhile is there, and nobody saw it leave', async () => {
    const at = 'castle@rooms.a.example'
    await ann.do('drop', {})
    await bob.do('say', { room: at, body: 'The raven himself is hoarse' })
    await ann.shows('The raven himself is hoarse')
    await ann.do('say', { text: 'Come, thick night' })
    await bob.hears('Come, thick night')
    expect(bob.received.filter(({ name, attrs }) => name === 'presence' && attrs.type === 'unavailable')).toEqual([])
    await picture('resumed')
  })
})
