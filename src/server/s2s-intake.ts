/**
 * What another server sends on one connection, whoever made that: read no faster than the rate allows and than the disk can take, and
 * handed to the hosts with the proof of its domain.
 */
import type { UpgradableTransport } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import { TokenBucket } from '../util/token-bucket.js'
import type { Element } from '../xml/element.js'
import type { ServerGateway } from './gateway.js'
import { attest, type PeerProof } from './peer-proof.js'
import { Unsettled } from './unsettled.js'

/** Bytes a second, and at once. */
export interface ByteRate {
  readonly bytes: number
  readonly burst: number
}

export interface IntakeParts {
  readonly gateway: ServerGateway
  readonly clock: Clock
  readonly log: Logger
  readonly rate: ByteRate | undefined
  /** Stanzas that may wait for the disk or for others (Unsettled). */
  readonly unsettled: number
  /** More waits for the disk than should (Unsettled). */
  readonly lagging: () => boolean
  /** Nothing is read for a while: `slowed-down` or `unsettled`. */
  readonly refused: (reason: string) => void
  /** Something came of that pair. */
  heard(pair: DomainPair): void
}

export class Intake {
  readonly #parts: IntakeParts
  readonly #transport: UpgradableTransport
  readonly #bucket: TokenBucket | undefined
  /** Why nothing is read now. */
  readonly #pauses = new Set<'rate' | 'unsettled'>()
  readonly #unsettled: Unsettled
  #bytes = 0

  constructor(transport: UpgradableTransport, parts: IntakeParts) {
    const { rate, clock, lagging, unsettled, refused } = parts
    this.#parts = parts
    this.#transport = transport
    this.#bucket = rate && new TokenBucket(clock, rate.bytes, rate.burst)
    this.#unsettled = new Unsettled({
      most: unsettled,
      lagging,
      hold: (full) => {
        if (full) refused('unsettled')
        this.#pause('unsettled')
      },
      goOn: () => this.#resume('unsettled'),
    })
  }

  /** Of all that came. */
  get bytes(): number {
    return this.#bytes
  }

  /** So much was read, and dealt with: what is too much is paid for by a pause. */
  read(length: number): void {
    this.#bytes += length
    const { rate, clock, refused } = this.#parts
    if (rate === undefined || this.#bucket?.take(length) !== false) return
    refused('slowed-down')
    this.#pause('rate')
    clock.after((length / rate.bytes) * 1000, () => this.#resume('rate'))
  }

  /** `settled` is called when nothing of it can be lost any more. */
  receive(stanza: Element, pair: DomainPair, proof: PeerProof, settled: () => void): void {
    const { gateway, log } = this.#parts
    this.#parts.heard(pair)
    attest(stanza, proof)
    const handled = gateway.receive(stanza)
    if (handled === undefined) return settled()
    this.#unsettled.add()
    handled
      .catch((error: unknown) => log.error({ err: error }, 'A stanza of a server could not be dealt with'))
      .finally(() => {
        settled()
        this.#unsettled.settle()
      })
  }

  #pause(reason: 'rate' | 'unsettled'): void {
    this.#pauses.add(reason)
    this.#transport.pause()
  }

  #resume(reason: 'rate' | 'unsettled'): void {
    if (this.#pauses.delete(reason) && this.#pauses.size === 0) this.#transport.resume()
  }
}
