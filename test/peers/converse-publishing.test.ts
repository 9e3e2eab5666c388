/** Converse.js as somebody who publishes: a bookmark that another browser of theirs finds, an avatar that a contact sees. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { openBrowser, Visitor } from './browser.js'
import { type Dmucd, startDmucd } from './dmucd.js'
import { peer } from './require-peer.js'

/** A violet square as PNG. */
const square =
  'iVBORw0KGgoAAAANSUhEUgAAABAAAAAQCAIAAACQkWg2AAAAFklEQVR42mOoEFlAEmIY1TCqYfhqAABV9SwQJNnW0gAAAABJRU5ErkJggg=='

peer(['/usr/bin/chromium'])('Converse.js publishes', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-publishing-'))
  let server: Dmucd
  let browser: Browser

  const enters = async (user: string): Promise<Visitor> => {
    const visitor = await Visitor.opens(browser, await server.dmucctl('login-link', `${user}@a.example`))
    await visitor.lands('Heath')
    return visitor
  }
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
  })
  afterAll(async () => {
    await browser?.close()
    await server?.stop()
    process.stderr.write(`screenshots: ${pictures}\n`)
  })

  test('a room that is entered in one browser is entered in the next one, too', async () => {
    const ann = await enters('ann')
    await ann.page.evaluate(`location.hash = '#converse/room?jid=hall@rooms.a.example'`)
    await ann.page.locator('converse-muc-heading').getByText('hall').first().waitFor()
    await picture(ann, 'hall')
    const again = await enters('ann')
    await again.page.locator('converse-rooms-list').getByText('hall').first().waitFor()
    await picture(again, 'again')
    for (const { complaints } of [ann, again]) expect(complaints).toEqual([])
  })

  test('an avatar from the profile: whoever is in a room with its owner sees it', async () => {
    const ann = await enters('ann')
    await ann.page.locator('.show-profile').first().click()
    const dialog = ann.page.locator('.modal.show')
    const image = { name: 'me.png', mimeType: 'image/png', buffer: Buffer.from(square, 'base64') }
    await dialog.locator('input[type=file]').setInputFiles(image)
    await dialog.locator('input[name=fn]').fill('Ann of the Heath')
    await dialog.locator('input[type=submit], button[type=submit]').first().click()
    await ann.page.locator('converse-user-profile converse-avatar image').first().waitFor({ state: 'attached' })
    const bob = await enters('bob')
    const again = await enters('ann')
    await bob.page.locator('converse-muc-sidebar converse-avatar image').first().waitFor({ state: 'attached' })
    await picture(bob, 'avatar')
    for (const { complaints } of [ann, bob, again]) expect(complaints).toEqual([])
  })
})
