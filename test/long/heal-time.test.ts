/**
 * A link that was broken for longer than any first waits (DMUCD_BROKEN_S: seconds, or 60): how soon people on both sides hear each other
 * when it is back, though nobody says a word. Streams were reset, or what is written to them vanishes.
 */
import { afterEach, expect, test } from '@jest/globals'
import { Federation, roomAt } from '../live/federation.mjs'
import { lacking } from '../live/judge.mjs'
import type { Person } from '../live/person.mjs'
import { until } from '../live/until.mjs'

const brokenMs = Number(process.env.DMUCD_BROKEN_S ?? 60) * 1000
const names = ['a', 'b']

let federation: Federation | undefined
afterEach(async () => {
  await federation?.remove()
  federation = undefined
})

test.each(['cut', 'hang'] as const)('%s: seen within seconds of being back', async (fault) => {
  const here = await Federation.start(names, { dmuc: 'ping_after = 1\nping_timeout = 1\ngrace = 2' })
  federation = here
  const people = new Map<string, Person>()
  for (const at of names) {
    await here.addUser(at, `person-${at}`)
    people.set(at, await here.login(at, `person-${at}`))
  }
  const [ann, bob] = names.map((at) => people.get(at) as Person) as [Person, Person]
  await here.distribute(ann, 'a', 'hall')
  await bob.join(roomAt('hall', 'b'))
  const present = () => [...people].map(([at, person]) => person.present.get(roomAt('hall', at))?.size)
  const all = (count: number) => () => present().every((size) => size === count)
  await until(all(2), () => `both to see both: ${present()}`)
  for (const link of here.both('a', 'b')) link[fault]()
  await until(all(1), () => `both to be alone: ${present()}`)
  const tried = () => here.both('a', 'b').reduce((sum, { refused }) => sum + refused, 0)
  await new Promise((resolve) => setTimeout(resolve, brokenMs / 2))
  const before = tried()
  await new Promise((resolve) => setTimeout(resolve, brokenMs / 2))
  const perMinute = Math.round(((tried() - before) * 60_000) / (brokenMs / 2))
  for (const [at, person] of people) {
    person.say(roomAt('hall', at), `said at ${at}`)
    await person.settled()
  }
  const healed = performance.now()
  for (const link of here.both('a', 'b')) link.heal()
  const owed = [ann, bob].flatMap(({ said }) => said)
  const views = () => [...people].map(([at, { jid, heard }]) => ({ who: jid, room: roomAt('hall', at), heard, owed }))
  await until(
    () => all(2)() && views().every((view) => lacking(view).length === 0),
    () => `both to see both: ${present()}`,
  )
  const healMs = Math.round(performance.now() - healed)
  console.log(JSON.stringify({ fault, brokenMs, healMs, perMinute }))
  expect(healMs).toBeLessThan(10_000)
  // Four directions of two pairs of domains, each every 1 to 5 seconds.
  expect(perMinute).toBeLessThan(4 * 60)
  await here.stop()
})
