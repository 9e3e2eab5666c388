import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { main } from '../../src/cli/dmucd.js'
import { testTerminal } from './terminal.js'

const directories: string[] = []
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

let directory = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucd-cli-'))
  directories.push(directory)
})

async function run(...args: string[]) {
  const terminal = testTerminal()
  const code = await main(args, terminal)
  return { code, out: terminal.written(), err: terminal.complained() }
}

describe('dmucd', () => {
  test('init writes a configuration that --check accepts, and never overwrites one', async () => {
    const file = join(directory, 'dmucd.toml')
    expect(await run('init', 'example.org', '--output', file)).toMatchObject({
      code: 0,
      out: expect.stringContaining('was written. Next:'),
    })
    const written = readFileSync(file, 'utf8')
    expect(await run('--config', file, '--check')).toEqual({
      code: 0,
      out: `${file} is valid: example.org, conference.example.org\n`,
      err: '',
    })
    expect(await run('init', 'example.net', '--output', file)).toMatchObject({
      code: 1,
      err: `${file} exists already and was left as it is\n`,
    })
    expect(readFileSync(file, 'utf8')).toBe(written)
  })

  test.each(['', 'a b', 'user@example.org', 'EXAMPLE.org'])('init refuses %j as a domain', async (domain) => {
    const { code, err } = await run('init', domain, '--output', join(directory, 'x.toml'))
    expect({ code, err }).toEqual({ code: 2, err: expect.stringMatching(/^The domain must be /) })
  })

  test('--check prints every problem with its line: exit code 2', async () => {
    const file = join(directory, 'bad.toml')
    writeFileSync(file, 'c2s_prots = [1]\n[virtual_host."example.org"]\nadmins = 5\n')
    expect(await run('--config', file, '--check')).toEqual({
      code: 2,
      out: '',
      err: `${file}:1: unknown option c2s_prots; did you mean c2s_ports?\n${file}:3: admins must be a list, as in ["…", "…"]\n`,
    })
  })

  test('without a configuration it says what to do: exit code 2', async () => {
    expect(await run()).toMatchObject({ code: 2, err: expect.stringContaining('dmucd needs --config FILE') })
    expect(await run('--help')).toMatchObject({ code: 0, out: expect.stringContaining('dmucd init example.org') })
    expect(await run('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) })
  })
})

describe('the process', () => {
  let child: ChildProcess | undefined
  afterEach(() => {
    if (child?.exitCode === null) child.kill('SIGKILL')
  })

  test('says when it is ready, reads the configuration again on SIGHUP, stops on SIGTERM', async () => {
    const file = join(directory, 'dmucd.toml')
    const ports = 'c2s_ports = [0]\ns2s_ports = [0]\nhttp_ports = [0]\ninterfaces = ["127.0.0.1"]\n'
    const hosts = '[virtual_host."localhost"]\n[first_start]\nself_signed = true\n'
    writeFileSync(file, ports + hosts)
    const launcher = fileURLToPath(new URL('../../bin/dmucd.js', import.meta.url))
    const started = spawn(process.execPath, [launcher, '--config', file], { stdio: ['ignore', 'pipe', 'pipe'] })
    child = started
    let log = ''
    const seen = (text: string): Promise<void> =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (log.includes(text)) resolve()
        }
        look()
        started.stderr?.on('data', look)
        started.once('exit', () => reject(new Error(`It ended without "${text}":\n${log}`)))
      })
    started.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      log += chunk
    })
    await seen('"msg":"Ready: ')
    writeFileSync(file, `${ports}nonsense = 1\n${hosts}`)
    started.kill('SIGHUP')
    await seen('unknown option nonsense')
    writeFileSync(file, ports + hosts)
    started.kill('SIGHUP')
    await seen('Took the configuration over')
    const ended = new Promise((resolve) => started.once('exit', (code, signal) => resolve({ code, signal })))
    started.kill('SIGTERM')
    expect(await ended).toEqual({ code: 0, signal: null })
  })
})

test('the launcher is a program of the shell, too, which knows how Node is to be started', async () => {
  const program = fileURLToPath(new URL('../../bin/dmucd.js', import.meta.url))
  const asked = "console.error(process.execArgv.join(' '))"
  const child = spawn(program, ['--version'], {
    env: { ...process.env, NODE_OPTIONS: `--import "data:text/javascript,${asked}"` },
  })
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => {
    said += chunk.toString()
  })
  expect(await new Promise((resolve) => child.once('close', resolve))).toBe(0)
  expect(said).toContain('--max-semi-space-size=32 --v8-pool-size=0')
})
