/** Version vectors against what they stand for: plain sets of events (dmuc.md §3, Version vectors). */
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Range, Vector } from '../../src/dmuc/vector.js'

type Id = readonly [instance: number, incarnation: number, seq: number]

const id: fc.Arbitrary<Id> = fc.tuple(fc.nat(2), fc.nat(1), fc.integer({ min: 1, max: 12 }))
const ids = fc.array(id, { maxLength: 40 })

const origin = ([instance, incarnation]: readonly [number, number, ...number[]]) => ({
  instance: `room@s${instance}.example`,
  incarnation: `run${incarnation}`,
})
const name = (event: Id): string => event.join(' ')

const vectorOf = (events: readonly Id[]): Vector =>
  events.reduce((vector, event) => vector.with(origin(event), event[2]), Vector.empty)

const everyId: Id[] = [0, 1, 2].flatMap((instance) =>
  [0, 1].flatMap((incarnation) => Array.from({ length: 14 }, (_, n): Id => [instance, incarnation, n + 1])),
)
const heldBy = (vector: Vector): string[] =>
  everyId.filter((event) => vector.has(origin(event), event[2])).map((event) => name(event))

const named = (ranges: readonly Range[]): string[] =>
  everyId
    .filter((event) =>
      ranges.some(
        (range) =>
          range.instance === origin(event).instance &&
          range.incarnation === origin(event).incarnation &&
          range.from <= event[2] &&
          event[2] <= range.to,
      ),
    )
    .map((event) => name(event))

const sorted = (events: Iterable<Id>): string[] => {
  const wanted = new Set([...events].map((event) => name(event)))
  return everyId.map((event) => name(event)).filter((event) => wanted.has(event))
}

describe('a version vector', () => {
  test('holds what was put in, in whatever order, and nothing else', () => {
    fc.assert(
      fc.property(ids, (events) => {
        expect(heldBy(vectorOf(events))).toEqual(sorted(events))
        expect(vectorOf([...events].reverse()).toString()).toBe(vectorOf(events).toString())
      }),
      { seed: 1 },
    )
  })

  test('tells the contiguous run and the disjoint, rising intervals above it', () => {
    fc.assert(
      fc.property(ids, (events) => {
        for (const { contiguous, above } of vectorOf(events).entries()) {
          let end = contiguous
          for (const [from, to] of above) {
            expect(from).toBeGreaterThan(end + 1)
            expect(to).toBeGreaterThanOrEqual(from)
            end = to
          }
        }
      }),
      { seed: 2 },
    )
  })

  test('lacks exactly what the other holds and it does not', () => {
    fc.assert(
      fc.property(ids, ids, (ours, theirs) => {
        const mine = new Set(ours.map((event) => name(event)))
        const lacking = theirs.filter((event) => !mine.has(name(event)))
        expect(named(vectorOf(ours).missing(vectorOf(theirs)))).toEqual(sorted(lacking))
      }),
      { seed: 3 },
    )
  })

  test('lacks nothing of a union, which holds what either holds and nothing else', () => {
    fc.assert(
      fc.property(ids, ids, (ours, theirs) => {
        const union = vectorOf(ours).union(vectorOf(theirs))
        expect(heldBy(union)).toEqual(sorted([...ours, ...theirs]))
        expect(union.missing(vectorOf(theirs))).toEqual([])
        expect(union.toString()).toBe(vectorOf([...theirs, ...ours]).toString())
      }),
      { seed: 4 },
    )
  })

  test('counts everything up to a floor as held', () => {
    fc.assert(
      fc.property(ids, id, (events, floor) => {
        const below = Array.from({ length: floor[2] }, (_, n): Id => [floor[0], floor[1], n + 1])
        expect(heldBy(vectorOf(events).withFloor(origin(floor), floor[2]))).toEqual(sorted([...events, ...below]))
      }),
      { seed: 5 },
    )
  })

  test('comes back from its entries', () => {
    fc.assert(
      fc.property(ids, (events) => {
        const vector = vectorOf(events)
        expect(Vector.of(vector.entries()).toString()).toBe(vector.toString())
      }),
      { seed: 6 },
    )
  })

  test('is not changed by what is made from it', () => {
    const vector = vectorOf([[0, 0, 1]])
    vector.with(origin([0, 0]), 2)
    vector.withFloor(origin([1, 0]), 9)
    vector.union(vectorOf([[2, 1, 3]]))
    expect(heldBy(vector)).toEqual(['0 0 1'])
  })
})
