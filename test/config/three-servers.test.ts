/** docs/three-servers.md: its configuration is one, for the names in it. */
import { readFileSync } from 'node:fs'
import { expect, test } from '@jest/globals'
import { parseConfig } from '../../src/config/load.js'
import { modules } from '../../src/modules/index.js'

test('the configuration of docs/three-servers.md is valid, and allows both others', () => {
  const page = readFileSync(new URL('../../docs/three-servers.md', import.meta.url), 'utf8')
  const blocks = [...page.matchAll(/^```toml\n([\s\S]*?)^```$/gm)].map(([, text]) => String(text))
  expect(blocks).toHaveLength(1)
  const { hosts, dmuc } = parseConfig(blocks[0] ?? '', 'dmucd.toml', modules)
  expect(hosts.map(({ domain, type }) => [domain, type])).toEqual([
    ['a.example', 'user'],
    ['rooms.a.example', 'muc'],
  ])
  expect(dmuc.allow).toEqual(['rooms.b.example', 'rooms.c.example'])
})
