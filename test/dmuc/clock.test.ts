/** The hybrid logical clock (dmuc.md §3): it follows the wall clock, never falls, and is led astray by nobody. */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { compareStamps, maxLeadMs, noStamp, readStamp, tick, witness, writeStamp } from '../../src/dmuc/clock.js'

const stamp = fc.record({ ms: fc.nat(1_000_000), counter: fc.nat(1000) })

describe('the clock', () => {
  test('rises with every event, whatever the wall clock does', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(1000), { minLength: 2 }), (times) => {
        let last = noStamp
        for (const now of times) {
          const next = tick(last, now)
          expect(compareStamps(next, last)).toBeGreaterThan(0)
          last = next
        }
      }),
      { seed: 1 },
    )
  })

  test('stamps what follows on something seen later than that', () => {
    fc.assert(
      fc.property(stamp, stamp, fc.nat(1_000_000), (last, seen, now) => {
        fc.pre(seen.ms <= now + maxLeadMs)
        expect(compareStamps(tick(witness(last, seen, now), now), seen)).toBeGreaterThan(0)
      }),
      { seed: 2 },
    )
  })

  test('is moved by no peer more than five minutes beyond the wall clock, and by nobody backward', () => {
    fc.assert(
      fc.property(stamp, stamp, fc.nat(1_000_000), (last, seen, now) => {
        const after = witness(last, seen, now)
        expect(compareStamps(after, last)).toBeGreaterThanOrEqual(0)
        expect(after.ms).toBeLessThanOrEqual(Math.max(last.ms, now + maxLeadMs))
      }),
      { seed: 3 },
    )
  })

  test('comes back from its text', () => {
    fc.assert(
      fc.property(stamp, (one) => expect(readStamp(writeStamp(one))).toEqual(one)),
      { seed: 4 },
    )
  })

  test.each([
    undefined,
    '',
    '1',
    '1.',
    '.1',
    '-1.0',
    '1.-1',
    '1.0 ',
    '1e3.0',
    '1.0.0',
    '1234567890123456.0',
    '1.1234567890',
  ])('reads no stamp in %p', (text) => expect(readStamp(text)).toBeUndefined())
})
