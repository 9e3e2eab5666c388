/** What the pool and the listener of s2s are given, and how long they wait. */

import type { Resolver } from '../net/resolver.js'
import type { ConnectOptions } from '../net/tcp.js'
import type { TlsContexts } from '../net/tls.js'
import type { UpgradableTransport } from '../net/transport.js'
import { type LeftOut, nothing } from '../stream/extension.js'
import { defaultTimeouts, type StreamLimits, type StreamTimeouts, serverLimits } from '../stream/limits.js'
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import type { ServerGateway } from './gateway.js'
import type { ByteRate } from './reading-pace.js'
import type { S2sPolicy } from './s2s-policy.js'
import type { QueueLimits } from './s2s-queue.js'
import { mostUnsettled } from './unsettled.js'

export interface S2sOptions {
  readonly policy: S2sPolicy
  /** Shared by all servers of the domains; made at random if left out. */
  readonly dialbackSecret?: string
  readonly limits?: StreamLimits
  readonly timeouts?: StreamTimeouts
  readonly waits?: Partial<S2sWaits>
  /** Per pair of domains. */
  readonly queue?: QueueLimits
  /** Characters written and not taken by the peer, above which stanzas are refused; default 8 Mi. */
  readonly backlog?: number
  /** Of what comes in on one connection; no limit if left out. */
  readonly rate?: ByteRate
  /** Stanzas of one connection that may wait for the disk or for others (Unsettled); default 1000. */
  readonly unsettled?: number
  /** Domains that a peer may claim on one stream; default 512. */
  readonly claims?: number
  /** Links in all: strangers and our own users choose the domains. What goes to a further one is returned; default 10,000. */
  readonly links?: number
  /** Bytes that wait for all other servers together; default 256 MiB. */
  readonly budget?: number
  /** One stream for both directions, with servers that can (XEP-0288); default false. */
  readonly bidi?: boolean
  /** What the operator wants none of; default: nothing. */
  readonly leftOut?: LeftOut
}

export interface S2sWaits {
  /** For one address to accept. */
  readonly connectMs: number
  /** `s2s_timeout`: from the first look into DNS to a stream that is ready, and again for each answer to dialback. */
  readonly establishMs: number
  /** The first wait after a failure; doubled each time up to `retryLimitMs`, and drawn from its upper half. */
  readonly retryMs: number
  readonly retryLimitMs: number
  /** A stream without stanzas is closed. */
  readonly idleMs: number
  /** A stream that nobody needs any more is kept for a moment: the answer often follows. */
  readonly lingerMs: number
  /** Silence from a domain that we are connected to, before it is pinged, and then before it counts as gone. */
  readonly pingMs: number
  readonly pongMs: number
}

export const defaultWaits: S2sWaits = {
  connectMs: 10_000,
  establishMs: 30_000,
  retryMs: 1_000,
  retryLimitMs: 60_000,
  idleMs: 600_000,
  lingerMs: 5_000,
  pingMs: 60_000,
  pongMs: 30_000,
}

export interface S2sDeps {
  readonly gateway: ServerGateway
  /** Without, no TLS can be offered. */
  readonly certificates: TlsContexts | undefined
  readonly resolver: Resolver
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  /** More waits for the disk than should: nothing is read from servers who wait for it; default: never. */
  readonly lagging?: () => boolean
  /** Counts by reason: a stream error that we sent, `slowed-down`, `unsettled`, `queue-full`, `too-slow`, `too-many-links`. */
  readonly refused?: (reason: string) => void
  /** Default: TCP. */
  readonly connect?: (options: ConnectOptions) => Promise<UpgradableTransport>
}

/** Options with every default filled in. */
export type S2sSettings = Required<Omit<S2sOptions, 'dialbackSecret' | 'waits' | 'rate' | 'leftOut'>> & {
  /** Domains may be proved by it (XEP-0220), ours and theirs. */
  readonly dialback: boolean
  /** Streams are counted (XEP-0198). */
  readonly management: boolean
  readonly waits: S2sWaits
  readonly rate: ByteRate | undefined
}

export const settingsOf = ({ leftOut = nothing, ...options }: S2sOptions): S2sSettings => ({
  policy: options.policy,
  limits: options.limits ?? serverLimits,
  timeouts: options.timeouts ?? defaultTimeouts,
  waits: { ...defaultWaits, ...options.waits },
  queue: options.queue ?? { stanzas: 5000, size: 8 * 1024 * 1024 },
  backlog: options.backlog ?? 8 * 1024 * 1024,
  rate: options.rate,
  bidi: options.bidi === true && !leftOut.has('s2s_bidi'),
  dialback: !leftOut.has('dialback'),
  management: !leftOut.has('smacks'),
  unsettled: options.unsettled ?? mostUnsettled,
  claims: options.claims ?? 512,
  links: options.links ?? 10_000,
  budget: options.budget ?? 256 * 1024 * 1024,
})
