import { describe, expect, test } from '@jest/globals'
import { offerDigest } from '../../src/sasl/downgrade-protection.js'
import type { SaslMechanism } from '../../src/sasl/mechanism.js'
import { deriveScramKeys, type ScramHash, type ScramKeys } from '../../src/sasl/scram-keys.js'
import { scramSha1 } from '../../src/sasl/scram-sha-1.js'
import { scramSha256 } from '../../src/sasl/scram-sha-256.js'
import { scramSha512 } from '../../src/sasl/scram-sha-512.js'
import { context, login, send, textOf, withNonce } from './client.js'

const [sha1Plus, sha1] = scramSha1 as [SaslMechanism, SaslMechanism]
const [sha256Plus, sha256] = scramSha256 as [SaslMechanism, SaslMechanism]
const [sha512Plus, sha512] = scramSha512 as [SaslMechanism, SaslMechanism]

const failed = (condition: string) => ({ step: expect.objectContaining({ type: 'failure', condition }) })

describe('the published examples', () => {
  test.each<[string, SaslMechanism, ScramHash, string, string, string, string, string]>([
    [
      'RFC 5802 §5',
      sha1,
      'sha1',
      'QSXCR+Q6sek8bf92',
      'fyko+d2lbbFgONRv9qkxdawL',
      '3rfcNHYJY1ZVvWVs7j',
      'v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=',
      'rmF9pqV8S7suAoZWja4dJRkFsKQ=',
    ],
    [
      'RFC 7677 §3',
      sha256,
      'sha256',
      'W22ZaJ0SNY7soEsUEjb6gQ==',
      'rOprNGfwEbeRWgbNEkqO',
      '%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0',
      'dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=',
      '6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=',
    ],
  ])('%s', async (_, mechanism, hash, salt, clientNonce, serverNonce, proof, signature) => {
    const keys = await deriveScramKeys(hash, 'pencil', { salt: Buffer.from(salt, 'base64'), iterations: 4096 })
    const exchange = mechanism.start(withNonce(serverNonce))
    expect(send(exchange, `n,,n=user,r=${clientNonce}`)).toEqual({ type: 'lookup', username: 'user', hash })
    expect(textOf(await exchange.resume({ username: 'user', keys }))).toBe(
      `r=${clientNonce}${serverNonce},s=${salt},i=4096`,
    )
    expect(send(exchange, `c=biws,r=${clientNonce}${serverNonce},p=${proof}`)).toEqual({
      type: 'success',
      username: 'user',
      data: Buffer.from(`v=${signature}`),
    })
  })
})

describe.each<[string, SaslMechanism, ScramHash]>([
  ['SCRAM-SHA-1', sha1, 'sha1'],
  ['SCRAM-SHA-256', sha256, 'sha256'],
  ['SCRAM-SHA-512', sha512, 'sha512'],
])('%s', (name, mechanism, hash) => {
  const password = 'pencil'
  const made = deriveScramKeys(hash, password, { iterations: 1000 })
  const attempt = { hash, password }
  const succeeded = { step: expect.objectContaining({ type: 'success', username: 'user' }) }

  test('has its name and may be used without TLS', () => {
    expect([mechanism.name, mechanism.requiresTls]).toEqual([name, false])
  })

  test('lets the right password in and proves that the server knows it', async () => {
    const { step, signature } = await login(mechanism, await made, attempt)
    expect(textOf(step)).toBe(`v=${signature}`)
    expect(step).toMatchObject({ type: 'success', username: 'user' })
  })

  test('refuses a wrong password', async () => {
    expect(await login(mechanism, await made, { ...attempt, password: 'pencils' })).toMatchObject(
      failed('not-authorized'),
    )
  })

  test('asks for a first message where there was none', async () => {
    const exchange = mechanism.start(context)
    expect(exchange.step(undefined)).toEqual({ type: 'challenge', data: Buffer.alloc(0) })
    expect(send(exchange, 'n,,n=user,r=abc')).toMatchObject({ type: 'lookup', username: 'user' })
  })

  test('prepares the name', async () => {
    expect(await login(mechanism, await made, { ...attempt, username: 'USER' })).toMatchObject(succeeded)
    expect(send(mechanism.start(context), 'n,,n=\u00c4bc,r=abc')).toMatchObject({
      type: 'lookup',
      username: '\u00e4bc',
    })
  })

  test('takes y where no channel binding was offered, and refuses it where it was', async () => {
    expect(await login(mechanism, await made, { ...attempt, header: 'y,,' })).toMatchObject(succeeded)
    const offered = { ...context, offered: { ...context.offered, bindings: ['tls-exporter' as const] } }
    expect(await login(mechanism, await made, { ...attempt, header: 'y,,' }, offered)).toMatchObject(
      failed('not-authorized'),
    )
    expect(await login(mechanism, await made, attempt, offered)).toMatchObject(succeeded)
  })

  test('refuses p: it binds to no channel', async () => {
    for (const header of ['p=tls-unique,,', 'p=tls-exporter,,', 'p=no-such-thing,,'])
      expect(await login(mechanism, await made, { ...attempt, header })).toMatchObject(failed('not-authorized'))
  })

  test('takes an authzid that is the user, and no other', async () => {
    for (const authzid of ['user@a.example', 'USER@A.example'])
      expect(await login(mechanism, await made, { ...attempt, header: `n,a=${authzid},` })).toMatchObject(succeeded)
    for (const authzid of ['admin@a.example', 'user@b.example', 'user', 'user@a.example/x', 'a.example', '=2C=3D'])
      expect(await login(mechanism, await made, { ...attempt, header: `n,a=${authzid},` })).toMatchObject(
        failed('invalid-authzid'),
      )
  })

  test('ignores optional extensions', async () => {
    expect(await login(mechanism, await made, { ...attempt, username: 'user' })).toMatchObject(succeeded)
    expect(send(mechanism.start(context), 'n,,n=user,r=abc,x=y,z=1=2')).toMatchObject({ type: 'lookup' })
    expect(
      await login(mechanism, await made, { ...attempt, alter: (message) => ({ ...message, extra: ',x=foo' }) }),
    ).toMatchObject(succeeded)
  })

  test.each([
    ['nothing', ''],
    ['no header', 'n=user,r=abc'],
    ['half a header', 'n,n=user,r=abc'],
    ['an unknown flag', 'x,,n=user,r=abc'],
    ['a flag with more', 'nn,,n=user,r=abc'],
    ['p without a type', 'p=,,n=user,r=abc'],
    ['an empty authzid', 'n,a=,n=user,r=abc'],
    ['something else than an authzid', 'n,b=x,n=user,r=abc'],
    ['an empty name', 'n,,n=,r=abc'],
    ['no name', 'n,,r=abc'],
    ['no nonce', 'n,,n=user'],
    ['an empty nonce', 'n,,n=user,r='],
    ['a nonce that is not printable', 'n,,n=user,r=a b'],
    ['a nonce beyond ASCII', 'n,,n=user,r=\u00e4'],
    ['the nonce first', 'n,,r=abc,n=user'],
    ['a mandatory extension', 'n,,m=x,n=user,r=abc'],
    ['a mandatory extension at the end', 'n,,n=user,r=abc,m=x'],
    ['a wrong escape', 'n,,n=us=er,r=abc'],
    ['a wrong escape =2', 'n,,n=us=2,r=abc'],
    ['an escape in small letters', 'n,,n=us=2cer,r=abc'],
    ['another escape', 'n,,n=us=41er,r=abc'],
    ['a NUL', 'n,,n=us\0er,r=abc'],
    ['a line end', 'n,,n=user,r=abc\n'],
    ['a broken extension', 'n,,n=user,r=abc,x'],
  ])('first message: %s is malformed', (_, message) => {
    expect(send(mechanism.start(context), message)).toMatchObject({ type: 'failure', condition: 'malformed-request' })
  })

  test('first message: what is not UTF-8 is malformed', () => {
    const message = Buffer.concat([Buffer.from('n,,n=us'), Buffer.from([0xc0, 0xbc]), Buffer.from('er,r=abc')])
    expect(mechanism.start(context).step(message)).toMatchObject({ type: 'failure', condition: 'malformed-request' })
  })

  test('first message: escapes are read, and such names cannot be accounts where a JID forbids them', () => {
    expect(send(mechanism.start(context), 'n,,n=us=2Cer,r=abc')).toMatchObject({ type: 'lookup', username: 'us,er' })
    expect(send(mechanism.start(context), 'n,,n=us=3D2Cer,r=abc')).toMatchObject({
      type: 'lookup',
      username: 'us=2cer',
    })
    for (const username of ['us er', 'user@a.example', '\u265a', 'a/b', 'x'.repeat(1024)])
      expect(send(mechanism.start(context), `n,,n=${username},r=abc`)).toMatchObject({
        type: 'failure',
        condition: 'not-authorized',
      })
  })

  test.each<[string, string, (keys: { binding: string; nonce: string; extra: string; proof: Buffer }) => object]>([
    ['a changed nonce', 'not-authorized', ({ nonce }) => ({ nonce: `${nonce}x` })],
    ['only the own nonce', 'not-authorized', () => ({ nonce: 'clientnonce' })],
    ['another header', 'not-authorized', () => ({ binding: Buffer.from('y,,').toString('base64') })],
    ['a header with data', 'not-authorized', () => ({ binding: Buffer.from('n,,data').toString('base64') })],
    ['an empty header', 'malformed-request', () => ({ binding: '' })],
    ['a header that is not base64', 'malformed-request', () => ({ binding: 'biw' })],
    ['a header with stray bits', 'malformed-request', () => ({ binding: 'bix=' })],
    ['a short proof', 'malformed-request', ({ proof }) => ({ proof: proof.subarray(1) })],
    ['a long proof', 'malformed-request', ({ proof }) => ({ proof: Buffer.concat([proof, proof]) })],
    ['an empty proof', 'malformed-request', () => ({ proof: Buffer.alloc(0) })],
    ['a mandatory extension', 'malformed-request', () => ({ extra: ',m=x' })],
  ])('final message: %s is refused: %s', async (_, condition, change) => {
    const result = await login(mechanism, await made, {
      ...attempt,
      alter: (message) => ({ ...message, ...change(message) }),
    })
    expect(result).toMatchObject(failed(condition))
  })

  test('final message: one bit of the proof is enough', async () => {
    const result = await login(mechanism, await made, {
      ...attempt,
      alter: (message) => ({
        ...message,
        proof: message.proof.map((byte, at) => (at === 3 ? byte ^ 1 : byte)) as Buffer,
      }),
    })
    expect(result).toMatchObject(failed('not-authorized'))
  })

  test('final message: nothing at all is malformed', async () => {
    const exchange = mechanism.start(context)
    send(exchange, 'n,,n=user,r=abc')
    await exchange.resume({ username: 'user', keys: await made })
    expect(exchange.step(undefined)).toMatchObject({ type: 'failure', condition: 'malformed-request' })
    expect(() => send(exchange, 'c=biws,r=abc,p=AAAA')).toThrow('state end')
  })

  test('an unknown user gets what a known one gets, and fails at the end', async () => {
    const salts: string[] = []
    for (const username of ['nobody', 'nobody', 'NoBody', 'somebody']) {
      const { step, serverFirst } = await login(mechanism, undefined, { ...attempt, username })
      expect({ step }).toMatchObject(failed('not-authorized'))
      const known = (await login(mechanism, await made, attempt)).serverFirst
      expect(serverFirst.replace(/[\w+/-]+(?==*,|$)/g, 'x')).toBe(known.replace(/[\w+/-]+(?==*,|$)/g, 'x'))
      expect(serverFirst).toHaveLength(known.length)
      expect(serverFirst).toMatch(/,i=1000,h=/)
      salts.push(/s=(.*),i/.exec(serverFirst)?.[1] ?? '')
    }
    expect(salts[0]).toBe(salts[1])
    expect(salts[0]).toBe(salts[2])
    expect(salts[0]).not.toBe(salts[3])
  })

  test('each exchange has another nonce', async () => {
    const first = await login(mechanism, await made, attempt)
    const second = await login(mechanism, await made, attempt)
    expect(first.serverFirst).not.toBe(second.serverFirst)
  })

  test('a proof cannot be used again', async () => {
    const keys: ScramKeys = await made
    const proofs: Buffer[] = []
    const keep = {
      ...attempt,
      alter(message: { binding: string; nonce: string; extra: string; proof: Buffer }) {
        proofs.push(message.proof)
        return message
      },
    }
    await login(mechanism, keys, keep)
    const old = proofs.find((proof) => proof.length > 0) ?? Buffer.alloc(0)
    const again = await login(mechanism, keys, { ...attempt, alter: (m) => ({ ...m, proof: old }) })
    expect(again).toMatchObject(failed('not-authorized'))
  })

  test('is not to be resumed twice or unasked', async () => {
    const exchange = mechanism.start(context)
    expect(() => exchange.resume(undefined)).toThrow('client-first')
    send(exchange, 'n,,n=user,r=abc')
    await exchange.resume(undefined)
    expect(() => exchange.resume(undefined)).toThrow('client-final')
  })
})

describe.each<[string, SaslMechanism, ScramHash]>([
  ['SCRAM-SHA-1-PLUS', sha1Plus, 'sha1'],
  ['SCRAM-SHA-256-PLUS', sha256Plus, 'sha256'],
  ['SCRAM-SHA-512-PLUS', sha512Plus, 'sha512'],
])('%s', (name, mechanism, hash) => {
  const channel = Buffer.from('what both ends of one connection know')
  const bound = {
    ...context,
    offered: { mechanisms: [name, name.replace('-PLUS', '')], bindings: ['tls-exporter' as const] },
    binding: () => channel,
  }
  const made = deriveScramKeys(hash, 'pencil', { iterations: 1000 })
  const attempt = { hash, password: 'pencil', header: 'p=tls-exporter,,', channel }

  test('has its name, and needs TLS', () => {
    expect([mechanism.name, mechanism.requiresTls, mechanism.plus]).toEqual([name, true, true])
  })

  test('lets in who is on the same channel', async () => {
    const { step, signature } = await login(mechanism, await made, attempt, bound)
    expect(textOf(step)).toBe(`v=${signature}`)
  })

  test.each([
    ['the data of another channel', { channel: Buffer.from('what both ends of another connection know') }],
    ['no data', { channel: Buffer.alloc(0) }],
    ['a binding type that was not offered', { header: 'p=tls-server-end-point,,' }],
    ['one that nobody knows', { header: 'p=no-such-thing,,' }],
    ['tls-unique of another channel', { header: 'p=tls-unique,,', channel: Buffer.from('another') }],
    ['no binding at all', { header: 'n,,', channel: Buffer.alloc(0) }],
    ['y', { header: 'y,,', channel: Buffer.alloc(0) }],
  ])('%s: not-authorized', async (_, change) => {
    expect(await login(mechanism, await made, { ...attempt, ...change }, bound)).toMatchObject(failed('not-authorized'))
  })

  test('the channel is gone: not-authorized', async () => {
    const gone = { ...bound, binding: () => undefined }
    expect(await login(mechanism, await made, attempt, gone)).toMatchObject(failed('not-authorized'))
  })
})

describe('XEP-0474', () => {
  test('the published example', () => {
    const mechanisms = ['SCRAM-SHA-1-PLUS', 'SCRAM-SHA-1']
    const bindings = ['tls-server-end-point', 'tls-exporter']
    expect(offerDigest('sha1', { mechanisms, bindings })).toBe('G6k/rBLDqgOhRRaCuuatSDFkJ08=')
  })

  test('the digest of what was offered is in the first message, so both sides sign it', async () => {
    const keys = await deriveScramKeys('sha256', 'pencil', { iterations: 1000 })
    const { serverFirst } = await login(sha256, keys, { hash: 'sha256', password: 'pencil' })
    expect(serverFirst.endsWith(`,i=1000,h=${offerDigest('sha256', context.offered)}`)).toBe(true)
    const shorter = { ...context, offered: { mechanisms: ['PLAIN'], bindings: [] } }
    const other = await login(sha256, keys, { hash: 'sha256', password: 'pencil' }, shorter)
    expect(/h=.*/.exec(other.serverFirst)).not.toEqual(/h=.*/.exec(serverFirst))
  })
})
