// Three servers, one room on all of them, people on each; one server is cut off from the other two, and comes back. What is
// waited for is what people see; the pauses are for whoever reads along.
import { setTimeout as pause } from 'node:timers/promises'
import { xml } from '@xmpp/client'
import { domainOf, Federation, roomAt } from '../../test/live/federation.mjs'
import { judge, lacking } from '../../test/live/judge.mjs'
import { until } from '../../test/live/until.mjs'
import { afterwards, apart, farewell, heckler, names, namesakes, together } from './lines.mjs'

/** @typedef {import('../../test/live/person.mjs').Person} Person @typedef {import('../../test/live/person.mjs').Said} Said */

const servers = ['a', 'b', 'c']
const localpart = 'comet'
/** Short messages that somebody says in a row, without taking breath; they are counted, not shown. */
const inARow = 8
const short = /^#\d+$/
const shortOnes = 'short ones'
/** A link that lost an answer is given up for a while, and tried again within a minute or so. */
const replyMs = 180_000

/**
 * @typedef {object} Options
 * @property {import('./board.mjs').Board} board
 * @property {() => number} random 0 to 1
 * @property {number} people in all
 * @property {number} paceMs between the lines
 * @property {number} patienceMs for the last message to arrive
 * @property {NonNullable<Parameters<typeof Federation.start>[1]>['link']} link
 */

export class Play {
  cuts = 0
  /** Said while c.example was cut off. */
  saidApart = 0
  kicks = 0
  /** Who of the namesakes had to give the nick up, and how that one is called since. @type {{ at: string, to: string } | undefined} */
  renamed
  #federation
  #options
  /** @type {Map<string, Person[]>} */
  #crews = new Map()
  /** Of whom nothing is expected but what they say. @type {Person[]} */
  #guests = []
  /** Who is to be summed up in each column, by what it is. @type {Map<string, string[]>[]} */
  #sums = servers.map(() => new Map())
  #serial = 0

  /** @param {Federation} federation @param {Options} options */
  constructor(federation, options) {
    this.#federation = federation
    this.#options = options
  }

  /** @param {Options} options */
  static async open(options) {
    const { board, link } = options
    board.line('Starting three servers, each a process of its own …')
    const dmuc = 'ping_after = 2\nping_timeout = 2\ngrace = 2'
    const federation = await Federation.start(servers, { dmuc, ...(link && { link }) })
    for (const name of servers) {
      const { domain, pid, ports } = federation.server(name)
      board.line(`  ${domain}  process ${pid}, clients on port ${ports.c2sDirectTls}, servers on port ${ports.s2s}`)
    }
    return new Play(federation, options)
  }

  get people() {
    return [...this.#crews.values()].flat()
  }

  /** From the first login to the last word. */
  async run() {
    await this.#gather()
    const { board } = this.#options
    board.note('one room, on all three')
    await this.#talk(together)
    await this.#allAtOnce(servers)
    await this.#cutOff()
    await this.#comeBack()
    await this.#talk(afterwards)
    await this.#lastWord()
  }

  verdict() {
    const said = this.#said
    const verdict = judge(said, this.#views)
    return { ...verdict, said: said.length, acknowledged: said.filter(({ acknowledged }) => acknowledged).length }
  }

  /** By server, of what it holds of the room: equal once the three have converged. Waits for that, within patience. */
  async digests() {
    const ask = (/** @type {string} */ at) =>
      this.#federation.server(at).dmucctl(['room', 'digest', roomAt(localpart, at), '--json'])
    const end = performance.now() + this.#options.patienceMs
    for (;;) {
      /** @type {{ at: string, parts: Record<string, string> }[]} */
      const found = await Promise.all(
        servers.map(async (at) => ({ at: domainOf(at), parts: JSON.parse(await ask(at)) })),
      )
      if (new Set(found.map(({ parts }) => parts.whole)).size === 1 || performance.now() > end) return found
      await pause(250)
    }
  }

  /** What a server logged as an error; nothing of it is normal. */
  get errors() {
    return servers.flatMap((name) => this.#federation.server(name).notes).filter((note) => !note.startsWith('warn '))
  }

  /** In order; rejects where a server does not end as asked. */
  stop() {
    return this.#federation.stop()
  }

  remove() {
    return this.#federation.remove()
  }

  async #gather() {
    const { board, people } = this.#options
    for (const [index, at] of servers.entries()) {
      const crew = (names[at] ?? []).slice(0, Math.ceil((people - index) / servers.length))
      for (const name of crew) await this.#federation.addUser(at, name)
      const persons = []
      for (const name of crew) persons.push(await this.#federation.login(at, name))
      this.#crews.set(at, persons)
      board.line(`  ${crew.join(', ')} logged in at ${domainOf(at)} (SCRAM over TLS)`)
    }
    const owner = this.#watcher('a')
    await this.#federation.distribute(owner, 'a', localpart)
    board.line(`  ${owner.name} made the room ${roomAt(localpart, 'a')}; the other two servers hold shadows of it`)
    for (const at of servers)
      for (const person of this.#crew(at)) if (person !== owner) await person.join(roomAt(localpart, at))
    await this.#everybodySees()
    await this.#administer('a', { jid: `${heckler.kickedBy}@${domainOf(heckler.at)}`, affiliation: 'admin' })
    board.line()
    for (const [column, at] of servers.entries()) this.#follow(at, column)
    board.heading()
  }

  /** The column of a server is what its first person sees. @param {string} at @param {number} column */
  #follow(at, column) {
    const watcher = this.#watcher(at)
    const sums = this.#sums[column] ?? new Map()
    const sum = (/** @type {string} */ what, /** @type {string} */ who) =>
      sums.set(what, [...(sums.get(what) ?? []), who])
    watcher.on('heard', ({ from, body, delay }) => {
      if (short.test(body)) sum(delay === undefined ? shortOnes : `${shortOnes}, late`, from)
      else
        this.#options.board.put(column, `${delay ? '↷ ' : ''}${from}: ${body}`, delay ? 'late' : 'plain', hueOf(from))
    })
    watcher.on('went', ({ nick, codes, to }) => {
      const what = codes.includes('307')
        ? 'is put out'
        : codes.includes('303')
          ? `is called ${to} from now on`
          : undefined
      if (what === undefined) sum('out of reach', nick)
      else this.#options.board.put(column, `(${nick} ${what})`, 'notice')
    })
    watcher.on('came', ({ nick }) => sum('here now', nick))
  }

  /** @param {readonly import('./lines.mjs').Line[]} lines @param {(at: string) => readonly string[]} reach who hears it at once */
  async #talk(lines, reach = () => servers) {
    for (const [at, text] of lines) {
      const crew = this.#crew(at)
      const speaker = crew[Math.floor(this.#options.random() * crew.length)] ?? this.#watcher(at)
      await this.#heard([speaker.say(roomAt(localpart, at), text)], reach(at))
      this.#show()
      await pause(this.#options.paceMs)
    }
  }

  /** Everybody says a few short things as fast as they can. @param {readonly string[]} ats @param {typeof apartFrom} [reach] */
  async #allAtOnce(ats, reach = () => servers) {
    /** @type {Map<string, Said[]>} */
    const saidAt = new Map(ats.map((at) => [at, []]))
    for (let turn = 0; turn < inARow; turn++)
      for (const [at, said] of saidAt)
        for (const person of this.#crew(at)) said.push(person.say(roomAt(localpart, at), `#${++this.#serial}`))
    for (const [at, said] of saidAt) await this.#heard(said, reach(at))
    this.#show()
    await pause(this.#options.paceMs)
  }

  async #cutOff() {
    const links = this.#linksOf('c')
    for (const link of links) link.cut()
    this.cuts += links.length
    this.#options.board.note('✂ c.example is cut off from the other two')
    const before = this.#said.length
    await this.#talk(apart, apartFrom)
    await this.#allAtOnce(servers, apartFrom)
    const size = (/** @type {string} */ at) => this.#watcher(at).present.get(roomAt(localpart, at))?.size
    const [here, there] = [this.#crew('a').length + this.#crew('b').length, this.#crew('c').length]
    await until(
      () => size('c') === there && size('a') === here && size('b') === here,
      () => `the two sides to see that the other is gone: ${servers.map(size)}`,
    )
    await this.#kickInTheSplit()
    await this.#clashInTheSplit()
    this.saidApart = this.#said.length - before
    this.#show()
    await pause(this.#options.paceMs)
  }

  /** What he said before stays, on all three; he himself comes to nowhere but c.example, and goes. */
  async #kickInTheSplit() {
    const { at, name, words, kickedBy } = heckler
    const rudi = await this.#guest(at, name)
    await rudi.join(roomAt(localpart, at))
    await this.#heard([rudi.say(roomAt(localpart, at), words)], [at])
    this.#show()
    await this.#administer(at, { nick: name, role: 'none' })
    await until(() => !this.#presentAt(at).has(name), `${name} to be put out by ${kickedBy}`)
    this.kicks += 1
  }

  async #clashInTheSplit() {
    const { name, ats } = namesakes
    for (const at of ats) {
      const nova = await this.#guest(at, name)
      nova.on('went', ({ nick, codes, to }) => {
        if (nick === name && codes.includes('110') && codes.includes('303')) this.renamed = { at, to: String(to) }
      })
      await nova.join(roomAt(localpart, at))
    }
  }

  /** @param {string} at @param {string} name */
  async #guest(at, name) {
    await this.#federation.addUser(at, name)
    const guest = await this.#federation.login(at, name)
    this.#guests.push(guest)
    return guest
  }

  /** As the first person there. @param {string} at @param {Record<string, string>} item */
  #administer(at, item) {
    const query = xml('query', { xmlns: 'http://jabber.org/protocol/muc#admin' }, xml('item', item))
    return this.#watcher(at).ask('set', roomAt(localpart, at), query)
  }

  async #comeBack() {
    for (const link of this.#linksOf('c')) link.heal()
    this.#options.board.note('⟲ the links are whole again (↷ said while they were cut)')
    await this.#heard(this.#said, servers)
    await until(() => this.renamed !== undefined, `one of two called ${namesakes.name} to be renamed`)
    await this.#everybodySees(namesakes.name, this.renamed?.to ?? '')
    this.#show()
    await pause(this.#options.paceMs)
  }

  /** Behind it nothing can be on its way. What does not arrive in time is the verdict's to report. */
  async #lastWord() {
    const [at, text] = farewell
    const { board, patienceMs } = this.#options
    const word = this.#watcher(at).say(roomAt(localpart, at), text)
    await this.#watcher(at).settled()
    await this.#heard([word], servers, patienceMs).catch(() => {})
    for (const here of servers.filter((name) => name !== at)) {
      const reply = this.#watcher(here).say(roomAt(localpart, here), 'Good night, ada')
      await this.#heard([reply], servers, replyMs)
    }
    this.#show()
    board.line()
  }

  /**
   * All people of these servers have heard it, and its speakers have, too.
   * @param {readonly Said[]} words
   * @param {readonly string[]} ats
   * @param {number} [withinMs]
   */
  async #heard(words, ats, withinMs) {
    const speakers = new Set(words.map(({ by }) => by))
    for (const person of [...this.people, ...this.#guests]) if (speakers.has(person.name)) await person.settled()
    const open = () =>
      this.#views.filter(({ at }) => ats.includes(at)).flatMap((view) => lacking({ ...view, owed: words }))
    await until(
      () => open().length === 0,
      () => `${open().length} messages to arrive`,
      withinMs,
    )
  }

  /** All people, these guests, and nobody else. @param {string[]} guests */
  async #everybodySees(...guests) {
    const all = [...this.people.map(({ name }) => name), ...guests].sort().join()
    await until(
      () =>
        servers.every((at) =>
          this.#crew(at).every(({ present }) => [...(present.get(roomAt(localpart, at)) ?? [])].sort().join() === all),
        ),
      () => `everybody to see ${all}; there were ${servers.map((at) => [...this.#presentAt(at)]).join(' and ')}`,
    )
  }

  /** @param {string} at */
  #presentAt(at) {
    return this.#watcher(at).present.get(roomAt(localpart, at)) ?? new Set()
  }

  #show() {
    const { board } = this.#options
    for (const [column, sums] of this.#sums.entries()) {
      for (const [what, who] of sums) board.put(column, `(${summedUp(what, who)})`, 'notice')
      sums.clear()
    }
    board.flush()
  }

  get #said() {
    return [...this.people, ...this.#guests].flatMap(({ said }) => said)
  }

  get #views() {
    const owed = this.#said
    return servers.flatMap((at) =>
      this.#crew(at).map(({ jid, heard }) => ({ at, who: jid, room: roomAt(localpart, at), heard, owed })),
    )
  }

  /** @param {string} name */
  #linksOf(name) {
    return servers.filter((other) => other !== name).flatMap((other) => this.#federation.both(name, other))
  }

  /** @param {string} at */
  #crew(at) {
    return this.#crews.get(at) ?? []
  }

  /** @param {string} at @returns {Person} */
  #watcher(at) {
    const [first] = this.#crew(at)
    if (first === undefined) throw new Error(`nobody is at ${at}`)
    return first
  }
}

/** Who still hears a server while c.example is cut off. @param {string} at */
const apartFrom = (at) => (at === 'c' ? ['c'] : ['a', 'b'])

/** Names where they fit, and are not said twice. @param {string} what @param {readonly string[]} who */
const summedUp = (what, who) =>
  what.startsWith(shortOnes)
    ? `${who.length} ${what}`
    : `${who.length > 3 ? `${who.length} people` : [...new Set(who)].join(', ')}: ${what}`

/** @param {string} name */
const hueOf = (name) => servers.indexOf(name === heckler.name ? heckler.at : name.slice(0, 1))
