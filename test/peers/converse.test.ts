/** Rooms in Converse.js: two people in two browsers, one of whom keeps order; and what somebody sees who comes back. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { openBrowser, Visitor } from './browser.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'

peer(['/usr/bin/chromium'])('Converse.js in a room', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-rooms-'))
  let server: Dmucd
  let browser: Browser
  let ann: Visitor
  let bob: Visitor

  const enters = async (user: string): Promise<Visitor> => {
    const visitor = await Visitor.opens(browser, await server.dmucctl('login-link', `${user}@a.example`))
    await visitor.lands('Heath')
    return visitor
  }
  const moderated = (value: string): Promise<string> =>
    server.dmucctl('room', 'config', 'heath@rooms.a.example', 'muc#roomconfig_moderatedroom', value)
  const picture = ({ page }: Visitor, name: string): Promise<unknown> =>
    page.screenshot({ path: join(pictures, `${name}.png`) })

  beforeAll(async () => {
    server = await startDmucd({
      domain: 'a.example',
      firstStart: `
        accounts = ["ann@a.example", "bob@a.example"]
        login_links = true
        room = "heath@rooms.a.example"
        room_name = "Heath"`,
    })
    browser = await openBrowser()
    ;[ann, bob] = await Promise.all([enters('ann'), enters('bob')])
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    process.stderr.write(`screenshots: ${pictures}\n`)
  })

  test('both talk and see each other; the owner sets the topic', async () => {
    await ann.says('When shall we three meet again?')
    await bob.hears('When shall we three meet again?', 'ann')
    await bob.says('In thunder, lightning, or in rain?')
    await ann.hears('In thunder, lightning, or in rain?', 'bob')
    await ann.says('/topic An open place')
    await bob.shows('An open place')
    await ann.sits('bob')
  })

  test('a moderator takes a message away, an author takes one back: gone for both', async () => {
    await bob.says('Buy my potions!')
    await ann.retracts('Buy my potions!', 'No hawking')
    await bob.shows('No hawking')
    await bob.misses('Buy my potions!')
    await bob.says('A slip of the tongue')
    await ann.hears('A slip of the tongue')
    await bob.retracts('A slip of the tongue')
    await ann.misses('A slip of the tongue')
    await picture(ann, 'moderated-ann')
    await picture(bob, 'moderated-bob')
  })

  test('a new nickname; voice taken and given; a kick', async () => {
    await bob.says('/nick robert')
    await ann.sits('robert')
    await moderated('1')
    await ann.says('/mute robert')
    await bob.shows("You're not allowed to send messages in this room")
    await ann.says('/voice robert')
    await bob.page.locator('textarea.chat-textarea').waitFor()
    await moderated('0')
    await ann.says('/kick robert Upon the heath')
    await bob.shows('Upon the heath')
    await ann.shows('robert has been kicked out by ann')
    await picture(bob, 'kicked-bob')
  })

  test('who comes back has the history and the topic, and nothing of what was taken away', async () => {
    const again = await enters('bob')
    await again.hears('When shall we three meet again?', 'ann')
    await again.hears('In thunder, lightning, or in rain?')
    await again.shows('An open place')
    await picture(again, 'back-bob')
    for (const text of ['Buy my potions!', 'A slip of the tongue']) await again.misses(text)
    for (const visitor of [ann, bob, again]) {
      expect(visitor.hosts).toEqual(['localhost'])
      expect(visitor.complaints).toEqual([])
    }
  })
})
