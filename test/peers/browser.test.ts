/** The first ten minutes: from a fresh clone, by `npm start`, to two people in two browsers who chat in the lobby. */
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Browser } from 'playwright-core'
import { openBrowser, Visitor } from './browser.js'
import { FreshClone } from './fresh-clone.js'
import { peer } from './require-peer.js'

const tenMinutes = 600_000

peer(['/usr/bin/chromium', 'npm'])('two browsers on the page, from a fresh clone', () => {
  const pictures = mkdtempSync(join(tmpdir(), 'dmucd-pictures-'))
  const browsers: Browser[] = []
  let clone: FreshClone

  beforeAll(async () => {
    clone = new FreshClone()
    await clone.start()
  }, tenMinutes)

  afterAll(async () => {
    await Promise.all(browsers.map((browser) => browser.close()))
    await clone.remove()
    process.stderr.write(`screenshots: ${pictures}\n`)
  }, 60_000)

  async function visit(address: string): Promise<Visitor> {
    const browser = await openBrowser()
    browsers.push(browser)
    return Visitor.opens(browser, address)
  }
  const picture = ({ page }: Visitor, name: string): Promise<unknown> =>
    page.screenshot({ path: join(pictures, `${name}.png`) })

  test('both open their links, land in the lobby and chat both ways; nothing leaves the machine', async () => {
    const admin = await visit(clone.loginLink('admin'))
    const guest = await visit(clone.loginLink('guest'))
    await Promise.all([admin.lands('Lobby'), guest.lands('Lobby')])
    expect(admin.page.url()).not.toContain('login=')
    await guest.page.getByText('Welcome to dmucd').first().waitFor()
    await admin.says('Good evening, guest. ü € 😀 <b>&amp;</b>')
    await guest.hears('Good evening, guest. ü € 😀 <b>&amp;</b>', 'admin')
    await guest.says('Good evening, admin.')
    await admin.hears('Good evening, admin.', 'guest')
    await guest.says('An address: https://example.org/picture.png')
    await admin.hears('https://example.org/picture.png')
    await picture(admin, 'admin')
    await picture(guest, 'guest')
    for (const visitor of [admin, guest]) {
      expect(visitor.requests.length).toBeGreaterThan(5)
      expect(visitor.hosts).toEqual(['localhost'])
      expect(visitor.complaints).toEqual([])
    }
  })

  test('a new link, as the page advises, and the history is there', async () => {
    const again = await visit(await clone.newLoginLink('guest'))
    await again.lands('Lobby')
    await again.hears('Good evening, guest.', 'admin')
    await again.hears('Good evening, admin.', 'guest')
    expect(again.complaints).toEqual([])
  })

  test('a login link that was used says so, and what to do', async () => {
    const late = await visit(clone.loginLink('guest'))
    const notice = late.page.locator('#notice')
    await notice.waitFor()
    expect(await notice.textContent()).toMatch(/was used already, or is too old.*npm start -- --show-login/)
    await late.page.locator('input[name=jid]').waitFor()
    await picture(late, 'used-link')
    expect(late.hosts).toEqual(['localhost'])
  })
})
