/** The server's certificates: read at the start, made where the operator only tries the server out, read again on demand. */
import { readFileSync } from 'node:fs'
import { Certificates } from '../net/certificates.js'
import { writeSelfSigned } from '../net/self-signed.js'
import { ClientCertificates, certificatesIn } from '../server/client-certificates.js'
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'

export interface CertificateParts {
  readonly directory: string
  readonly domains: readonly string[]
  /** File of authorities to trust beside Node's. */
  readonly authorities?: string | undefined
  /** Make one for domains that have none. */
  readonly selfSigned: boolean
  readonly clock: Clock
  readonly log: Logger
}

/** What is wrong with a certificate is logged; a domain without one cannot offer TLS. */
export async function openCertificates(parts: CertificateParts): Promise<Certificates> {
  const { directory, domains, authorities, selfSigned, clock, log } = parts
  const certificates = new Certificates({ directory, hosts: domains, authorities, clock })
  let problems = certificates.load()
  const bare = domains.filter((domain) => !certificates.has(domain))
  if (selfSigned && bare.length > 0) {
    await writeSelfSigned(directory, bare, clock.now())
    log.info({ directory, domains: bare }, 'Made a self-signed certificate')
    problems = certificates.load()
  }
  for (const problem of problems) log.warn({}, problem)
  return certificates
}

/** Of clients (XEP-0178). Throws an Error for the operator where the file cannot be used. */
export function clientCertificates(
  {
    c2s_ca_file: file,
    c2s_pins: pins,
  }: { readonly c2s_ca_file: string; readonly c2s_pins: Readonly<Record<string, string>> },
  clock: Clock,
): ClientCertificates {
  try {
    const authorities = file === '' ? [] : certificatesIn(readFileSync(file, 'utf8'))
    if (file !== '' && authorities.length === 0) throw new Error('it holds no certificate in PEM')
    const digests = new Map(Object.entries(pins).map(([jid, text]) => [jid, text.split(/ +/)]))
    return new ClientCertificates({ authorities, pins: digests }, () => clock.now())
  } catch (cause) {
    throw new Error(`c2s_ca_file ${file} cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    })
  }
}

/** Whatever cannot be used is logged, and the former certificate stays in use. */
export function reloadCertificates(certificates: Certificates, log: Logger): void {
  const problems = certificates.load()
  for (const problem of problems) log.warn({}, problem)
  if (problems.length === 0) log.info({}, 'Read the certificates again')
}
