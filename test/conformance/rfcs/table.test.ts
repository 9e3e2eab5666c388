/** docs/rfcs.md: every rule has its tests, and the table is what clauses.md and the titles of the tests say. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { allTests } from '../muc/titles.js'
import { clausesOf, document, gaps, match, parseClauses, readClauses } from './table.js'

describe('docs/rfcs.md', () => {
  const shown = match(readClauses(), allTests())

  test('every rule is shown by a test, or says why it is not done', () => {
    expect(gaps(shown)).toEqual([])
  })

  test('is what `npm run conformance` makes', () => {
    const written = readFileSync(new URL('../../../docs/rfcs.md', import.meta.url), 'utf8')
    expect(written).toBe(document(shown))
  })
})

describe('the table', () => {
  const titled = (file: string, ...path: readonly string[]) => ({ file, path })
  const rules = (...lines: readonly string[]) =>
    parseClauses(`# RFC 1: One\n\n## 2.3 Title\n${lines.map((line) => `- ${line}`).join('\n')}`)

  test('clauses are of the RFC that was named last, and of no XEP', () => {
    expect([...clausesOf(titled('a', 'RFC 1 §2 RFC 7 §A.2', '§4.5 XEP-0001 §6'))]).toEqual([
      ...['RFC 1 §2', 'RFC 7 §A.2', 'RFC 7 §4.5'],
    ])
  })

  test('a rule is shown by its clause and its marks, or by the tests that it names', () => {
    const tests = [
      titled('a', 'RFC 1 §2.3 one thing'),
      titled('b', 'RFC 1', '§2.3.4 another'),
      titled('c', 'a third: x'),
    ]
    const shown = match(rules('*one* is so', '`another` is so', 'so is [c: third: x; a third]', '*nothing*'), tests)
    expect(shown.map((each) => each.tests.map(({ file }) => file))).toEqual([['a'], ['b'], ['c', 'c'], []])
    expect(gaps(shown)).toEqual(['RFC 1 §2.3 Title: *nothing*'])
  })

  test('a test that is named and not there is a gap, and so is what is said not to be done and is shown', () => {
    const shown = match(rules('so is [c: fourth]', '*one* — not done: too much'), [titled('a', 'RFC 1 §2.3 one')])
    expect(gaps(shown)).toEqual(['RFC 1 §2.3 Title: so is [c: fourth]', 'RFC 1 §2.3 Title: *one*'])
  })
})
