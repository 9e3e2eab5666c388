/** What the set-up hands to npm and node-gyp, and what it takes for built. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'

const require = createRequire(import.meta.url)
const { npmEnv } = require('../../bin/setup/npm.cjs') as { npmEnv(outer: NodeJS.ProcessEnv): NodeJS.ProcessEnv }
const { aborts, nodedir } = require('../../bin/setup/sqlite.cjs') as {
  aborts(binding: string): boolean
  nodedir(where: { set: string | undefined; prefix: string; abi: string }): string | undefined
}
const { filesUnder, isBuilt, outputOf } = require('../../bin/setup/build.cjs') as {
  filesUnder(directory: string): string[]
  isBuilt(root: string): boolean
  outputOf(source: string): string | undefined
}

let directory: string
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucd-setup-'))
})
afterEach(() => rmSync(directory, { recursive: true, force: true }))

describe('the environment of the inner npm', () => {
  test('is without what the outer one was asked for', () => {
    const leaks = {
      npm_config_omit: 'dev',
      npm_config_global: 'true',
      npm_config_prefix: '/usr',
      npm_config_ignore_scripts: 'true',
      NPM_CONFIG_DRY_RUN: 'true',
      npm_lifecycle_event: 'start',
      npm_package_name: 'dmucd',
      npm_execpath: '/usr/lib/npm-cli.js',
      NODE_ENV: 'production',
      INIT_CWD: '/home',
    }
    expect(npmEnv({ ...leaks, HOME: '/home/a' })).toEqual({ HOME: '/home/a' })
  })

  test('keeps where to fetch from and how to build', () => {
    const kept = {
      npm_config_registry: 'https://registry.example.org/',
      npm_config_cache: '/var/cache/npm',
      npm_config_nodedir: '/usr',
      npm_config_https_proxy: 'http://proxy.example.org:3128/',
      'npm_config_strict-ssl': 'false',
      NPM_CONFIG_USERCONFIG: '/home/a/.npmrc',
      NPM_TOKEN: 'secret',
      PATH: '/usr/bin',
    }
    expect(npmEnv(kept)).toEqual(kept)
  })
})

describe("Node's headers", () => {
  const headers = (name: string, abi: string): string => {
    const prefix = join(directory, name)
    mkdirSync(join(prefix, 'include/node'), { recursive: true })
    writeFileSync(join(prefix, 'include/node/node_version.h'), `#define NODE_MODULE_VERSION ${abi}\n`)
    return prefix
  }

  test('are taken from beside this Node', () => {
    const prefix = headers('own', '115')
    expect(nodedir({ set: undefined, prefix, abi: '115' })).toBe(prefix)
  })

  test('stay where the user has said', () => {
    const set = headers('set', '115')
    expect(nodedir({ set, prefix: headers('own', '115'), abi: '115' })).toBeUndefined()
  })

  test('are downloaded when there are none', () => {
    expect(nodedir({ set: undefined, prefix: directory, abi: '115' })).toBeUndefined()
    expect(nodedir({ set: undefined, prefix: headers('distribution', '108'), abi: '115' })).toBeUndefined()
  })

  test('of another Node are never compiled against, even when set', () => {
    const set = headers('set', '115')
    const prefix = headers('own', '137')
    expect(nodedir({ set, prefix, abi: '137' })).toBe(prefix)
    expect(nodedir({ set, prefix: directory, abi: '137' })).toBe('')
  })
})

describe('the build', () => {
  test('makes JavaScript of TypeScript, copies the page, leaves declarations', () => {
    expect(outputOf('net/tcp.ts')).toBe('net/tcp.js')
    expect(outputOf('web/index.html')).toBe('web/index.html')
    expect(outputOf('types.d.ts')).toBeUndefined()
  })

  test('sees files at every depth', () => {
    mkdirSync(join(directory, 'a/b'), { recursive: true })
    writeFileSync(join(directory, 'a/b/c.ts'), '')
    writeFileSync(join(directory, 'a.ts'), '')
    expect(filesUnder(directory)).toEqual(['a.ts', 'a/b/c.ts'])
    expect(filesUnder(join(directory, 'missing'))).toEqual([])
  })

  test('without a stamp is not done', () => {
    expect(isBuilt(directory)).toBe(false)
  })
})

test('a binding that would abort on Node 24.19 is known by the function it calls', () => {
  const binding = join(directory, 'better_sqlite3.node')
  expect(aborts(binding)).toBe(false)
  writeFileSync(
    binding,
    Buffer.concat([Buffer.of(0x7f, 0), Buffer.from('_ZN4node25AddEnvironmentCleanupHookEPN2v87Isolate')]),
  )
  expect(aborts(binding)).toBe(false)
  writeFileSync(
    binding,
    Buffer.concat([Buffer.of(0x7f, 0), Buffer.from('_ZN4node28RemoveEnvironmentCleanupHookEPN2v8')]),
  )
  expect(aborts(binding)).toBe(true)
})
