import { expect, test } from '@jest/globals'
import { hasTimeToRead, timeToRead } from '../../src/net/reading-turn.js'

const takeMs = (ms: number): void => {
  for (const until = performance.now() + ms; performance.now() < until; );
}

test('who asks in a turn that has taken long goes on in one of the next, first come, first served', async () => {
  await new Promise((resolve) => setImmediate(resolve))
  expect(hasTimeToRead()).toBe(true)
  takeMs(5)
  expect(hasTimeToRead()).toBe(false)
  const order: string[] = []
  setImmediate(() => order.push('another turn'))
  await Promise.all(['first', 'second'].map((who) => timeToRead().then(() => order.push(who))))
  expect(order).toEqual(['another turn', 'first', 'second'])
})
