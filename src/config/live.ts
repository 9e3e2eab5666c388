/** The configuration as it is now: a reload replaces it, and what asks through here follows at once. */
import type { HttpTimes } from '../net/http.js'
import type { Route } from '../net/resolver.js'
import type { BoshClientOptions, ClientOptions } from '../server/c2s.js'
import type { ComponentListenerOptions } from '../server/component-listener.js'
import type { ServerListenerOptions } from '../server/s2s-listener.js'
import type { S2sOptions } from '../server/s2s-options.js'
import type { S2sPolicy } from '../server/s2s-policy.js'
import type { HostOptions } from '../server/server.js'
import { clientLimits, defaultTimeouts, type StreamLimits, serverLimits } from '../stream/limits.js'
import type { Config } from './config.js'

export class LiveConfig {
  current: Config

  constructor(config: Config) {
    this.current = config
  }

  /** What the services of rooms want of a domain; they say so once they are there. */
  demands: NonNullable<S2sPolicy['demands']> = () => undefined

  get routes(): Readonly<Record<string, Route>> {
    return this.current.s2sRoutes
  }

  /** Its properties change with `current`. */
  readonly s2sPolicy: S2sPolicy = (() => {
    const current = (): Config => this.current
    return {
      get requireEncryption() {
        return current().global.s2s_require_encryption
      },
      get secureAuth() {
        return current().global.s2s_secure_auth
      },
      get insecureDomains() {
        return sets(current()).dialback
      },
      get secureDomains() {
        return sets(current()).certificate
      },
      get pins() {
        return sets(current()).pins
      },
      get allowed() {
        return sets(current()).allowed
      },
      get denied() {
        return sets(current()).denied
      },
      get encryptedDomains() {
        return sets(current()).encrypted
      },
      demands: (domain) => this.demands(domain),
    }
  })()
}

interface DomainSets {
  readonly dialback: ReadonlySet<string>
  readonly certificate: ReadonlySet<string>
  readonly pins: ReadonlyMap<string, string>
  readonly allowed: ReadonlySet<string>
  readonly denied: ReadonlySet<string>
  readonly encrypted: ReadonlySet<string>
}

/** Asked for with every stanza, so made once for each configuration. */
const made = new WeakMap<Config, DomainSets>()

function sets(config: Config): DomainSets {
  const known = made.get(config)
  if (known !== undefined) return known
  const { global, dmuc } = config
  // Peers of distributed rooms come first: what their section says is about them alone.
  const proofs = Object.entries({ ...global.s2s_auth, ...dmuc.auth })
  const those = (proof: string): string[] => proofs.flatMap(([domain, how]) => (how === proof ? [domain] : []))
  const fresh: DomainSets = {
    dialback: new Set([...global.s2s_insecure_domains, ...those('dialback')]),
    certificate: new Set([...global.s2s_secure_domains, ...those('certificate')]),
    pins: new Map(proofs.flatMap(([domain, how]) => (how.startsWith('pin:') ? [[domain, how.slice(4)]] : []))),
    allowed: new Set(global.s2s_allow),
    denied: new Set(global.s2s_deny),
    encrypted: new Set(dmuc.allow),
  }
  made.set(config, fresh)
  return fresh
}

export const hostsOf = ({ hosts }: Config): HostOptions[] =>
  hosts.map(({ domain, type, options, modules, moduleOptions }) => ({
    domain,
    type,
    ...(options.name === '' ? {} : { name: options.name }),
    modules,
    options: moduleOptions,
    admins: options.admins,
  }))

const xmlLimits = ({ limits }: Config) => ({ depth: limits.xml_depth, attributes: limits.xml_attributes })

const serverLimitsOf = (config: Config): StreamLimits => ({
  ...{ ...serverLimits, ...xmlLimits(config) },
  stanzaBytes: config.global.s2s_stanza_size_limit,
})

const clientLimitsOf = (config: Config): StreamLimits => ({
  ...{ ...clientLimits, ...xmlLimits(config) },
  stanzaBytes: config.global.c2s_stanza_size_limit,
  unauthenticated: { bytes: config.limits.c2s_login_bytes, elements: config.limits.c2s_login_elements },
})

export const clientOptionsOf = (config: Config, { global, limits, leftOut } = config): ClientOptions => ({
  requireEncryption: global.c2s_require_encryption,
  allowUnencryptedPlain: global.allow_unencrypted_plain_auth,
  limits: clientLimitsOf(config),
  timeouts: { ...defaultTimeouts, negotiationMs: global.c2s_timeout * 1000 },
  hardBacklog: limits.c2s_send_queue,
  management: {
    hibernationMs: global.smacks_hibernation_time * 1000,
    acknowledgementMs: global.smacks_max_ack_delay * 1000,
    unacknowledged: limits.c2s_unacknowledged,
  },
  addressRate: { rate: limits.c2s_connect_rate, burst: limits.c2s_connect_burst },
  rate: { bytes: limits.c2s_rate, burst: limits.c2s_burst },
  leftOut,
  loginAttempts: limits.c2s_login_attempts,
  unsettled: limits.unsettled_stanzas,
})

export const boshOptionsOf = (config: Config): BoshClientOptions => ({
  ...clientOptionsOf(config),
  bosh: { wait: config.global.bosh_max_wait, inactivity: config.global.bosh_max_inactivity, maxPause: 120 },
  polling: { rate: config.limits.bosh_poll_rate, burst: config.limits.bosh_poll_burst },
})

/** Requests of BOSH are held in silence. */
export const httpTimesOf = ({ global, limits }: Config): HttpTimes => ({
  header: limits.http_header_timeout * 1000,
  request: limits.http_request_timeout * 1000,
  idle: Math.max(limits.http_idle_timeout, global.bosh_max_wait + 15) * 1000,
})

/** Paths of the HTTP server, as in Prosody; undefined for what is left out. */
export const httpPathsOf = ({ leftOut }: Config) => ({
  websocket: leftOut.has('websocket') ? undefined : '/xmpp-websocket',
  bosh: leftOut.has('bosh') ? undefined : '/http-bind',
})
export const metricsPath = '/metrics'

export const poolOptionsOf = (config: Config, { global, limits, leftOut } = config): Omit<S2sOptions, 'policy'> => ({
  limits: serverLimitsOf(config),
  waits: {
    establishMs: global.s2s_timeout * 1000,
    pingMs: global.s2s_ping_interval * 1000,
    pongMs: global.s2s_ping_timeout * 1000,
  },
  queue: { stanzas: limits.s2s_send_queue_stanzas, size: limits.s2s_send_queue },
  rate: { bytes: limits.s2s_rate, burst: limits.s2s_burst },
  ...{ unsettled: limits.unsettled_stanzas, claims: limits.s2s_domains, links: limits.s2s_links },
  budget: limits.s2s_send_queues,
  bidi: global.s2s_bidi,
  leftOut,
})

export const serverListenerOptionsOf = ({ limits }: Config): Omit<ServerListenerOptions, 'endpoints'> => ({
  perAddress: { open: limits.s2s_connections, strangers: limits.s2s_unverified_connections },
  unverifiedMs: limits.s2s_unverified_timeout * 1000,
})

export const componentListenerOptionsOf = (
  config: Config,
  { global, limits } = config,
): Omit<ComponentListenerOptions, 'host' | 'port'> => ({
  limits: serverLimitsOf(config),
  unsettled: limits.unsettled_stanzas,
  hardBacklog: limits.component_send_queue,
  strangers: limits.component_unverified_connections,
  timeouts: { ...defaultTimeouts, negotiationMs: global.c2s_timeout * 1000 },
  addressRate: { rate: limits.c2s_connect_rate, burst: limits.c2s_connect_burst },
})

/** What the web page is told: its domain is the first virtual host. */
export const pageSettingsOf = (config: Config) => ({
  domain: config.hosts.find(({ type }) => type === 'user')?.domain ?? '',
  ...httpPathsOf(config),
  room: config.firstStart?.room || undefined,
  rooms: config.hosts.find(({ type }) => type === 'muc')?.domain,
})
