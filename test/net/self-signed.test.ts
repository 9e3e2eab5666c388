import { X509Certificate } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from '@jest/globals'
import { Certificates } from '../../src/net/certificates.js'
import { selfSigned, writeSelfSigned } from '../../src/net/self-signed.js'
import { ManualClock } from '../../src/util/clock.js'

const directory = mkdtempSync(join(tmpdir(), 'self-signed-'))
afterAll(() => rmSync(directory, { recursive: true }))

const clock = new ManualClock()

test('is ECDSA on P-256, names its domains, and fits its key', async () => {
  const { certificate, key } = await selfSigned(['a.example', 'rooms.a.example'], clock.now())
  const parsed = new X509Certificate(certificate)
  expect(parsed.publicKey.asymmetricKeyType).toBe('ec')
  expect(parsed.publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1')
  expect(parsed.subjectAltName).toBe('DNS:a.example, DNS:rooms.a.example')
  expect(parsed.ca).toBe(false)
  expect(key).toMatch(/^-----BEGIN PRIVATE KEY-----/)
  expect(Date.parse(parsed.validFrom)).toBeLessThan(clock.now())
  expect(Date.parse(parsed.validTo)).toBeGreaterThan(clock.now() + 9 * 365 * 86_400_000)
})

test('one for each domain that is not below another, found for all of them, the key for nobody else', async () => {
  const domains = ['a.example', 'rooms.a.example', 'b.example']
  const certs = join(directory, 'certs')
  await writeSelfSigned(certs, domains, clock.now())
  expect(readdirSync(certs).sort()).toEqual(['a.example.crt', 'a.example.key', 'b.example.crt', 'b.example.key'])
  expect(statSync(certs).mode & 0o777).toBe(0o700)
  expect(statSync(join(certs, 'a.example.key')).mode & 0o777).toBe(0o600)
  const certificates = new Certificates({ directory: certs, hosts: domains, clock })
  expect(certificates.load()).toEqual([])
  const found = new X509Certificate(readFileSync(join(certs, 'b.example.crt')))
  expect(found.subjectAltName).toBe('DNS:b.example')
})
