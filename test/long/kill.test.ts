/**
 * The promise under kill -9, at length: two servers that share rooms, one of them killed in each round. 50 rounds, or as
 * many as DMUCD_KILLS in the environment says.
 */
import { afterEach, expect, test } from '@jest/globals'
import { Federation } from '../live/federation.mjs'
import { KillRounds } from '../live/kill-rounds.mjs'

const kills = Number(process.env.DMUCD_KILLS ?? 50)

let federation: Federation | undefined
afterEach(async () => {
  await federation?.remove()
  federation = undefined
})

test(`acknowledged messages lost in ${kills} kills: 0`, async () => {
  federation = await Federation.start(['a', 'b'])
  const rounds = new KillRounds(federation)
  await rounds.open()
  for (let round = 0; round < kills; round++) {
    await rounds.round(round % 2 === 0 ? 'a' : 'b')
    if (rounds.faults.length > 0) break
  }
  console.log(JSON.stringify(rounds.count))
  expect(rounds.faults).toEqual([])
  expect(rounds.count).toMatchObject({ kills, damaged: 0, seen: rounds.count.expected })
  expect(rounds.count.leastAcknowledged).toBeGreaterThanOrEqual(200)
  expect(rounds.count.leastInFlight).toBeGreaterThanOrEqual(20)
  expect(rounds.count.seen).toBeGreaterThan(0)
  await federation.stop()
})
