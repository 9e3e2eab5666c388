/** One connection that another server made to us: its transport and its stream, tied to the pool and to the hosts. */
import { isForServersOnly } from '../net/peer-certificate.js'
import type { UpgradableTransport } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import { pairKey } from '../stream/dialback.js'
import { type Admission, IncomingServerStream } from '../stream/server-incoming.js'
import type { StreamEnd } from '../stream/stream.js'
import type { Timer } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import { TokenBucket } from '../util/token-bucket.js'
import type { Element } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import type { StreamError } from '../xmpp/stream-error.js'
import { attest, type PeerProof, type ProofKind } from './peer-proof.js'
import { describeTls, type LinkInfo } from './s2s-links.js'
import type { S2sDeps } from './s2s-options.js'
import { exclusion, needsCertificate, needsEncryption, proofOf, refusal } from './s2s-policy.js'
import type { S2sPool } from './s2s-pool.js'
import { Unsettled } from './unsettled.js'

export interface IncomingContext {
  readonly pool: S2sPool
  readonly deps: Pick<S2sDeps, 'gateway' | 'certificates' | 'clock' | 'random' | 'log'> & {
    /** More waits for the disk than should (Unsettled); default: never. */
    readonly lagging?: () => boolean
  }
  /** Bytes a second, and at once. */
  readonly rate: { readonly bytes: number; readonly burst: number } | undefined
  /** White space is sent after so long, so that a dead connection shows itself. */
  readonly keepAliveMs: number
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
  readonly #bucket: TokenBucket | undefined
  /** Why nothing is read now. */
  readonly #pauses = new Set<'rate' | 'unsettled'>()
  readonly #unsettled: Unsettled
  #bytes = 0
  #log: Logger
  #keepAlive: Timer

  constructor(transport: UpgradableTransport, context: IncomingContext) {
    const { deps, pool, rate } = context
    this.#context = context
    this.#transport = transport
    this.#unsettled = new Unsettled({
      lagging: context.deps.lagging ?? (() => false),
      hold: () => this.#pause('unsettled'),
      goOn: () => this.#resume('unsettled'),
    })
    this.remoteAddress = transport.remoteAddress
    const { remoteAddress } = transport
    this.#log = deps.log.child({ connection: pool.nameConnection(), direction: 'in', remoteAddress })
    this.#bucket = rate && new TokenBucket(deps.clock, rate.bytes, rate.burst)
    this.#stream = new IncomingServerStream(
      {
        limits: pool.settings.limits,
        timeouts: pool.settings.timeouts,
        clock: deps.clock,
        mintId: () => deps.random.token(),
        log: this.#log,
        keys: pool.keys,
        secure: transport.tls !== undefined,
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
    return [...this.#accepted.values()].map(({ info, stanzas }) => ({ ...info, stanzas, bytes: this.#bytes }))
  }

  close(): void {
    this.#stream.close()
  }

  fail(error: StreamError): void {
    this.#stream.fail(error)
  }

  destroy(): void {
    this.#transport.destroy()
  }

  #data(chunk: Uint8Array | string): void {
    this.#bytes += chunk.length
    this.#stream.receive(chunk)
    const { rate, deps } = this.#context
    if (rate === undefined || this.#bucket?.take(chunk.length) !== false) return
    // What is too much was read already; it is paid for by a pause.
    this.#pause('rate')
    deps.clock.after((chunk.length / rate.bytes) * 1000, () => this.#resume('rate'))
  }

  #pause(reason: 'rate' | 'unsettled'): void {
    this.#pauses.add(reason)
    this.#transport.pause()
  }

  #resume(reason: 'rate' | 'unsettled'): void {
    if (this.#pauses.delete(reason) && this.#pauses.size === 0) this.#transport.resume()
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
    const refused = refusal(policy, remote, this.#transport.tls)
    if (refused !== undefined && this.#shownKey(remote) === undefined) {
      const { reason, change } = refused
      this.#log.warn({ local, remote, reason }, `Refused ${remote}: ${reason}. To allow it: ${change}`)
      return { is: 'refused', error: new StanzaError('not-authorized', { text: reason }) }
    }
    // Where a certificate proves the domain, there is nothing left to ask.
    const by = proofOf(policy, remote, this.#transport.tls)
    return by === undefined ? { is: 'ask' } : { is: 'proved', by }
  }

  /** Of a certificate that its own server can prove, when we ask it. */
  #shownKey(remote: string): string | undefined {
    const { policy } = this.#context.pool.settings
    const { tls } = this.#transport
    const askable = needsCertificate(policy, remote) && exclusion(policy, remote) === undefined
    return askable && !policy.pins?.has(remote) && isForServersOnly(tls, remote) ? tls?.peer?.pin : undefined
  }

  #proof(remote: string): 'certificate' | 'pin' | undefined {
    const { policy } = this.#context.pool.settings
    const { tls } = this.#transport
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
    const { tls } = this.#transport
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
    }
    this.#accepted.set(pairKey(pair), { info, proof: { by, encrypted: info.encrypted }, stanzas: 0 })
    pool.heard(pair, true)
  }

  #receive(stanza: Element, pair: DomainPair, settled: () => void): void {
    this.#context.pool.heard(pair, false)
    const accepted = this.#accepted.get(pairKey(pair))
    if (accepted !== undefined) {
      accepted.stanzas++
      attest(stanza, accepted.proof)
    }
    const handled = this.#context.deps.gateway.receive(stanza)
    if (handled === undefined) return settled()
    this.#unsettled.add()
    handled
      .catch((error: unknown) => this.#log.error({ err: error }, 'A stanza of a server could not be dealt with'))
      .finally(() => {
        settled()
        this.#unsettled.settle()
      })
  }

  #beat(): Timer {
    return this.#context.deps.clock.after(this.#context.keepAliveMs, () => {
      this.#stream.keepAlive()
      this.#keepAlive = this.#beat()
    })
  }

  #ended(end: StreamEnd): void {
    this.#keepAlive.cancel()
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
