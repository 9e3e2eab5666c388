/** What `[limits]` says reaches the listeners and the way to other servers. */
import { expect, test } from '@jest/globals'
import {
  boshOptionsOf,
  clientOptionsOf,
  componentListenerOptionsOf,
  httpTimesOf,
  poolOptionsOf,
  serverListenerOptionsOf,
} from '../../src/config/live.js'
import { parseConfig } from '../../src/config/load.js'
import { modules } from '../../src/modules/index.js'

const config = parseConfig(
  `[virtual_host."a.example"]
[limits]
xml_depth = 20
xml_attributes = 21
c2s_login_bytes = 2048
c2s_login_elements = 9
c2s_login_attempts = 3
unsettled_stanzas = 4
bosh_poll_rate = 2
bosh_poll_burst = 7
s2s_domains = 8
s2s_links = 11
s2s_send_queues = 1048577
s2s_connections = 12
s2s_unverified_connections = 13
s2s_unverified_timeout = 14
component_unverified_connections = 15
http_header_timeout = 16
http_request_timeout = 17
http_idle_timeout = 18
`,
  '/etc/dmucd/dmucd.toml',
  modules,
)
const xml = { depth: 20, attributes: 21 }

test('clients', () => {
  expect(clientOptionsOf(config)).toMatchObject({
    limits: { ...xml, unauthenticated: { bytes: 2048, elements: 9 } },
    ...{ loginAttempts: 3, unsettled: 4 },
  })
  expect(boshOptionsOf(config)).toMatchObject({ limits: xml, loginAttempts: 3, polling: { rate: 2, burst: 7 } })
})

test('other servers and components', () => {
  expect(poolOptionsOf(config)).toMatchObject({
    ...{ limits: xml, unsettled: 4, claims: 8, links: 11, budget: 1_048_577 },
  })
  expect(serverListenerOptionsOf(config)).toEqual({
    perAddress: { open: 12, strangers: 13 },
    unverifiedMs: 14_000,
  })
  expect(componentListenerOptionsOf(config)).toMatchObject({
    ...{ limits: xml, unsettled: 4, strangers: 15, timeouts: { negotiationMs: 60_000 } },
    addressRate: { rate: 10, burst: 100 },
  })
})

test('HTTP: an answer that BOSH holds is not taken for one that nobody reads', () => {
  expect(httpTimesOf(config)).toEqual({ header: 16_000, request: 17_000, idle: 75_000 })
})
