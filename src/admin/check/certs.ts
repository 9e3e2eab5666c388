/** `dmucctl check certs`: has every domain a certificate that others will believe? */
import type { X509Certificate } from 'node:crypto'
import { Certificates } from '../../net/certificates.js'
import type { Clock } from '../../util/clock.js'
import { type Finding, good, note, wrong } from './finding.js'
import type { CheckedConfig } from './subject.js'

const day = 86_400_000

export function checkCertificates(config: CheckedConfig, clock: Clock): Finding[] {
  const { certificates: directory, s2s_ca_file: file } = config.global
  const authorities = file === '' ? undefined : file
  return config.hosts.flatMap(({ domain }) => {
    const certificates = new Certificates({ directory, hosts: [domain], authorities, clock })
    const problems = certificates.load().map((problem) => wrong(problem, remedy(problem, directory, domain)))
    const leaf = certificates.certificateOf(domain)
    return leaf === undefined ? problems : [...problems, ...aboutLeaf(domain, leaf, clock.now())]
  })
}

function aboutLeaf(domain: string, leaf: X509Certificate, now: number): Finding[] {
  const left = Math.floor((Date.parse(leaf.validTo) - now) / day)
  const until = `until ${new Date(leaf.validTo).toISOString().slice(0, 10)}`
  const found: Finding[] = left >= 0 ? [good(`${domain} has a certificate that is valid ${until} (${left} days)`)] : []
  // Not checkIssued: it wants keyCertSign of an issuer, which the certificate of a server has no reason to claim.
  if (leaf.verify(leaf.publicKey))
    found.push(
      note(
        `the certificate for ${domain} is self-signed: servers that ask for more than dialback refuse it`,
        `get one from an authority, and bring it here with dmucctl cert import`,
      ),
    )
  return found
}

function remedy(problem: string, directory: string, domain: string): string {
  if (problem.includes('cannot be read'))
    return 'let the user who runs the server read it; dmucctl cert import copies with the right permissions'
  if (problem.includes('expire')) return 'renew it; the server reads it as soon as the file changes'
  if (problem.includes('does not name')) return `get a certificate that names ${domain}`
  return `dmucctl cert import DIRECTORY copies certificates to ${directory}, from /etc/letsencrypt/live for example`
}
