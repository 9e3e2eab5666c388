/** docs/dmuc-sync.md: its examples are XML, as docs/schemas declare it, and every element of the extension is shown in one. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { type Element, elements } from '../../../src/xml/element.js'
import { faults } from '../../support/schemas.js'
import { parse } from '../../support/xml-match.js'

const read = (path: string): string => readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8')

const examples = [...read('dmuc-sync.md').matchAll(/^```xml\n([\s\S]*?)^```$/gm)].map(([, text]) => String(text))

test.each(examples.map((text) => [text.split('\n')[0] ?? '', text]))('the example %s', (_line, text) => {
  const stanzas = elements(parse(`<examples>${text}</examples>`))
  expect(stanzas.length).toBeGreaterThan(0)
  expect(stanzas.flatMap(faults)).toEqual([])
})

test('every element that the schema declares stands in an example or in a table', () => {
  const names = [...read('schemas/dmuc-sync.xsd').matchAll(/<xs:element name='([\w-]+)'/g)].map(([, name]) =>
    String(name),
  )
  const shown = new Set<string>()
  const look = (element: Element): void => {
    shown.add(element.name)
    elements(element).forEach(look)
  }
  for (const text of examples) look(parse(`<examples>${text}</examples>`))
  for (const [, name] of read('dmuc-sync.md').matchAll(/`<([\w-]+)/g)) shown.add(String(name))
  expect(names.length).toBeGreaterThan(30)
  expect(names.filter((name) => !shown.has(name))).toEqual([])
})
