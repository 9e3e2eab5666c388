/**
 * The simulator looked at: links that are broken on purpose, from outside, must be healed or found, and what it is to find it must
 * be able to find.
 */
import { describe, expect, test } from '@jest/globals'
import type { Replica } from '../../src/dmuc/replica.js'
import type { Element } from '../../src/xml/element.js'
import { injections } from './inject.js'
import { main } from './main.js'
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

const say = (at: number, who: number): Operation => ({ at, type: 'say', who })

/** Everybody enters, and somebody at each site speaks. */
const talk: readonly Operation[] = [
  { at: 1500, type: 'distribute', sites: 3 },
  ...[1, 2, 3, 4, 5].map((who): Operation => ({ at: 4000 + who, type: 'enter', who, nick: `nick${who}` })),
  ...[say(6000, 0), say(7000, 1), say(7100, 1), say(8000, 2), say(9000, 1)],
]

const rule = async (tamper: Tamper, schedule = talk): Promise<string[]> => {
  const { faults } = await play(1, scope, schedule, { tamper })
  return faults.map(({ kind }) => kind)
}

/** Does that to the first stanza that is meant, and tells how often it did. */
function once(fate: 'lose' | 'double', isMeant: (text: string) => boolean): { tamper: Tamper; done: () => number } {
  let done = 0
  const tamper: Tamper = (stanza: Element) => {
    if (done > 0 || !isMeant(stanza.toString())) return 'deliver'
    done++
    return fate
  }
  return { tamper, done: () => done }
}

describe('a link that is broken once is healed, though nobody says anything afterwards', () => {
  test.each([
    ['lose', 'the last message', '<body>m7<'],
    ['lose', 'a message with others behind it', '<body>m4<'],
    ['double', 'a message', '<body>m4<'],
    ['lose', 'an arrival', 'site1.example/nick4'],
    ['double', 'an arrival', 'site1.example/nick4'],
    ['lose', 'a hello', '<hello'],
    ['double', 'a hello', '<hello'],
    ['lose', 'the configuration of a new shadow', '<config'],
    ['lose', 'the roster of a new shadow', '<roster'],
    ['lose', 'the history of a new shadow', '<history'],
    ['lose', 'the request to replicate', '<replicate'],
    ['lose', 'the notice of a new instance', '<peerhost'],
  ] as const)('%s %s', async (fate, _, mark) => {
    const { tamper, done } = once(fate, (text) => text.includes(mark))
    expect(await rule(tamper)).toEqual([])
    expect(done()).toBe(1)
  })

  test.each([
    ['a pull', '<pull'],
    ['a page of a pull', '<events'],
    ['the question for a list', "<occupants xmlns='urn:xmpp:dmuc-sync:0'/>"],
    ['a list', '<occupants'],
  ])('lose %s', async (_, mark) => {
    const { tamper, done } = once('lose', (text) => text.replaceAll('"', "'").includes(mark))
    const cut: Operation = { at: 5000, type: 'cut', from: 0, to: 1, both: true, fault: 'bounce', forMs: 20_000 }
    expect(await rule(tamper, [...talk.slice(0, 6), cut, ...talk.slice(6)])).toEqual([])
    expect(done()).toBe(1)
  })
})

describe('a link that stays broken is found', () => {
  test('where what one site says never gets through', async () => {
    const kinds = await rule((stanza, from) =>
      from === 1 && /<(event|events|history)[ >]/.test(stanza.toString()) ? 'lose' : 'deliver',
    )
    expect(kinds).toContain('lost')
    expect(kinds).toContain('diverged')
  })

  test('where who comes and goes never gets through', async () => {
    const kinds = await rule((stanza, from) =>
      from === 1 && (stanza.name === 'presence' || stanza.toString().includes('<occupants')) ? 'lose' : 'deliver',
    )
    expect(kinds).toContain('diverged')
  })

  test('where a shadow never gets its configuration', async () => {
    expect(await rule((stanza) => (stanza.toString().includes('<config') ? 'lose' : 'deliver'))).toContain('diverged')
  })
})

describe('with a fault of that kind in it the run fails', () => {
  test.each(Object.keys(injections))('%s', async (fault) => {
    const said: string[] = []
    const args = ['--schedules', '6', '--keep-going', '--inject', fault]
    expect(await main(args, (text) => said.push(text))).toBe(1)
    expect(said.at(-1)).toMatch(/^6 schedules: .*[1-9]\d* (lost|duplicated|out of order|diverged)/)
  })

  test('and without it does not', async () => {
    const said: string[] = []
    expect(await main(['--schedules', '6', '--keep-going'], (text) => said.push(text))).toBe(0)
  })
})

describe('what people saw is judged', () => {
  const verdict = async (spoil: (world: World) => void): Promise<string[]> => {
    const { faults } = await play(1, scope, talk, { inspect: spoil })
    return [...new Set(faults.map(({ kind }) => kind))]
  }

  test.each<[string, (world: World) => void]>([
    ['lost', ({ people }) => void people[2]?.stay?.heard.pop()],
    ['duplicated', ({ people }) => void people[2]?.stay?.heard.push(people[2].stay.heard[0]!)],
    ['out of order', ({ people }) => void people[2]?.stay?.heard.reverse()],
    ['diverged', ({ people }) => void people[2]?.roster.delete('nick1')],
    ['broken', ({ broken }) => void broken.push('a fault of ours')],
  ])('%s', async (kind, spoil) => {
    expect(await verdict(() => {})).toEqual([])
    expect(await verdict(spoil)).toContain(kind)
  })
})

describe('what is in force, and what is kept, is judged', () => {
  const broken = async (spoil: (world: World, replica: Replica) => Replica | undefined): Promise<string[]> => {
    const { faults } = await play(1, scope, talk, {
      inspect(world) {
        const room = world.sites[1]?.service?.rooms.get(roomOf(1))
        if (room === undefined) throw new Error('the site has no room')
        room.replica = spoil(world, room.replica) ?? room.replica
        world.look()
      },
    })
    return faults.filter(({ kind }) => kind === 'broken').map(({ text }) => text)
  }
  const banned = (room: Replica['room']): Replica['room'] => ({
    ...room,
    register: new Map([...room.register, ['user1@people1.example', { affiliation: 'outcast' }]]),
  })

  test.each<[string, string, (world: World, replica: Replica) => Replica | undefined]>([
    ['a decision', 'is decided by who is not the source', ({ sources }) => void sources.clear()],
    ['a message', 'who is not there', ({ people }) => void Object.defineProperty(people[1], 'site', { value: 2 })],
    ['who is in the room', 'is banned from', (_, replica) => ({ ...replica, room: banned(replica.room) })],
    [
      'what is kept of a room',
      'keeps 33 claims, and may keep 32',
      (_, replica) => ({ ...replica, claims: new Map(Array.from({ length: 33 }, (_, n) => [`${n}`, 'a claim'])) }),
    ],
    [
      'what is kept of a peer',
      'keeps 3 pulls, and may keep 2',
      (_, replica) => ({
        ...replica,
        peers: new Map([...replica.peers].map(([jid, peer]) => [jid, { ...peer, pulls: [[], [], []] }])),
      }),
    ],
  ])('%s', async (_, text, spoil) => {
    expect(await broken(() => undefined)).toEqual([])
    expect(await broken(spoil)).toContainEqual(expect.stringContaining(text))
  })
})
