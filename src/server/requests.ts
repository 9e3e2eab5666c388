/**
 * IQ requests of the server's own, waiting for their answers (RFC 6120 §8.2.3). An answer counts only if it comes from
 * where the request went, to where it came from, with its id: what nobody asked for is dropped.
 */
import type { Clock, Timer } from '../util/clock.js'
import type { Element } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'

/** The answer of type result, or the error that it is. */
export type Answered = (answer: Element | StanzaError) => void

interface Waiting {
  readonly answered: Answered
  readonly timer: Timer
}

export class Requests {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Waiting>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  get size(): number {
    return this.#waiting.size
  }

  /** `iq` carries from, to and id, all prepared. `answered` is called once, at the moment the answer arrives. */
  expect(iq: Element, timeoutMs: number, answered: Answered): void {
    const key = keyOf(iq.attrs.from, iq.attrs.to, iq.attrs.id)
    if (this.#waiting.has(key)) throw new Error(`two requests with the id ${iq.attrs.id}`)
    const timer = this.#clock.after(timeoutMs, () => {
      this.#waiting.delete(key)
      answered(new StanzaError('remote-server-timeout', { text: 'No answer in time' }))
    })
    this.#waiting.set(key, { answered, timer })
  }

  /** Takes an IQ of type result or error; true if it answers one of our requests. */
  settle(iq: Element): boolean {
    const key = keyOf(iq.attrs.to, iq.attrs.from, iq.attrs.id)
    const waiting = this.#waiting.get(key)
    if (waiting === undefined) return false
    this.#waiting.delete(key)
    waiting.timer.cancel()
    waiting.answered(iq.attrs.type === 'result' ? iq : StanzaError.from(iq.getChild('error')))
    return true
  }

  /** Ends all of them, as the server stops. */
  close(): void {
    const waiting = [...this.#waiting.values()]
    this.#waiting.clear()
    for (const { answered, timer } of waiting) {
      timer.cancel()
      answered(new StanzaError('recipient-unavailable', { text: 'The server stops' }))
    }
  }
}

/** No JID contains a newline: the key is unambiguous. */
const keyOf = (asker: string, asked: string, id: string): string => `${asker}\n${asked}\n${id}`
