/** kill -9 loses nothing that was confirmed. test/long/store-kill.test.ts has the thousand rounds. */
import { expect, test } from '@jest/globals'
import { temporaryDirectory } from './directory.js'
import { killRounds } from './kill.js'

test.each(['full', 'normal'] as const)('durability %s: no confirmed event is lost in 5 kills', async (durability) => {
  const count = await killRounds(temporaryDirectory(), durability, 5, 281)
  expect(count).toMatchObject({ rounds: 5, lost: 0, damaged: 0 })
  expect(count.confirmed).toBeGreaterThan(100)
})
