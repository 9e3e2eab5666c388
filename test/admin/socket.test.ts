import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { askServer } from '../../src/admin/client.js'
import { type AdminCommand, CommandRefused } from '../../src/admin/command.js'
import { openAdminSocket } from '../../src/admin/socket.js'
import { silentLogger } from '../../src/util/logger.js'
import { fakeOperator } from './operator.js'

const echo: AdminCommand = {
  name: 'echo',
  summary: 'say it again',
  arguments: [{ name: 'word', doc: 'what to say' }],
  examples: [],
  needs: 'server',
  run: async (_, { word = '' }) => {
    if (word === 'refuse') throw new CommandRefused('No, for a reason.')
    if (word === 'break') throw new Error('it broke')
    return { text: word, data: { word } }
  },
}

const directory = mkdtempSync(join(tmpdir(), 'dmucd-admin-'))
const path = join(directory, 's.sock')
let close: () => void | Promise<void> = () => {}

const open = async (): Promise<void> => {
  const socket = await openAdminSocket({ path, commands: [echo], operator: fakeOperator(), log: silentLogger })
  close = () => socket.close()
}

afterEach(async () => {
  await close()
  close = () => {}
  rmSync(path, { force: true })
})

describe('the admin socket', () => {
  test('is for its owner alone, and answers', async () => {
    await open()
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(await askServer(path, { command: 'echo', args: { word: 'hello' } })).toEqual({
      ok: true,
      text: 'hello',
      data: { word: 'hello' },
    })
  })

  test('takes the place of a socket that a crash left over', async () => {
    writeFileSync(path, '')
    await open()
    expect(await askServer(path, { command: 'echo', args: { word: 'again' } })).toMatchObject({ ok: true })
  })

  test.each([
    [{ command: 'echo', args: { word: 'refuse' } }, 'No, for a reason.'],
    [{ command: 'echo', args: { word: 'break' } }, 'echo failed: it broke'],
    [{ command: 'echo', args: {} }, 'echo needs word'],
    [{ command: 'echo', args: { word: 'a', more: 'b' } }, 'echo does not take the argument more'],
    [{ command: 'echo', args: { word: 5 } }, 'echo does not take the argument word'],
    [{ command: 'ohce', args: {} }, /does not know this command/],
  ])('refuses %j in words', async (request, error) => {
    await open()
    const reply = await askServer(path, request)
    expect(reply).toMatchObject({ ok: false, error: expect.stringMatching(error) })
  })

  test.each([['not JSON\n'], ['[]\n'], [`"${'x'.repeat(70_000)}`]])('answers nonsense with a refusal', async (text) => {
    await open()
    const received = await new Promise<string>((resolve, reject) => {
      let answer = ''
      connect(path, function (this: ReturnType<typeof connect>) {
        this.write(text)
      })
        .on('data', (chunk) => {
          answer += String(chunk)
        })
        .on('end', () => resolve(answer))
        .on('error', reject)
    })
    expect(JSON.parse(received)).toMatchObject({ ok: false })
  })

  test('nobody there is no error, and closing twice is fine', async () => {
    await open()
    await close()
    expect(await askServer(path, { command: 'echo', args: {} })).toBeUndefined()
    expect(await askServer(join(directory, 'none.sock'), { command: 'echo', args: {} })).toBeUndefined()
  })
})
