/** Splits of real processes at random, with 3 and with 5 servers: DMUCD_SPLITS of each, or 20. */
import { afterEach, expect, test } from '@jest/globals'
import { Federation } from '../live/federation.mjs'
import { SplitRounds } from '../live/split-rounds.mjs'

const splits = Number(process.env.DMUCD_SPLITS ?? 20)

let federation: Federation | undefined
afterEach(async () => {
  await federation?.remove()
  federation = undefined
})

test.each([
  [['a', 'b', 'c'], 281],
  [['a', 'b', 'c', 'd', 'e'], 45],
])('%p: nothing lost, duplicated or out of order', async (names, seed) => {
  federation = await Federation.start(names, { dmuc: 'ping_after = 1\nping_timeout = 1\ngrace = 2' })
  const rounds = new SplitRounds(federation, seed)
  await rounds.open()
  for (let round = 0; round < splits; round++) await rounds.round()
  rounds.judge()
  console.log(JSON.stringify({ seed, ...rounds.count }))
  expect(rounds.faults).toEqual([])
  expect(rounds.count).toMatchObject({ splits, seen: rounds.count.expected })
  expect(rounds.count.seen).toBeGreaterThan(0)
  await federation.stop()
})
