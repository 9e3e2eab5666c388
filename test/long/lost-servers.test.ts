/**
 * A room on three servers of which one is killed, loses its database, hangs, or never comes back, in the middle of a conversation.
 * Expected is what senders saw acknowledged; looked at are the archives of all servers, and their digests.
 */
import { afterEach, expect, test } from '@jest/globals'
import { xml } from '@xmpp/client'
import { readArchive } from '../live/archive.mjs'
import { Federation, roomAt } from '../live/federation.mjs'
import { faultsOf, judge } from '../live/judge.mjs'
import type { Person, Said } from '../live/person.mjs'
import { until } from '../live/until.mjs'

const names = ['a', 'b', 'c']
const localpart = 'hall'

class Trio {
  readonly federation: Federation
  readonly people = new Map<string, Person>()
  readonly #past: Said[] = []
  #serial = 0

  private constructor(federation: Federation) {
    this.federation = federation
  }

  static async gather(): Promise<Trio> {
    const trio = new Trio(await Federation.start(names, { dmuc: 'ping_after = 1\nping_timeout = 1\ngrace = 2' }))
    for (const at of names) {
      await trio.federation.addUser(at, `person-${at}`)
      trio.people.set(at, await trio.federation.login(at, `person-${at}`))
    }
    await trio.federation.distribute(trio.person('a'), 'a', localpart)
    for (const at of ['b', 'c']) await trio.person(at).join(roomAt(localpart, at))
    await trio.allSee(3)
    return trio
  }

  person(at: string): Person {
    return this.people.get(at) as Person
  }

  /** So many words of each of these by turns; resolves once they saw them again. */
  async talk(ats: readonly string[], words = 50): Promise<void> {
    for (let n = 0; n < words; n++)
      for (const at of ats) this.person(at).say(roomAt(localpart, at), `word ${++this.#serial}`)
    await Promise.all(ats.map((at) => this.person(at).settled()))
  }

  /** While these go on talking. */
  async killedIn(at: string): Promise<void> {
    const victim = this.person(at)
    const others = names.filter((name) => name !== at)
    const talk = this.talk(others, 100)
    for (let n = 0; n < 20; n++) victim.say(roomAt(localpart, at), `last ${++this.#serial}`)
    await this.federation.server(at).kill9()
    victim.drop()
    this.#past.push(...victim.said)
    this.people.delete(at)
    await talk
  }

  async comesBack(at: string): Promise<void> {
    this.people.set(at, await this.federation.login(at, `person-${at}`))
    await this.person(at).join(roomAt(localpart, at))
  }

  async allSee(count: number, ats: readonly string[] = [...this.people.keys()]): Promise<void> {
    const seen = (): number[] => ats.map((at) => this.person(at).present.get(roomAt(localpart, at))?.size ?? 0)
    await until(
      () => seen().every((size) => size === count),
      () => `${count} people to be in the room: ${ats} see ${seen()}`,
    )
  }

  /** Every acknowledged word is in the archive of each of these, once and in order. */
  async expectWhole(ats: readonly string[] = names): Promise<void> {
    await this.federation.converged(localpart, ats)
    const said = [...this.#past, ...[...this.people.values()].flatMap((person) => person.said)]
    const views = []
    for (const at of ats) {
      const room = roomAt(localpart, at)
      views.push({ who: at, room, heard: await readArchive(this.person(at), room), owed: said })
    }
    const verdict = judge(said, views)
    const acknowledged = said.filter((one) => one.acknowledged).length
    const counts = { said: said.length, acknowledged, expected: verdict.expected, seen: verdict.seen }
    console.log(`${expect.getState().currentTestName}:`, JSON.stringify(counts))
    expect(faultsOf(verdict)).toEqual([])
    expect(verdict.seen).toBe(verdict.expected)
    expect(acknowledged).toBeGreaterThan(200)
  }
}

let trio: Trio | undefined
afterEach(async () => {
  await trio?.federation.remove()
  trio = undefined
})

test.each([
  ['the firsthost', 'a'],
  ['a peerhost', 'b'],
])('kill -9 of %s: the others go on, and it comes back', async (_who, doomed) => {
  trio = await Trio.gather()
  await trio.talk(names)
  await trio.killedIn(doomed)
  await trio.allSee(2)
  await trio.talk([...trio.people.keys()])
  await trio.federation.startServer(doomed)
  await trio.comesBack(doomed)
  await trio.allSee(3)
  await trio.talk(names)
  await trio.expectWhole()
})

test('a peerhost that comes back with an empty database is given the room again', async () => {
  trio = await Trio.gather()
  await trio.talk(names)
  await trio.federation.converged(localpart)
  await trio.killedIn('b')
  trio.federation.server('b').loseData()
  await trio.talk(['a', 'c'])
  await trio.federation.startServer('b')
  await trio.federation.addUser('b', 'person-b')
  await trio.federation.converged(localpart)
  await trio.comesBack('b')
  await trio.allSee(3)
  await trio.talk(names)
  await trio.expectWhole()
})

test('a peerhost that hangs without closing a connection: the others go on, and it catches up', async () => {
  trio = await Trio.gather()
  await trio.talk(names)
  trio.federation.server('b').hang()
  await trio.talk(['a', 'c'])
  await trio.allSee(2, ['a', 'c'])
  await trio.talk(['a', 'c'])
  trio.federation.server('b').goOn()
  await trio.allSee(3)
  await trio.talk(names)
  await trio.expectWhole()
})

test('a firsthost that never comes back: a shadow is promoted, and decides', async () => {
  trio = await Trio.gather()
  await trio.talk(names)
  await trio.federation.converged(localpart)
  const item = xml('item', { jid: 'person-b@b.example', affiliation: 'owner' })
  const query = (ns: string, ...children: unknown[]) => xml('query', { xmlns: ns }, ...(children as never[]))
  const admin = 'http://jabber.org/protocol/muc#admin'
  await trio.person('a').ask('set', roomAt(localpart, 'a'), query(admin, item))
  await trio.federation.converged(localpart)
  await trio.killedIn('a')
  await trio.allSee(2)
  await trio.federation.server('b').dmucctl(['room', 'promote', roomAt(localpart, 'b')])
  await trio.talk(['b', 'c'])
  await trio.federation.converged(localpart, ['b', 'c'])
  const ban = xml('item', { jid: 'porter@c.example', affiliation: 'outcast' })
  await trio.person('b').ask('set', roomAt(localpart, 'b'), query(admin, ban))
  await trio.expectWhole(['b', 'c'])
  expect(await trio.federation.server('c').dmucctl(['room', 'show', roomAt(localpart, 'c')])).toContain(
    'porter@c.example',
  )
})
