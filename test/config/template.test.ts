import { expect, test } from '@jest/globals'
import { parseConfig } from '../../src/config/load.js'
import { configTemplate } from '../../src/config/template.js'
import { modules } from '../../src/modules/index.js'

test('what dmucd init writes is a valid configuration with safe values', () => {
  const config = parseConfig(configTemplate('example.org'), 'dmucd.toml', modules)
  expect(config.hosts.map(({ domain, type }) => [domain, type])).toEqual([
    ['example.org', 'user'],
    ['conference.example.org', 'muc'],
  ])
  expect(config.global).toMatchObject({
    interfaces: ['127.0.0.1', '::1'],
    s2s_secure_auth: true,
    s2s_require_encryption: true,
  })
  expect(config.hosts[0]?.options.admins).toEqual(['admin@example.org'])
})

test('its commented options are options too', () => {
  const uncommented = configTemplate('example.org').replace(/^# (interfaces|c2s_|s2s_|\[dmuc\]|allow)/gm, '$1')
  const once = uncommented.replace('interfaces = ["127.0.0.1", "::1"]\n', '')
  expect(parseConfig(once, 'dmucd.toml', modules).dmuc.allow).toEqual(['rooms.b.example'])
})
