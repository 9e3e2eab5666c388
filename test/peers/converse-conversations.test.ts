/**
 * Converse.js in two browsers, by WebSocket and by BOSH: a room, a conversation of two, the page loaded again, and a login in a browser
 * that knows nothing.
 */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { openBrowser, Visitor } from './browser.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'

peer(['/usr/bin/chromium'])('Converse.js', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-conversations-'))
  const browsers: Browser[] = []
  let server: Dmucd

  beforeAll(async () => {
    server = await startDmucd({
      domain: 'a.example',
      firstStart: `
        accounts = ["ann@a.example", "bob@a.example"]
        login_links = true
        room = "heath@rooms.a.example"
        room_name = "Heath"`,
    })
    browsers.push(await openBrowser(), await openBrowser())
  })
  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()))
    await server?.stop()
    process.stderr.write(`screenshots: ${pictures}\n`)
  })

  describe.each(['WebSocket', 'BOSH'])('by %s', (by) => {
    let ann: Visitor
    let bob: Visitor

    const enters = async (browser: Browser | undefined, user: string): Promise<Visitor> => {
      const link = await server.dmucctl('login-link', `${user}@a.example`)
      const visitor = await Visitor.opens(browser!, by === 'BOSH' ? link.replace('/#', '/?bosh#') : link)
      await visitor.lands('Heath')
      return visitor
    }
    const picture = ({ page }: Visitor, name: string): Promise<unknown> =>
      page.screenshot({ path: join(pictures, `${by}-${name}.png`) })

    beforeAll(async () => {
      ;[ann, bob] = await Promise.all([enters(browsers[0], 'ann'), enters(browsers[1], 'bob')])
    })

    test('in a room, and between the two of them', async () => {
      await ann.says(`Hail to all, by ${by}`)
      await bob.hears(`Hail to all, by ${by}`, 'ann')
      await ann.meets('bob@a.example')
      await ann.says(`A word between us, by ${by}`)
      await ann.hears(`A word between us, by ${by}`)
      await bob.opensChat('ann@a.example')
      await bob.hears(`A word between us, by ${by}`)
      await bob.says(`And one back, by ${by}`)
      await ann.hears(`And one back, by ${by}`)
      await picture(bob, 'conversation')
    })

    test('the page is loaded again: logged in, what was said is there, and the conversation goes on', async () => {
      await ann.page.reload()
      await ann.opensChat('bob@a.example')
      await ann.hears(`A word between us, by ${by}`)
      await ann.hears(`And one back, by ${by}`)
      await bob.says(`Are you there, by ${by}?`)
      await ann.hears(`Are you there, by ${by}?`)
      await picture(ann, 'loaded-again')
    })

    test('a browser that knows nothing: the room and the conversation are found in the archive', async () => {
      const again = await enters(browsers[0], 'ann')
      await again.hears(`Hail to all, by ${by}`)
      await again.meets('bob@a.example')
      for (const text of ['A word between us', 'And one back', 'Are you there']) await again.hears(`${text}, by ${by}`)
      await picture(again, 'archive')
      const both = [`A word between us, by ${by}`, `And one back, by ${by}`, `Are you there, by ${by}?`]
      expect((await again.reads()).slice(-both.length)).toEqual(both)
      for (const { requests, complaints } of [ann, bob, again]) {
        expect(requests.some((url) => url.startsWith('ws:'))).toBe(by === 'WebSocket')
        expect(requests.some((url) => url.endsWith('/http-bind'))).toBe(by === 'BOSH')
        // A page that is loaded again gives up the request that it was waiting on.
        expect(complaints.filter((text) => !text.endsWith('/http-bind: net::ERR_ABORTED'))).toEqual([])
      }
    })
  })
})
