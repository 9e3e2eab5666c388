import { readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test } from '@jest/globals'
import { loadConfig } from '../../src/config/load.js'
import { modules } from '../../src/modules/index.js'

const examples = fileURLToPath(new URL('../../examples/', import.meta.url))
const files = readdirSync(examples, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.toml'))

describe('every example', () => {
  test('there are some', () => expect(files.length).toBeGreaterThanOrEqual(4))

  test.each(files)('%s is valid and listens on loopback only', (file) => {
    const { global } = loadConfig(examples + file, modules)
    expect([...global.interfaces, ...global.http_interfaces].every((address) => /^(127\.|::1$)/.test(address))).toBe(
      true,
    )
  })
})

test('the servers of the federation example route to each other and share no port', () => {
  const configs = ['a', 'b', 'c'].map((name) => loadConfig(`${examples}federation/${name}.toml`, modules))
  const ports = configs.flatMap(({ global }) => [...global.c2s_ports, ...global.s2s_ports, ...global.http_ports])
  expect(new Set(ports).size).toBe(9)
  for (const config of configs)
    for (const other of configs.filter((each) => each !== config))
      for (const { domain } of other.hosts) expect(config.s2sRoutes[domain]?.port).toBe(other.global.s2s_ports[0])
})
