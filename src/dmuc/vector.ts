/**
 * Version vectors (dmuc.md §3): what an instance holds of each origin, as the contiguous maximum and the intervals above
 * it. Immutable. Two instances that are in step have equal vectors; the difference is what a pull asks for.
 */

/** One start of one instance: the origin of a run of seqs 1, 2, 3, … */
export interface Origin {
  readonly instance: string
  readonly incarnation: string
}

export type Interval = readonly [from: number, to: number]

export interface Held {
  readonly contiguous: number
  /** Disjoint, rising, none touching `contiguous` or the next. Both ends included. */
  readonly above: readonly Interval[]
}

export interface Range extends Origin {
  readonly from: number
  readonly to: number
}

const nothing: Held = { contiguous: 0, above: [] }

export const eventsIn = (ranges: readonly Range[]): number =>
  ranges.reduce((sum, { from, to }) => sum + to - from + 1, 0)

export class Vector {
  static readonly empty = new Vector(new Map())
  /** By `originKey`. */
  readonly #held: ReadonlyMap<string, Held>

  private constructor(held: ReadonlyMap<string, Held>) {
    this.#held = held
  }

  static of(entries: Iterable<Origin & Held>): Vector {
    return new Vector(new Map([...entries].map((entry) => [originKey(entry), normal(entry)])))
  }

  /** Origins, and intervals above what is contiguous. */
  get size(): number {
    let size = this.#held.size
    for (const { above } of this.#held.values()) size += above.length
    return size
  }

  get(origin: Origin): Held {
    return this.#held.get(originKey(origin)) ?? nothing
  }

  has(origin: Origin, seq: number): boolean {
    const held = this.get(origin)
    return seq <= held.contiguous || held.above.some(([from, to]) => from <= seq && seq <= to)
  }

  /** With one more event; the same vector if it was held already. */
  with(origin: Origin, seq: number): Vector {
    if (this.has(origin, seq)) return this
    const held = this.get(origin)
    const next =
      seq === held.contiguous + 1 && held.above.length === 0
        ? { contiguous: seq, above: held.above }
        : normal({ contiguous: held.contiguous, above: [...held.above, [seq, seq]] })
    return new Vector(new Map(this.#held).set(originKey(origin), next))
  }

  /** Everything up to `seq` counts as held: it lies below a retention floor, or was never used. */
  withFloor(origin: Origin, seq: number): Vector {
    const held = this.get(origin)
    if (seq <= held.contiguous) return this
    return new Vector(new Map(this.#held).set(originKey(origin), normal({ contiguous: seq, above: held.above })))
  }

  /** Without this origin. */
  without(origin: Origin): Vector {
    const held = new Map(this.#held)
    return held.delete(originKey(origin)) ? new Vector(held) : this
  }

  /** What either holds. */
  union(other: Vector): Vector {
    const held = new Map(this.#held)
    for (const [key, theirs] of other.#held) {
      const ours = held.get(key)
      held.set(key, ours === undefined ? theirs : merged(ours, theirs))
    }
    return new Vector(held)
  }

  /** What `other` holds and this does not, origin by origin in the order of `other`. */
  missing(other: Vector): Range[] {
    const ranges: Range[] = []
    for (const origin of other.origins()) {
      const theirs = other.get(origin)
      const wanted: Interval[] = theirs.contiguous > 0 ? [[1, theirs.contiguous], ...theirs.above] : [...theirs.above]
      for (const interval of wanted)
        for (const [from, to] of without(interval, this.get(origin))) ranges.push({ ...origin, from, to })
    }
    return ranges
  }

  *origins(): IterableIterator<Origin> {
    for (const key of this.#held.keys()) {
      const [instance = '', incarnation = ''] = key.split('\n')
      yield { instance, incarnation }
    }
  }

  *entries(): IterableIterator<Origin & Held> {
    for (const origin of this.origins()) yield { ...origin, ...this.get(origin) }
  }

  /** Canonical text: equal exactly when the vectors are. */
  toString(): string {
    return [...this.#held]
      .filter(([, held]) => held.contiguous > 0 || held.above.length > 0)
      .map(
        ([key, held]) =>
          `${key.replace('\n', ' ')} ${[held.contiguous, ...held.above.map(([a, b]) => `${a}-${b}`)].join(' ')}`,
      )
      .sort()
      .join('\n')
  }
}

/** A room JID never holds a line feed, so that one key serves. */
export const originKey = (origin: Origin): string => `${origin.instance}\n${origin.incarnation}`

/** Sorts and merges the intervals, and takes into `contiguous` what touches it. */
function normal(held: Held): Held {
  let contiguous = held.contiguous
  const above: [number, number][] = []
  for (const [from, to] of [...held.above].sort((a, b) => a[0] - b[0])) {
    const last = above.at(-1)
    if (from <= contiguous + 1) contiguous = Math.max(contiguous, to)
    else if (last !== undefined && from <= last[1] + 1) last[1] = Math.max(last[1], to)
    else above.push([from, to])
  }
  return { contiguous, above }
}

const merged = (a: Held, b: Held): Held =>
  normal({ contiguous: Math.max(a.contiguous, b.contiguous), above: [...a.above, ...b.above] })

/** The parts of `interval` that are not held. */
function without([from, to]: Interval, held: Held): Interval[] {
  const parts: Interval[] = []
  let next = Math.max(from, held.contiguous + 1)
  for (const [a, b] of held.above) {
    if (a > to) break
    if (a > next) parts.push([next, Math.min(a - 1, to)])
    next = Math.max(next, b + 1)
  }
  if (next <= to) parts.push([next, to])
  return parts
}
