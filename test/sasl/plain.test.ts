import { describe, expect, test } from '@jest/globals'
import { plain } from '../../src/sasl/plain.js'
import { deriveScramKeys, type ScramKeys } from '../../src/sasl/scram-keys.js'
import { context, send } from './client.js'

const made = deriveScramKeys('sha256', 'p\u00e4ss w0rd', { iterations: 1000 })

const login = async (message: string, keys: ScramKeys | undefined) => {
  const exchange = plain.start(context)
  const step = send(exchange, message)
  return step.type === 'lookup' ? exchange.resume(keys && { username: 'user', keys }) : step
}

describe('PLAIN (RFC 4616)', () => {
  test('needs TLS', () => {
    expect([plain.name, plain.requiresTls]).toEqual(['PLAIN', true])
  })

  test('lets the right password in, prepared like the stored one', async () => {
    expect(await login('\0user\0p\u00e4ss w0rd', await made)).toMatchObject({ type: 'success', username: 'user' })
    expect(await login('\0USER\0pa\u0308ss\u00a0w\u00ad0rd', await made)).toMatchObject({
      type: 'success',
      username: 'user',
    })
  })

  test('refuses a wrong one, and one that cannot be prepared', async () => {
    for (const password of ['p\u00e4ss w0rd ', 'P\u00c4SS W0RD', 'x', '\u0007', '\u00ad'])
      expect(await login(`\0user\0${password}`, await made)).toEqual({ type: 'failure', condition: 'not-authorized' })
  })

  test('asks for the keys of the prepared name', () => {
    expect(send(plain.start(context), '\0\uff35ser\0x')).toEqual({ type: 'lookup', username: 'user', hash: 'sha256' })
  })

  test('takes the user as authzid, and no other', async () => {
    expect(await login('user@a.example\0user\0p\u00e4ss w0rd', await made)).toMatchObject({ type: 'success' })
    for (const authzid of ['admin@a.example', 'user', 'user@b.example', 'user@a.example/x', '@'])
      expect(await login(`${authzid}\0user\0p\u00e4ss w0rd`, await made)).toEqual({
        type: 'failure',
        condition: 'invalid-authzid',
      })
  })

  test('waits for the message where there was no initial response', async () => {
    const exchange = plain.start(context)
    expect(exchange.step(undefined)).toEqual({ type: 'challenge', data: Buffer.alloc(0) })
    expect(send(exchange, '\0user\0x')).toMatchObject({ type: 'lookup' })
  })

  test.each([
    ['nothing', ''],
    ['one part', 'user'],
    ['two parts', 'user\0x'],
    ['four parts', '\0user\0x\0'],
    ['an empty name', '\0\0x'],
    ['an empty password', '\0user\0'],
    ['a long name', `\0${'u'.repeat(256)}\0x`],
    ['a long password', `\0user\0${'\u00e4'.repeat(128)}`],
    ['a long authzid', `${'u'.repeat(256)}\0user\0x`],
  ])('%s is malformed', async (_, message) => {
    expect(await login(message, await made)).toEqual({ type: 'failure', condition: 'malformed-request' })
  })

  test('what is not UTF-8 is malformed', () => {
    expect(plain.start(context).step(Buffer.from([0, 0x75, 0, 0xff]))).toMatchObject({ condition: 'malformed-request' })
  })

  test('a name that cannot be an account is not authorized', async () => {
    for (const name of ['us er', 'user@a.example', '\u265a'])
      expect(await login(`\0${name}\0x`, await made)).toEqual({ type: 'failure', condition: 'not-authorized' })
  })

  test('an unknown user is refused after the same work', async () => {
    // 200 times the work of the other tests, so that it stands out.
    const slow = { ...context, iterations: 200_000 }
    const exchange = plain.start(slow)
    send(exchange, '\0nobody\0x')
    const started = performance.now()
    expect(await exchange.resume(undefined)).toEqual({ type: 'failure', condition: 'not-authorized' })
    expect(performance.now() - started).toBeGreaterThan(10)
  })

  test('is not to be resumed unasked', async () => {
    await expect(plain.start(context).resume(undefined)).rejects.toThrow('before it asked')
  })
})
