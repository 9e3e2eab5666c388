import { describe, expect, test } from '@jest/globals'
import { CommandRefused } from '../../src/admin/command.js'
import { addUser, deleteUser, listUsers, passwd } from '../../src/admin/commands/accounts.js'
import { commands } from '../../src/admin/commands/index.js'
import { status } from '../../src/admin/commands/status.js'
import { fakeOperator } from './operator.js'

const jid = 'juliet@example.org'

describe('accounts', () => {
  test('adduser stores keys of the password, never the password, and tells the server', async () => {
    const operator = fakeOperator()
    expect(await addUser.run(operator, { jid: 'Juliet@Example.ORG', password: 'secret' })).toEqual({
      text: `${jid} was made`,
      data: { jid },
    })
    expect(await operator.store.account(jid)).toMatchObject({
      jid,
      sha256: { storedKey: 'key of secret' },
      createdAt: 1_000_000,
      disabled: false,
    })
    expect(operator.changes).toEqual([`added ${jid}`])
  })

  test('adduser refuses an account that exists, and leaves its password', async () => {
    const operator = fakeOperator()
    await addUser.run(operator, { jid, password: 'first' })
    await expect(addUser.run(operator, { jid, password: 'second' })).rejects.toThrow(/exists already.*dmucctl passwd/)
    expect((await operator.store.account(jid))?.sha1.storedKey).toBe('key of first')
  })

  test('passwd keeps everything but the keys', async () => {
    const operator = fakeOperator()
    await addUser.run(operator, { jid, password: 'first' })
    await passwd.run({ ...operator, now: () => 2_000_000 }, { jid, password: 'second' })
    expect(await operator.store.account(jid)).toMatchObject({
      createdAt: 1_000_000,
      sha1: { storedKey: 'key of second' },
    })
    expect(operator.changes).toEqual([`added ${jid}`, `password ${jid}`])
  })

  test('deluser and listusers', async () => {
    const operator = fakeOperator()
    for (const each of ['romeo@example.org', jid]) await addUser.run(operator, { jid: each, password: 'x' })
    expect((await listUsers.run(operator, {})).data).toEqual([jid, 'romeo@example.org'])
    await deleteUser.run(operator, { jid })
    expect((await listUsers.run(operator, { domain: 'example.org' })).text).toBe('romeo@example.org')
    expect(operator.changes.at(-1)).toBe(`deleted ${jid}`)
  })

  test.each([
    [
      () => addUser.run(fakeOperator(), { jid: 'juliet', password: 'x' }),
      /not the address of an account.*user@example\.org/,
    ],
    [() => addUser.run(fakeOperator(), { jid: `${jid}/phone`, password: 'x' }), /not the address/],
    [() => addUser.run(fakeOperator(), { jid: 'a@rooms.example.org', password: 'x' }), /no virtual host rooms/],
    [() => addUser.run(fakeOperator(), { jid, password: '\u0000' }), /password cannot be used/],
    [() => passwd.run(fakeOperator(), { jid, password: 'x' }), /no account juliet@example.org/],
    [() => deleteUser.run(fakeOperator(), { jid }), /no account juliet@example.org/],
    [() => listUsers.run(fakeOperator(), { domain: 'other.example' }), /no virtual host other.example/],
  ])('refusals are sentences', async (run, sentence) => {
    const refused = run()
    await expect(refused).rejects.toBeInstanceOf(CommandRefused)
    await expect(refused).rejects.toThrow(sentence)
  })
})

test('status says what a running server does', async () => {
  const operator = fakeOperator({
    now: () => 90_061_000,
    server: {
      version: '1.2.3',
      pid: 42,
      startedAt: 0,
      listening: ['c2s 127.0.0.1:5222'],
      sessions: () => 3,
      remotes: () => 1,
    },
  })
  const { text, data } = await status.run(operator, {})
  expect(text).toContain('dmucd 1.2.3 has been running for 1 d 1 h (process 42)')
  expect(data).toMatchObject({ running: true, sessions: 3, uptimeS: 90_061 })
})

test('commands have different names, a summary and an example', () => {
  expect(new Set(commands.map(({ name }) => name)).size).toBe(commands.length)
  for (const command of commands) {
    expect(command.summary).not.toBe('')
    expect(command.examples.length).toBeGreaterThan(0)
  }
})
