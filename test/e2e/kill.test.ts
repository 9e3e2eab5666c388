/** A room on two servers, of which first one and then the other is killed in the middle of a conversation. */
import { afterEach, expect, jest, test } from '@jest/globals'
import { Federation } from '../live/federation.mjs'
import { KillRounds } from '../live/kill-rounds.mjs'

jest.setTimeout(120_000)

let federation: Federation | undefined
afterEach(async () => {
  await federation?.remove()
  federation = undefined
})

test.each([
  ['a, the source', 'a'],
  ['b, the shadow', 'b'],
])('kill -9 of %s: nothing acknowledged is lost, on no side, and the database is whole', async (_, doomed) => {
  federation = await Federation.start(['a', 'b'])
  const rounds = new KillRounds(federation)
  await rounds.open()
  await rounds.round(doomed)
  console.log(expect.getState().currentTestName, JSON.stringify(rounds.count))
  expect(rounds.faults).toEqual([])
  expect(rounds.count).toMatchObject({ kills: 1, damaged: 0, seen: rounds.count.expected })
  expect(rounds.count.leastAcknowledged).toBeGreaterThanOrEqual(200)
  expect(rounds.count.leastInFlight).toBeGreaterThanOrEqual(20)
  expect(rounds.count.seen).toBeGreaterThan(0)
  await federation.stop()
})
