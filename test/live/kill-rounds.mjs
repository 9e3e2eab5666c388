// kill -9 in the middle of a conversation, again and again: two servers, two rooms on both, two people speaking in each. A
// room sends a newcomer at most 200 messages, so what is said between two kills is spread over two rooms and can be looked
// at whole, on both sides, by people who enter after each kill.
import { roomAt } from './federation.mjs'
import { judge, wordsOf } from './judge.mjs'
import { Person } from './person.mjs'
import { until } from './until.mjs'

const localparts = ['hall', 'yard']
const acknowledgedBetween = 200
const inFlight = 20

/**
 * @typedef {object} KillCount
 * @property {number} kills
 * @property {number} acknowledged
 * @property {number} leastAcknowledged between two kills
 * @property {number} leastInFlight at a kill
 * @property {number} expected
 * @property {number} seen
 * @property {number} damaged databases, by `integrity_check`
 * @property {string[]} faults lost, duplicated, disordered and invented messages, in words
 */

export class KillRounds {
  /** @type {KillCount} */
  count = {
    kills: 0,
    acknowledged: 0,
    leastAcknowledged: Number.POSITIVE_INFINITY,
    leastInFlight: Number.POSITIVE_INFINITY,
    expected: 0,
    seen: 0,
    damaged: 0,
    faults: [],
  }
  /** The speakers by server; each login is a person of its own. @type {Map<string, Person>} */
  #speakers = new Map()
  #serial = 0

  /** @param {import('./federation.mjs').Federation} federation with servers `a` and `b` */
  constructor(federation) {
    this.federation = federation
  }

  /** Accounts and rooms. */
  async open() {
    const { federation } = this
    for (const at of ['a', 'b'])
      for (const name of [`speaker-${at}`, `visitor-${at}`]) await federation.addUser(at, name)
    const owner = await this.#enter('a', 'speaker-a')
    for (const localpart of localparts) await federation.distribute(owner, 'a', localpart)
    this.#speakers.set('a', owner)
    const other = await this.#enter('b', 'speaker-b')
    for (const localpart of localparts) await other.join(roomAt(localpart, 'b'))
    this.#speakers.set('b', other)
  }

  /**
   * One kill.
   * @param {string} doomed `a` or `b`
   */
  async round(doomed) {
    const { federation, count } = this
    const speakers = [...this.#speakers.values()]
    const marks = new Map(speakers.map((person) => [person, person.said.length]))
    const since = (/** @type {Person} */ person) => person.said.slice(marks.get(person) ?? 0)
    const acknowledged = () =>
      speakers.flatMap(since).reduce((sum, said) => sum + (said.acknowledged ? 1 : 0), 0)
    const victim = this.#speaker(doomed)
    await this.#talk(() => acknowledged() >= acknowledgedBetween)
    while (victim.inFlight < inFlight) this.#say(doomed, victim)
    count.leastAcknowledged = Math.min(count.leastAcknowledged, acknowledged())
    count.leastInFlight = Math.min(count.leastInFlight, victim.inFlight)
    await federation.server(doomed).kill9()
    count.kills++
    victim.drop()
    if (federation.server(doomed).integrity() !== 'ok') count.damaged++
    await federation.startServer(doomed)
    const words = wordsOf(speakers).filter((word) => speakers.some((person) => since(person).includes(word)))
    await this.#look(words, doomed)
    count.acknowledged += words.filter((word) => word.acknowledged).length
  }

  /** Both speak in both rooms, each with a few words under way, until `enough`. @param {() => boolean} enough */
  async #talk(enough) {
    await until(() => {
      for (const [at, person] of this.#speakers) while (person.inFlight < inFlight / 2 && !enough()) this.#say(at, person)
      return enough()
    }, 'the conversation to go on')
  }

  /** @param {string} at @param {Person} person */
  #say(at, person) {
    this.#serial++
    person.say(roomAt(localparts[this.#serial % 2] ?? '', at), `word ${this.#serial}`)
  }

  /** @param {string} at */
  #speaker(at) {
    const person = this.#speakers.get(at)
    if (person === undefined) throw new Error(`nobody speaks at ${at}`)
    return person
  }

  /**
   * The killed server's speaker comes back, and on both sides somebody new enters and looks at what was said. It is over when
   * each has heard a last word from both sides, behind which nothing can be on its way.
   * @param {readonly import('./judge.mjs').Word[]} words
   * @param {string} doomed
   */
  async #look(words, doomed) {
    const { federation, count } = this
    const survivor = this.#speaker(doomed === 'a' ? 'b' : 'a')
    const back = await this.#enter(doomed, `speaker-${doomed}`)
    for (const localpart of localparts) await back.join(roomAt(localpart, doomed))
    this.#speakers.set(doomed, back)
    await survivor.settled()
    const visitors = await Promise.all(['a', 'b'].map((at) => this.#visit(at)))
    const watchers = /** @type {const} */ ([...visitors, [doomed, back], [doomed === 'a' ? 'b' : 'a', survivor]])
    const last = this.#lastWords()
    for (const [at, person] of watchers)
      await until(
        () => lacking(person, at, [...words, ...last]).length === 0,
        () => `${person.jid} to hear ${lacking(person, at, [...words, ...last]).map(({ body }) => body)}`,
      ).catch((error) => count.faults.push(String(error)))
    const said = [...wordsOf(this.federation.people), ...last]
    const views = watchers.flatMap(([at, person]) =>
      localparts.map((localpart) => {
        const room = roomAt(localpart, at)
        const mine = (/** @type {import('./judge.mjs').Word} */ word) => ({ ...word, room: sameRoom(word.room, at) })
        return { who: person.jid, room, heard: person.heard, words: words.map(mine).filter((word) => word.room === room) }
      }),
    )
    const verdict = judge(said, views)
    count.expected += verdict.expected
    count.seen += verdict.seen
    count.faults.push(...verdict.lost, ...verdict.duplicated, ...verdict.disordered, ...verdict.invented)
    await Promise.all(visitors.map(([, person]) => person.stop()))
  }

  /** @param {string} at @returns {Promise<[string, Person]>} */
  async #visit(at) {
    const visitor = await this.#enter(at, `visitor-${at}`)
    for (const localpart of localparts) await visitor.join(roomAt(localpart, at))
    return [at, visitor]
  }

  #lastWords() {
    return [...this.#speakers].flatMap(([at, person]) =>
      localparts.map((localpart) => {
        this.#serial++
        return Object.assign(person.say(roomAt(localpart, at), `last word ${this.#serial}`), { by: person.name })
      }),
    )
  }

  /** @param {string} at @param {string} name */
  async #enter(at, name) {
    return this.federation.login(at, name)
  }
}

/** The room of the same name at another server. @param {string} room @param {string} at */
const sameRoom = (room, at) => roomAt(room.slice(0, room.indexOf('@')), at)

/**
 * Words that were acknowledged, and that somebody has not heard.
 * @param {Person} person
 * @param {string} at
 * @param {readonly import('./judge.mjs').Word[]} words
 */
function lacking(person, at, words) {
  const heard = new Set(person.heard.map(({ room, from, body }) => `${room} ${from} ${body}`))
  return words.filter(
    (word) => !(word.acknowledged && heard.has(`${sameRoom(word.room, at)} ${word.by} ${word.body}`)) && must(word),
  )
}
const must = (/** @type {import('./judge.mjs').Word} */ word) => word.acknowledged || word.body.startsWith('last')
