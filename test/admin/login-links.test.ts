import { describe, expect, test } from '@jest/globals'
import { LoginLinks, linkValidMs } from '../../src/admin/login-links.js'
import { SeededRandom } from '../../src/util/random.js'

const admin = 'admin@localhost'

function setUp() {
  const stored = new Map<string, string>()
  const clock = { nowMs: 0 }
  const links = new LoginLinks({
    accounts: [admin],
    random: new SeededRandom(7),
    now: () => clock.nowMs,
    setPassword: async (jid, password) => void stored.set(jid, password),
  })
  return { links, stored, clock }
}

describe('a login link', () => {
  test('is good for the password of its account, once', async () => {
    const { links, stored } = setUp()
    const secret = (await links.make(admin))!
    expect(secret).toMatch(/^[\w-]{43}$/)
    expect(links.exchange(secret)).toEqual({ jid: admin, password: stored.get(admin) })
    expect(links.exchange(secret)).toBeUndefined()
  })

  test('is good for no longer than its time', async () => {
    const { links, clock } = setUp()
    const secret = (await links.make(admin))!
    clock.nowMs = linkValidMs + 1
    expect(links.exchange(secret)).toBeUndefined()
  })

  test('keeps the password that this process has made', async () => {
    const { links, stored } = setUp()
    const password = await links.renewPassword(admin)
    const [first, second] = [await links.make(admin), await links.make(admin)]
    expect(links.exchange(second!)?.password).toBe(password)
    expect(links.exchange(first!)?.password).toBe(password)
    expect(stored.get(admin)).toBe(password)
  })

  test('is void once somebody else has changed the password, and a new one means a new password', async () => {
    const { links, stored } = setUp()
    const old = (await links.make(admin))!
    const password = stored.get(admin)
    links.forget(admin)
    expect(links.exchange(old)).toBeUndefined()
    const secret = (await links.make(admin))!
    expect(links.exchange(secret)?.password).toBe(stored.get(admin))
    expect(stored.get(admin)).not.toBe(password)
  })

  test('is for the named accounts only, and a guess is good for nothing', async () => {
    const { links, stored } = setUp()
    expect(await links.make('juliet@localhost')).toBeUndefined()
    expect(stored.size).toBe(0)
    await links.make(admin)
    expect(links.exchange('')).toBeUndefined()
    expect(links.exchange('x'.repeat(43))).toBeUndefined()
  })

  test('only a bounded number is outstanding: the oldest goes', async () => {
    const { links } = setUp()
    const first = (await links.make(admin))!
    for (let count = 0; count < 100; count += 1) await links.make(admin)
    expect(links.exchange(first)).toBeUndefined()
  })
})
