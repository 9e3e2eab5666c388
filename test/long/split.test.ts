/**
 * Splits of real processes at random, with 3 and with 5 servers: DMUCD_SPLITS of each, or 20. Everything comes once and in order, nobody is
 * missing and nobody a ghost after each, and XEP-0410's question is answered rightly throughout.
 */
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
  await rounds.judge()
  const pings = rounds.pings.count
  console.log(JSON.stringify({ seed, ...rounds.count, pings }))
  expect(rounds.faults).toEqual([])
  expect(rounds.count).toMatchObject({ splits, kicks: splits, seen: rounds.count.expected })
  expect(pings.inside).toBeGreaterThan(splits * names.length)
  expect(pings.outside).toBeGreaterThanOrEqual(splits)
  expect(rounds.count.seen).toBeGreaterThan(0)
  await federation.stop()
})
