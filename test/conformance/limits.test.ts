/** docs/limits.md: its options, their defaults and its tests are there, and no limit of the configuration is left out. */
import { readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { limitsOptions } from '../../src/config/limits.js'
import { optionsOfModules } from '../../src/config/load.js'
import { globalOptions } from '../../src/config/schema.js'
import { modules } from '../../src/modules/index.js'
import { allTests } from './muc/titles.js'

const text = readFileSync(new URL('../../docs/limits.md', import.meta.url), 'utf8')
const options = { ...globalOptions, ...limitsOptions, ...optionsOfModules(modules) }
const rows = text
  .split('\n')
  .filter((line) => /^\| (?!What)/.test(line))
  .map((line) => line.slice(2, -2).split(' | '))
  .map((cells): [string, string, string] => [cells[0] ?? '', cells[1] ?? '', cells[4] ?? ''])

const sizes: Readonly<Record<string, number>> = { '': 1, ' KiB': 1024, ' MiB': 1024 * 1024 }

describe('docs/limits.md', () => {
  const tests = allTests()

  test.each(rows)('%s', (_what, bound, shownBy) => {
    for (const [, name = '', value, unit = ''] of bound.matchAll(/`([a-z0-9_]+)`(?: (\d+)( [KM]iB)?)?/g)) {
      const option = Reflect.get(options, name)
      expect([name, option !== undefined]).toEqual([name, true])
      if (value !== undefined) expect([name, option.default]).toEqual([name, Number(value) * (sizes[unit] ?? 1)])
    }
    const at = shownBy.indexOf(': ')
    const file = tests.filter((each) => each.file === shownBy.slice(0, at)).map(({ path }) => path.join(' '))
    expect([shownBy, file.some((title) => title.includes(shownBy.slice(at + 2)))]).toEqual([shownBy, true])
  })

  test.each(Object.keys(limitsOptions))('has %s', (name) => expect(text).toContain(`\`${name}\``))
})
