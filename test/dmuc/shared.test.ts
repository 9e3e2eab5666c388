/** The rooms that two services share: one digest over all, descended into only where it differs (docs/dmuc-sync.md §8). */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { newSource } from '../../src/dmuc/new-replica.js'
import type { Replica } from '../../src/dmuc/replica.js'
import { maxDepth, maxRooms, pairOf, type SharedRoom, SharedRooms, sharedRoom, tagOf } from '../../src/dmuc/shared.js'
import { Vector } from '../../src/dmuc/vector.js'
import {
  askShared,
  maxAsked,
  readAsked,
  readShared,
  readUnknown,
  writeShared,
  writeUnknown,
} from '../../src/dmuc/wire/shared.js'
import { defaultPolicy, newRoom } from '../../src/room/index.js'
import { SeededRandom } from '../../src/util/random.js'
import { parse } from '../support/xml-match.js'

const made = newSource(newRoom('coven@rooms.a.example', defaultPolicy), new SeededRandom(1))
/** `held`: what it holds of one origin. */
const replica = (n: number, held: string): Replica => ({
  ...made,
  identity: { ...made.identity, roomId: `room ${n}` },
  vector: Vector.empty.with({ instance: made.room.jid, incarnation: held }, 1),
})

const pair = pairOf('rooms.a.example', 'rooms.b.example')
const rooms = (held: Iterable<readonly [number, string]>): SharedRoom[] =>
  [...held].map(([n, name]) => sharedRoom(pair, replica(n, name)))
const tag = (n: number): string => tagOf(pair, `room ${n}`)

/** What the one who asks finds out, with every stanza read from what was written; and how many nodes that took. */
function descended(ours: SharedRooms, theirs: SharedRooms): { differing: string[]; unknown: string[]; nodes: number } {
  const found = { differing: new Set<string>(), unknown: new Set<string>() }
  const open = ['']
  let nodes = 0
  while (open.length > 0) {
    const asked = open.splice(0, maxAsked).map((path) => ({ path, digest: ours.digest(path) }))
    const question = readAsked(parse(askShared(asked).toString()))
    expect(question).toEqual(asked)
    const answer = parse(writeShared(asked.map(({ path, digest }) => theirs.node(path, digest))).toString())
    const read = readShared(answer, asked)
    expect(read.map(({ path }) => path)).toEqual(asked.map(({ path }) => path))
    for (const node of read) {
      nodes += 1
      const { deeper, differing, unknown } = ours.compare(node)
      open.push(...deeper)
      for (const room of differing) found.differing.add(room.tag)
      for (const each of unknown) found.unknown.add(each)
    }
  }
  return { differing: [...found.differing].sort(), unknown: [...found.unknown].sort(), nodes }
}

const both = (count: number): (readonly [number, string])[] =>
  Array.from({ length: count }, (_, n) => [n, 'same'] as const)

describe('the digest of a shared room', () => {
  const { room, identity, table } = made
  const witch = {
    nick: 'witch',
    jid: 'w@a.example',
    home: room.jid,
    sessions: [],
    since: { ms: 1, counter: 0 },
    grant: 0,
  }
  const occupants = new Map([['witch', { ...witch, occupantId: 'o', role: 'participant' as const }]])
  test.each<[string, Replica]>([
    ['source', { ...made, identity: { ...identity, source: 'coven@rooms.c.example' } }],
    ['epoch', { ...made, identity: { ...identity, epoch: 2 } }],
    ['configuration', { ...made, room: { ...room, configRevision: 1 } }],
    ['register', { ...made, room: { ...room, registerRevision: 1 } }],
    ['table', { ...made, table: { ...table, revision: 9 } }],
    ['keys', { ...made, keys: { ...made.keys, number: 2 } }],
    ['events', { ...made, vector: replica(1, 'other').vector }],
    ['occupants', { ...made, room: { ...room, occupants } }],
  ])('differs with the %s, and the tag does not', (_, other) => {
    const [one, two] = [sharedRoom(pair, made), sharedRoom(pair, other)]
    expect(two.tag).toBe(one.tag)
    expect(two.digest).not.toBe(one.digest)
  })

  test('is the same at both', () => {
    const there = { ...made, room: { ...room, jid: 'coven@rooms.b.example' }, incarnation: 'another' }
    expect(sharedRoom(pair, there)).toEqual(sharedRoom(pairOf('rooms.b.example', 'rooms.a.example'), made))
  })
})

describe('the tree of shared rooms', () => {
  test('two that hold the same say so with one digest', () => {
    const [ours, theirs] = [new SharedRooms(rooms(both(500))), new SharedRooms(rooms(both(500).reverse()))]
    expect(ours.digest('')).toMatch(/^[\w-]{43}$/)
    expect(theirs.node('', ours.digest(''))).toEqual({ path: '', digest: ours.digest('') })
    expect(descended(ours, theirs)).toEqual({ differing: [], unknown: [], nodes: 1 })
  })

  test('one room in five thousand is found in three nodes', () => {
    const theirs = new SharedRooms(rooms(both(5000).map(([n, held]) => [n, n === 77 ? 'other' : held])))
    expect(descended(new SharedRooms(rooms(both(5000))), theirs)).toEqual({
      differing: [tag(77)],
      unknown: [],
      nodes: 3,
    })
  })

  test('whatever the two hold, exactly what differs is found', () => {
    const held = fc.array(fc.tuple(fc.nat(300), fc.constantFrom('a', 'b')), { maxLength: 400 })
    fc.assert(
      fc.property(held, held, fc.nat(300), (mine, others, common) => {
        const [a, b] = [new Map([...both(common), ...mine]), new Map([...both(common), ...others])]
        const found = descended(new SharedRooms(rooms(a)), new SharedRooms(rooms(b)))
        expect(found.differing).toEqual(
          [...a]
            .filter(([n, whole]) => b.get(n) !== whole)
            .map(([n]) => tag(n))
            .sort(),
        )
        expect(found.unknown).toEqual(
          [...b.keys()]
            .filter((n) => !a.has(n))
            .map(tag)
            .sort(),
        )
      }),
      { numRuns: 60, seed: 4 },
    )
  })

  test('a room that the other has alone is found', () => {
    const [ours, theirs] = [new SharedRooms(rooms(both(40))), new SharedRooms(rooms(both(41)))]
    expect(descended(ours, theirs)).toMatchObject({ differing: [], unknown: [tag(40)] })
    expect(descended(new SharedRooms([]), theirs).nodes).toBeLessThan(20)
  })

  test('another pair sees the same room under another tag and digest', () => {
    const other = pairOf('rooms.a.example', 'rooms.c.example')
    expect(pairOf('rooms.b.example', 'rooms.a.example')).toBe(pair)
    expect(tagOf(other, 'room 1')).not.toBe(tag(1))
    expect(sharedRoom(other, replica(1, 'same')).digest).not.toBe(sharedRoom(pair, replica(1, 'same')).digest)
  })

  test('however deep somebody makes the tree, it ends', () => {
    const ours = new SharedRooms(rooms(both(1)))
    const path = tag(0).slice(0, maxDepth)
    const children = new Map([...'0123456789abcdef'].map((digit) => [path + digit, 'x'.repeat(43)] as const))
    const { deeper, differing } = ours.compare({ path, digest: 'y', children })
    expect(deeper).toEqual([])
    expect(differing.map((room) => room.tag)).toEqual([tag(0)])
  })
})

describe('the stanzas', () => {
  test('what is too much, or no path, is no question', () => {
    const asked = (count: number) =>
      Array.from({ length: count }, (_, n) => ({ path: n.toString(16), digest: undefined }))
    expect(readAsked(askShared(asked(maxAsked)))).toHaveLength(maxAsked)
    expect(readAsked(askShared(asked(maxAsked + 1)))).toBeUndefined()
    expect(readAsked(askShared([]))).toBeUndefined()
    expect(readAsked(askShared([{ path: 'xyz', digest: undefined }]))).toBeUndefined()
    expect(readAsked(askShared([{ path: '0'.repeat(maxDepth + 2), digest: undefined }]))).toBeUndefined()
  })

  test('of an answer that counts which was asked for, within its bounds', () => {
    const many = rooms(both(2 * maxRooms))
    const answer = writeShared([
      { path: 'a', digest: undefined, rooms: many },
      { path: 'b', digest: undefined },
    ])
    const read = readShared(parse(answer.toString()), [{ path: 'a', digest: undefined }])
    expect(read.map(({ path }) => path)).toEqual(['a'])
    expect(read[0]?.rooms).toHaveLength(maxRooms)
  })

  test('unknown rooms are named by their tags', () => {
    expect(readUnknown(parse(writeUnknown([tag(1), tag(2)]).toString()))).toEqual([tag(1), tag(2)])
    expect(readUnknown(parse("<shared xmlns='urn:xmpp:dmuc-sync:0'><room tag='coven'/></shared>"))).toBeUndefined()
  })
})
