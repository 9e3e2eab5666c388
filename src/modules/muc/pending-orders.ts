/** Commands that wait until other instances have carried out what was ordered of them. */
import type { Element } from '../../xml/element.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

interface Ends {
  done(): void
  failed(error: StanzaError): void
}

export class Orders {
  readonly #waiting = new Map<string, { left: number; readonly ends: Ends }>()

  /** `done` is called after `count` good answers, `failed` at the first bad one; one of them, once. */
  expect(token: string, count: number, ends: Ends): void {
    this.#waiting.set(token, { left: count, ends })
  }

  answered(token: string, answer: Element | StanzaError): void {
    const order = this.#waiting.get(token)
    if (order === undefined) return
    order.left--
    if (answer instanceof StanzaError) {
      this.#waiting.delete(token)
      order.ends.failed(answer)
    } else if (order.left === 0) {
      this.#waiting.delete(token)
      order.ends.done()
    }
  }
}
