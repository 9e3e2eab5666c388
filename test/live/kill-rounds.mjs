// kill -9 in the middle of a conversation, again and again: two servers, two rooms on both, one person of each server
// speaking in both. A newcomer is sent at most 200 messages, so what is said between two kills is spread over two rooms,
// and can be looked at whole, on both sides, by people who enter after the kill.
import { roomAt } from './federation.mjs'
import { faultsOf, judge, lacking } from './judge.mjs'
import { until } from './until.mjs'

/** @typedef {import('./person.mjs').Person} Person @typedef {import('./person.mjs').Said} Said */

const localparts = ['hall', 'yard']
const acknowledgedBetween = 200
const underWay = 20
/** Rounds of which a newcomer may still hear. */
const remembered = 3

export class KillRounds {
  /** Of all rounds; `least…` of the round with the fewest. */
  count = {
    kills: 0,
    acknowledged: 0,
    leastAcknowledged: Number.POSITIVE_INFINITY,
    leastInFlight: Number.POSITIVE_INFINITY,
    expected: 0,
    seen: 0,
    /** Databases that `integrity_check` finds fault with. */
    damaged: 0,
  }
  /** Lost, duplicated, disordered and invented messages, in words. @type {string[]} */
  faults = []
  /** By server. @type {Map<string, Person>} */
  #speakers = new Map()
  /** What was said in the last rounds. @type {Said[][]} */
  #rounds = []
  #serial = 0
  #federation

  /** @param {import('./federation.mjs').Federation} federation of `a` and `b` */
  constructor(federation) {
    this.#federation = federation
  }

  /** Accounts and rooms. */
  async open() {
    for (const at of ['a', 'b'])
      for (const name of [`speaker-${at}`, `visitor-${at}`]) await this.#federation.addUser(at, name)
    const owner = await this.#federation.login('a', 'speaker-a')
    this.#speakers.set('a', owner)
    for (const localpart of localparts) await this.#federation.distribute(owner, 'a', localpart)
    await this.#speakerEnters('b')
  }

  /** One kill. @param {string} doomed `a` or `b` */
  async round(doomed) {
    /** @type {Said[]} */
    const said = []
    this.#rounds = [...this.#rounds.slice(1 - remembered), said]
    const acknowledged = () => said.filter((one) => one.acknowledged).length
    const victim = this.#speaker(doomed)
    await until(() => {
      for (const [at, person] of this.#speakers) while (person.inFlight < underWay / 2) said.push(this.#say(at, 'word'))
      return acknowledged() >= acknowledgedBetween
    }, 'the conversation to go on')
    while (victim.inFlight < underWay) said.push(this.#say(doomed, 'word'))
    const { count } = this
    count.leastAcknowledged = Math.min(count.leastAcknowledged, acknowledged())
    count.leastInFlight = Math.min(count.leastInFlight, victim.inFlight)
    await this.#kill(doomed, victim)
    // At once, while what was said before the kill may still be on its way to the other side.
    for (let turn = 0; turn < localparts.length; turn++) said.push(this.#say(doomed, 'back again'))
    await this.#look(doomed)
    count.acknowledged += acknowledged()
  }

  /** @param {string} doomed @param {Person} victim */
  async #kill(doomed, victim) {
    const server = this.#federation.server(doomed)
    await server.kill9()
    this.count.kills++
    victim.drop()
    if (server.integrity() !== 'ok') this.count.damaged++
    await this.#federation.startServer(doomed)
    await this.#speakerEnters(doomed)
  }

  /**
   * On both sides somebody new enters and looks at what was said. It is over when everybody has heard a last word from each
   * side, behind which nothing can be on its way.
   * @param {string} doomed
   */
  async #look(doomed) {
    const survivor = doomed === 'a' ? 'b' : 'a'
    await this.#speaker(survivor).settled()
    const visitors = await Promise.all(['a', 'b'].map((at) => this.#visitorEnters(at)))
    const said = this.#rounds.at(-1) ?? []
    for (const at of this.#speakers.keys())
      for (let turn = 0; turn < localparts.length; turn++) said.push(this.#say(at, 'last word'))
    await Promise.all([...this.#speakers.values()].map((person) => person.settled()))
    const views = [...visitors, ...this.#speakers].flatMap(([at, { jid, heard }]) =>
      localparts.map((localpart) => ({ who: jid, room: roomAt(localpart, at), heard, owed: said })),
    )
    const open = () => views.filter((view) => lacking(view).length > 0)
    // What does not come is the verdict's to report.
    await until(() => open().length === 0, 'everybody to hear everything').catch(() => {})
    const verdict = judge(this.#rounds.flat(), views)
    this.count.expected += verdict.expected
    this.count.seen += verdict.seen
    this.faults.push(...faultsOf(verdict))
    await Promise.all(visitors.map(([, person]) => person.stop()))
  }

  /** In the two rooms by turns. @param {string} at @param {string} what */
  #say(at, what) {
    this.#serial++
    return this.#speaker(at).say(roomAt(localparts[this.#serial % 2] ?? '', at), `${what} ${this.#serial}`)
  }

  /** @param {string} at */
  #speaker(at) {
    const person = this.#speakers.get(at)
    if (person === undefined) throw new Error(`nobody speaks at ${at}`)
    return person
  }

  /** @param {string} at */
  async #speakerEnters(at) {
    this.#speakers.set(at, await this.#enters(at, `speaker-${at}`))
  }

  /** @param {string} at @returns {Promise<[string, Person]>} */
  async #visitorEnters(at) {
    return [at, await this.#enters(at, `visitor-${at}`)]
  }

  /** @param {string} at @param {string} name */
  async #enters(at, name) {
    const person = await this.#federation.login(at, name)
    for (const localpart of localparts) await person.join(roomAt(localpart, at))
    return person
  }
}
