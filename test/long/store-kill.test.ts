/** The store's promise under kill -9, at length: half the rounds with each durability. */
import { expect, test } from '@jest/globals'
import { temporaryDirectory } from '../store/sqlite/directory.js'
import { killRounds } from '../store/sqlite/kill.js'

test.each([
  ['full', 45],
  ['normal', 281],
] as const)(
  'durability %s: no confirmed event is lost in 500 kills',
  async (durability, seed) => {
    const count = await killRounds(temporaryDirectory(), durability, 500, seed)
    console.log(durability, count)
    expect(count).toMatchObject({ rounds: 500, lost: 0, damaged: 0 })
    expect(count.confirmed).toBeGreaterThan(20_000)
    expect(count.beyond).toBeGreaterThan(0)
  },
  60 * 60_000,
)
