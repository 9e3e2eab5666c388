import { describe, expect, test } from '@jest/globals'
import { decodeBase64, decodeSaslData, encodeSaslData } from '../../src/sasl/base64.js'
import { mechanisms } from '../../src/sasl/mechanisms.js'
import {
  decoyKeys,
  deriveKeys,
  deriveScramKeys,
  PasswordError,
  preparePassword,
  verifyPassword,
} from '../../src/sasl/scram-keys.js'

describe('keys', () => {
  test('are those of RFC 5802 and RFC 7677 for their examples', async () => {
    expect(
      await deriveScramKeys('sha1', 'pencil', { salt: Buffer.from('QSXCR+Q6sek8bf92', 'base64'), iterations: 4096 }),
    ).toEqual({
      salt: 'QSXCR+Q6sek8bf92',
      iterations: 4096,
      storedKey: '6dlGYMOdZcOPutkcNY8U2g7vK9Y=',
      serverKey: 'D+CSWLOshSulAsxiupA+qs2/fTE=',
    })
    expect(
      await deriveScramKeys('sha256', 'pencil', {
        salt: Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'),
        iterations: 4096,
      }),
    ).toEqual({
      salt: 'W22ZaJ0SNY7soEsUEjb6gQ==',
      iterations: 4096,
      storedKey: 'WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=',
      serverKey: 'wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    })
  })

  test('of one password have different salts', async () => {
    const { sha1, sha256 } = await deriveKeys('x', 1000)
    expect(sha1.salt).not.toBe(sha256.salt)
    expect([sha1.iterations, sha256.iterations]).toEqual([1000, 1000])
    expect(await verifyPassword('sha1', sha1, 'x')).toBe(true)
    expect(await verifyPassword('sha256', sha256, 'x')).toBe(true)
    expect(await verifyPassword('sha256', sha1, 'x')).toBe(false)
    expect(await verifyPassword('sha1', sha1, 'y')).toBe(false)
    expect(await verifyPassword('sha1', sha1, '')).toBe(false)
  })

  test('are derived while other things go on', async () => {
    const order: string[] = []
    const derived = deriveScramKeys('sha256', 'x', { iterations: 100_000 }).then(() => order.push('keys'))
    await new Promise<void>((resolve) => setImmediate(() => resolve(void order.push('other'))))
    await derived
    expect(order).toEqual(['other', 'keys'])
  })

  test('of a user that does not exist stay the same and differ by server, name and hash', () => {
    const secret = Buffer.from('secret')
    const keys = decoyKeys('sha256', secret, 'a', 5000)
    expect(keys).toEqual(decoyKeys('sha256', secret, 'a', 5000))
    expect(keys.iterations).toBe(5000)
    expect(Buffer.from(keys.salt, 'base64')).toHaveLength(16)
    expect(Buffer.from(keys.storedKey, 'base64')).toHaveLength(32)
    expect(Buffer.from(decoyKeys('sha1', secret, 'a', 1).storedKey, 'base64')).toHaveLength(20)
    const others = [
      decoyKeys('sha256', secret, 'b', 5000),
      decoyKeys('sha1', secret, 'a', 5000),
      decoyKeys('sha256', Buffer.from('other'), 'a', 5000),
    ]
    expect(new Set([keys, ...others].map(({ salt }) => salt)).size).toBe(4)
  })
})

describe('passwords are prepared (RFC 4013)', () => {
  test.each([
    ['I\u00adX', 'IX'],
    ['user', 'user'],
    ['USER', 'USER'],
    ['\u00aa', 'a'],
    ['\u2168', 'IX'],
    ['a\u00a0b', 'a b'],
    ['\u{1f600}', '\u{1f600}'],
  ])('%j', (given, wanted) => {
    expect(preparePassword(given)).toBe(wanted)
  })

  test.each([['\u0007'], ['\u0627\u0031'], [''], ['\u00ad'], ['x'.repeat(1024)], ['\ud800'], ['x'.repeat(10_000_000)]])(
    'refused: %.20j',
    async (password) => {
      expect(() => preparePassword(password)).toThrow(PasswordError)
      await expect(deriveKeys(password)).rejects.toThrow(PasswordError)
    },
  )
})

describe('base64', () => {
  test.each([
    ['', ''],
    ['AA==', '\0'],
    ['YWJj', 'abc'],
    ['YWI=', 'ab'],
  ])('%j', (text, data) => {
    expect(String(decodeBase64(text))).toBe(data)
    expect(Buffer.from(data).toString('base64')).toBe(text)
  })

  test.each([
    '=',
    'A',
    'AA',
    'AA=',
    'AAA',
    'AB==',
    'AAB=',
    'AA==AA==',
    'YW Jj',
    'YWJj\n',
    '-_-_',
    'YWJj=',
    '====',
    '\u00e4AAA',
  ])('refused: %j', (text) => {
    expect(decodeBase64(text)).toBeUndefined()
  })

  test('RFC 6120 §6.4.2: a single = is data of no length', () => {
    expect(decodeSaslData('=')).toEqual(Buffer.alloc(0))
    expect(decodeSaslData('==')).toBeUndefined()
    expect(String(decodeSaslData('YWJj'))).toBe('abc')
    expect(encodeSaslData(Buffer.alloc(0))).toBe('=')
    expect(encodeSaslData(Buffer.from('abc'))).toBe('YWJj')
  })
})

test('mechanisms are offered from the strongest to the weakest', () => {
  expect(mechanisms.map(({ name }) => name)).toEqual([
    'EXTERNAL',
    'SCRAM-SHA-512-PLUS',
    'SCRAM-SHA-256-PLUS',
    'SCRAM-SHA-1-PLUS',
    'SCRAM-SHA-512',
    'SCRAM-SHA-256',
    'SCRAM-SHA-1',
    'PLAIN',
    'ANONYMOUS',
  ])
})
