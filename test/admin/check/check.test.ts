/** `dmucctl check` and `dmucctl cert import`: what each says of good and of bad surroundings. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from '@jest/globals'
import { checkCertificates } from '../../../src/admin/check/certs.js'
import { checkConfig } from '../../../src/admin/check/config.js'
import { checkConnectivity } from '../../../src/admin/check/connectivity.js'
import { checkDns } from '../../../src/admin/check/dns.js'
import { type Finding, spellFindings } from '../../../src/admin/check/finding.js'
import { importCertificates } from '../../../src/admin/check/import.js'
import { parseConfig } from '../../../src/config/load.js'
import { modules } from '../../../src/modules/index.js'
import type { Dns, SrvRecord } from '../../../src/net/resolver.js'
import { selfSigned as ownSelfSigned } from '../../../src/net/self-signed.js'
import { systemClock } from '../../../src/util/clock.js'
import { systemRandom } from '../../../src/util/random.js'
import { authority, contextsOf, put, selfSigned } from '../../net/certificate-files.js'
import { startPeer } from '../../server/s2s-peer.js'

const directory = mkdtempSync(join(tmpdir(), 'dmucd-check-'))
afterAll(() => rmSync(directory, { recursive: true, force: true }))

const config = (global = '', rest = '') =>
  parseConfig(`${global}\n[virtual_host."a.example"]\n${rest}`, join(directory, 'dmucd.toml'), modules)
const srv = (name: string, port: number): SrvRecord => ({ name, port, priority: 1, weight: 1 })
const zone = (
  records: Readonly<Record<string, readonly SrvRecord[]>>,
  hosts: Readonly<Record<string, readonly string[]>>,
): Dns => ({
  srv: async (name) => records[name] ?? [],
  addresses: async (name) => hosts[name] ?? [],
})
const bad = (findings: readonly Finding[]): string[] =>
  findings.flatMap(({ is, text }) => (is === 'wrong' ? [text] : []))

describe('check dns', () => {
  const address = '198.51.100.7'

  test('SRV or the default ports at an address of ours: all is well', async () => {
    for (const dns of [
      zone(
        { '_xmpp-server._tcp.a.example': [srv('x.example', 5269)] },
        { 'x.example': [address], 'a.example': [address] },
      ),
      zone({}, { 'a.example': [address] }),
    ]) {
      const findings = await checkDns(config(), dns, [address])
      expect(findings.map(({ is }) => is)).toEqual(['good', 'good'])
      expect(spellFindings(findings)).toContain('Nothing is wrong.')
    }
  })

  test.each([
    ['nothing', zone({}, {}), 'a.example has neither SRV records nor an address'],
    ['a private address', zone({}, { 'a.example': ['10.0.0.1'] }), 'leads to 10.0.0.1, which others cannot reach'],
    [
      'a target that is not there',
      zone({ '_xmpp-server._tcp.a.example': [srv('gone.example', 5269)] }, { 'a.example': [address] }),
      'leads to gone.example, which has no address',
    ],
    [
      'a refusal',
      zone({ '_xmpp-server._tcp.a.example': [srv('.', 0)] }, { 'a.example': [address] }),
      'says that there is no such service',
    ],
  ])('%s', async (_, dns, text) => {
    expect(bad(await checkDns(config(), dns, [address])).join('\n')).toContain(text)
  })

  test('ports that nobody would find, and ones that are not ours', async () => {
    const elsewhere = config('s2s_ports = [15269]')
    expect(bad(await checkDns(elsewhere, zone({}, { 'a.example': [address] }), [address]))[0]).toContain(
      'others would try port 5269',
    )
    const dns = zone({ '_xmpp-server._tcp.a.example': [srv('a.example', 5280)] }, { 'a.example': ['203.0.113.1'] })
    const notes = (await checkDns(config(), dns, [address])).map(({ text }) => text).join('\n')
    expect(notes).toContain('leads to port 5280, which is not in s2s_ports')
    expect(notes).toContain('leads to 203.0.113.1, which is no address of this machine')
  })
})

describe('certificates', () => {
  test('check certs: none, self-signed, expired; cert import brings the good one, for its owner alone', async () => {
    const own = config(`certificates = "certs"`)
    expect(bad(checkCertificates(own, systemClock))[0]).toContain('no certificate for a.example')
    put(directory, { 'certs/a.example.crt': (await selfSigned(['a.example'])).cert, 'certs/a.example.key': '' })
    expect(bad(checkCertificates(own, systemClock))[0]).toContain('cannot be used')
    const old = await selfSigned(['a.example'], new Date(Date.now() - 86_400_000))
    put(directory, { 'certs/a.example.crt': old.cert, 'certs/a.example.key': old.key })
    expect(bad(checkCertificates(own, systemClock))[0]).toContain('expired on')
    const made = await ownSelfSigned(['a.example'], Date.now())
    put(directory, { 'certs/a.example.crt': made.certificate, 'certs/a.example.key': made.key })
    expect(checkCertificates(own, systemClock)).toMatchObject([
      { is: 'good' },
      { is: 'note', text: expect.stringContaining('is self-signed') },
    ])
    const { cert, key } = await (await authority()).sign(['a.example'])
    put(directory, { 'live/a.example/fullchain.pem': cert, 'live/a.example/privkey.pem': key })
    expect(importCertificates(own, join(directory, 'live'))).toMatchObject([{ is: 'good' }])
    expect(statSync(join(directory, 'certs/a.example.key')).mode & 0o777).toBe(0o600)
    expect(checkCertificates(own, systemClock)).toMatchObject([{ is: 'good' }])
  })

  test('cert import refuses what names another domain, and leaves what was there', async () => {
    const own = config(`certificates = "kept"`)
    const { cert, key } = await selfSigned(['b.example'])
    put(directory, { 'other/a.example.crt': cert, 'other/a.example.key': key })
    expect(bad(importCertificates(own, join(directory, 'other')))[0]).toContain('which it does not name')
    expect(() => statSync(join(directory, 'kept'))).toThrow()
    expect(bad(importCertificates(own, join(directory, 'nowhere')))[0]).toContain('no certificate for a.example')
  })
})

describe('check connectivity', () => {
  test('a server that answers with a good certificate, with a bad one, without TLS, and none', async () => {
    const { cert, key } = await selfSigned(['a.example'])
    for (const [tls, text] of [
      [contextsOf({ cert, key }, ['a.example']), 'its certificate is not trusted'],
      [false, 'answers, and offers no TLS'],
    ] as const) {
      const peer = await startPeer({ domains: ['a.example'], tls, policy: { requireEncryption: false } })
      const dns = zone({ '_xmpp-server._tcp.a.example': [srv('a.example', peer.port)] }, { 'a.example': ['127.0.0.1'] })
      const parts = { dns, clock: systemClock, random: systemRandom }
      const said = spellFindings(await checkConnectivity(config(), parts))
      expect(said).toContain(text)
      await peer.close()
      expect(spellFindings(await checkConnectivity(config(), parts))).toContain('does not answer: ')
    }
  })
})

describe('check config', () => {
  test('what is valid and still worth knowing', () => {
    const said = spellFindings(
      checkConfig(config('s2s_secure_auth = false\ns2s_require_encryption = false'), process.getuid?.()),
    )
    for (const text of [
      'nobody outside can connect',
      's2s_secure_auth is false',
      's2s_require_encryption is false',
      'no service of rooms',
    ])
      expect(said).toContain(text)
    expect(said).toContain('Nothing is wrong.')
  })

  test('a data directory that is no directory', () => {
    writeFileSync(join(directory, 'file'), '')
    expect(bad(checkConfig(config('data_path = "file/data"'), process.getuid?.()))[0]).toContain(
      'cannot be written (ENOTDIR)',
    )
  })
})
