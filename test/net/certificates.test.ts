import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Certificates, covers } from '../../src/net/certificates.js'
import { listenTcp } from '../../src/net/tcp-listener.js'
import { ManualClock } from '../../src/util/clock.js'
import { type Pair, put, selfSigned } from './certificate-files.js'
import { until } from './transport-contract.js'

let directory: string
let example: Pair
let wildcard: Pair
let chat: Pair

beforeAll(async () => {
  example = await selfSigned(['example.org', 'conference.example.org', 'xmpp.example.org'])
  wildcard = await selfSigned(['*.example.org'])
  chat = await selfSigned(['chat.example'])
})

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'dmucd-certificates-'))
})

afterEach(() => rmSync(directory, { recursive: true }))

const load = (hosts: readonly string[]): { certificates: Certificates; problems: readonly string[] } => {
  const certificates = new Certificates({ directory, hosts })
  return { certificates, problems: certificates.load() }
}

/** The names in the certificate that a client sees which asks for `servername`; undefined where it is refused. */
async function shown(certificates: Certificates, servername: string | undefined): Promise<string | undefined> {
  const listener = await listenTcp(
    { host: '127.0.0.1', port: 0, directTls: true, tls: { contexts: certificates } },
    (transport) => transport.destroy(),
  )
  const socket = connect({
    port: listener.port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    ...(servername === undefined ? {} : { servername }),
  })
  const names = await new Promise<string | undefined>((resolve) => {
    socket.once('secureConnect', () => resolve(socket.getPeerCertificate().subjectaltname))
    socket.once('error', () => resolve(undefined))
  })
  socket.destroy()
  await listener.close()
  return names
}

const exampleNames = 'DNS:example.org, DNS:conference.example.org, DNS:xmpp.example.org'

describe('Certificates', () => {
  test.each<[string, (pair: Pair) => Record<string, string>]>([
    ['HOST.crt and HOST.key', ({ cert, key }) => ({ 'example.org.crt': cert, 'example.org.key': key })],
    ['HOST.pem with both', ({ cert, key }) => ({ 'example.org.pem': `${key}\n${cert}` })],
    [
      'HOST/fullchain.pem and HOST/privkey.pem',
      ({ cert, key }) => ({ 'example.org/fullchain.pem': cert, 'example.org/privkey.pem': key }),
    ],
  ])('%s', async (_, files) => {
    put(directory, files(example))
    const { certificates, problems } = load(['example.org', 'conference.example.org'])
    expect(problems).toEqual([])
    expect(certificates.has('conference.example.org')).toBe(true)
    expect(await shown(certificates, 'example.org')).toBe(exampleNames)
    expect(await shown(certificates, 'conference.example.org')).toBe(exampleNames)
    expect(await shown(certificates, undefined)).toBe(exampleNames)
  })

  test('by SNI; one context per certificate; a name in a certificate that is no host; an unknown name', async () => {
    put(directory, { 'example.org.crt': example.cert, 'example.org.key': example.key })
    put(directory, { 'chat.example.crt': chat.cert, 'chat.example.key': chat.key })
    const { certificates } = load(['example.org', 'conference.example.org', 'chat.example'])
    expect(await shown(certificates, 'CHAT.example')).toBe('DNS:chat.example')
    expect(await shown(certificates, 'xmpp.example.org')).toBe(exampleNames)
    expect(await shown(certificates, 'other.example')).toBeUndefined()
    expect(certificates.contextFor('example.org')).toBe(certificates.contextFor('conference.example.org'))
  })

  test("a host's own comes before its parent's; a wildcard of the parent covers it", async () => {
    put(directory, { 'example.org/fullchain.pem': wildcard.cert, 'example.org/privkey.pem': wildcard.key })
    const { certificates, problems } = load(['conference.example.org'])
    expect(problems).toEqual([])
    expect(await shown(certificates, 'conference.example.org')).toBe('DNS:*.example.org')
    put(directory, { 'conference.example.org.crt': example.cert, 'conference.example.org.key': example.key })
    expect(certificates.load()).toEqual([])
    expect(await shown(certificates, 'conference.example.org')).toBe(exampleNames)
  })

  test('an internationalized domain: files, certificates and SNI by A-labels', async () => {
    const idn = await selfSigned(['xn--bcher-kva.example'])
    put(directory, { 'xn--bcher-kva.example.crt': idn.cert, 'xn--bcher-kva.example.key': idn.key })
    const { certificates, problems } = load(['bücher.example'])
    expect(problems).toEqual([])
    expect(certificates.has('bücher.example')).toBe(true)
    expect(await shown(certificates, 'xn--bcher-kva.example')).toBe('DNS:xn--bcher-kva.example')
  })

  test('none: all files that were looked for are named', () => {
    const { certificates, problems } = load(['conference.example.org'])
    const at = (name: string): string => join(directory, name)
    expect(problems).toEqual([
      `no certificate for conference.example.org: looked for ${[
        at('conference.example.org.crt'),
        at('conference.example.org.pem'),
        at('conference.example.org/fullchain.pem'),
        at('example.org.crt'),
        at('example.org.pem'),
        at('example.org/fullchain.pem'),
      ].join(', ')}`,
    ])
    expect(certificates.has('conference.example.org')).toBe(false)
    expect(certificates.contextFor('conference.example.org')).toBeUndefined()
    expect(certificates.contextFor(undefined)).toBeUndefined()
  })

  test('what is wrong is told in words, and the rest is served', async () => {
    put(directory, {
      'a.example.crt': chat.cert,
      'b.example.crt': 'no certificate',
      'b.example.key': chat.key,
      'c.example.crt': chat.cert,
      'c.example.key': example.key,
      'd.example.crt': chat.cert,
      'd.example.key': chat.key,
      'chat.example.crt': chat.cert,
      'chat.example.key': chat.key,
    })
    const { certificates, problems } = load(['a.example', 'b.example', 'c.example', 'd.example', 'chat.example'])
    const text = problems.join('\n')
    expect(text).toContain(
      `the certificate ${join(directory, 'a.example.crt')} has no key ${join(directory, 'a.example.key')}`,
    )
    expect(text).toMatch(/the certificate \S+b\.example\.crt with \S+b\.example\.key cannot be used: /)
    expect(text).toMatch(
      /the certificate \S+c\.example\.crt with \S+c\.example\.key cannot be used: .*key values mismatch/,
    )
    expect(text).toMatch(/the certificate \S+d\.example\.crt is used for d\.example, which it does not name/)
    expect(certificates.has('b.example')).toBe(false)
    expect(await shown(certificates, 'chat.example')).toBe('DNS:chat.example')
  })

  test('expired, and about to expire', async () => {
    const old = await selfSigned(['old.example'], new Date(Date.now() - 86_400_000))
    const late = await selfSigned(['late.example'], new Date(Date.now() + 2 * 86_400_000))
    put(directory, {
      'old.example.pem': `${old.cert}\n${old.key}`,
      'late.example.pem': `${late.cert}\n${late.key}`,
    })
    const { problems } = load(['old.example', 'late.example'])
    expect(problems[0]).toMatch(/old\.example\.pem expired on \d{4}-\d\d-\d\d$/)
    expect(problems[1]).toMatch(/late\.example\.pem expires on \d{4}-\d\d-\d\d$/)
  })

  test('a reload takes the new files; a failed one keeps the old', async () => {
    put(directory, { 'chat.example.pem': `${chat.cert}\n${chat.key}` })
    const { certificates } = load(['chat.example'])
    const renewed = await selfSigned(['chat.example', 'www.chat.example'])
    put(directory, { 'chat.example.pem': `${renewed.cert}\n${renewed.key}` })
    expect(certificates.load()).toEqual([])
    expect(await shown(certificates, 'chat.example')).toBe('DNS:chat.example, DNS:www.chat.example')
    writeFileSync(join(directory, 'chat.example.pem'), 'half a file')
    expect(certificates.load()).toHaveLength(2)
    expect(await shown(certificates, 'chat.example')).toBe('DNS:chat.example, DNS:www.chat.example')
  })

  test('a changed file is noticed', async () => {
    put(directory, { 'chat.example/fullchain.pem': chat.cert, 'chat.example/privkey.pem': chat.key })
    const clock = new ManualClock()
    const certificates = new Certificates({ directory, hosts: ['chat.example'], clock })
    certificates.load()
    let changes = 0
    const watching = certificates.watch(() => changes++)
    writeFileSync(join(directory, 'chat.example', 'fullchain.pem'), chat.cert)
    await until(() => {
      clock.advance(1000)
      return changes > 0
    })
    await watching.close()
  })
})

test('RFC 9525 §6.3: a wildcard stands for one label, the first', () => {
  const names = ['*.example.org', 'chat.example']
  expect(covers(names, 'a.example.org')).toBe(true)
  expect(covers(names, 'chat.example')).toBe(true)
  expect(covers(names, 'example.org')).toBe(false)
  expect(covers(names, 'a.b.example.org')).toBe(false)
  expect(covers(names, 'chat.example.org.evil')).toBe(false)
  expect(covers(['*'], 'localhost')).toBe(false)
  expect(covers(['*.localhost'], 'localhost')).toBe(false)
})
