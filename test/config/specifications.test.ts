/** What is declared of XEPs: the documents are made of it, tests show it, and service discovery tells it and nothing else. */
import { existsSync, readFileSync } from 'node:fs'
import { describe, expect, test } from '@jest/globals'
import { XmlDocument } from 'libxml2-wasm'
import { doap } from '../../src/config/doap.js'
import { fourDigits, specifications, withXepTable, xepTable } from '../../src/config/specifications.js'
import { modules } from '../../src/modules/index.js'
import type { Module } from '../../src/server/module.js'

const root = new URL('../../', import.meta.url)
const read = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const declared = specifications(modules)

describe('made by node dist/config/write-reference.js', () => {
  test('docs/xeps.md is what the declarations say', () => {
    expect(read('docs/xeps.md')).toBe(xepTable(modules))
  })

  test('the README’s table is what the declarations say', () => {
    const readme = read('README.md')
    expect(readme).toBe(withXepTable(readme, modules))
    expect(readme).toContain('| [0281](https://xmpp.org/extensions/xep-0281.html) |')
    expect(() => withXepTable('# dmucd', modules)).toThrow('has no lines')
  })

  test('docs/doap.xml is what the declarations say, and is XML', () => {
    const written = read('docs/doap.xml')
    expect(written).toBe(doap(modules, JSON.parse(read('package.json'))))
    const document = XmlDocument.fromString(written)
    expect(document.find('//x:SupportedXep', { x: 'https://linkmauve.fr/ns/xmpp-doap#' })).toHaveLength(declared.length)
    document.dispose()
  })
})

describe('a declaration', () => {
  test('is shown by tests that are run by npm test and name the XEP', () => {
    // What jest.config.js leaves to npm run test:peers and test:long shows nothing here.
    const isRun = (path: string) =>
      /^(?!peers\/|long\/).*\.test\.ts$/.test(path) && existsSync(new URL(`test/${path}`, root))
    const unshown = declared.flatMap(({ number, tests }) =>
      tests
        .filter((path) => !isRun(path) || !read(`test/${path}`).includes(`XEP-${fourDigits(number)}`))
        .map((path) => `XEP-${fourDigits(number)}: ${path}`),
    )
    expect(unshown).toEqual([])
  })

  test('of another version than another part’s of the same XEP is an error, and so is one without a name', () => {
    const part = (number: number, version: string): Module => ({
      name: 'other',
      hosts: ['user'],
      xeps: [{ number, version, test: 'none' }],
      setup: () => [],
    })
    expect(() => specifications([...modules, part(30, '1')])).toThrow('XEP 30 is declared as 2.5.0 and as 1')
    expect(() => specifications([part(9999, '1')])).toThrow('add it to src/config/xep-names.ts')
  })
})
