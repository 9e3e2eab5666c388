/**
 * Where another domain's server is (RFC 6120 §3.2): its SRV records for TLS from the first byte and for STARTTLS, mixed as
 * XEP-0368 says, in the order of RFC 2782; or its own addresses at port 5269; or what the operator's static routes say
 * instead of DNS. Addresses are kept for their TTL; SRV records, whose TTL Node does not tell, are asked for each time.
 */
import type { RecordWithTtl } from 'node:dns'
import { lookup, Resolver as NodeResolver } from 'node:dns/promises'
import { isIP } from 'node:net'
import type { Clock } from '../util/clock.js'
import type { Random } from '../util/random.js'
import { asciiDomain } from '../xmpp/domain.js'
import type { Xep } from '../xmpp/xep.js'
import { ipLiteral, isPublicAddress } from './address-public.js'
import { AnswerCache, type Lasting } from './answer-cache.js'
import { inTurns } from './first-answer.js'
import { fromHostsFile } from './hosts-file.js'

export const directTlsXep: Xep = { number: 368, version: '1.1.0', test: 'net/resolver.test.ts' }

const defaultPort = 5269

/** One address to connect to. */
export interface ServerTarget {
  /** As in the record or the route; for people. */
  readonly host: string
  readonly address: string
  readonly port: number
  /** TLS from the first byte (XEP-0368). */
  readonly direct?: boolean
}

export interface Resolver {
  /** Never empty. The addresses to try in this order. Rejects with a ResolveError. `domain` is prepared. */
  resolve(domain: string): Promise<readonly ServerTarget[]>
}

export class ResolveError extends Error {
  /**
   * `not-found`: DNS knows no server for that domain. `refused`: all its addresses are private, loopback or such.
   * `temporary`: DNS gave no answer.
   */
  readonly kind: 'not-found' | 'refused' | 'temporary'

  constructor(kind: ResolveError['kind'], message: string) {
    super(message)
    this.name = 'ResolveError'
    this.kind = kind
  }
}

export interface SrvRecord {
  readonly name: string
  readonly port: number
  readonly priority: number
  readonly weight: number
}

/** DNS itself. Both resolve to nothing where the name or the type does not exist, and reject where nobody answered. */
export interface Dns {
  srv(name: string): Promise<readonly SrvRecord[]>
  addresses(host: string): Promise<readonly string[]>
}

export interface Route {
  readonly host: string
  readonly port: number
  /** TLS from the first byte. */
  readonly direct?: boolean
}

/** A SRV record, and what is spoken there. */
interface Place {
  readonly name: string
  readonly port: number
  readonly direct: boolean
}

export interface DomainResolverOptions {
  readonly dns: Dns
  readonly clock: Clock
  readonly random: Random
  /** By prepared domain, in place of DNS; `*` is for all that have none. */
  readonly routes?: Readonly<Record<string, Route>>
  /** Take addresses that are private, loopback, link-local or unspecified from DNS too; routes may always. */
  readonly allowPrivate?: boolean
  /** Ask for servers with TLS from the first byte, too (XEP-0368); default true. */
  readonly directTls?: boolean
  /** How long a failure is believed without asking again; default 10,000. */
  readonly negativeMs?: number
}

const negativeLimit = 1000
/** A stranger's zone must not make us look up thousands of names. */
const placesLimit = 20

export class DomainResolver implements Resolver {
  readonly #options: DomainResolverOptions
  readonly #failures = new Map<string, { readonly error: ResolveError; readonly until: number }>()

  constructor(options: DomainResolverOptions) {
    this.#options = options
  }

  async resolve(domain: string): Promise<readonly ServerTarget[]> {
    const { clock, negativeMs = 10_000 } = this.#options
    const failed = this.#failures.get(domain)
    if (failed !== undefined && failed.until > clock.monotonic()) throw failed.error
    this.#failures.delete(domain)
    try {
      return await this.#lookUp(domain)
    } catch (thrown) {
      const error =
        thrown instanceof ResolveError
          ? thrown
          : new ResolveError('temporary', `DNS gave no answer for ${domain}: ${why(thrown)}`)
      // Strangers choose the names: the oldest gives way.
      if (this.#failures.size >= negativeLimit) this.#failures.delete(this.#failures.keys().next().value ?? domain)
      this.#failures.set(domain, { error, until: clock.monotonic() + negativeMs })
      throw error
    }
  }

  async #lookUp(domain: string): Promise<ServerTarget[]> {
    const { routes = {} } = this.#options
    const route = Object.hasOwn(routes, domain) ? routes[domain] : routes['*']
    if (route !== undefined) {
      const { host: name, port, direct = false } = route
      const targets = await this.#addressesOf({ name, port, direct })
      if (targets.length === 0)
        throw new ResolveError('not-found', `the route of ${domain}, ${route.host}, has no address`)
      return targets
    }
    const literal = ipLiteral(domain)
    if (literal !== undefined) return this.#permitted(domain, [{ host: domain, address: literal, port: defaultPort }])
    return this.#permitted(domain, await this.#dnsTargets(domain))
  }

  async #dnsTargets(domain: string): Promise<ServerTarget[]> {
    const name = asciiDomain(domain)
    const [records, silence] = await this.#records(name)
    const usable = records.filter((record) => !isRoot(record.name))
    if (records.length > 0 && usable.length === 0)
      throw new ResolveError('not-found', `${domain} says in DNS that it has no XMPP server for others`)
    const ordered = inOrder(usable, this.#options.random)
    // RFC 6120 §3.2.1: the domain itself is asked for only where it has no SRV records.
    const places = ordered.length > 0 ? ordered : [{ name, port: defaultPort, direct: false }]
    const found = await Promise.allSettled(places.slice(0, placesLimit).map((place) => this.#addressesOf(place)))
    const targets = found.flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    if (targets.length > 0) return targets
    const unanswered = found.find((result) => result.status === 'rejected')?.reason ?? silence
    if (unanswered !== undefined) throw unanswered
    throw new ResolveError('not-found', `DNS knows no server for ${domain}`)
  }

  /** Of both kinds; and why there are none where DNS did not answer: then the domain's own address may still be known. */
  async #records(name: string): Promise<[readonly (SrvRecord & Place)[], unknown]> {
    const { dns, directTls = true } = this.#options
    const [direct, starttls] = await Promise.allSettled([
      directTls ? dns.srv(`_xmpps-server._tcp.${name}`) : [],
      dns.srv(`_xmpp-server._tcp.${name}`),
    ])
    const records = [
      ...(direct.status === 'fulfilled' ? direct.value.map((record) => ({ ...record, direct: true })) : []),
      ...(starttls.status === 'fulfilled' ? starttls.value.map((record) => ({ ...record, direct: false })) : []),
    ]
    return [records, starttls.status === 'rejected' ? starttls.reason : undefined]
  }

  async #addressesOf({ name, port, direct }: Place): Promise<ServerTarget[]> {
    const addresses = isIP(name) === 0 ? await this.#options.dns.addresses(name) : [name]
    return inTurns(addresses.map((address) => ({ host: name, address, port, ...(direct ? { direct } : {}) })))
  }

  #permitted(domain: string, targets: readonly ServerTarget[]): ServerTarget[] {
    const permitted = targets.filter(({ address }) => this.#options.allowPrivate === true || isPublicAddress(address))
    if (permitted.length > 0) return permitted
    const addresses = targets.map((target) => target.address).join(', ')
    throw new ResolveError(
      'refused',
      `${domain} points to ${addresses}, which is private or local; set s2s_allow_private_addresses = true, or a route in [s2s_routes], to connect all the same`,
    )
  }
}

const isRoot = (name: string): boolean => name === '' || name === '.'
const why = (thrown: unknown): string => (thrown as NodeJS.ErrnoException).code ?? String(thrown)

/**
 * RFC 2782: the lowest priority first; within one priority, drawn one after the other with a chance in proportion to the
 * weight, those of weight 0 placed first so that they have a small chance.
 */
export function inOrder<R extends SrvRecord>(records: readonly R[], random: Pick<Random, 'fraction'>): R[] {
  const ordered: R[] = []
  const priorities = [...new Set(records.map((record) => record.priority))].sort((a, b) => a - b)
  for (const priority of priorities) {
    const left = records.filter((record) => record.priority === priority).sort((a, b) => a.weight - b.weight)
    while (left.length > 0) {
      const total = left.reduce((sum, record) => sum + record.weight, 0)
      const drawn = Math.floor(random.fraction() * (total + 1))
      let running = 0
      let index = 0
      for (; index < left.length - 1; index++) {
        running += left[index]!.weight
        if (running >= drawn) break
      }
      ordered.push(...left.splice(index, 1))
    }
  }
  return ordered
}

/** What says "there is none", as opposed to "nobody answered". */
const absent = new Set(['ENOTFOUND', 'ENODATA', 'NOTFOUND', 'NODATA'])

export interface SystemDnsOptions {
  readonly clock?: Clock
  readonly timeoutMs?: number
}

/** The system's DNS, or `servers` (`address` or `address:port`). Names of the hosts file count where none are given. */
export class SystemDns implements Dns {
  readonly #resolver: NodeResolver
  readonly #hostsFile: boolean
  readonly #kept: { readonly six: AnswerCache<string>; readonly four: AnswerCache<string> } | undefined

  /** Without a clock nothing is kept. `timeoutMs` is for the first question; the second, and last, is given twice as long. */
  constructor(servers: readonly string[] = [], { clock, timeoutMs = 3000 }: SystemDnsOptions = {}) {
    this.#resolver = new NodeResolver({ timeout: timeoutMs, tries: 2 })
    if (servers.length > 0) this.#resolver.setServers([...servers])
    this.#hostsFile = servers.length === 0
    this.#kept = clock && { six: new AnswerCache(clock), four: new AnswerCache(clock) }
  }

  srv(name: string): Promise<readonly SrvRecord[]> {
    return orNone(this.#resolver.resolveSrv(name))
  }

  async addresses(host: string): Promise<readonly string[]> {
    if (this.#hostsFile) {
      const known = await fromHostsFile(host)
      if (known.length > 0) return known
      // The system's own search keeps one of four threads, which passwords are checked in too, for as long as a name server
      // is silent; so it is not for names that strangers choose.
      if (!host.includes('.'))
        return (await orNone(lookup(host, { all: true, verbatim: true }))).map(({ address }) => address)
    }
    const [six, four] = await Promise.allSettled([
      keeping(this.#kept?.six, host, () => orNone(this.#resolver.resolve6(host, { ttl: true }))),
      keeping(this.#kept?.four, host, () => orNone(this.#resolver.resolve4(host, { ttl: true }))),
    ])
    const known = [six, four].flatMap((result) => (result.status === 'fulfilled' ? result.value : []))
    if (known.length === 0) for (const result of [six, four]) if (result.status === 'rejected') throw result.reason
    return known
  }
}

async function keeping(
  cache: AnswerCache<string> | undefined,
  host: string,
  ask: () => Promise<readonly RecordWithTtl[]>,
): Promise<readonly string[]> {
  const asked = async (): Promise<Lasting<string>[]> =>
    (await ask()).map(({ address, ttl }) => ({ value: address, ttl }))
  return cache === undefined ? (await asked()).map(({ value }) => value) : cache.get(host, asked)
}

async function orNone<T>(answer: Promise<readonly T[]>): Promise<readonly T[]> {
  try {
    return await answer
  } catch (error) {
    if (absent.has(why(error))) return []
    throw error
  }
}
