/** The race of addresses (RFC 8305), by a clock that stands still. */
import { describe, expect, test } from '@jest/globals'
import { attemptDelayMs, firstAnswer, inTurns } from '../../src/net/first-answer.js'
import { ManualClock } from '../../src/util/clock.js'

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

function race(names: readonly string[]) {
  const clock = new ManualClock()
  const tried: string[] = []
  const late: string[] = []
  const ends = new Map<string, { accept(): void; fail(): void }>()
  const connect = (name: string): Promise<string> => {
    tried.push(name)
    return new Promise((resolve, reject) => {
      ends.set(name, { accept: () => resolve(name), fail: () => reject(new Error(`${name} is down`)) })
    })
  }
  const outcome = firstAnswer(names, connect, (name) => late.push(name), clock).then(
    ({ target }) => target,
    (error: Error) => error.message,
  )
  return { clock, tried, late, ends, outcome }
}

test('RFC 8305 §4: families in turns, IPv6 first', () => {
  const targets = ['192.0.2.1', '192.0.2.2', '2001:db8::1', '192.0.2.3', '2001:db8::2'].map((address) => ({ address }))
  expect(inTurns(targets).map(({ address }) => address)).toEqual([
    '2001:db8::1',
    '192.0.2.1',
    '2001:db8::2',
    '192.0.2.2',
    '192.0.2.3',
  ])
})

describe('firstAnswer', () => {
  test('one that hangs costs a quarter of a second; if it still answers, that goes to waste', async () => {
    const { clock, tried, late, ends, outcome } = race(['hangs', 'good', 'spare'])
    clock.advance(attemptDelayMs - 1)
    expect(tried).toEqual(['hangs'])
    clock.advance(1)
    expect(tried).toEqual(['hangs', 'good'])
    ends.get('good')!.accept()
    expect(await outcome).toBe('good')
    ends.get('hangs')!.accept()
    await settled()
    clock.advance(10_000)
    expect([late, tried]).toEqual([['hangs'], ['hangs', 'good']])
  })

  test('one that fails costs nothing; the last error counts when all do', async () => {
    const { tried, ends, outcome } = race(['a', 'b'])
    ends.get('a')!.fail()
    await settled()
    expect(tried).toEqual(['a', 'b'])
    ends.get('b')!.fail()
    expect(await outcome).toBe('b is down')
  })
})
