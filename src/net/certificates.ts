/**
 * Certificates from a directory, found as Prosody finds them: `HOST.crt` + `HOST.key`, `HOST.pem` with both,
 * `HOST/fullchain.pem` + `HOST/privkey.pem`, then the same for the parent domains. Each certificate has one
 * `SecureContext` for all connections. A reload that fails keeps what worked.
 */
import { createPrivateKey, X509Certificate } from 'node:crypto'
import { type FSWatcher, readFileSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls'
import { type Clock, systemClock, type Timer } from '../util/clock.js'
import type { Closeable } from '../util/lifecycle.js'
import { asciiDomain } from '../xmpp/domain.js'
import { subjectNames } from './subject-names.js'
import { type TlsContexts, tlsSettings } from './tls.js'

export interface CertificatesOptions {
  readonly directory: string
  /** Virtual hosts and components; files are named by their A-labels. The first that has a certificate is the default where a client names none. */
  readonly hosts: readonly string[]
  /** PEM file of authorities to trust beside Node's, when other servers show their certificates. */
  readonly authorities?: string | undefined
  readonly clock?: Clock
}

interface Loaded {
  readonly files: Files
  readonly context: SecureContext
  readonly names: readonly string[]
  readonly notAfter: number
}

interface Files {
  readonly certificate: string
  readonly key: string
}

interface Found {
  readonly loaded: Loaded | undefined
  readonly problems: readonly string[]
}

/** After a change of a file, so that certificate and key are both there. */
const settleMs = 1000

export class Certificates implements TlsContexts {
  readonly #options: CertificatesOptions
  readonly #byHost = new Map<string, Loaded>()
  /** Undefined for Node's own. */
  #trusted: readonly string[] | undefined

  constructor(options: CertificatesOptions) {
    this.#options = options
  }

  /**
   * Reads everything anew; SIGHUP and a changed file come here. Returns what is wrong in sentences for the operator; hosts
   * whose files cannot be used keep the certificate that they had.
   */
  load(): readonly string[] {
    const problems: string[] = []
    const read = new Map<string, Loaded | string>()
    this.#readAuthorities(problems)
    for (const host of this.#options.hosts.map(asciiDomain)) {
      const found = this.#find(host, read)
      problems.push(...found.problems)
      if (found.loaded !== undefined) this.#byHost.set(host, found.loaded)
    }
    return [...new Set(problems)]
  }

  #readAuthorities(problems: string[]): void {
    const { authorities } = this.#options
    if (authorities === undefined) return
    const text = readText(authorities)
    if (typeof text !== 'string') problems.push(unreadable(text))
    else if (!text.includes('BEGIN CERTIFICATE')) problems.push(`the file ${authorities} holds no certificate in PEM`)
    else this.#trusted = [...rootCertificates, text]
  }

  /** Hosts that have none cannot offer TLS. */
  has(host: string): boolean {
    return this.#byHost.has(asciiDomain(host))
  }

  /** The certificate of a host itself, as it was read. */
  certificateOf(host: string): X509Certificate | undefined {
    const pair = this.pairOf(host)
    return pair && new X509Certificate(pair.certificate)
  }

  /** The files of a host, as text; undefined where it has none. */
  pairOf(host: string): { readonly certificate: string; readonly key: string; readonly from: string } | undefined {
    const files = this.#byHost.get(asciiDomain(host))?.files
    if (files === undefined) return undefined
    const [certificate, key] = [readText(files.certificate), readText(files.key)]
    if (typeof certificate !== 'string' || typeof key !== 'string') return undefined
    return { certificate, key, from: files.certificate }
  }

  /** Does the host's certificate name it? */
  names(host: string): boolean {
    const domain = asciiDomain(host)
    return covers(this.#byHost.get(domain)?.names ?? [], domain)
  }

  contextFor(serverName: string | undefined): SecureContext | undefined {
    if (serverName === undefined || serverName === '') return this.#byHost.values().next().value?.context
    const name = asciiDomain(serverName.toLowerCase().replace(/\.$/, ''))
    const own = this.#byHost.get(name)
    if (own !== undefined) return own.context
    // Some clients name the machine that a SRV record pointed them to.
    for (const loaded of this.#byHost.values()) if (covers(loaded.names, name)) return loaded.context
    return undefined
  }

  /** Calls `changed` some time after a file in use was written; the caller then loads. */
  watch(changed: () => void): Closeable {
    const clock = this.#options.clock ?? systemClock
    let timer: Timer | undefined
    const watchers: FSWatcher[] = []
    const directories = new Set([this.#options.directory])
    for (const { files } of this.#byHost.values()) directories.add(dirname(files.certificate))
    for (const directory of directories) {
      try {
        const watcher = watch(directory, { persistent: false }, () => {
          timer?.cancel()
          timer = clock.after(settleMs, changed)
        })
        watchers.push(watcher.on('error', () => watcher.close()))
      } catch {
        // A directory that cannot be watched is still read on SIGHUP.
      }
    }
    return {
      close: () => {
        timer?.cancel()
        for (const watcher of watchers) watcher.close()
      },
    }
  }

  #find(host: string, read: Map<string, Loaded | string>): Found {
    const tried: string[] = []
    const problems: string[] = []
    let uncovering: Loaded | undefined
    for (const files of candidates(this.#options.directory, host)) {
      const known = read.get(files.certificate) ?? readPair(files, this.#trusted)
      read.set(files.certificate, known)
      tried.push(files.certificate)
      if (known === 'missing') continue
      if (typeof known === 'string') {
        problems.push(known)
        continue
      }
      if (covers(known.names, host)) return { loaded: known, problems: [...problems, ...this.#expiry(known)] }
      uncovering ??= known
    }
    if (uncovering !== undefined)
      problems.push(`the certificate ${uncovering.files.certificate} is used for ${host}, which it does not name`)
    else problems.push(`no certificate for ${host}: looked for ${tried.join(', ')}`)
    return { loaded: uncovering, problems }
  }

  #expiry({ files, notAfter }: Loaded): string[] {
    const leftMs = notAfter - (this.#options.clock ?? systemClock).now()
    const day = new Date(notAfter).toISOString().slice(0, 10)
    if (leftMs < 0) return [`the certificate ${files.certificate} expired on ${day}`]
    return leftMs < 7 * 86_400_000 ? [`the certificate ${files.certificate} expires on ${day}`] : []
  }
}

function* candidates(directory: string, host: string): Generator<Files> {
  const labels = host.split('.')
  for (let from = 0; from < labels.length; from++) {
    // A certificate for a whole top-level domain is none of ours; `localhost` is its own.
    if (from > 0 && from === labels.length - 1 && labels[from] !== 'localhost') return
    const name = join(directory, labels.slice(from).join('.'))
    yield { certificate: `${name}.crt`, key: `${name}.key` }
    yield { certificate: `${name}.pem`, key: `${name}.pem` }
    yield { certificate: join(name, 'fullchain.pem'), key: join(name, 'privkey.pem') }
  }
}

/** The pair, or why it cannot be used; `missing` where there is no certificate at all. */
function readPair(files: Files, trusted: readonly string[] | undefined): Loaded | string {
  const cert = readText(files.certificate)
  if (typeof cert !== 'string') return cert.code === 'ENOENT' || cert.code === 'ENOTDIR' ? 'missing' : unreadable(cert)
  const key = readText(files.key)
  if (typeof key !== 'string')
    return key.code === 'ENOENT' ? `the certificate ${files.certificate} has no key ${files.key}` : unreadable(key)
  try {
    const leaf = new X509Certificate(cert)
    // An empty file counts as no key at all, and would be found out only by the first handshake.
    createPrivateKey(key)
    return {
      files,
      context: createSecureContext({ cert, key, ...tlsSettings, ...(trusted && { ca: [...trusted] }) }),
      names: subjectNames(leaf.raw).dns,
      notAfter: Date.parse(leaf.validTo),
    }
  } catch (error) {
    const pair = files.key === files.certificate ? files.certificate : `${files.certificate} with ${files.key}`
    return `the certificate ${pair} cannot be used: ${(error as Error).message}`
  }
}

function readText(path: string): string | NodeJS.ErrnoException {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    return error as NodeJS.ErrnoException
  }
}

const unreadable = (error: NodeJS.ErrnoException): string =>
  `the file ${error.path ?? ''} cannot be read (${error.code ?? error.message})`

/** RFC 9525 §6.3: a wildcard stands for exactly one label, the first. */
export function covers(names: readonly string[], domain: string): boolean {
  const parent = domain.slice(domain.indexOf('.') + 1)
  return names.some(
    (name) => name === domain || (name.startsWith('*.') && domain.includes('.') && name.slice(2) === parent),
  )
}
