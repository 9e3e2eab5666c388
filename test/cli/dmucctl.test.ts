import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { AdminCommand } from '../../src/admin/command.js'
import { commands } from '../../src/admin/commands/index.js'
import { openAdminSocket } from '../../src/admin/socket.js'
import { main } from '../../src/cli/dmucctl.js'
import { lockDataDirectory } from '../../src/store/lock.js'
import { silentLogger } from '../../src/util/logger.js'
import { StanzaError } from '../../src/xmpp/stanza-error.js'
import { fakeOperator } from '../admin/operator.js'
import { type TestTerminal, testTerminal, typist } from './terminal.js'

const directories: string[] = []
afterAll(() => {
  for (const directory of directories) rmSync(directory, { recursive: true })
})

let directory = ''
let config = ''
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucctl-'))
  directories.push(directory)
  config = join(directory, 'dmucd.toml')
  writeFileSync(config, '[virtual_host."example.org"]\n')
})

async function run(args: readonly string[], terminal: TestTerminal = testTerminal()) {
  const code = await main(['--config', config, ...args], terminal)
  return { code, out: terminal.written(), err: terminal.complained() }
}

describe('on the store of a stopped server', () => {
  test('makes, lists, changes and deletes accounts', async () => {
    const made = await run(['adduser', 'juliet@example.org', '--password-stdin'], testTerminal('secret\n'))
    expect(made).toEqual({ code: 0, out: 'juliet@example.org was made\n', err: '' })
    expect(await run(['listusers'])).toEqual({ code: 0, out: 'juliet@example.org\n', err: '' })

    const again = await run(['adduser', 'juliet@example.org', '--generate'])
    expect(again).toMatchObject({ code: 1, out: '', err: expect.stringContaining('exists already') })

    const generated = await run(['passwd', 'juliet@example.org', '--generate', '--json'])
    expect(JSON.parse(generated.out)).toEqual({
      jid: 'juliet@example.org',
      password: expect.stringMatching(/^\w{5}-\w{5}-\w{5}$/),
    })

    expect((await run(['deluser', 'juliet@example.org'])).code).toBe(0)
    expect((await run(['listusers', '--json'])).out).toBe('[]\n')
  })

  test('asks for the password twice, without an echo', async () => {
    const input = typist('pässword\r', 'pässworx\x7fd\r')
    const { code, out, err } = await run(['adduser', 'juliet@example.org'], testTerminal(input))
    expect({ code, out }).toEqual({ code: 0, out: 'juliet@example.org was made\n' })
    expect(err).toBe('New password for juliet@example.org: \nThe same again: \n')
    expect(input.rawModes).toEqual([true, false, true, false])
  })

  test.each([
    ['two different ones', ['one\r', 'two\r'], 'The two passwords differ; nothing was changed\n'],
    ['Ctrl-C', ['se\x03'], 'Nothing was changed\n'],
  ])('changes nothing after %s', async (_, keys, sentence) => {
    const { code, err } = await run(['adduser', 'juliet@example.org'], testTerminal(typist(...keys)))
    expect(code).toBe(1)
    expect(err).toMatch(new RegExp(`\\n${sentence}$`))
    expect((await run(['listusers'])).out).toBe('There are no accounts yet\n')
  })

  test('without a terminal it says what to use', async () => {
    expect(await run(['adduser', 'juliet@example.org'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('--password-stdin or --generate'),
    })
  })

  test('waits for nobody who holds the data directory', async () => {
    const lock = lockDataDirectory(join(directory, 'data'))
    const { code, err } = await run(['listusers'])
    await lock.close()
    expect(code).toBe(1)
    expect(err).toMatch(/data directory .* is in use by/)
  })

  test('status says that nothing runs', async () => {
    expect(await run(['status'])).toMatchObject({
      code: 1,
      err: expect.stringMatching(/dmucd is not running.*start it/),
    })
  })
})

test('asks the running server, which then does the work', async () => {
  expect((await run(['listusers'])).code).toBe(0)
  const operator = fakeOperator()
  const path = join(directory, 'data', 'dmucd.sock')
  const socket = await openAdminSocket({ path, commands, operator, log: silentLogger })
  const made = await run(['adduser', 'juliet@example.org', '--password-stdin'], testTerminal('secret\n'))
  const refused = await run(['deluser', 'romeo@example.org'])
  await socket.close()
  expect(made).toEqual({ code: 0, out: 'juliet@example.org was made\n', err: '' })
  expect(operator.changes).toEqual(['added juliet@example.org'])
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('There is no account romeo@example.org') })
})

test('an answer that says something is wrong is shown, and ends with exit code 1', async () => {
  expect((await run(['listusers'])).code).toBe(0)
  const verify = commands.find(({ name }) => name === 'room verify') as AdminCommand
  const answer = { text: 'they differ', failed: true }
  const socket = await openAdminSocket({
    path: join(directory, 'data', 'dmucd.sock'),
    commands: [{ ...verify, run: async () => answer }],
    operator: fakeOperator(),
    log: silentLogger,
  })
  const outcome = await run(['room', 'verify', 'lobby'])
  await socket.close()
  expect(outcome).toEqual({ code: 1, out: 'they differ\n', err: '' })
})

test('an answer that something is wrong: printed, exit code 1', async () => {
  expect((await run(['listusers'])).code).toBe(0)
  const nobody = async () => {
    throw new StanzaError('remote-server-not-found', { text: 'nobody listens' })
  }
  const servers = { links: () => [], addresses: async () => [], ping: nobody, close: () => 0 }
  const path = join(directory, 'data', 'dmucd.sock')
  const operator = fakeOperator({ servers })
  const socket = await openAdminSocket({ path, commands, operator, log: silentLogger })
  const { code, out } = await run(['s2s', 'test', 'b.example'])
  await socket.close()
  expect(out).toMatch(/^b\.example cannot be reached\n.*\n {2}because {7}nobody listens\n$/)
  expect(code).toBe(1)
})

test('a file that cannot be written is named', async () => {
  const { code, err } = await run(['room', 'export', 'lobby', '--output', join(directory, 'none', 'lobby.jsonl')])
  expect({ code, err }).toEqual({ code: 1, err: expect.stringContaining('none/lobby.jsonl cannot be written: ENOENT') })
})

test('a reader who goes away before the end is no fault', async () => {
  const child = spawn(process.execPath, [fileURLToPath(new URL('../../bin/dmucctl.js', import.meta.url)), '--help'])
  let errors = ''
  child.stderr.on('data', (chunk) => {
    errors += chunk
  })
  child.stdout.destroy()
  const [code] = await once(child, 'close')
  expect({ code, errors }).toEqual({ code: 0, errors: '' })
})

describe('the command line', () => {
  test('--help names every command, with examples', async () => {
    const { code, out } = await run(['--help'])
    expect(code).toBe(0)
    for (const command of commands) {
      const words = command.name.split(' ')
      expect(out).toContain(`\n  ${words[0]} `)
      if (words.length > 1) expect((await run([words[0]!, '--help'])).out).toContain(`\n  ${words[1]} `)
      for (const example of command.examples) expect(out).toContain(`  ${example}\n`)
    }
  })

  test('a command has help of its own', async () => {
    const { code, out } = await run(['adduser', '--help'])
    expect(code).toBe(0)
    expect(out).toContain('--password-stdin')
    expect(out).toContain('dmucctl adduser juliet@example.org --generate')
    expect(out).toContain('--config <file>')
  })

  test('a group says what it is for', async () => {
    const { out } = await run(['--help'])
    expect(out).not.toContain('commands for ')
    for (const word of new Set(commands.flatMap(({ name }) => (name.includes(' ') ? [name.split(' ')[0]!] : []))))
      expect(out.replace(/\s+/g, ' ')).toContain(`dmucctl ${word} --help`)
  })

  test.each([
    [['adduser'], /missing required argument 'jid'\.?\s+\(dmucctl adduser --help shows how\)/],
    [['room', 'frob'], /unknown command 'frob'\s+\(dmucctl room --help shows what there is\)/],
    [['addusr', 'a@b'], /unknown command 'addusr'\s+\(Did you mean adduser\?\)/],
    [['--nonsense'], /unknown option '--nonsense'/],
    [['listusers', 'a', 'b'], /too many arguments/],
  ])('%j is wrong: exit code 2', async (args, sentence) => {
    expect(await run(args)).toMatchObject({ code: 2, out: '', err: expect.stringMatching(sentence) })
  })

  test('a configuration that is wrong, or not there: exit code 2', async () => {
    writeFileSync(config, 'nmae = "x"\n[virtual_host."example.org"]\n')
    expect(await run(['listusers'])).toMatchObject({ code: 2, err: expect.stringContaining('did you mean name?') })
    rmSync(config)
    expect(await run(['listusers'])).toMatchObject({ code: 2, err: expect.stringContaining('cannot be read') })
  })
})
