/**
 * Three servers, none of which reaches another, and 10,000 messages at each of them (DMUCD_GREAT: another number); then all links heal.
 * Everything is in every archive, once, in its senders' order, and the three hold the same.
 */
import { afterEach, expect, test } from '@jest/globals'
import { readArchive } from '../live/archive.mjs'
import { Federation, roomAt } from '../live/federation.mjs'
import { faultsOf, judge } from '../live/judge.mjs'
import type { Person } from '../live/person.mjs'
import { until } from '../live/until.mjs'

const each = Number(process.env.DMUCD_GREAT ?? 10_000)
const names = ['a', 'b', 'c']
/** Said before the sender waits for its own words. */
const inARow = 250

let federation: Federation | undefined
afterEach(async () => {
  await federation?.remove()
  federation = undefined
})

test(
  `${each} messages on each side of a three-way split`,
  async () => {
    const here = await Federation.start(names, { dmuc: 'ping_after = 1\nping_timeout = 1\ngrace = 2' })
    federation = here
    const people = new Map<string, Person>()
    for (const at of names) {
      await here.addUser(at, `person-${at}`)
      people.set(at, await here.login(at, `person-${at}`))
    }
    const everybody = [...people]
    await here.distribute(people.get('a')!, 'a', 'hall')
    for (const [at, person] of everybody.slice(1)) await person.join(roomAt('hall', at))
    const present = () => everybody.map(([at, person]) => person.present.get(roomAt('hall', at))?.size)
    await until(
      () => present().every((size) => size === 3),
      () => `everybody to see everybody: ${present()}`,
    )

    const links = names.flatMap((one, index) => names.slice(index + 1).flatMap((other) => here.both(one, other)))
    for (const link of links) link.cut()
    await Promise.all(
      everybody.map(async ([at, person]) => {
        for (let n = 0; n < each; n++) {
          person.say(roomAt('hall', at), `word ${n} at ${at}`)
          if (n % inARow === 0) await person.settled()
        }
        await person.settled()
      }),
    )
    const said = everybody.flatMap(([, person]) => person.said)
    const cpu = () => names.map((at) => here.server(at).cpuMs)
    const [healed, cpuBefore] = [performance.now(), cpu()]
    for (const link of links) link.heal()
    // What is told to people last. (To ask the servers takes as much of the machine as they have.)
    await until(
      () => everybody.every(([, { heard }]) => heard.length >= said.length),
      () => `everybody to hear everything: ${everybody.map(([, { heard }]) => heard.length)}`,
      10 * 60_000,
    )
    const healMs = Math.round(performance.now() - healed)
    const healCpuMs = cpu().map((ms, index) => ms - (cpuBefore[index] ?? 0))
    await here.converged('hall', names, 10 * 60_000)

    const views = []
    for (const [at, person] of everybody) {
      const room = roomAt('hall', at)
      views.push({ who: person.jid, room, heard: await readArchive(person, room), owed: said })
    }
    const verdict = judge(said, views)
    // What people were shown while they were there: perhaps not all of so much, but nothing twice, nor in a wrong order.
    const { lost: _notShown, ...shown } = judge(
      said,
      everybody.map(([at, { jid, heard }]) => ({ who: jid, room: roomAt('hall', at), heard, owed: said })),
    )
    expect(faultsOf({ ...shown, lost: [] })).toEqual([])
    const late = everybody.map(([, { heard }]) => heard.filter(({ delay }) => delay !== undefined).length)
    console.log(
      JSON.stringify({ said: said.length, expected: verdict.expected, seen: verdict.seen, healMs, healCpuMs, late }),
    )
    expect(said.filter(({ acknowledged }) => acknowledged)).toHaveLength(3 * each)
    expect(faultsOf(verdict)).toEqual([])
    expect(verdict.seen).toBe(9 * each)
    await here.stop()
  },
  30 * 60_000,
)
