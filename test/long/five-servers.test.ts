/**
 * A room on five servers of processes of their own, a link between each two: the firsthost and a peerhost are killed in the middle of a
 * conversation, messages are erased during a split that the others still have, and a firsthost that lost its database gets the room back.
 * Expected is what senders saw acknowledged; XEP-0410's question is answered rightly throughout.
 */
import { afterEach, expect, test } from '@jest/globals'
import { readArchive } from '../live/archive.mjs'
import { Federation, roomAt } from '../live/federation.mjs'
import { faultsOf, judge } from '../live/judge.mjs'
import type { Person, Said } from '../live/person.mjs'
import { SelfPings } from '../live/self-pings.mjs'
import { until } from '../live/until.mjs'

const names = ['a', 'b', 'c', 'd', 'e']
const localpart = 'hall'

class Five {
  readonly federation: Federation
  readonly people = new Map<string, Person>()
  readonly pings = new SelfPings()
  readonly #past: Said[] = []
  #serial = 0

  private constructor(federation: Federation) {
    this.federation = federation
  }

  static async gather(): Promise<Five> {
    const five = new Five(await Federation.start(names, { dmuc: 'ping_after = 1\nping_timeout = 1\ngrace = 2' }))
    for (const at of names) {
      await five.federation.addUser(at, `person-${at}`)
      five.people.set(at, await five.federation.login(at, `person-${at}`))
    }
    await five.federation.distribute(five.person('a'), 'a', localpart)
    for (const at of names.slice(1)) await five.person(at).join(roomAt(localpart, at))
    await five.allSeeAll()
    for (const [at, person] of five.people) five.pings.follow(person, roomAt(localpart, at))
    return five
  }

  person(at: string): Person {
    return this.people.get(at) as Person
  }

  /** So many words of each of these by turns; resolves once they saw them again. */
  async talk(ats: readonly string[] = [...this.people.keys()], words = 40): Promise<void> {
    for (let n = 0; n < words; n++)
      for (const at of ats) this.person(at).say(roomAt(localpart, at), `word ${++this.#serial}`)
    await Promise.all(ats.map((at) => this.person(at).settled()))
  }

  /** With its words still under way, while the others go on talking. */
  async kill(at: string): Promise<void> {
    const victim = this.person(at)
    for (let n = 0; n < 20; n++) victim.say(roomAt(localpart, at), `last ${++this.#serial}`)
    this.people.delete(at)
    const talk = this.talk()
    await this.federation.server(at).kill9()
    victim.drop()
    this.#past.push(...victim.said)
    await talk
  }

  async comesBack(at: string): Promise<void> {
    const person = await this.federation.login(at, `person-${at}`)
    await person.join(roomAt(localpart, at), { maxstanzas: 0 })
    this.people.set(at, person)
    this.pings.follow(person, roomAt(localpart, at))
  }

  /** Each sees these and nobody else. */
  async see(ats: readonly string[], whom: readonly string[] = ats): Promise<void> {
    const nicks = whom.map((at) => `person-${at}`).join()
    const seen = (): string[] =>
      ats.map((at) => [...(this.person(at).present.get(roomAt(localpart, at)) ?? [])].sort().join())
    await until(
      () => seen().every((one) => one === nicks),
      () => `${ats} to see ${nicks}, and not ${seen().join(' | ')}`,
      120_000,
    )
  }

  allSeeAll(): Promise<void> {
    return this.see([...this.people.keys()].sort())
  }

  /** Nothing is left to be fetched, by any of them. */
  async inStep(at: string): Promise<void> {
    const end = performance.now() + 120_000
    for (;;) {
      const said = await this.federation.server(at).dmucctl(['room', 'peers', roomAt(localpart, at)])
      if (said.match(/in step/g)?.length === names.length - 1) return
      if (performance.now() > end) throw new Error(`${at} is not in step with all: ${said}`)
    }
  }

  get said(): readonly Said[] {
    return [...this.#past, ...[...this.people.values()].flatMap((person) => person.said)]
  }

  /** Every acknowledged word but these is in the archive of each of these servers, once and in order. */
  async expectWhole(ats: readonly string[] = names, except: ReadonlySet<Said> = new Set()): Promise<void> {
    const { said } = this
    const owed = said.filter((one) => !except.has(one))
    const views = []
    for (const at of ats) {
      const room = roomAt(localpart, at)
      views.push({ who: at, room, heard: await readArchive(this.person(at), room), owed })
    }
    const verdict = judge(said, views)
    const counts = { said: said.length, expected: verdict.expected, seen: verdict.seen, pings: this.pings.count }
    console.log(`${expect.getState().currentTestName}:`, JSON.stringify(counts))
    expect(faultsOf(verdict)).toEqual([])
    expect(verdict.seen).toBe(verdict.expected)
    expect(verdict.seen).toBeGreaterThan(500)
  }

  async end(): Promise<void> {
    await this.pings.stop()
    expect(this.pings.faults).toEqual([])
    expect(this.pings.count.inside).toBeGreaterThan(50)
    await this.federation.stop()
  }
}

let five: Five | undefined
afterEach(async () => {
  await five?.federation.remove()
  five = undefined
})

test('kill -9 of the firsthost, then of a peerhost while the firsthost is away, then both come back', async () => {
  five = await Five.gather()
  await five.talk()
  await five.kill('a')
  await five.kill('c')
  await five.see(['b', 'd', 'e'])
  await five.talk()
  await five.federation.startServer('a')
  await five.comesBack('a')
  await five.see(['a', 'b', 'd', 'e'])
  await five.talk()
  await five.federation.startServer('c')
  await five.comesBack('c')
  await five.allSeeAll()
  await five.talk()
  await five.federation.converged(localpart)
  await five.expectWhole()
  await five.end()
})

test('a split that outlasts what is kept: what was erased meanwhile never comes, all else does, and nobody asks for ever', async () => {
  five = await Five.gather()
  await five.talk()
  await five.federation.converged(localpart)
  for (const other of ['b', 'c', 'd', 'e']) for (const link of five.federation.both('a', other)) link.cut()
  await five.see(['a'])
  await five.see(['b', 'c', 'd', 'e'])
  await five.talk()
  const alone = five.person('a').said.slice(-40)
  // As the retention of that room does it, at the time which the operator names.
  await five.federation.server('a').dmucctl(['room', 'purge', roomAt(localpart, 'a')])
  await five.talk()
  for (const other of ['b', 'c', 'd', 'e']) for (const link of five.federation.both('a', other)) link.heal()
  await five.allSeeAll()
  await five.talk()
  const heard = (at: string) => new Set(five?.person(at).heard.map(({ body }) => body))
  const erased = new Set(alone)
  const later = five.said.filter((one) => one.by === 'person-a' && !erased.has(one))
  await until(
    () => ['b', 'c', 'd', 'e'].every((at) => later.every(({ body }) => heard(at).has(body))),
    'the others to hear what was said at a',
    120_000,
  )
  for (const at of ['b', 'c', 'd', 'e']) expect(alone.filter(({ body }) => heard(at).has(body))).toEqual([])
  await five.expectWhole(['b', 'c', 'd', 'e'], erased)
  for (const at of names) await five.inStep(at)
  await five.end()
})

test('a firsthost that lost its database gets the room back from a server that holds it (dmucctl room restore)', async () => {
  five = await Five.gather()
  await five.talk()
  await five.federation.converged(localpart)
  await five.kill('a')
  five.federation.server('a').loseData()
  await five.see(['b', 'c', 'd', 'e'])
  await five.talk()
  await five.federation.startServer('a')
  await five.federation.addUser('a', 'person-a')
  await five.federation.server('a').dmucctl(['room', 'restore', roomAt(localpart, 'a'), '--from', 'rooms.c.example'])
  await five.federation.converged(localpart)
  await five.comesBack('a')
  await five.allSeeAll()
  await five.talk()
  await five.federation.converged(localpart)
  await five.expectWhole()
  // It is the source again: it decides, and the others know.
  const ban = ['room', 'affiliation', roomAt(localpart, 'a'), 'porter@d.example', 'outcast']
  // Not before it has asked all what it had decided.
  const ends = performance.now() + 60_000
  for (;;) {
    const refusal = await five.federation
      .server('a')
      .dmucctl(ban)
      .then(
        () => undefined,
        (error: unknown) => String(error),
      )
    if (refusal === undefined) break
    expect(refusal).toContain('try again in a moment')
    expect(performance.now()).toBeLessThan(ends)
  }
  await five.federation.converged(localpart)
  for (const at of names)
    expect(await five.federation.server(at).dmucctl(['room', 'show', roomAt(localpart, at)])).toContain(
      'porter@d.example',
    )
  await five.end()
})
