/** docs/xep-0281.md: every point of XEP-0281 has a test, and the table is what the titles of the tests say. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { exampleNumbers, missingPoints, pointsDocument, pointsOf, readPoints, showPoints } from './table.js'

const shown = showPoints()

test('each of the 48 points and of the 25 examples is there, once', () => {
  const points = readPoints()
  expect(points.map(({ number }) => number)).toEqual(Array.from({ length: 48 }, (_, index) => index + 1))
  expect(points.flatMap(({ examples }) => examples)).toEqual(Array.from({ length: 25 }, (_, index) => index + 1))
})

test('each is shown by a test whose title begins with its number', () => expect(missingPoints(shown)).toEqual([]))

test('is up to date (npm run conformance)', () => {
  const written = readFileSync(new URL('../../../docs/xep-0281.md', import.meta.url), 'utf8')
  expect(written).toBe(pointsDocument(shown))
})

test.each([
  ['13 E3 and 14 E4 the peerhost accepts', [13, 14]],
  ['28, 29 E14 and E15 the peerhost lists its 3 shadows', [28, 29]],
  ['36 E19, 37 E20 and 38 E21 the user is redirected', [36, 37, 38]],
  ['the 3 of them', []],
])('the title "%s" is of %j', (title, points) => {
  expect(pointsOf(title)).toEqual(points)
})

test('a range of examples', () => expect(exampleNumbers('E3 to E5, E9: what follows')).toEqual([3, 4, 5, 9]))
