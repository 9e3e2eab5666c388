/**
 * The gate of every measurement: each recipient gets each sender's messages 0, 1, 2, … exactly once and in order. A run in
 * which one was lost, doubled or reordered measures nothing.
 */

/** How many faults are told one by one. */
const told = 5

export class Ledger {
  /** Deliveries that were right. */
  count = 0
  /** @type {string[]} the first faults, in words */
  faults = []
  #next
  #senders
  #mayHear

  /**
   * @param {number} recipients
   * @param {number} senders
   * @param {(recipient: number, sender: number) => boolean} mayHear whose messages are for whom
   */
  constructor(recipients, senders, mayHear = () => true) {
    this.#senders = senders
    this.#mayHear = mayHear
    this.#next = new Int32Array(recipients * senders)
  }

  /** @returns {boolean} whether this was the one that had to come next */
  take(recipient, sender, number) {
    if (!(sender >= 0 && sender < this.#senders) || !this.#mayHear(recipient, sender)) {
      return this.#fault(`recipient ${recipient} got message ${number} of ${sender}, which was not for it`)
    }
    const at = recipient * this.#senders + sender
    const expected = this.#next[at]
    if (number !== expected) {
      const what = number < expected ? 'again or late' : 'too early'
      return this.#fault(
        `recipient ${recipient} got message ${number} of sender ${sender} ${what}, after ${expected - 1}`,
      )
    }
    this.#next[at] = expected + 1
    this.count++
    return true
  }

  /** Says what is missing when each sender has sent `messages`; then `faults` is the verdict. */
  close(messages) {
    for (let at = 0; at < this.#next.length; at++) {
      const [recipient, sender] = [Math.floor(at / this.#senders), at % this.#senders]
      if (this.#next[at] === messages || !this.#mayHear(recipient, sender)) continue
      this.#fault(`recipient ${recipient} got ${this.#next[at]} of ${messages} messages of sender ${sender}`)
    }
    return this.faults
  }

  #fault(text) {
    if (this.faults.length < told) this.faults.push(text)
    else if (this.faults.length === told) this.faults.push('and more')
    return false
  }
}
