/**
 * What another server sends on one connection, whoever made that: read no faster than the rate allows and than the disk can take, and
 * handed to the hosts with the proof of its domain.
 */
import type { UpgradableTransport } from '../net/transport.js'
import type { DomainPair } from '../stream/dialback.js'
import type { Logger } from '../util/logger.js'
import type { Element } from '../xml/element.js'
import type { ServerGateway } from './gateway.js'
import { attest, type PeerProof } from './peer-proof.js'
import { type PaceParts, ReadingPace } from './reading-pace.js'

export interface IntakeParts extends PaceParts {
  readonly gateway: ServerGateway
  readonly log: Logger
  /** Something came of that pair. */
  heard(pair: DomainPair): void
}

export class Intake {
  readonly #parts: IntakeParts
  readonly #pace: ReadingPace
  #bytes = 0

  constructor(transport: UpgradableTransport, parts: IntakeParts) {
    this.#parts = parts
    this.#pace = new ReadingPace(transport, parts)
  }

  /** Of all that came. */
  get bytes(): number {
    return this.#bytes
  }

  /** So much was read, and dealt with: what is too much is paid for by a pause. */
  read(length: number): void {
    this.#bytes += length
    this.#pace.read(length)
  }

  /** `settled` is called when nothing of it can be lost any more. */
  receive(stanza: Element, pair: DomainPair, proof: PeerProof, settled: () => void): void {
    const { gateway, log } = this.#parts
    this.#parts.heard(pair)
    attest(stanza, proof)
    const handled = gateway.receive(stanza)
    if (handled === undefined) return settled()
    this.#pace.add()
    handled
      .catch((error: unknown) => log.error({ err: error }, 'A stanza of a server could not be dealt with'))
      .finally(() => {
        settled()
        this.#pace.settle()
      })
  }
}
