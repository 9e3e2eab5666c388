import { describe, expect, test } from '@jest/globals'
import { inSlices } from '../../../src/modules/muc/slices.js'
import { xml } from '../../../src/xml/element.js'

const stanzas = ['a', 'b', 'c'].map((name) => xml(name))

const flat = (slices: ReturnType<typeof inSlices>): string[][] =>
  slices.map((slice) => slice.flatMap(({ to, stanza }) => to.map((each) => `${stanza.name}${each}`)))

describe('what goes to many', () => {
  const deliveries = [
    { to: ['1'], stanza: stanzas[0]! },
    { to: ['1', '2', '3', '4', '5'], stanza: stanzas[1]! },
    { to: ['3', '1'], stanza: stanzas[2]! },
  ]

  test('keeps its order, and goes to everybody once', () => {
    expect(flat(inSlices(deliveries, 2))).toEqual([
      ['a1', 'b1'],
      ['b2', 'b3'],
      ['b4', 'b5'],
      ['c3', 'c1'],
    ])
    expect(flat(inSlices(deliveries, 3))).toEqual([
      ['a1', 'b1', 'b2'],
      ['b3', 'b4', 'b5'],
      ['c3', 'c1'],
    ])
  })

  test('goes as it is where that is not many', () => {
    expect(inSlices(deliveries, 8)).toEqual([deliveries])
    expect(inSlices([], 8)).toEqual([[]])
  })
})
