/** Certificates of clients for tests: with JIDs as xmppAddr (RFC 6120 §13.7.1.4), which Node cannot make. */
import { webcrypto } from 'node:crypto'
import { Extension, type X509Certificate, X509CertificateGenerator } from '@peculiar/x509'
import type { Pair } from './certificate-files.js'

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const
const xmppAddr = Buffer.from('06082b06010505070805', 'hex')

const der = (tag: number, content: Buffer): Buffer => Buffer.concat([Buffer.from([tag, content.length]), content])

const altNames = (jids: readonly string[]): Buffer =>
  der(
    0x30,
    Buffer.concat(jids.map((jid) => der(0xa0, Buffer.concat([xmppAddr, der(0xa0, der(0x0c, Buffer.from(jid)))])))),
  )

export interface ClientAuthority {
  readonly cert: string
  /** `days`: until it ends; below 0, it has. */
  sign(jids: readonly string[], options?: { readonly days?: number; readonly usage?: string }): Promise<Pair>
}

const keys = () => webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])

export async function clientAuthority(): Promise<ClientAuthority> {
  const own = await keys()
  const dates = { notBefore: new Date(Date.now() - 86_400_000), notAfter: new Date(Date.now() + 86_400_000) }
  const root: X509Certificate = await X509CertificateGenerator.createSelfSigned({
    name: 'CN=people',
    keys: own,
    signingAlgorithm: algorithm,
    ...dates,
    extensions: [basicConstraints],
  })
  return {
    cert: root.toString('pem'),
    async sign(jids, { days = 1, usage } = {}) {
      const pair = await keys()
      const made = await X509CertificateGenerator.create({
        ...{ subject: 'CN=person', issuer: root.subject, publicKey: pair.publicKey, signingKey: own.privateKey },
        signingAlgorithm: algorithm,
        notBefore: new Date(Date.now() - 30 * 86_400_000),
        notAfter: new Date(Date.now() + days * 86_400_000),
        extensions: [
          new Extension('2.5.29.17', false, altNames(jids)),
          ...(usage === undefined ? [] : [new Extension('2.5.29.37', false, der(0x30, Buffer.from(usage, 'hex')))]),
        ],
      })
      const key = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', pair.privateKey)).toString('base64')
      return { cert: made.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` }
    },
  }
}

/** Of an authority. */
const basicConstraints = new Extension('2.5.29.19', true, Buffer.from('30030101ff', 'hex'))
