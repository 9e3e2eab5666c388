/** How long and how many answers of DNS are kept. */
import { expect, test } from '@jest/globals'
import { AnswerCache } from '../../src/net/answer-cache.js'
import { ManualClock } from '../../src/util/clock.js'

function cache() {
  const clock = new ManualClock()
  const answers = new AnswerCache<string>(clock)
  let asked = 0
  const get = async (name: string, ...ttls: number[]): Promise<number> => {
    await answers.get(name, async () => {
      asked++
      return ttls.map((ttl) => ({ value: '192.0.3.1', ttl }))
    })
    return asked
  }
  return { clock, get, answers }
}

test('the shortest TTL of an answer counts', async () => {
  const { clock, get } = cache()
  await get('a', 30, 10, 20)
  clock.advance(9_999)
  expect(await get('a', 30)).toBe(1)
  clock.advance(1)
  expect(await get('a', 30)).toBe(2)
})

test('days count as an hour', async () => {
  const { clock, get } = cache()
  await get('a', 604_800)
  clock.advance(3_599_999)
  expect(await get('a', 1)).toBe(1)
  clock.advance(1)
  expect(await get('a', 1)).toBe(2)
})

test.each([
  ['no records', []],
  ['a TTL of 0', [0, 60]],
  ['a TTL with the highest bit (RFC 2181 §8)', [2 ** 31]],
])('%s: not kept', async (_, ttls) => {
  const { get } = cache()
  await get('a', ...ttls)
  expect(await get('a', ...ttls)).toBe(2)
})

test('the time counts from the question', async () => {
  const { clock, answers, get } = cache()
  await answers.get('a', async () => {
    clock.advance(4_000)
    return [{ value: '192.0.3.1', ttl: 10 }]
  })
  clock.advance(5_999)
  expect(await get('a', 10)).toBe(0)
  clock.advance(1)
  expect(await get('a', 10)).toBe(1)
})

test('a failure is not kept', async () => {
  const { answers, get } = cache()
  await expect(answers.get('a', () => Promise.reject(new Error('ETIMEOUT')))).rejects.toThrow('ETIMEOUT')
  expect(await get('a', 10)).toBe(1)
})

test('a thousand at most: the oldest gives way', async () => {
  const { get } = cache()
  for (let n = 0; n <= 1000; n++) await get(`n${n}`, 60)
  expect(await get('n1', 60)).toBe(1001)
  expect(await get('n0', 60)).toBe(1002)
})
