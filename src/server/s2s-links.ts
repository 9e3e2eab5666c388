/** What an operator sees of the connections to other servers, and what the rest of the server hears of them. */
import type { TlsInfo } from '../net/transport.js'
import type { ProofKind } from './peer-proof.js'
import type { ServerLink } from './s2s-link.js'
import { proofOf, type S2sPolicy } from './s2s-policy.js'

/** A certificate that a peer showed. */
export interface ShownCertificate {
  /** Milliseconds since the epoch. */
  readonly validTo: number
  /** Is its chain good, at this time? Why not. */
  readonly trusted: boolean
  readonly reason: string | undefined
  /** SHA-256 of its public key, as `s2s_auth` takes it. */
  readonly pin: string
}

export interface LinkTls {
  readonly protocol: string
  readonly cipher: string
  readonly certificate: ShownCertificate | undefined
}

export interface LinkInfo {
  readonly local: string
  readonly remote: string
  readonly direction: 'in' | 'out'
  readonly state: 'idle' | 'connecting' | 'authorizing' | 'up' | 'waiting' | 'closed'
  readonly encrypted: boolean
  /** How the peer proved its domain to us (`in`) or will take stanzas from ours (`out`). */
  readonly authenticated: ProofKind | undefined
  /** How we proved ours (`out`): SASL EXTERNAL or dialback. */
  readonly shown: 'dialback' | 'certificate' | undefined
  readonly tls: LinkTls | undefined
  readonly remoteAddress: string | undefined
  readonly streamId: string | undefined
  /** Stanzas that wait for the link. */
  readonly queue: number
  /** Over the link as long as it is known. */
  readonly stanzas: number
  /** Characters of these stanzas (`out`), bytes of the whole stream (`in`). */
  readonly bytes: number
  readonly lastError: string | undefined
  /** What to change here, where we were the ones who refused. */
  readonly remedy?: string | undefined
  /** When it is tried again, milliseconds since the epoch: while `waiting` only. */
  readonly retryAt: number | undefined
  /** When the state began, milliseconds since the epoch. */
  readonly since: number
  /** Stanzas go both ways on its stream (XEP-0288). */
  readonly bidirectional: boolean
}

/** The streams that others opened. */
export interface IncomingLinks {
  links(): readonly LinkInfo[]
  /** Closes those on which the domain was verified; returns how many. */
  disconnect(remote: string): number
}

/** Each is called outside of the call that caused it, so it may send. */
export interface LinkWatcher {
  /** Stanzas flow from `local` to `remote`. */
  up?(remote: string, local: string): void
  /** They do no longer, or an attempt failed. Not called when a link is closed because nothing was sent for long. */
  down?(remote: string, local: string, reason: string): void
  /** The peer opened its own way to us, so it is there. */
  heard?(remote: string, local: string): void
}

/** What somebody who looks after a peer of his own accord tells of the way to it. */
export interface WayToPeers {
  /** What is sent to it next does not wait as long as after a failure. Callers space out their attempts themselves. */
  hurry(remote: string): void
  /** It does not answer: streams to it on which it has been silent for so long are given up, since nothing may come of them any more. */
  suspect(remote: string, silentMs: number): void
}

/** A link of ours, as it is now. */
export function describeLink(link: ServerLink, policy: S2sPolicy): LinkInfo {
  const { connection, pair } = link
  const tls = connection?.tls
  const up = link.state === 'up'
  return {
    ...pair,
    direction: 'out',
    state: link.state,
    encrypted: tls !== undefined,
    authenticated: up ? (proofOf(policy, pair.remote, tls) ?? 'dialback') : undefined,
    shown: up ? connection?.shown(pair) : undefined,
    tls: describeTls(tls),
    remoteAddress: connection?.remoteAddress,
    streamId: connection?.streamId,
    queue: link.queued,
    ...link.written,
    lastError: link.lastError,
    remedy: link.remedy,
    retryAt: link.retryAt,
    since: link.since,
    bidirectional: connection?.bidi ?? false,
  }
}

export function describeTls(tls: TlsInfo | undefined): LinkTls | undefined {
  if (tls === undefined) return undefined
  const { protocol, cipher, peer } = tls
  const certificate = peer && {
    validTo: Date.parse(peer.validTo),
    trusted: peer.trusted,
    reason: peer.reason,
    pin: peer.pin,
  }
  return { protocol, cipher, certificate }
}
