/** Stanzas that wait for another server: in order, bounded in number and in size, serialised already. */
import type { Element } from '../xml/element.js'
import { readdress } from '../xmpp/stanza.js'

export interface Waiting {
  /** For the namespace `jabber:server`. */
  readonly text: string
  readonly from: string
  readonly to: string
  /** The tree, for the error reply; of a broadcast, so its own `to` may be missing. */
  readonly stanza: Element
  /** It was written to a stream that broke before the peer acknowledged it; that is done once. */
  readonly again?: true
}

/** The stanza as its sender meant it, for the error reply. */
export const asSent = ({ stanza, from, to }: Waiting): Element =>
  stanza.attrs.to === to && stanza.attrs.from === from ? stanza : readdress(stanza, { from, to })

export interface QueueLimits {
  readonly stanzas: number
  /** Characters of text. */
  readonly size: number
}

export class StanzaQueue {
  readonly #limits: QueueLimits
  #waiting: Waiting[] = []
  #size = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  get length(): number {
    return this.#waiting.length
  }

  /** False where it is full: the stanza was not taken. */
  push(waiting: Waiting): boolean {
    const { stanzas, size } = this.#limits
    if (this.#waiting.length >= stanzas || this.#size + waiting.text.length > size) return false
    this.#waiting.push(waiting)
    this.#size += waiting.text.length
    return true
  }

  /** All of them, in order; none is left. */
  take(): readonly Waiting[] {
    const all = this.#waiting
    this.#waiting = []
    this.#size = 0
    return all
  }
}
