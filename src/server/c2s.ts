/**
 * Listening for clients: over TCP with STARTTLS, over TLS from the first byte (XEP-0368), over WebSocket (RFC 7395), over BOSH
 * (XEP-0206).
 */
import { isLoopback } from '../net/address.js'
import { type AddressCount, AddressLimit, type AddressRate } from '../net/address-limit.js'
import { Bosh } from '../net/bosh.js'
import type { BoshTimes } from '../net/bosh-session.js'
import type { HttpHandler, HttpServer } from '../net/http.js'
import { listenTcp } from '../net/tcp-listener.js'
import type { TlsContexts } from '../net/tls.js'
import type { Transport, UpgradableTransport } from '../net/transport.js'
import { acceptWebSockets } from '../net/websocket.js'
import { mechanisms as knownMechanisms } from '../sasl/mechanisms.js'
import type { LeftOut } from '../stream/extension.js'
import { clientLimits, defaultTimeouts, type StreamLimits, type StreamTimeouts } from '../stream/limits.js'
import type { Clock } from '../util/clock.js'
import type { Closeable } from '../util/lifecycle.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import { ClientConnection, type ConnectionParts } from './c2s-connection.js'
import type { ClientCertificates } from './client-certificates.js'
import type { ClientOutbox, ManagementLimits } from './client-outbox.js'
import type { FastTokens } from './fast-tokens.js'
import type { ClientGateway } from './gateway.js'
import type { ByteRate } from './reading-pace.js'
import { Resumptions } from './resumptions.js'
import { SendBudget } from './send-budget.js'
import { mostUnsettled } from './unsettled.js'

export interface ClientOptions {
  /** `c2s_require_encryption`: nobody logs in without TLS, but for WebSocket on loopback (see c2s-connection.ts). */
  readonly requireEncryption: boolean
  /** `allow_unencrypted_plain_auth`: PLAIN without TLS, on loopback only; of use where encryption is not required. */
  readonly allowUnencryptedPlain?: boolean
  /** Names of SASL mechanisms to offer; all that we know where undefined. */
  readonly mechanisms?: readonly string[]
  /** Certificates that clients may log in with. */
  readonly certificates?: ClientCertificates
  readonly limits?: StreamLimits
  readonly timeouts?: StreamTimeouts
  /** Bytes queued for a client above which nothing is read from it; default 128 KiB. */
  readonly softBacklog?: number
  /** Bytes queued for a client above which it is closed; default 4 MiB. */
  readonly hardBacklog?: number
  /** XEP-0198; default 10 minutes, 30 seconds, 8 MiB. */
  readonly management?: ManagementLimits
  /** Bytes that one client may send a second, and at once; more is not read until later. Default: any number. */
  readonly rate?: ByteRate
  /** Logins that may fail on one connection; default 5. */
  readonly loginAttempts?: number
  /** Stanzas of one client that may wait for the disk or for others; default 1000. */
  readonly unsettled?: number
  /** Connections from one address, loopback excepted; default 10 a second, 100 at once. */
  readonly addressRate?: AddressRate
  /** What the operator wants none of; default: nothing. */
  readonly leftOut?: LeftOut
}

export interface TcpClientOptions extends ClientOptions {
  readonly host: string
  readonly port: number
  /** Named in the error when the port cannot be had. */
  readonly option?: string
  /** TLS from the first byte instead of STARTTLS. */
  readonly directTls?: boolean
}

export interface WebSocketClientOptions extends ClientOptions {
  /** See WebSocketOptions in net/websocket.ts. */
  readonly path?: string
  readonly origins?: readonly string[]
  readonly trustedProxies?: readonly string[]
  readonly pingMs?: number
  readonly maxFragments?: number
}

export interface BoshClientOptions extends ClientOptions {
  /** Default 60 seconds, 60, and 120 for a pause. */
  readonly bosh?: BoshTimes
  /** Requests without content, a second and at once; default 5, 60. */
  readonly polling?: AddressRate
  readonly trustedProxies?: readonly string[]
}

export interface ClientDependencies {
  readonly gateway: ClientGateway
  /** Domains as A-labels. */
  readonly certificates: TlsContexts & { has(domain: string): boolean }
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** See sasl/mechanism.ts: a secret that stays the same over restarts, and the iteration count of new keys. */
  readonly secret: Buffer
  readonly iterations: number
  /** Of clients that log in without a password (XEP-0484); none by default. */
  readonly tokens?: FastTokens | undefined
  /** What waits for all clients of the process together; default 64 MiB for each listener. */
  readonly budget?: SendBudget
  /** Open connections by address, loopback excepted, shared by all listeners; default: any number. */
  readonly perAddress?: AddressCount
  /** TLS handshakes under way from the first byte, by address, before there is a stream; default: any number. */
  readonly handshakes?: Pick<AddressCount, 'add' | 'remove'>
  /** Logins that failed, by address, loopback excepted, shared by all listeners; default: any number. */
  readonly failures?: AddressLimit
  /** Shared by all listeners, so that a stream may be resumed through any of them; by default each has its own. */
  readonly resumptions?: Resumptions<ClientOutbox>
  /** More waits for the disk than should: nothing is read from clients who wait for it (Unsettled); default: never. */
  readonly lagging?: () => boolean
  /** Counts by reason: a stream error that we sent, or `rate-limit`, or `tls-handshake`. */
  readonly refused?: (reason: string) => void
}

export interface ClientConnections extends Closeable {
  /** Open connections, bound or not. */
  readonly size: number
  /** Accepts no more; `stop` and `drain` in one. May be called again. */
  close(deadlineMs?: number): Promise<void>
}

export interface ClientListener extends ClientConnections {
  readonly host: string
  readonly port: number
}

/** Rejects with a message that names port and option when the address cannot be had. */
export async function startClientListener(
  options: TcpClientOptions,
  dependencies: ClientDependencies,
): Promise<ClientListener> {
  const { host, port, option, directTls = false, softBacklog } = options
  const { certificates, clock } = dependencies
  const clients = new Clients(options, dependencies)
  const listener = await listenTcp(
    {
      ...{ host, port, directTls, clock },
      handshakeMs: Math.min(longestHandshakeMs, (options.timeouts ?? defaultTimeouts).negotiationMs),
      tls: { contexts: certificates, alpn: ['xmpp-client'], requestCertificate: options.certificates?.wanted ?? false },
      admit: (address) => clients.admit(address) && (!directTls || clients.beginsTls(address)),
      onRefused: (address, error) => {
        dependencies.handshakes?.remove(address)
        clients.refused('tls-handshake', address, error)
      },
      ...(option === undefined ? {} : { option }),
      ...(softBacklog === undefined ? {} : { softBacklog }),
    },
    (transport) => {
      const { remoteAddress } = transport
      if (directTls) dependencies.handshakes?.remove(remoteAddress)
      clients.add(transport, isLoopback(remoteAddress), directTls ? undefined : transport)
    },
  )
  return clients.listener(listener, { host, port: listener.port })
}

/** On the path of an HTTP server, which stays its owner's; nowhere where WebSocket is left out. */
export function startWebSocketListener(
  options: WebSocketClientOptions,
  http: HttpServer,
  dependencies: ClientDependencies,
): ClientListener {
  const { path, origins, trustedProxies, pingMs, maxFragments, softBacklog, limits = clientLimits } = options
  const clients = new Clients(options, dependencies)
  const place = { host: http.host, port: http.port }
  if (options.leftOut?.has('websocket') === true) return clients.listener({ close: () => {} }, place)
  const accepting = acceptWebSockets(
    http,
    {
      clock: dependencies.clock,
      admit: (address) => clients.admit(address),
      // Room for our own answer to a stanza that is only somewhat too long.
      maxPayload: 2 * limits.stanzaBytes,
      ...(path === undefined ? {} : { path }),
      ...(origins === undefined ? {} : { origins }),
      ...(trustedProxies === undefined ? {} : { trustedProxies }),
      ...(pingMs === undefined ? {} : { pingMs }),
      ...(maxFragments === undefined ? {} : { maxFragments }),
      // Frames take some bytes themselves; the stream counts what is in them.
      strangerBytes: 2 * limits.unauthenticated.bytes,
      tooManyFragments: () => dependencies.refused?.('websocket-fragments'),
      ...(softBacklog === undefined ? {} : { softBacklog }),
    },
    (transport) => clients.add(transport, transport.loopback, undefined),
  )
  return clients.listener(accepting, place)
}

const defaultBoshTimes: BoshTimes = { wait: 60, inactivity: 60, maxPause: 120 }

/** `handler` is for a path of HTTP servers, several of which may share the sessions; undefined where BOSH is left out. */
export function startBoshListener(
  options: BoshClientOptions,
  dependencies: ClientDependencies,
): { readonly handler: HttpHandler | undefined; readonly connections: ClientConnections } {
  const { bosh: times = defaultBoshTimes, polling, trustedProxies, limits = clientLimits } = options
  const clients = new Clients(options, dependencies)
  const bosh = new Bosh(
    {
      ...{ times, limits, strangerBytes: 2 * limits.unauthenticated.bytes },
      ...(polling !== undefined && { polling }),
      ...(trustedProxies === undefined ? {} : { trustedProxies }),
    },
    {
      clock: dependencies.clock,
      random: dependencies.random,
      admit: (address) => clients.admit(address),
      accept: (session) => clients.add(session, session.loopback, undefined),
      pollsTooFast: () => dependencies.refused?.('polling'),
    },
  )
  return {
    handler: options.leftOut?.has('bosh') === true ? undefined : bosh.handler,
    connections: clients.listener(bosh, {}),
  }
}

const longestHandshakeMs = 30_000

const defaultManagement: ManagementLimits = {
  hibernationMs: 600_000,
  acknowledgementMs: 30_000,
  unacknowledged: 8 * 1024 * 1024,
}

/** The connections of one listener. */
class Clients {
  readonly #parts: ConnectionParts
  readonly #dependencies: ClientDependencies
  readonly #limit: AddressLimit
  readonly #open = new Set<ClientConnection>()
  #closing: Promise<void> | undefined
  #emptied: (() => void) | undefined

  constructor(options: ClientOptions, dependencies: ClientDependencies) {
    const { gateway, certificates, clock, random, log, secret, iterations } = dependencies
    this.#dependencies = dependencies
    this.#limit = new AddressLimit(clock, options.addressRate ?? { rate: 10, burst: 100 })
    this.#parts = {
      gateway,
      stream: {
        encryptionRequired: options.requireEncryption,
        mechanisms: knownMechanisms.filter(({ name }) => options.mechanisms?.includes(name) ?? true),
        secret,
        iterations,
        limits: options.limits ?? clientLimits,
        timeouts: options.timeouts ?? defaultTimeouts,
        ...(options.loginAttempts !== undefined && { attempts: options.loginAttempts }),
        clock,
        random,
        leftOut: options.leftOut,
      },
      hasCertificate: (domain) => certificates.has(domain),
      allowUnencryptedPlain: options.allowUnencryptedPlain ?? false,
      certificates: options.certificates,
      tokens: dependencies.tokens,
      hardBacklog: options.hardBacklog ?? 4 * 1024 * 1024,
      budget: dependencies.budget ?? new SendBudget(clock, 64 * 1024 * 1024),
      rate: options.rate,
      unsettled: options.unsettled ?? mostUnsettled,
      management: options.management ?? defaultManagement,
      resumptions: dependencies.resumptions ?? new Resumptions(random),
      clock,
      log,
      lagging: dependencies.lagging ?? (() => false),
      refused: (condition) => dependencies.refused?.(condition),
      loginFailed: (address) => {
        if (!isLoopback(address)) dependencies.failures?.admit(address)
      },
      closed: (connection) => {
        const counted = this.#open.delete(connection) && !isLoopback(connection.remoteAddress)
        if (counted) dependencies.perAddress?.remove(connection.remoteAddress)
        if (this.#open.size === 0) this.#emptied?.()
      },
    }
  }

  admit(address: string): boolean {
    if (isLoopback(address) || this.#limit.admit(address)) return true
    this.#dependencies.refused?.('rate-limit')
    this.#dependencies.log.debug({ address }, 'too many connections from one address')
    return false
  }

  /** Counts a handshake; false where it is one too many of its address. */
  beginsTls(address: string): boolean {
    const { handshakes, refused, log } = this.#dependencies
    if (handshakes?.add(address) !== false) return true
    refused?.('too-many-connections')
    log.debug({ address }, 'too many TLS handshakes from one address')
    return false
  }

  refused(reason: string, address: string, error: Error): void {
    this.#dependencies.refused?.(reason)
    this.#dependencies.log.debug({ address, err: error }, 'a connection was refused')
  }

  add(transport: Transport, loopback: boolean, upgradable: UpgradableTransport | undefined): void {
    if (this.#closing !== undefined) {
      transport.destroy()
      return
    }
    const refusal = this.#refusalOf(transport.remoteAddress)
    const connection = new ClientConnection(this.#parts, transport, loopback, upgradable)
    if (refusal === undefined) this.#open.add(connection)
    else connection.close('policy-violation', refusal)
  }

  /** Why this address has no place for one more connection; otherwise it is counted. */
  #refusalOf(address: string): string | undefined {
    const { perAddress, failures, refused, log } = this.#dependencies
    if (isLoopback(address)) return undefined
    const reason = failures?.isSpent(address)
      ? 'too-many-failures'
      : perAddress?.add(address) === false
        ? 'too-many-connections'
        : undefined
    if (reason === undefined) return undefined
    refused?.(reason)
    log.debug({ address, reason }, 'a connection was refused')
    return reason === 'too-many-failures'
      ? 'Too many logins from your address have failed; wait for a minute'
      : 'Too many connections from your address'
  }

  listener<Place extends object>(accepting: Closeable, place: Place): ClientConnections & Place {
    const open = this.#open
    return {
      ...place,
      get size() {
        return open.size
      },
      close: (deadlineMs = 5000) => {
        this.#closing ??= this.#close(accepting, deadlineMs)
        return this.#closing
      },
    }
  }

  async #close(accepting: Closeable, deadlineMs: number): Promise<void> {
    const accepted = accepting.close()
    if (this.#open.size > 0) {
      const emptied = new Promise<void>((resolve) => {
        this.#emptied = resolve
      })
      const timer = this.#dependencies.clock.after(deadlineMs, () => {
        for (const connection of this.#open) connection.destroy()
      })
      for (const connection of [...this.#open]) connection.close('system-shutdown')
      await emptied
      timer.cancel()
    }
    await accepted
  }
}
