/**
 * Schedules of the simulator through the SQLite store and the real pool of s2s (crash = the database is opened again): what holds in the
 * model holds there (dmuc.md §5).
 */
import { expect, test } from '@jest/globals'
import { real } from '../sim/ground.js'
import { simulate } from '../sim/simulate.js'
import type { Counts } from '../sim/world.js'

const schedules = Number(process.env.DMUCD_SCHEDULES ?? 1000)

test(
  `${schedules} schedules: nothing lost, doubled, out of order or apart`,
  async () => {
    const totals: Partial<Record<keyof Counts, number>> = {}
    for (let seed = 1; seed <= schedules; seed++) {
      const { faults, counts } = await simulate(seed, seed % 5 === 0 ? 5 : 3, { ground: real })
      expect({ seed, faults }).toEqual({ seed, faults: [] })
      for (const [name, count] of Object.entries(counts) as [keyof Counts, number][])
        totals[name] = (totals[name] ?? 0) + count
    }
    console.info(totals)
    for (const count of Object.values(totals)) expect(count).toBeGreaterThan(0)
  },
  schedules * 20_000,
)
