/** docs/muc.md: every rule of XEP-0045 has a test, and the table is what the titles of the tests say. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { document, gaps, match, parseChapters, readChapters, strays } from '../conformance/muc/table.js'
import { allTests, clausesOf, titlesOf } from '../conformance/muc/titles.js'

describe('docs/muc.md', () => {
  const chapters = readChapters()
  const tests = allTests()
  const shown = match(chapters, tests)

  test('every rule of XEP-0045 is shown by a test (test/conformance/muc/clauses.md says how)', () => {
    expect(gaps(shown)).toEqual([])
    expect(shown.length).toBeGreaterThan(300)
  })

  test('no title carries a clause that XEP-0045 does not have', () => expect(strays(chapters, tests)).toEqual([]))

  test('is up to date (npm run conformance)', () => {
    const written = readFileSync(new URL('../../docs/muc.md', import.meta.url), 'utf8')
    expect(written).toBe(document(chapters, shown))
  })
})

describe('the reader of titles', () => {
  test('reads nested titles, tables and templates, without running anything', () => {
    const source = `
      const codes = [['301', 'banned'], ['307', other()]] as const
      describe('outer', () => {
        for (const x of all) test(\`one of \${x} and more\`, () => { test('inside a test', run) })
        test.each(codes)('%s: %s', (code) => {})
        test.each([{ name: 'a', n: 1 }])('$name', () => {})
        test.each(unknown())('as it is: %s', () => {})
      })
      // test('a comment', () => {})
      notATest('x', () => {})`
    expect(titlesOf(source)).toEqual([
      ['outer', 'one of … and more'],
      ['outer', '301: banned'],
      ['outer', '307: …'],
      ['outer', 'a'],
      ['outer', 'as it is: %s'],
    ])
  })

  test.each([
    ['room/x', ['what', '§7.2 is it'], ['7.2']],
    ['room/x', ['§9.3 to §9.5', '§9.4 alone'], ['9.4']],
    ['room/x', ['XEP-0313 §4.2 results', '§4.3 pages'], []],
    ['dialogue/x', ['§7.2 of something else'], []],
    ['dialogue/x', ['rates (XEP-0045 §14.6)', 'too fast'], ['14.6']],
    ['dialogue/x', ['XEP-0045 §7.2.8, §17.3 both; RFC 6121 §8.1'], ['7.2.8', '17.3']],
  ])('%s: %j carries %j', (file, path, expected) => {
    expect([...clausesOf({ file, path })]).toEqual(expected)
  })

  test('a rule without a test, and one that is done although it should not be, are gaps', () => {
    const chapters = parseChapters('# A\n\n## 1.1 One\n- `kick` and *more*\n- `x` — not done: no need\n\n## 1.2 Two\n')
    const of = (...titles: string[]) =>
      gaps(
        match(
          chapters,
          titles.map((title) => ({ file: 'room/x', path: [title] })),
        ),
      )
    expect(of('§1.1 a kick', '§1.1 kick and more', '§1.2')).toEqual([])
    expect(of('§1.1 a kick', '§1.2 x')).toEqual(['§1.1 One: `kick` and *more*'])
    expect(of('§1.1 kick, more, x')).toEqual(['§1.1 One: `x`', '§1.2 Two'])
  })
})
