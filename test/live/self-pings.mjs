// Am I still in the room (XEP-0410)? Everybody asks all the time, and every answer has to be right: a result while they are inside, whatever
// became of the links to other servers; not-acceptable once they were put out.
import { xml } from '@xmpp/client'

/** @typedef {import('./person.mjs').Person} Person */

const pauseMs = 50

export class SelfPings {
  /** Answers: `inside` and `outside` that were right; `between`: the person went in or out meanwhile. */
  count = { inside: 0, outside: 0, between: 0 }
  /** Wrong answers, in words. @type {string[]} */
  faults = []
  #stopped = false
  /** @type {Promise<void>[]} */
  #asking = []

  /** @param {Person} person who was in the room once @param {string} room bare JID of the instance */
  follow(person, room) {
    this.#asking.push(this.#ask(person, room))
  }

  /** Resolves when the last answer is there. */
  async stop() {
    this.#stopped = true
    await Promise.all(this.#asking)
  }

  /** @param {Person} person @param {string} room */
  async #ask(person, room) {
    while (!this.#stopped && person.connected) {
      const [moves, inside] = [person.moves, person.isIn(room)]
      const answer = await person.ask('get', `${room}/${person.name}`, xml('ping', { xmlns: 'urn:xmpp:ping' })).then(
        () => 'result',
        (error) => String(error?.condition ?? error),
      )
      if (!person.connected) return
      const expected = inside ? 'result' : 'not-acceptable'
      if (person.moves !== moves) this.count.between++
      else if (answer === expected) this.count[inside ? 'inside' : 'outside']++
      else this.faults.push(`${person.jid} asks ${room} and expects ${expected}: ${answer}`)
      await new Promise((resolve) => setTimeout(resolve, pauseMs))
    }
  }
}
