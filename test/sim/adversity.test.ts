/** Worse than faults: a member that lies, releases that differ, a split that outlasts what is kept (dmuc.md §5). */
import { expect, test } from '@jest/globals'
import { elements } from '../../src/xml/element.js'
import type { Tamper } from './network.js'
import type { Operation, Scope } from './operations.js'
import { play } from './simulate.js'
import { roomOf } from './site.js'
import type { World } from './world.js'

const scope: Scope = {
  sites: 3,
  people: 2,
  operations: 0,
  lengthMs: 0,
  faults: 0,
  clashes: false,
  takesBack: false,
  losing: 0,
  doubling: 0,
  history: 1000,
}

const arrivals: readonly Operation[] = [
  { at: 1500, type: 'distribute', sites: 3 },
  ...[1, 2, 3, 4, 5].map((who): Operation => ({ at: 4000 + who, type: 'enter', who, nick: `nick${who}` })),
]
const say = (at: number, who: number): Operation => ({ at, type: 'say', who })

test('a member that changes what others said, wherever it passes it on, changes nothing', async () => {
  const liar = 2
  let changed = 0
  const tamper: Tamper = (stanza, from) => {
    const page = from === liar ? stanza.getChild('events') : undefined
    for (const event of page === undefined ? [] : elements(page)) {
      const body = event.getChild('message')?.getChild('body')
      if (event.name !== 'event' || event.attrs.instance === roomOf(liar) || body === undefined) continue
      body.children = ['a lie']
      changed += 1
    }
    return 'deliver'
  }
  const { faults } = await play(
    1,
    scope,
    [
      ...arrivals,
      { at: 8000, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 60_000 },
      ...[say(10_000, 1), say(11_000, 4), say(12_000, 1)],
      { at: 20_000, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 10_000 },
    ],
    { tamper },
  )
  expect(changed).toBeGreaterThan(0)
  expect(faults).toEqual([])
})

test('an operation that one release knows and the others do not is held by all, through a split and a crash', async () => {
  let held: readonly (readonly string[])[] = []
  const inspect = (world: World): void => {
    held = world.sites.map(({ index, service }) => {
      const { vector } = service!.rooms.get(roomOf(index))!.replica
      return vector.toString().split('\n')
    })
  }
  const { faults } = await play(
    1,
    scope,
    [
      ...arrivals,
      { at: 8000, type: 'novelty', site: 1 },
      { at: 9000, type: 'cut', from: 0, to: 1, both: true, fault: 'silent', forMs: 90_000 },
      { at: 10_000, type: 'novelty', site: 1 },
      { at: 11_000, type: 'novelty', site: 0 },
      ...[say(12_000, 1), say(13_000, 0)],
      { at: 14_000, type: 'crash', site: 2, forMs: 20_000 },
    ],
    { inspect },
  )
  expect(faults).toEqual([])
  expect(new Set(held.map((lines) => lines.join())).size).toBe(1)
  expect(held[0]?.filter((line) => line.startsWith(roomOf(1)))).toHaveLength(1)
})

test('a source out of an old backup that can ask nobody keeps what it decides, and has back what it had decided', async () => {
  let decided: readonly unknown[] = []
  const inspect = (world: World): void => {
    decided = world.sites.map(({ index, service }) => {
      const { register, config } = service!.rooms.get(roomOf(index))!.replica.room
      const of = (jid: string): string | undefined => register.get(jid)?.affiliation
      return { name: config.name, before: of('user4@people1.example'), since: of('user5@people2.example') }
    })
  }
  const name = (at: number, value: string): Operation => {
    return { at, type: 'configure', who: 0, field: 'muc#roomconfig_roomname', value }
  }
  const { faults } = await play(
    1,
    scope,
    [
      ...arrivals,
      name(12_000, 'one'),
      { at: 13_000, type: 'affiliate', who: 0, whom: 4, affiliation: 'outcast' },
      { at: 19_000, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 90_000 },
      { at: 19_000, type: 'cut', from: 0, to: 2, both: true, fault: 'bounce', forMs: 90_000 },
      { at: 20_000, type: 'crash', site: 0, forMs: 300, losesMs: 10_000 },
      { at: 21_000, type: 'enter', who: 0, nick: 'nick0' },
      { at: 60_000, type: 'affiliate', who: 0, whom: 5, affiliation: 'member' },
      name(61_000, 'two'),
    ],
    { inspect },
  )
  expect(faults).toEqual([])
  const both = { name: 'two', before: 'outcast', since: 'member' }
  expect(decided).toEqual([both, both, both])
})

const hour = 3_600_000

const bodyIn = (operation: string): string | undefined => /<body>(.*?)<.body>/.exec(operation)?.[1]

test('a split that outlasts the retention heals: all hold the same, and nobody pulls for ever', async () => {
  let logs: Promise<readonly string[]>[] = []
  const inspect = (world: World): void => {
    logs = world.sites.map(async ({ index, store }) => {
      const records = (await store?.log(roomOf(index), { includeVoid: true, limit: 1000 })) ?? []
      return records
        .map(({ stanzaId, void: isVoid, body }) => `${stanzaId} ${isVoid ? 'void' : (bodyIn(body) ?? '')}`)
        .filter((line) => line.endsWith(' void') || / m\d/.test(line))
        .sort()
    })
  }
  const { faults } = await play(
    1,
    scope,
    [
      ...arrivals,
      { at: 5000, type: 'configure', who: 0, field: 'archive_expires_after', value: '1' },
      say(6000, 1),
      { at: 10_000, type: 'cut', from: 0, to: 1, both: true, fault: 'silent', forMs: 28 * hour },
      { at: 10_000, type: 'cut', from: 1, to: 2, both: true, fault: 'silent', forMs: 28 * hour },
      ...[say(20_000, 1), say(21_000, 0), say(22_000, 2)],
      // Who has been silent for so long has to come back first.
      ...[say(27 * hour, 1), say(27 * hour, 0), say(27 * hour + 5000, 1), say(27 * hour + 6000, 0)],
    ],
    { inspect },
  )
  // What expired is not lost.
  expect(faults.filter(({ kind }) => kind !== 'lost')).toEqual([])
  const [first, ...others] = await Promise.all(logs)
  expect(others).toEqual([first, first])
  expect(first?.filter((line) => line.endsWith(' void'))).toHaveLength(4)
  expect(first?.filter((line) => / m\d/.test(line))).toHaveLength(2)
}, 60_000)
