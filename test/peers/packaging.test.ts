/**
 * What an operator does: `npm pack`, then a global install of that file into an empty prefix, then both commands. It needs
 * the registry, and a compiler where no ready-made better-sqlite3 can be fetched.
 */
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { peer } from './require-peer.js'

interface NpmCall {
  readonly command: string
  readonly args: string[]
  readonly env: NodeJS.ProcessEnv
}

const run = promisify(execFile)
const require = createRequire(import.meta.url)
const { npm } = require('../../bin/setup/npm.cjs') as { npm(args: readonly string[]): NpmCall }
const { nodedir } = require('../../bin/setup/sqlite.cjs') as {
  nodedir(where: { set: string | undefined; prefix: string; abi: string }): string | undefined
}

const root = fileURLToPath(new URL('../../', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }
const tenMinutes = 600_000

/** npm as an operator's shell runs it: the options of an outer npm do not reach it. */
async function runNpm(...args: string[]): Promise<void> {
  const call = npm(args)
  const prefix = dirname(dirname(process.execPath))
  const headers = nodedir({ set: call.env.npm_config_nodedir, prefix, abi: process.versions.modules })
  const env = headers ? { ...call.env, npm_config_nodedir: headers } : call.env
  await run(call.command, call.args, { cwd: root, env, maxBuffer: 64 * 1024 * 1024 })
}

peer(['tar'])('the packed project, installed globally into an empty prefix', () => {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-pack-'))
  const prefix = join(directory, 'prefix')
  const installed = join(prefix, 'lib/node_modules/dmucd')
  // The prefix has only links to scripts, which find their Node by the PATH.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const options = { cwd: directory, env, timeout: 60_000 }
  const command = (name: string, ...args: string[]) => run(join(prefix, 'bin', name), args, options)
  let packed: string[] = []

  beforeAll(async () => {
    await runNpm('pack', '--pack-destination', directory)
    const file = join(directory, `dmucd-${version}.tgz`)
    packed = (await run('tar', ['tzf', file])).stdout.trim().split('\n')
    // npm 12 runs no install script of a global install that is not named here; npm 11.19 warns.
    await runNpm('install', '--global', '--prefix', prefix, '--allow-scripts=better-sqlite3', '--no-audit', file)
  }, tenMinutes)

  afterAll(() => rmSync(directory, { recursive: true, force: true }))

  test('holds the build, the migrations, the examples and the page, and no sources', () => {
    const names = packed.map((name) => name.replace(/^package\//, ''))
    expect(names).toEqual(expect.arrayContaining(['bin/dmucd.js', 'bin/dmucctl.js', 'dist/main.js', 'LICENSE']))
    expect(names).toEqual(expect.arrayContaining(['dist/cli/dmucd.js', 'dist/cli/dmucctl.js', 'dist/web/index.html']))
    expect(names).toContain('examples/localhost.toml')
    for (const migration of readdirSync(join(root, 'migrations'))) expect(names).toContain(`migrations/${migration}`)
    expect(names.filter((name) => /^(src|test|node_modules|data)\/|\.map$|setup|(?<!\.d)\.ts$/.test(name))).toEqual([])
  })

  test('installs neither a compiler of TypeScript nor a test runner', () => {
    const packages = readdirSync(join(installed, 'node_modules'))
    expect(packages).toContain('better-sqlite3')
    expect(packages.filter((name) => /^(typescript|jest|@swc|@biomejs)$/.test(name))).toEqual([])
  })

  test('dmucd --version prints the version of the package', async () => {
    expect((await command('dmucd', '--version')).stdout.trim()).toContain(version)
  })

  test('dmucctl --help says how it is used', async () => {
    expect((await command('dmucctl', '--help')).stdout).toMatch(/^Usage: dmucctl/)
  })

  test('dmucd accepts the configuration that it writes, and better-sqlite3 works', async () => {
    await command('dmucd', 'init', 'example.org', '--output', 'dmucd.toml')
    await command('dmucd', '--config', 'dmucd.toml', '--check')
    const sqlite = `const D = require('better-sqlite3'); console.log(new D(':memory:').prepare('select 1 + 1 as n').get().n)`
    expect((await run(process.execPath, ['-e', sqlite], { cwd: installed })).stdout).toBe('2\n')
  })
})
