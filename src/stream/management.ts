/**
 * Stream management (XEP-0198) as bookkeeping, for clients' streams and for servers': what the peer sent and how much of
 * it is settled, what was sent to it and is not acknowledged. No I/O, no timers.
 */
import { ns } from '../xmpp/namespaces.js'
import type { Xep } from '../xmpp/xep.js'

export const managementXep: Xep = { number: 198, version: '1.6.3', test: 'dialogue/stream-management.test.ts' }

/** Counters start at zero again after this many stanzas (§4). */
const wrap = 2 ** 32

/** Stanzas from the peer. Only what is settled counts as handled, and only as far as everything before it is. */
export class Received {
  #count = 0
  /** In order of arrival. */
  readonly #unsettled = new Set<number>()

  /** A stanza arrived; returns its number. */
  arrived(): number {
    this.#count += 1
    this.#unsettled.add(this.#count)
    return this.#count
  }

  /** The stanza of this number is durable, delivered or refused: nothing of it can be lost any more. */
  settled(number: number): void {
    this.#unsettled.delete(number)
  }

  /** All that arrived. */
  get count(): number {
    return this.#count
  }

  /** The longest prefix of settled stanzas. */
  get prefix(): number {
    for (const first of this.#unsettled) return first - 1
    return this.#count
  }

  /** What `h` says of it. */
  get h(): number {
    return this.prefix % wrap
  }
}

/** A stanza that the peer may not have. */
export interface Unacknowledged {
  readonly text: string
  /** When it was sent first, in milliseconds since the epoch. */
  readonly sentAt: number
}

/** Stanzas to the peer, kept until it has acknowledged them. */
export class Sent {
  #queue: Unacknowledged[] = []
  /** Not wrapped. */
  #acknowledged = 0
  #size = 0
  #heardOf = false

  push(text: string, sentAt: number): void {
    this.#queue.push({ text, sentAt })
    this.#size += text.length
  }

  /**
   * False if the peer says that it handled more than it was sent: then nothing is changed. COMPAT @xmpp/client counts what it got before it
   * knew that it is counting, and begins anew a moment later: a first answer may be too high by `before`, the stanzas that it was sent
   * before, and what was acknowledged may be taken back; neither changes anything.
   */
  acknowledge(h: number, before = 0): boolean {
    const isFirst = !this.#heardOf
    this.#heardOf = true
    const more = (h - (this.#acknowledged % wrap) + wrap) % wrap
    if (more > this.#queue.length)
      return wrap - more <= this.#acknowledged || (isFirst && more <= this.#queue.length + before)
    for (const { text } of this.#queue.splice(0, more)) this.#size -= text.length
    this.#acknowledged += more
    return true
  }

  /** The count of what was sent, as the peer's `h` would be if it had all of it. */
  get count(): number {
    return (this.#acknowledged + this.#queue.length) % wrap
  }

  get unacknowledged(): readonly Unacknowledged[] {
    return this.#queue
  }

  /** Characters of what is not acknowledged. */
  get size(): number {
    return this.#size
  }
}

/** Reads `h`; undefined where it is no number of stanzas. */
export function readCount(h: unknown): number | undefined {
  if (typeof h !== 'string' || !/^\d{1,10}$/.test(h)) return undefined
  const count = Number(h)
  return count < wrap ? count : undefined
}

/** `<r/>` */
export const requestText = `<r xmlns='${ns.streamManagement}'/>`

/** `<a/>` */
export const acknowledgementText = (h: number): string => `<a xmlns='${ns.streamManagement}' h='${h}'/>`
