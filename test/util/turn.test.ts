import { describe, expect, test } from '@jest/globals'
import { ManualClock } from '../../src/util/clock.js'
import { Turn } from '../../src/util/turn.js'

const nextTurn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a turn of the event loop', () => {
  test('has time for a few milliseconds, for all who go by one clock together', async () => {
    const clock = new ManualClock()
    expect(Turn.of(clock).hasTime()).toBe(true)
    clock.advance(1)
    expect(Turn.of(clock).hasTime()).toBe(true)
    clock.advance(3)
    expect(Turn.of(clock).hasTime()).toBe(false)
    expect(Turn.of(new ManualClock()).hasTime()).toBe(true)
    await nextTurn()
    expect(Turn.of(clock).hasTime()).toBe(true)
  })

  test('what took long the last time has no second time in it', () => {
    const clock = new ManualClock()
    const turn = Turn.of(clock)
    turn.hasTime()
    clock.advance(3)
    expect(turn.hasTime()).toBe(false)
  })

  test('what goes on in the next one is not called in the rest of this', async () => {
    const clock = new ManualClock()
    const turn = Turn.of(clock)
    turn.hasTime()
    let called = 0
    turn.next(() => called++)
    await nextTurn()
    expect(called).toBe(0)
    await nextTurn()
    expect(called).toBe(1)
    turn.next(() => called++)
    await nextTurn()
    expect(called).toBe(2)
  })
})
