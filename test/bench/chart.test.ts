/** The charts of the benchmark: what is written in them can be read. */
import { expect, test } from '@jest/globals'
import { chart } from '../../bench/growth/chart.mjs'

test('titles are text as they were given, and cannot end the element that they stand in', () => {
  const points = [
    { x: 1, y: 2 },
    { x: 10, y: 3 },
  ]
  const svg: string = chart({ title: 'Ann & <b>', xTitle: 'servers', yTitle: 'CPU per delivery, µs', points })
  expect(svg).toContain('>CPU per delivery, µs</text>')
  expect(svg).toContain('>Ann &amp; &lt;b></text>')
  expect(svg).toContain('>servers</text>')
})
