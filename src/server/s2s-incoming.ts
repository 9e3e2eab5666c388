/** One connection that another server made to us: its transport and its stream, tied to the pool and to the hosts. */
import { asOf, isForServersOnly } from '../net/peer-certificate.js'
import type { TlsInfo, UpgradableTransport } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import { pairKey } from '../stream/dialback.js'
import type { Admission } from '../stream/domain-claims.js'
import { IncomingServerStream } from '../stream/server-incoming.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Timer } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { StreamError } from '../xmpp/stream-error.js'
import type { PeerProof, ProofKind } from './peer-proof.js'
import { certificateExpired, watchExpiry } from './proof-expiry.js'
import { streamFailure } from './s2s-failure.js'
import { Intake } from './s2s-intake.js'
import { describeTls, type LinkInfo } from './s2s-links.js'
import type { S2sDeps } from './s2s-options.js'
import { exclusion, needsCertificate, needsEncryption, proofOf, refusal } from './s2s-policy.js'
import type { S2sPool } from './s2s-pool.js'
import { ReturnPath } from './s2s-return.js'

export interface IncomingContext {
  readonly pool: S2sPool
  readonly deps: Pick<S2sDeps, 'gateway' | 'certificates' | 'clock' | 'random' | 'log' | 'lagging' | 'refused'>
  /** White space is sent after so long, so that a dead connection shows itself. */
  readonly keepAliveMs: number
  /** How long it may be open without a domain that was verified. */
  readonly unverifiedMs: number
  /** The first domain was verified. */
  authenticated(connection: IncomingConnection): void
  ended(connection: IncomingConnection): void
}

/** A pair of domains that was verified. */
interface Accepted {
  readonly info: LinkInfo
  readonly proof: PeerProof
  stanzas: number
}

export class IncomingConnection {
  readonly remoteAddress: string
  readonly #context: IncomingContext
  readonly #transport: UpgradableTransport
  readonly #stream: IncomingServerStream
  readonly #accepted = new Map<string, Accepted>()
  readonly #intake: Intake
  /** The peer takes stanzas here (XEP-0288). */
  #bidi = false
  #return: ReturnPath | undefined
  #log: Logger
  #keepAlive: Timer
  /** Of the certificate that proved the first domain that one did. */
  #expiry: Timer | undefined

  constructor(transport: UpgradableTransport, context: IncomingContext) {
    const { deps, pool } = context
    this.#context = context
    this.#transport = transport
    this.remoteAddress = transport.remoteAddress
    const { remoteAddress } = transport
    this.#log = deps.log.child({ connection: pool.nameConnection(), direction: 'in', remoteAddress })
    this.#intake = new Intake(transport, {
      ...{ gateway: deps.gateway, clock: deps.clock, log: this.#log },
      ...{ rate: pool.settings.rate, unsettled: pool.settings.unsettled },
      refused: (reason) => deps.refused?.(reason),
      lagging: deps.lagging ?? (() => false),
      heard: (pair) => pool.heard(pair, false),
    })
    this.#stream = new IncomingServerStream(
      {
        limits: pool.settings.limits,
        timeouts: { ...pool.settings.timeouts, negotiationMs: context.unverifiedMs },
        clock: deps.clock,
        mintId: () => deps.random.token(),
        log: this.#log,
        keys: pool.keys,
        secure: transport.tls !== undefined,
        bidi: pool.settings.bidi,
        management: pool.settings.management,
        dialback: pool.settings.dialback,
        claims: pool.settings.claims,
        hasHost: (domain) => deps.gateway.hasHost(domain),
        startTls: (host) => this.#offer(host),
        admit: (pair) => this.#admit(pair),
        proof: (remote) => this.#proof(remote),
      },
      {
        output: (text) => transport.write(text),
        upgrade: () => this.#upgrade(),
        verify: (pair, streamId, key) => this.#verify(pair, streamId, key),
        accepted: (pair, by) => this.#accept(pair, by),
        stanza: (stanza, pair, settled) => this.#receive(stanza, pair, settled),
        bidirectional: () => {
          this.#bidi = true
          this.#openReturn()
        },
        acknowledged: (count) => this.#return?.acknowledged(count),
        ended: (end) => this.#ended(end),
      },
    )
    transport.handler = {
      data: (chunk) => this.#data(chunk),
      closed: (error) => this.#stream.transportClosed(error),
    }
    this.#keepAlive = this.#beat()
  }

  /** One for each pair that was verified; one without a local domain while there is none. */
  links(): LinkInfo[] {
    return [...this.#accepted.values()].map(({ info, stanzas }) => ({
      ...info,
      stanzas,
      bytes: this.#intake.bytes,
      bidirectional: this.#bidi,
    }))
  }

  /** In order, the way back included. */
  close(reason?: StreamError): void {
    if (this.#return?.state === 'ready') this.#return.close(reason)
    else this.#stream.close(reason)
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  destroy(): void {
    this.#transport.destroy()
  }

  get #tls(): TlsInfo | undefined {
    return asOf(this.#context.deps.clock.now(), this.#transport.tls)
  }

  #data(chunk: Uint8Array | string): void {
    this.#stream.receive(chunk)
    this.#intake.read(chunk.length)
  }

  #offer(host: string | undefined): 'none' | 'optional' | 'required' {
    const { deps, pool } = this.#context
    const { policy } = pool.settings
    const required = needsEncryption(policy, this.#stream.claimed ?? '')
    if (required) return 'required'
    return deps.certificates?.contextFor(host) === undefined ? 'none' : 'optional'
  }

  #upgrade(): void {
    this.#transport.startTls({ server: true }).then(
      () => this.#stream.secured(),
      (error: Error) => {
        this.#log.info({ reason: error.message }, 'A TLS handshake failed')
        this.#stream.transportClosed(error)
        this.#transport.destroy()
      },
    )
  }

  #admit({ local, remote }: DomainPair): Admission {
    const { policy } = this.#context.pool.settings
    const refused = refusal(policy, remote, this.#tls)
    if (refused !== undefined && this.#shownKey(remote) === undefined) {
      const { reason, change } = refused
      this.#log.warn({ local, remote, reason }, `Refused ${remote}: ${reason}. To allow it: ${change}`)
      return { is: 'refused', error: new StanzaError('not-authorized', { text: reason }) }
    }
    // Where a certificate proves the domain, there is nothing left to ask.
    const by = proofOf(policy, remote, this.#tls)
    return by === undefined ? { is: 'ask' } : { is: 'proved', by }
  }

  /** Of a certificate that its own server can prove, when we ask it. */
  #shownKey(remote: string): string | undefined {
    const { policy } = this.#context.pool.settings
    const tls = this.#tls
    const askable = needsCertificate(policy, remote) && exclusion(policy, remote) === undefined
    return askable && !policy.pins?.has(remote) && isForServersOnly(tls, remote) ? tls?.peer?.pin : undefined
  }

  #proof(remote: string): 'certificate' | 'pin' | undefined {
    const { policy } = this.#context.pool.settings
    const tls = this.#tls
    return refusal(policy, remote, tls) === undefined ? proofOf(policy, remote, tls) : undefined
  }

  #verify(pair: DomainPair, streamId: string, key: string): void {
    const shownKey = this.#shownKey(pair.remote)
    this.#context.pool.verify({ pair, streamId, key, shownKey }).then(
      (answer) => {
        if (answer.is === 'error')
          this.#log.warn({ ...pair, streamId, reason: answer.error.message }, `Could not verify ${pair.remote}`)
        this.#stream.verified(pair, streamId, answer, shownKey === undefined ? 'dialback' : 'certificate')
      },
      (error: unknown) => this.#log.error({ err: error }, 'A dialback key could not be verified'),
    )
  }

  #accept(pair: DomainPair, by: ProofKind): void {
    const { deps, pool } = this.#context
    const streamId = this.#stream.id
    const tls = this.#tls
    if (by === 'certificate') this.#watchProof(pair)
    this.#log.info({ ...pair, streamId, by, protocol: tls?.protocol }, 'Accepted a server')
    if (this.#accepted.size === 0) this.#context.authenticated(this)
    const info: LinkInfo = {
      ...pair,
      direction: 'in',
      state: 'up',
      encrypted: tls !== undefined,
      authenticated: by,
      shown: undefined,
      tls: describeTls(tls),
      remoteAddress: this.remoteAddress,
      streamId,
      queue: 0,
      stanzas: 0,
      bytes: 0,
      lastError: undefined,
      retryAt: undefined,
      since: deps.clock.now(),
      bidirectional: this.#bidi,
    }
    this.#accepted.set(pairKey(pair), { info, proof: { by, encrypted: info.encrypted }, stanzas: 0 })
    this.#openReturn()
    pool.heard(pair, true)
  }

  #watchProof({ remote }: DomainPair): void {
    const { deps } = this.#context
    const { peer } = this.#transport.tls ?? {}
    if (peer === undefined) return
    this.#expiry ??= watchExpiry(deps.clock, peer.validUntil, () => {
      this.#log.info({ remote }, `The certificate of ${remote} has expired: it has to come anew, with another`)
      deps.refused?.('reset')
      this.close(certificateExpired())
    })
  }

  #receive(stanza: Element, pair: DomainPair, settled: () => void): void {
    const accepted = this.#accepted.get(pairKey(pair))
    if (accepted === undefined) return settled()
    accepted.stanzas++
    this.#intake.receive(stanza, pair, accepted.proof, settled)
  }

  /** XEP-0288: the peer takes stanzas here, to each of its domains from when it is accepted. */
  #openReturn(): void {
    const [first] = this.#accepted.values()
    if (!this.#bidi || first === undefined) return
    const { pool } = this.#context
    this.#return ??= new ReturnPath(first.info, {
      ...{ transport: this.#transport, stream: this.#stream, backlog: pool.settings.backlog, budget: pool.budget },
      tooSlow: () => this.#context.deps.refused?.('too-slow'),
      unacknowledged: (waiting, failure) => pool.sendAgain(waiting, failure),
      over: (back) => pool.withdrawReturn(back),
    })
    for (const { info } of this.#accepted.values()) pool.offerReturn(info, this.#return)
  }

  #beat(): Timer {
    return this.#context.deps.clock.after(this.#context.keepAliveMs, () => {
      this.#stream.keepAlive()
      this.#keepAlive = this.#beat()
    })
  }

  #ended(end: StreamEnd): void {
    this.#keepAlive.cancel()
    this.#expiry?.cancel()
    this.#return?.ended(streamFailure(end), end.is === 'closed' && end.unanswered !== true)
    if (end.is === 'error' && end.by === 'us') this.#context.deps.refused?.(end.error.condition)
    if (end.is === 'error')
      this.#log.info(
        { by: end.by, claimed: this.#stream.claimed, reason: end.error.message },
        'A stream ended with an error',
      )
    else this.#log.debug({ end: end.is }, 'A stream ended')
    if (end.is !== 'lost') this.#transport.end()
    this.#context.ended(this)
  }
}
