import { expect, test } from '@jest/globals'
import { BadSearch, readSearch, wordsOf } from '../../src/store/full-text.js'

test('marks piled on one letter cost no more than other text', () => {
  const piled = `a${'\u0301'.repeat(16_000)}${'\u0316'.repeat(16_000)}`
  const started = performance.now()
  for (let i = 0; i < 5; i++) wordsOf(`${piled} b`)
  // Each took a third of a second while all of them were put in order.
  expect(performance.now() - started).toBeLessThan(500)
  expect(wordsOf('cafe\u0301 nin\u0303o')).toEqual(['cafe', 'nino'])
})

test('a search has few beginnings of words', () => {
  expect(readSearch('wit* bro* cau* fire')).toHaveLength(4)
  expect(readSearch('wit* bro* cau* fir*')).toEqual(new BadSearch('has more than 3 beginnings of words'))
})
