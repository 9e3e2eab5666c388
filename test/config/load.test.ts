import { describe, expect, test } from '@jest/globals'
import type { Config } from '../../src/config/config.js'
import { LiveConfig } from '../../src/config/live.js'
import { parseConfig } from '../../src/config/load.js'
import { ConfigError } from '../../src/config/problem.js'
import type { Module } from '../../src/server/module.js'

const module = (name: string, hosts: Module['hosts'], options: Module['options'] = {}): Module => ({
  name,
  hosts,
  options,
  setup: () => [],
})

const modules = [
  module('register', ['user'], { allow_registration: { type: 'boolean', default: false, doc: '' } }),
  module('ping', ['user', 'muc']),
  module('offline', ['user'], { offline_limit: { type: 'integer', default: 100, doc: 'How many.' } }),
  module('component', ['external'], { component_secret: { type: 'string', default: '', doc: '' } }),
  module('muc', ['muc'], {
    muc_room_default_persistent: { type: 'boolean', default: false, doc: 'Rooms stay.' },
    dmuc: { type: 'table', default: {}, doc: 'The section.' },
  }),
]

const load = (text: string): Config => parseConfig(text, '/etc/dmucd/dmucd.toml', modules)

function problems(text: string): readonly string[] {
  try {
    load(text)
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ line, message }) => `${line}: ${message}`)
    throw error
  }
  return []
}

const host = '[virtual_host."example.org"]\n'

describe('a configuration', () => {
  test('is complete with defaults, and paths are absolute', () => {
    const config = load(host)
    expect(config.global).toMatchObject({
      data_path: '/etc/dmucd/data',
      admin_socket: '/etc/dmucd/data/dmucd.sock',
      certificates: '/etc/dmucd/certs',
      interfaces: ['127.0.0.1', '::1'],
      c2s_ports: [5222],
      s2s_ports: [5269],
      http_ports: [5280],
      c2s_require_encryption: true,
      s2s_secure_auth: true,
      s2s_require_encryption: true,
    })
    expect(config.hosts).toHaveLength(1)
    expect(config.hosts[0]).toMatchObject({
      domain: 'example.org',
      type: 'user',
      options: { allow_registration: false },
      moduleOptions: { ping: { dmuc: { allow: [] } }, offline: { offline_limit: 100 } },
    })
    expect(config.firstStart).toBeUndefined()
  })

  test('is frozen, but for the modules', () => {
    const config = load(host)
    expect(Object.isFrozen(config)).toBe(true)
    expect(Object.isFrozen(config.global.interfaces)).toBe(true)
    expect(Object.isFrozen(config.hosts[0]!.moduleOptions.offline)).toBe(true)
    expect(modules.some((each) => Object.isFrozen(each))).toBe(false)
  })

  test('gives options at the top to every host, and a host its own', () => {
    const config = load(`allow_registration = true
offline_limit = 5
admins = ["root@example.org"]
${host}admins = ["juliet@example.org"]
[virtual_host."example.net"]
allow_registration = false
offline_limit = 7
`)
    const [first, second] = config.hosts
    expect(first?.options).toMatchObject({
      allow_registration: true,
      admins: ['root@example.org', 'juliet@example.org'],
    })
    expect(second?.options).toMatchObject({ allow_registration: false, admins: ['root@example.org'] })
    expect(first?.moduleOptions.offline).toEqual({ offline_limit: 5 })
    expect(second?.moduleOptions.offline).toEqual({ offline_limit: 7 })
  })

  test('loads on each host the modules that fit it, less those disabled', () => {
    const names = load(`${host}modules_disabled = ["offline"]
[component."rooms.example.org"]
type = "muc"`).hosts.map((each) => each.modules.map(({ name }) => name))
    expect(names).toEqual([
      ['register', 'ping'],
      ['ping', 'muc'],
    ])
  })

  test('at the top, parts of streams are left out as modules are; the table of a host cannot name them', () => {
    expect([...load(`modules_disabled = ["bosh", "offline", "smacks"]\n${host}`).leftOut]).toEqual(['smacks', 'bosh'])
    expect([...load(`modules_enabled = ["smacks", "bosh"]\n${host}`).leftOut]).toEqual([])
    expect(problems(`${host}modules_disabled = ["smacks"]`)).toEqual([
      expect.stringContaining('modules_disabled: "smacks" concerns the whole server: write it above the first [table]'),
    ])
  })

  test('gives a module that declares a section the checked section', () => {
    const config = load(`${host}[component."rooms.example.org"]
type = "muc"
[dmuc]
allow = ["rooms.b.example"]`)
    expect(config.hosts[1]?.moduleOptions.muc).toMatchObject({
      muc_room_default_persistent: false,
      dmuc: { allow: ['rooms.b.example'], replicate: 'immediate', max_instances: 32 },
    })
  })

  test('reads routes with IPv4, IPv6 and names', () => {
    const { s2sRoutes } = load(`${host}[s2s_routes]
"b.example" = "127.0.0.1:15269"
"c.example" = "[::1]:25269"
"d.example" = "d.internal:5269"`)
    expect(s2sRoutes).toEqual({
      'b.example': { host: '127.0.0.1', port: 15_269 },
      'c.example': { host: '::1', port: 25_269 },
      'd.example': { host: 'd.internal', port: 5269 },
    })
  })
})

describe('problems', () => {
  test('are reported all together, in the order of the lines', () => {
    expect(
      problems(`data_path = 5
c2s_ports = [5222, 99999]
s2s_secure_auht = true
durability = "ful"

[virtual_host."example.org"]
admins = ["nobody"]
[limits]
s2s_rate = "10kb/s"
`),
    ).toEqual([
      '1: data_path must be a text in quotes',
      '2: c2s_ports[1] must be a port: 1 to 65535, or 0 for any free one',
      '3: unknown option s2s_secure_auht; did you mean s2s_secure_auth?',
      '4: durability must be one of "full", "normal"',
      '7: admins[0] must be a bare JID, as in "user@example.org"',
      '9: s2s_rate must be a whole number from 10000 to 1048576000',
    ])
  })

  test('name the file and the line in the message', () => {
    expect(() => load(`nmae = "x"\n${host}`)).toThrow(
      '/etc/dmucd/dmucd.toml:1: unknown option nmae; did you mean name?',
    )
  })

  test.each([
    ['not TOML', `a = \n${host}`, /^1: not TOML: /],
    ['no virtual host', '', /^0: there is no virtual host/],
    ['an option of the whole server in a host', `${host}c2s_ports = [1]`, /^2: .*write it above the first \[table\]/],
    [
      'a domain without quotes',
      '[virtual_host.example.org]\n',
      /a domain needs quotes: \[virtual_host\."example\.org"\]/,
    ],
    ['a domain that is not prepared', '[virtual_host."Example.org"]', /^1: .*prepared form, "example.org"/],
    ['a domain that is a JID', '[virtual_host."a@b"]', /^1: the name of a virtual_host must be a domain/],
    ['a module that is none', `modules_enabled = ["pign"]\n${host}`, /^1: .*no module "pign"; did you mean "ping"\?/],
    [
      'an external component without a secret',
      `${host}[component."e.example.org"]\ntype = "external"`,
      /^2: e\.example\.org needs a component_secret/,
    ],
    [
      'two with the same secret',
      `${host}${['e', 'f'].map((name) => `[component."${name}.example.org"]\ntype = "external"\ncomponent_secret = "x"\n`).join('')}`,
      /^7: f\.example\.org has the component_secret of e\.example\.org/,
    ],
    ['a component without a type', `${host}[component."r.example.org"]`, /^2: a component needs its type = "muc"/],
    ['a domain twice', `${host}[component."example.org"]\ntype = "muc"`, /^2: example.org is a virtual host already/],
    ['a port twice', `c2s_ports = [5269]\n${host}`, /^0: s2s_ports has port 5269, which c2s_ports has already/],
    [
      'a route without a port',
      `${host}[s2s_routes]\n"b.example" = "127.0.0.1"`,
      /^3: s2s_routes\."b\.example" must be an address with its port/,
    ],
    [
      'a peer with half a pin',
      `${host}[dmuc]\nallow = ["rooms.b.example"]\nauth = { "rooms.b.example" = "pin:12" }`,
      /^4: .*64 hexadecimal digits/,
    ],
    ['itself as a peer', `${host}[dmuc]\nallow = ["example.org"]`, /^3: .*this server itself/],
    [
      'a redirect to no peer',
      `${host}[dmuc]\nredirect = { "b.example" = "rooms.b.example" }`,
      /^3: .*not in dmuc.allow/,
    ],
    [
      'an account elsewhere',
      `${host}[first_start]\naccounts = ["a@other.example"]`,
      /^3: there is no \[virtual_host\."other\.example"\]/,
    ],
    [
      'a room elsewhere',
      `${host}[first_start]\nroom = "a@rooms.example"`,
      /^3: there is no \[component\."rooms\.example"\]/,
    ],
    ["a module's option", `${host}offline_limit = "many"`, /^2: offline_limit must be a whole number/],
    [
      "a module's option at the top",
      `offline_limit = 1.5\n${host}[virtual_host."b.example"]`,
      /^1: offline_limit must be a whole number/,
    ],
    [
      'registration that no module offers',
      `${host}allow_registration = true\nmodules_disabled = ["register"]`,
      /no module for it is loaded/,
    ],
    ['a section that is no table', `dmuc = 1\n${host}`, /^1: dmuc must be a table: \[dmuc\]/],
    [
      'an unknown option of a section',
      `${host}[limits]\ns2s_rat = 1`,
      /^3: unknown option s2s_rat in \[limits\]; did you mean s2s_rate\?/,
    ],
    [
      'a path of the admin socket that is too long',
      `data_path = "/${'x'.repeat(120)}"\n${host}`,
      /the path of the admin socket/,
    ],
  ])('%s', (_, text, expected) => {
    const found = problems(text)
    expect(found.join('\n')).toMatch(expected)
    expect(found).toHaveLength(1)
  })

  test('a file that is not there', async () => {
    const { loadConfig } = await import('../../src/config/load.js')
    expect(() => loadConfig('/nonexistent/dmucd.toml', modules)).toThrow(
      /^\/nonexistent\/dmucd.toml: cannot be read: ENOENT/,
    )
  })
})

test('how a peer of distributed rooms proves itself goes before what holds for servers at large', () => {
  const pin = 'ab'.repeat(32)
  const text = `s2s_auth = { "rooms.b.example" = "dialback", "rooms.c.example" = "dialback" }
[virtual_host."example.org"]
[dmuc]
allow = ["rooms.b.example", "rooms.c.example"]
auth = { "rooms.b.example" = "pin:${pin}", "rooms.c.example" = "certificate" }`
  const { s2sPolicy } = new LiveConfig(load(text))
  expect([...(s2sPolicy.pins ?? [])]).toEqual([['rooms.b.example', pin]])
  expect([...(s2sPolicy.secureDomains ?? [])]).toEqual(['rooms.c.example'])
  expect([...(s2sPolicy.insecureDomains ?? [])]).toEqual([])
})
