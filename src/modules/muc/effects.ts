/** What a step of the replica wants done beyond its rows: stanzas sent, questions asked, clients shown a change. */
import type { Effect, Happening, Question, Replica } from '../../dmuc/replica.js'
import { type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { Cards } from './cards.js'
import type { Entrance } from './entrance.js'
import type { Orders } from './pending-orders.js'
import type { RoomEnvironment } from './room-environment.js'
import { type ChangeEffect, deliveriesOf, type RoomOutput } from './room-output.js'
import type { Serving } from './serving.js'
import { isNoWay } from './unreachable.js'

interface Room {
  readonly jid: string
  readonly replica: Replica
  readonly ended: boolean
  readonly happen: (happening: Happening) => void
}

interface Hands<R extends Room> {
  readonly output: RoomOutput
  readonly serving: Serving<R>
  readonly entrance: Entrance<R>
  readonly orders: Orders
  readonly cards: Cards
}

export class Effects<R extends Room> {
  readonly #room: R
  readonly #env: RoomEnvironment<R>
  readonly #hands: Hands<R>

  constructor(room: R, env: RoomEnvironment<R>, hands: Hands<R>) {
    this.#room = room
    this.#env = env
    this.#hands = hands
  }

  /** Behind what is pending, in the order of the calls. Rows are written before (./room-output.ts). */
  carryOut(effect: Effect): void {
    const { router, log } = this.#env
    const { output, serving, entrance } = this.#hands
    switch (effect.type) {
      case 'log':
      case 'save':
      case 'floor':
      case 'expire':
      case 'head':
        return
      case 'change':
        return output.push(() => this.#show(effect))
      case 'send':
        return output.push(() => void router.route(effect.stanza))
      case 'ask':
        return output.push(() => this.#ask(effect.iq, effect.question))
      case 'reply':
        return output.reply(effect.iq, effect.payload)
      case 'serve':
        return serving.pages(effect)
      case 'serve-history':
        return serving.history(effect)
      case 'tell-heads':
        return output.push(() => serving.heads(effect))
      case 'compare':
        return output.push(() => {
          const { head, by } = effect
          serving.compare(effect, (type) => this.#room.happen({ type, head, by }))
        })
      case 'note':
        return log[effect.level]({ room: this.#room.jid, peer: effect.peer }, effect.text)
      case 'tell':
        return output.push(() => void router.route(told(this.#room.jid, effect.jid, effect.text)))
      case 'left':
        return output.push(() => this.#env.left(this.#room, effect.jid))
      case 'joined':
        return output.push(() => this.#env.joined(this.#room, effect.jid))
      case 'retrieved':
        return output.push(() => entrance.open())
      case 'place':
        return output.push(() => this.#env.place(this.#room))
      case 'lost':
        return output.push(() => this.#env.lost(this.#room, effect.jid))
      case 'end':
        return output.push(() => {
          this.#env.ended(this.#room)
          entrance.open()
        })
    }
  }

  #show(change: ChangeEffect): void {
    this.#hands.output.deliver(deliveriesOf(change))
    // So that it is here when it is asked for, or the others are out of reach.
    if (change.before.config.avatar !== change.after.config.avatar)
      this.#hands.cards.card(this.#room.replica).catch(() => undefined)
    this.#env.changed(this.#room, change)
  }

  #ask(iq: Element, question: Question): void {
    const from = String(iq.attrs.to)
    this.#env.router.ask(iq, (answer) => {
      if (this.#room.ended) return
      if (answer instanceof StanzaError && isNoWay(answer)) this.#env.unreachable(from)
      if (question.type === 'order' || question.type === 'order-through')
        this.#hands.orders.answered(question.token, answer)
      this.#room.happen({ type: 'answer', from, question, result: answer })
    })
  }
}

/** By the service: from the room to somebody who may not be in it, clients take it for a chat with a person of that address. */
const told = (room: string, to: string, text: string): Element =>
  xml('message', { from: Jid.parse(room).domain, to }, xml('body', {}, `${room}: ${text}`))
