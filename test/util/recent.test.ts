import { describe, expect, test } from '@jest/globals'
import { Recent } from '../../src/util/recent.js'

describe('what was asked for lately', () => {
  test('the oldest generation is forgotten when the young one is full', () => {
    const recent = new Recent<string, number>(2)
    for (const [value, key] of ['a', 'b', 'c', 'd', 'e'].entries()) recent.set(key, value)
    expect(['a', 'b', 'c', 'd', 'e'].map((key) => recent.get(key))).toEqual([undefined, undefined, 2, 3, 4])
  })

  test('what is asked for again stays', () => {
    const recent = new Recent<string, number>(2)
    recent.set('a', 1)
    for (const key of ['b', 'c', 'd', 'e', 'f', 'g']) {
      recent.set(key, 0)
      expect(recent.get('a')).toBe(1)
    }
  })

  test('a set that is asked for by turns has room in one generation', () => {
    const recent = new Recent<number, number>(2)
    const keys = Array.from({ length: 50 }, (_, key) => key)
    for (const key of keys) recent.set(key, key, keys.length)
    expect(keys.map((key) => recent.get(key))).toEqual(keys)
  })
})
