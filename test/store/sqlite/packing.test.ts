import { deserialize, serialize } from 'node:v8'
import { describe, expect, test } from '@jest/globals'
import { pack, type Request, unpack } from '../../../src/store/sqlite/packing.js'

const travelled = (requests: readonly Request[]): Request[] => {
  const arrived: Request[] = []
  unpack(deserialize(serialize(pack(requests))), arrived)
  return arrived
}

describe('what is asked of a store thread', () => {
  test.each<[string, Request[]]>([
    ['nothing', []],
    ['a request without fields', [[]]],
    [
      'rows of fields, one of them empty',
      [
        [false, ['archive.add', 'a@b', null, 7], [], ['room.log']],
        [true, []],
      ],
    ],
    ['numbers that could be taken for lengths', [[0, 1, 2, [3, 0, 1]], [0], [[0]]]],
    [
      'objects, and undefined',
      [
        [true, { type: 'data.put', value: 'x' }, undefined],
        ['log', 'r@c', { limit: 5 }],
      ],
    ],
    ['a list in a field', [['payloads', 'a@b', 'node', ['i1', 'i2']]]],
  ])('arrives as it was: %s', (_, requests) => {
    expect(travelled(requests)).toEqual(requests)
  })

  test('is added to what has arrived before', () => {
    const arrived: Request[] = [['first']]
    unpack(pack([['second', ['row']]]), arrived)
    expect(arrived).toEqual([['first'], ['second', ['row']]])
  })
})
