/**
 * `dmucctl cert import`: finds a certificate for each domain under a directory, in the layouts that the server itself knows,
 * and copies it with its key to `certificates`, for the owner of that directory alone. Run as root where certbot's files are
 * root's (a hook for renewals); the server notices the change by itself.
 */
import { chmodSync, chownSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Certificates } from '../../net/certificates.js'
import { asciiDomain } from '../../xmpp/domain.js'
import { type Finding, good, wrong } from './finding.js'
import type { CheckedConfig } from './subject.js'

export function importCertificates(config: CheckedConfig, from: string): Finding[] {
  const to = config.global.certificates
  return config.hosts.map(({ domain }) => {
    try {
      return importOne(domain, from, to)
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException
      const todo =
        code === 'EACCES' || code === 'EPERM'
          ? 'run it as root, or as the owner of both directories'
          : 'see what the system says'
      return wrong(`the certificate for ${domain} cannot be copied: ${message}`, todo)
    }
  })
}

function importOne(domain: string, from: string, to: string): Finding {
  const source = new Certificates({ directory: from, hosts: [domain] })
  const problems = source.load()
  const pair = source.pairOf(domain)
  if (pair === undefined || !source.names(domain))
    return wrong(
      problems[0] ?? `no certificate for ${domain} in ${from}`,
      'name the directory that has one; as root where only root may read it',
    )
  mkdirSync(to, { recursive: true, mode: 0o700 })
  const owner = statSync(to)
  const name = join(to, asciiDomain(domain))
  // The key first: the server reads both a second after the last change.
  put(`${name}.key`, pair.key, owner)
  put(`${name}.crt`, pair.certificate, owner)
  return good(`${domain}: ${pair.from} was copied to ${name}.crt and ${name}.key`)
}

/** At once, under its name or not at all. */
function put(file: string, text: string, owner: { readonly uid: number; readonly gid: number }): void {
  const fresh = `${file}.new`
  writeFileSync(fresh, text, { mode: 0o600 })
  chmodSync(fresh, 0o600)
  if (process.getuid?.() === 0) chownSync(fresh, owner.uid, owner.gid)
  renameSync(fresh, file)
}
