// Splits of a room on several servers, again and again, at random from a seed: links are cut, or fall silent, all between two
// groups of servers or a few of them; people on each server go on talking; all links heal. Then everybody has to hear
// everything, without a word more being said. After every heal one of them is kicked, and comes back. All the time everybody asks
// whether they are still in the room.
import { xml } from '@xmpp/client'
import { roomAt } from './federation.mjs'
import { faultsOf, judge, lacking } from './judge.mjs'
import { seeded } from './random.mjs'
import { SelfPings } from './self-pings.mjs'
import { patienceMs, until } from './until.mjs'

/** @typedef {import('./person.mjs').Person} Person */

const localpart = 'hall'
/** Of each person, before and during a split. */
const wordsEach = 15

export class SplitRounds {
  count = { splits: 0, kicks: 0, links: 0, silent: 0, said: 0, acknowledged: 0, expected: 0, seen: 0, slowestHealMs: 0 }
  /** @type {string[]} */
  faults = []
  pings = new SelfPings()
  /** By server. @type {Map<string, Person>} */
  #people = new Map()
  #serial = 0
  #federation
  #random

  /** @param {import('./federation.mjs').Federation} federation @param {number} seed */
  constructor(federation, seed) {
    this.#federation = federation
    this.#random = seeded(seed)
  }

  /** Accounts, one person on each server, and the room. */
  async open() {
    const { names } = this.#federation
    for (const at of names) await this.#federation.addUser(at, `person-${at}`)
    for (const at of names) this.#people.set(at, await this.#federation.login(at, `person-${at}`))
    const [first = ''] = names
    const owner = this.#person(first)
    await this.#federation.distribute(owner, first, localpart)
    for (const at of names) if (at !== first) await this.#person(at).join(roomAt(localpart, at))
    await this.#allPresent()
    for (const [at, person] of this.#people) this.pings.follow(person, roomAt(localpart, at))
  }

  /** One split, and its end. */
  async round() {
    const { count } = this
    await this.#talk()
    const links = this.#chosen()
    const silent = this.#random() < 0.3
    for (const link of links) silent ? link.hang() : link.cut()
    count.splits++
    count.links += links.length
    if (silent) count.silent++
    await this.#talk()
    // Sometimes the split is over before anybody is shown as gone, sometimes not; where there are ways around, nobody is.
    if (this.#random() < 0.5 && this.#apart()) await this.#someoneGone()
    await this.#talk()
    for (const link of links) link.heal()
    await this.#converged()
    await this.#kickOne()
  }

  /** By the owner, at whichever server; and that one's way back, while nobody says anything. */
  async #kickOne() {
    const [source = '', ...others] = this.#federation.names
    const at = others[Math.floor(this.#random() * others.length)] ?? ''
    const victim = this.#person(at)
    const room = roomAt(localpart, at)
    const kick = xml('item', { nick: victim.name, role: 'none' })
    const query = xml('query', { xmlns: 'http://jabber.org/protocol/muc#admin' }, kick)
    await this.#obeyed(() => this.#person(source).ask('set', roomAt(localpart, source), query))
    await until(() => !victim.isIn(room), `${victim.jid} to be kicked`)
    const { outside } = this.pings.count
    await until(
      () => this.pings.count.outside > outside || this.pings.faults.length > 0,
      `${victim.jid} to ask whether that is so`,
    )
    await victim.join(room, { maxstanzas: 0 })
    await this.#allPresent()
    this.count.kicks++
  }

  /**
   * Everybody may hear everything through a third while two are not in touch yet: then one is told to try again.
   * @param {() => Promise<unknown>} order
   */
  async #obeyed(order) {
    for (const end = performance.now() + patienceMs; ; ) {
      const refusal = await order().then(
        () => undefined,
        (error) => error,
      )
      if (refusal === undefined) return
      if (refusal.condition !== 'recipient-unavailable' || performance.now() > end) throw refusal
      await new Promise((resolve) => setTimeout(resolve, 100))
    }
  }

  /** What all rounds together came to. Nobody's view has a gap: who was out of the room was so while nobody spoke. */
  async judge() {
    await this.pings.stop()
    this.faults.push(...this.pings.faults)
    const said = this.#said
    const verdict = judge(said, this.#views())
    this.faults.push(...faultsOf(verdict))
    const acknowledged = said.filter((one) => one.acknowledged).length
    Object.assign(this.count, { said: said.length, acknowledged, expected: verdict.expected, seen: verdict.seen })
  }

  /** Two groups with nothing between them, or single links, which leave ways around. */
  #chosen() {
    const { names } = this.#federation
    const pairs = names.flatMap((one, index) => names.slice(index + 1).map((other) => [one, other]))
    const group = new Set(names.filter(() => this.#random() < 0.5))
    const between = pairs.filter(([one = '', other = '']) => group.has(one) !== group.has(other))
    const some = pairs.filter(() => this.#random() < 0.4)
    const chosen = this.#random() < 0.6 ? between : some
    const [fallback = []] = pairs
    return (chosen.length > 0 ? chosen : [fallback]).flatMap(([one = '', other = '']) =>
      this.#federation.both(one, other),
    )
  }

  /** Are there two servers with no way between them, by others neither? */
  #apart() {
    const { names } = this.#federation
    const reached = new Set(names.slice(0, 1))
    for (const one of reached)
      for (const other of names)
        if (other !== one && this.#federation.both(one, other).every(({ state }) => state === 'open'))
          reached.add(other)
    return reached.size < names.length
  }

  async #talk() {
    for (let word = 0; word < wordsEach; word++)
      for (const [at, person] of this.#people) person.say(roomAt(localpart, at), `word ${++this.#serial}`)
    await Promise.all([...this.#people.values()].map((person) => person.settled()))
  }

  async #someoneGone() {
    await until(() => this.#presences().some((size) => size < this.#people.size), 'somebody to be shown as gone')
  }

  async #converged() {
    const healed = performance.now()
    const open = () => this.#views().filter((view) => lacking(view).length > 0)
    await until(
      () => open().length === 0,
      () => `everybody to hear everything: ${open().map(({ who, ...view }) => `${who} lacks ${lacking(view).length}`)}`,
    )
    await this.#allPresent()
    this.count.slowestHealMs = Math.max(this.count.slowestHealMs, Math.round(performance.now() - healed))
  }

  /** Everybody sees exactly those who are there: nobody is missing, and no ghost. */
  async #allPresent() {
    const everybody = [...this.#people.values()].map(({ name }) => name).sort()
    const seen = () =>
      [...this.#people].map(([at, { present }]) => [...(present.get(roomAt(localpart, at)) ?? [])].sort())
    await until(
      () => seen().every((names) => names.join() === everybody.join()),
      () => `everybody to see everybody: ${JSON.stringify(seen())}`,
    )
  }

  #presences() {
    return [...this.#people].map(([at, { present }]) => present.get(roomAt(localpart, at))?.size ?? 0)
  }

  get #said() {
    return [...this.#people.values()].flatMap(({ said }) => said)
  }

  #views() {
    const owed = this.#said
    return [...this.#people].map(([at, { jid, heard }]) => ({ who: jid, room: roomAt(localpart, at), heard, owed }))
  }

  /** @param {string} at */
  #person(at) {
    const person = this.#people.get(at)
    if (person === undefined) throw new Error(`nobody is at ${at}`)
    return person
  }
}
