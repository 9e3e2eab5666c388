/** Self-signed certificates for tests, in memory and as files. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { createSecureContext } from 'node:tls'
import { generate } from 'selfsigned'
import { type TlsContexts, tlsSettings } from '../../src/net/tls.js'

export interface Pair {
  readonly cert: string
  readonly key: string
}

export async function selfSigned(
  names: readonly string[],
  notAfter = new Date(Date.now() + 86_400_000 * 90),
): Promise<Pair> {
  const made = await generate([{ name: 'commonName', value: names[0]! }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(Date.now() - 86_400_000 * 30),
    notAfterDate: notAfter,
    extensions: [
      { name: 'basicConstraints', cA: true },
      { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
    ],
  })
  return { cert: made.cert, key: made.private }
}

/** An authority, and certificates that it signs. */
export async function authority(): Promise<{
  readonly cert: string
  /** `serversOnly`: without the purpose of a client, as public authorities sign. */
  sign(names: readonly string[], notAfter?: Date, serversOnly?: boolean): Promise<Pair>
}> {
  const own = await selfSigned(['authority.example'])
  return {
    cert: own.cert,
    async sign(names, notAfter = new Date(Date.now() + 86_400_000 * 90), serversOnly = false) {
      const made = await generate([{ name: 'commonName', value: 'nobody.example' }], {
        ...{ keyType: 'ec', curve: 'P-256', algorithm: 'sha256', ca: own },
        notBeforeDate: new Date(Date.now() - 86_400_000 * 30),
        notAfterDate: notAfter,
        extensions: [
          { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
          ...(serversOnly ? [{ name: 'extKeyUsage' as const, serverAuth: true }] : []),
        ],
      })
      return { cert: made.cert, key: made.private }
    },
  }
}

export function put(directory: string, files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true })
    writeFileSync(join(directory, name), text)
  }
}

/** One certificate for the names given, none for others. */
export function contextsOf(pair: Pair, names: readonly string[], trusted?: string): TlsContexts {
  const context = createSecureContext({ ...pair, ...tlsSettings, ...(trusted === undefined ? {} : { ca: trusted }) })
  return { contextFor: (name) => (name === undefined || names.includes(name) ? context : undefined) }
}
