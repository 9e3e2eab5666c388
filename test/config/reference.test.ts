import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { configurationReference } from '../../src/config/reference.js'
import { modules } from '../../src/modules/index.js'

test('docs/configuration.md is what the declarations say (node dist/config/write-reference.js)', () => {
  const written = readFileSync(new URL('../../docs/configuration.md', import.meta.url), 'utf8')
  expect(written).toBe(configurationReference(modules))
})

test('an option that two modules have is described for both', () => {
  const reference = configurationReference(modules)
  for (const { options = {} } of modules)
    for (const [name, { doc }] of Object.entries(options)) if (name !== 'dmuc') expect(reference).toContain(doc)
})
