/** IQs passed from occupant to occupant (XEP-0045 §17.4): the answer finds its way back, once, and only from who was asked. */
import type { Expectation } from '../../room/index.js'
import type { Clock } from '../../util/clock.js'
import type { Element } from '../../xml/element.js'
import { readdress } from '../../xmpp/stanza.js'

const patienceMs = 120_000
const maxWaiting = 1000

export class Expectations {
  readonly #waiting = new Map<string, Expectation>()
  readonly #clock: Clock

  constructor(clock: Clock) {
    this.#clock = clock
  }

  expect(expectation: Expectation): void {
    if (this.#waiting.size >= maxWaiting) return
    this.#waiting.set(expectation.id, expectation)
    this.#clock.after(patienceMs, () => void this.#waiting.delete(expectation.id))
  }

  /** Passes the answer on if it is one that was expected; false: it is something else. */
  answer(stanza: Element, pass: (answer: Element) => void): boolean {
    const { type, id, from } = stanza.attrs
    if (stanza.name !== 'iq' || (type !== 'result' && type !== 'error') || id === undefined) return false
    const expectation = this.#waiting.get(id)
    if (expectation === undefined || !cameFrom(String(from), expectation.from)) return false
    this.#waiting.delete(id)
    pass(readdress(stanza, { id: expectation.requestId, from: expectation.answerFrom, to: expectation.requester }))
    return true
  }
}

/** A bare JID stands for the account, whose server answers from it. */
const cameFrom = (from: string, expected: string): boolean => from === expected || from.split('/', 1)[0] === expected
