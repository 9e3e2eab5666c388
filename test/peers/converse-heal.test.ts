/**
 * What people see in Converse.js when the link between their servers is cut and heals: ann at one server and bob at the other, in one
 * room, talk on while they cannot hear each other. Screenshots of each stage are left for whoever wants to look.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { Link } from '../live/link.mjs'
import { openBrowser, Visitor } from './browser.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'
import { until } from './until.js'

const dmuc = 'ping_after = 1\nping_timeout = 1\ngrace = 2'

peer(['/usr/bin/chromium'])('a split and a heal, in Converse.js', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-heal-'))
  const links: Link[] = []
  const servers: Dmucd[] = []
  let browser: Browser
  let ann: Visitor
  let bob: Visitor

  const serverAt = (name: string, other: string, user: string, to: Link): Promise<Dmucd> =>
    startDmucd({
      domain: `${name}.example`,
      routes: { [`${other}.example`]: to.port, [`rooms.${other}.example`]: to.port },
      allow: [`rooms.${other}.example`],
      dmuc,
      firstStart: `accounts = ["${user}@${name}.example"]\nlogin_links = true`,
    })

  const enters = async (server: Dmucd, user: string): Promise<Visitor> => {
    const visitor = await Visitor.opens(browser, await server.dmucctl('login-link', `${user}@${server.domain}`))
    await visitor.enters(`heath@${server.rooms}`)
    return visitor
  }
  const picture = async (stage: string): Promise<void> => {
    await ann.page.screenshot({ path: join(pictures, `${stage}-ann.png`) })
    await bob.page.screenshot({ path: join(pictures, `${stage}-bob.png`) })
  }
  const talk = async (speaker: Visitor, lines: readonly string[]): Promise<void> => {
    for (const line of lines) {
      await speaker.says(line)
      await speaker.hears(line)
    }
  }

  beforeAll(async () => {
    const [toB, toA] = await Promise.all([Link.open(), Link.open()])
    links.push(toB, toA)
    const a = await serverAt('a', 'b', 'ann', toB)
    const b = await serverAt('b', 'a', 'bob', toA)
    servers.push(a, b)
    toB.to(b.s2sPort)
    toA.to(a.s2sPort)
    await a.dmucctl('room', 'create', 'heath@rooms.a.example', 'ann@a.example', 'Heath')
    await a.dmucctl('room', 'distribute', 'heath@rooms.a.example', 'rooms.b.example')
    await until(
      async () => (await b.dmucctl('room', 'list')).includes('heath@rooms.b.example'),
      () => `the shadow to be there:\n${b.log()}`,
    )
    browser = await openBrowser()
    ;[ann, bob] = await Promise.all([enters(a, 'ann'), enters(b, 'bob')])
    await Promise.all([ann.sits('bob'), bob.sits('ann')])
  })
  afterAll(async () => {
    await browser?.close()
    await Promise.all(servers.map((server) => server.stop()))
    await Promise.all(links.map((link) => link.close()))
    process.stderr.write(`screenshots: ${pictures}\n`)
  })

  test('both talk on while the link is cut, and read one story when it is whole again', async () => {
    await talk(ann, ['When shall we three meet again?'])
    await bob.hears('When shall we three meet again?', 'ann')
    await talk(bob, ['In thunder, lightning, or in rain?'])
    await ann.hears('In thunder, lightning, or in rain?', 'bob')

    for (const link of links) link.cut()
    await talk(ann, ['Where the place?', 'Is bob still there?'])
    await talk(bob, ['Upon the heath', 'Nobody answers'])
    await Promise.all([ann.shows('bob has left the groupchat'), bob.shows('ann has left the groupchat')])
    await picture('split')
    await talk(ann, ['Fair is foul'])
    await talk(bob, ['and foul is fair'])

    for (const link of links) link.heal()
    await ann.hears('and foul is fair', 'bob')
    await bob.hears('Fair is foul', 'ann')
    await Promise.all([ann.sits('bob'), bob.sits('ann')])
    await talk(ann, ['There you are again'])
    await bob.hears('There you are again')
    await picture('healed')
    // Converse puts what is late where it was said: the same order for both, nothing twice.
    const story = [
      'When shall we three meet again?',
      'In thunder, lightning, or in rain?',
      'Where the place?',
      'Is bob still there?',
      'Upon the heath',
      'Nobody answers',
      'Fair is foul',
      'and foul is fair',
      'There you are again',
    ]
    for (const visitor of [ann, bob]) {
      expect(await visitor.reads()).toEqual(story)
      expect([...(await visitor.occupants())].sort()).toEqual(['ann', 'bob'])
      // COMPAT Converse.js 14: it also takes a notice of a service for a word from a contact, and gives that up.
      expect(visitor.complaints.filter((text) => !text.includes('api.contacts.add'))).toEqual([])
    }
  })
})
