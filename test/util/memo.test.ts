/** What a pure function answered before is not worked out again, and no more is kept than was said. */
import { expect, test } from '@jest/globals'
import { memo } from '../../src/util/memo.js'

test('an answer is made once; when there are too many, all are made anew', () => {
  const asked: string[] = []
  const twice = memo(2, (question) => {
    asked.push(question)
    return question + question
  })
  for (const question of ['a', 'a', 'b', 'a', 'c', 'a', 'c']) expect(twice(question)).toBe(question + question)
  expect(asked).toEqual(['a', 'b', 'c', 'a'])
})

test('what could not be answered is asked again', () => {
  const failing = memo(2, () => {
    throw new Error('no')
  })
  expect(() => failing('a')).toThrow('no')
  expect(() => failing('a')).toThrow('no')
})
