/** Three dmucd, each in a network namespace of its own, over a network that delays, reorders and loses packets, and is cut. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { xml } from '@xmpp/client'
import { Federation, roomAt } from '../live/federation.mjs'
import { faultsOf, judge, lacking } from '../live/judge.mjs'
import type { Person } from '../live/person.mjs'
import { until } from '../live/until.mjs'
import { Namespaces, obstacle } from './namespaces.js'
import { peer } from './require-peer.js'

const hindered = obstacle()
if (hindered !== undefined && process.env.DMUCD_REQUIRE_PEERS === '1') throw new Error(hindered)
if (hindered !== undefined) process.stderr.write(`skipped: ${hindered}\n`)
const suite = hindered === undefined ? peer(['ip', '/usr/bin/python3']) : describe.skip

const names = ['a', 'b', 'c'] as const

suite('three servers, 25 to 40 ms and 2 % of all packets lost', () => {
  let network: Namespaces
  let federation: Federation
  let people: readonly Person[]

  beforeAll(async () => {
    network = await Namespaces.make(names, { delayMs: 25, jitterMs: 15, loss: 0.02, seed: 281 })
    federation = await Federation.start(names, { dmuc: 'ping_after = 2\nping_timeout = 2\ngrace = 3', place: network })
    for (const name of names) await federation.addUser(name, `${name}nn`)
    people = await Promise.all(names.map((name) => federation.login(name, `${name}nn`)))
  }, 120_000)

  afterAll(async () => {
    await federation?.stop()
    await network?.close()
  }, 120_000)

  const text = (to: string, body: string) => xml('message', { to, type: 'chat', id: body }, xml('body', {}, body))

  test('messages from each to each, in order, none lost', async () => {
    const count = 300
    for (let n = 0; n < count; n++)
      for (const from of people)
        for (const to of people) if (from !== to) await from.send(text(to.jid, `${from.name} ${n}`))
    await until(
      () => people.every(({ mail }) => mail.length >= 2 * count),
      () => `all messages; there are ${people.map(({ mail }) => mail.length)}`,
    )
    for (const person of people)
      for (const other of people)
        if (other !== person)
          expect(person.mail.filter(({ from }) => from.startsWith(other.jid)).map(({ body }) => body)).toEqual(
            Array.from({ length: count }, (_, n) => `${other.name} ${n}`),
          )
  }, 120_000)

  test('one server is cut off for a moment: what was sent meanwhile arrives, once and in order', async () => {
    const [ann, bob] = people as readonly [Person, Person, Person]
    const before = [ann.mail.length, bob.mail.length] as const
    await network.cut('b')
    const { lost } = await network.count()
    for (let n = 0; n < 100; n++) {
      await ann.send(text(bob.jid, `cut ${n}`))
      await bob.send(text(ann.jid, `cut ${n}`))
    }
    while ((await network.count()).lost < lost + 3) await new Promise((resolve) => setTimeout(resolve, 20))
    expect([ann.mail.length, bob.mail.length]).toEqual(before)
    network.heal()
    await until(
      () => ann.mail.length >= before[0] + 100 && bob.mail.length >= before[1] + 100,
      'what was sent meanwhile',
    )
    const expected = Array.from({ length: 100 }, (_, n) => `cut ${n}`)
    expect(ann.mail.slice(before[0]).map(({ body }) => body)).toEqual(expected)
    expect(bob.mail.slice(before[1]).map(({ body }) => body)).toEqual(expected)
  }, 120_000)

  test('a room on all three: what was acknowledged is heard by all, once and in each speaker’s order, across a split', async () => {
    await federation.distribute(people[0]!, 'a', 'hall')
    for (const [index, name] of names.entries()) await people[index]!.join(roomAt('hall', name))
    let serial = 0
    const talk = (rounds: number): void => {
      for (let n = 0; n < rounds; n++)
        for (const [index, name] of names.entries()) people[index]!.say(roomAt('hall', name), `${name} ${++serial}`)
    }
    const said = () => people.flatMap((person) => person.said)
    const views = () =>
      names.map((name, index) => ({
        ...{ who: people[index]!.jid, room: roomAt('hall', name), heard: people[index]!.heard, owed: said() },
      }))
    const allHeard = () =>
      until(
        () => views().every((view) => lacking(view).length === 0),
        () => `all to be heard: ${views().map((view) => lacking(view).length)} are not`,
        45_000,
      )
    talk(50)
    await Promise.all(people.map((person) => person.settled()))
    await allHeard()
    await network.cut('c')
    talk(20)
    await until(
      () => people.every((person) => person.present.get(person.said[0]!.room)!.size < 3),
      'the split to be seen',
    )
    talk(20)
    network.heal()
    await Promise.all(people.map((person) => person.settled()))
    await allHeard()
    const verdict = judge(said(), views())
    const acknowledged = said().filter((one) => one.acknowledged).length
    const packets = await network.count()
    console.log(
      JSON.stringify({ said: said().length, acknowledged, expected: verdict.expected, seen: verdict.seen, ...packets }),
    )
    expect(faultsOf(verdict)).toEqual([])
    expect([acknowledged, verdict.seen]).toEqual([270, 810])
    expect(packets.lost).toBeGreaterThan(50)
  }, 120_000)
})
