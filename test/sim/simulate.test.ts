/** Rooms on several servers through cuts, crashes and wrong clocks: many schedules, none of which may break a promise (dmuc.md §5). */
import { describe, expect, test } from '@jest/globals'
import { real } from './ground.js'
import { main } from './main.js'
import { drawScope, play, scheduleOf, simulate } from './simulate.js'
import { type Counts, common } from './world.js'

describe('nothing is lost, doubled, out of order or apart', () => {
  test.each([
    [2, 20],
    [3, 40],
    [5, 8],
  ])('on %i servers, in %i schedules', async (sites, schedules) => {
    const totals: Partial<Record<keyof Counts, number>> = {}
    for (let seed = 1; seed <= schedules; seed++) {
      const { faults, counts } = await simulate(seed, sites)
      expect({ seed, faults }).toEqual({ seed, faults: [] })
      for (const [name, count] of Object.entries(counts) as [keyof Counts, number][])
        totals[name] = (totals[name] ?? 0) + count
    }
    // What did not happen has shown nothing.
    for (const name of schedules < 50 ? common.slice(0, 5) : common) expect(totals[name]).toBeGreaterThan(0)
    expect(totals.acknowledged).toBeGreaterThan(5 * schedules)
  })
})

test('a seed always tells the same story', async () => {
  const tell = async (): Promise<string[]> => {
    const story: string[] = []
    const scope = drawScope(7, 3)
    await play(7, scope, scheduleOf(7, scope), { trace: (text) => story.push(text) })
    return story
  }
  const [first, second] = [await tell(), await tell()]
  expect(first.length).toBeGreaterThan(300)
  expect(second).toEqual(first)
})

test('the command line ends with what it counted', async () => {
  const said: string[] = []
  expect(await main(['--schedules', '3', '--seed', '5'], (text) => said.push(text))).toBe(0)
  expect(said.at(-1)).toBe('3 schedules: 0 lost, 0 duplicated, 0 out of order, 0 diverged')
})

test('the command line refuses what it cannot do', async () => {
  const said: string[] = []
  expect(await main(['--instances', '1'], (text) => said.push(text))).toBe(2)
  expect(said.join()).toContain('--schedules')
})

test('the same holds on SQLite and the real pool of s2s, where a crash opens the database again', async () => {
  const crashed = { crashes: 0, acknowledged: 0 }
  for (const seed of [3, 4]) {
    const { faults, counts } = await simulate(seed, 3, { ground: real })
    expect({ seed, faults }).toEqual({ seed, faults: [] })
    crashed.crashes += counts.crashes
    crashed.acknowledged += counts.acknowledged
  }
  expect(crashed.crashes).toBeGreaterThan(0)
  expect(crashed.acknowledged).toBeGreaterThan(5)
}, 120_000)
