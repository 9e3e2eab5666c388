/** A self-signed certificate for trying the server out: ECDSA on P-256, one for a host and those below it. */
import { randomUUID } from 'node:crypto'
import { mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { generate } from 'selfsigned'

/** Long enough that nobody who trusts it has to trust another one soon. */
const validDays = 3650
const dayMs = 86_400_000

export interface SelfSigned {
  /** PEM. */
  readonly certificate: string
  readonly key: string
}

/** `names` become the subject alternative names (RFC 9525); the first is the common name too. */
export async function selfSigned(names: readonly string[], nowMs: number): Promise<SelfSigned> {
  const made = await generate([{ name: 'commonName', value: names[0] ?? 'localhost' }], {
    keyType: 'ec',
    curve: 'P-256',
    algorithm: 'sha256',
    notBeforeDate: new Date(nowMs - dayMs),
    notAfterDate: new Date(nowMs + validDays * dayMs),
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
      { name: 'subjectAltName', altNames: names.map((value) => ({ type: 2, value })) },
    ],
  })
  return { certificate: made.cert, key: made.private }
}

/** Writes `NAME.key` (mode 0600) and then `NAME.crt` for the first name into a directory, which is made if need be (0700). */
function writeCertificate(directory: string, name: string, { certificate, key }: SelfSigned): void {
  mkdirSync(directory, { recursive: true, mode: 0o700 })
  writeWhole(join(directory, `${name}.key`), key, 0o600)
  writeWhole(join(directory, `${name}.crt`), certificate, 0o644)
}

/** The file is either not there or complete. */
function writeWhole(file: string, text: string, mode: number): void {
  const draft = `${file}.${randomUUID()}`
  writeFileSync(draft, text, { mode })
  renameSync(draft, file)
}

/**
 * Makes a certificate for each of `domains` that is not below another of them, and names those below it too; so that a search
 * by parent domains finds one for each.
 */
export async function writeSelfSigned(directory: string, domains: readonly string[], nowMs: number): Promise<void> {
  for (const name of domains) {
    if (domains.some((other) => name.endsWith(`.${other}`))) continue
    const names = [name, ...domains.filter((domain) => domain.endsWith(`.${name}`))]
    writeCertificate(directory, name, await selfSigned(names, nowMs))
  }
}
