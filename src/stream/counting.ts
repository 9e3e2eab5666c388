/**
 * Stream management between servers (XEP-0198, without resumption), in both directions: what came is acknowledged once it is settled,
 * what was sent is kept until the peer has it.
 */
import type { Clock } from '../util/clock.js'
import type { Element } from '../xml/element.js'
import type { Xep } from '../xmpp/xep.js'
import { handledTooMuch } from './manage.js'
import { acknowledgementText, Received, readCount, requestText, Sent } from './management.js'

export const countingXep: Xep = { number: 198, version: '1.6.3', test: 'server/s2s-management.test.ts' }

export interface CountingParts {
  readonly clock: Clock
  write(text: string): void
  /** So many of the stanzas that were sent first are the peer's by now. */
  acknowledged(count: number): void
}

export class Counting {
  readonly #parts: CountingParts
  readonly #sent = new Sent()
  /** Until the peer counts what it sends, nothing that comes is counted. */
  #received: Received | undefined
  /** The peer asked for an acknowledgement after so many. */
  #asked: number | undefined
  #requested = false

  constructor(parts: CountingParts) {
    this.#parts = parts
  }

  /** What comes from now on counts. */
  receive(): void {
    this.#received ??= new Received()
  }

  /** A stanza was written. */
  sent(text: string): void {
    this.#sent.push(text, this.#parts.clock.now())
    this.#request()
  }

  /** Characters that the peer has not acknowledged. */
  get unacknowledged(): number {
    return this.#sent.size
  }

  /** A stanza came; the function is called when nothing of it can be lost any more. */
  arrived(): () => void {
    const received = this.#received
    if (received === undefined) return () => {}
    const number = received.arrived()
    return () => {
      received.settled(number)
      this.#acknowledge()
    }
  }

  /** The last that we say before our close: what the peer is not told of now, it sends again. */
  conclude(): void {
    if (this.#received !== undefined && this.#received.count > 0)
      this.#parts.write(acknowledgementText(this.#received.h))
  }

  /** `<r/>` or `<a/>`. Throws StreamError. */
  element({ name, attrs }: Element): void {
    if (name === 'r') {
      this.#asked = this.#received?.count ?? 0
      this.#acknowledge()
    } else if (name === 'a') {
      const before = this.#sent.unacknowledged.length
      const h = readCount(attrs.h)
      if (h === undefined || !this.#sent.acknowledge(h)) throw handledTooMuch(h ?? 0, this.#sent.count)
      this.#requested = false
      this.#parts.acknowledged(before - this.#sent.unacknowledged.length)
      this.#request()
    }
  }

  /** Once all that came before the question is settled. */
  #acknowledge(): void {
    const { prefix = 0, h = 0 } = this.#received ?? {}
    if (this.#asked === undefined || prefix < this.#asked) return
    this.#asked = undefined
    this.#parts.write(acknowledgementText(h))
  }

  /** One question at a time: its answer brings the next, so there is one in each round trip. */
  #request(): void {
    if (this.#requested || this.#sent.unacknowledged.length === 0) return
    this.#requested = true
    this.#parts.write(requestText)
  }
}
