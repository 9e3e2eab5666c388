/**
 * Origins of events, and the version vector (dmuc.md §3): per (room, instance, incarnation) the contiguous maximum and the
 * intervals above it. Events nearly always come in order, so the maximum is counted in memory and written once a
 * transaction; what comes out of order goes to the table of intervals at once.
 */
import type { Connection } from './connection.js'

export interface Origin {
  readonly id: number
  contiguous: number
  hasAbove: boolean
}

interface Interval {
  readonly first: number
  readonly last: number
}

export class Origins {
  readonly #cache = new Map<string, Origin>()
  readonly #advanced = new Set<Origin>()
  readonly #find
  readonly #insert
  readonly #delete
  readonly #setContiguous
  readonly #firstAbove
  readonly #lastUpTo
  readonly #insertInterval
  readonly #deleteInterval

  constructor(db: Connection) {
    this.#find = db.prepare<[number, string, string], { id: number; contiguous: number; above: number }>(
      `SELECT id, contiguous, EXISTS (SELECT 1 FROM origin_above WHERE origin = origin.id) AS above
       FROM origin WHERE room = ? AND instance = ? AND incarnation = ?`,
    )
    this.#insert = db.prepare('INSERT INTO origin (room, instance, incarnation) VALUES (?, ?, ?)')
    this.#delete = db.prepare('DELETE FROM origin WHERE id = ?')
    this.#setContiguous = db.prepare('UPDATE origin SET contiguous = ? WHERE id = ?')
    this.#firstAbove = db.prepare<[number], Interval>(
      'SELECT first, last FROM origin_above WHERE origin = ? ORDER BY first LIMIT 1',
    )
    this.#lastUpTo = db.prepare<[number, number], Interval>(
      'SELECT first, last FROM origin_above WHERE origin = ? AND first <= ? ORDER BY first DESC LIMIT 1',
    )
    this.#insertInterval = db.prepare('INSERT INTO origin_above (origin, first, last) VALUES (?, ?, ?)')
    this.#deleteInterval = db.prepare('DELETE FROM origin_above WHERE origin = ? AND first = ?')
  }

  /** The origin, made when this is its first event. */
  find(room: number, instance: string, incarnation: string): Origin {
    const key = `${room}\0${instance}\0${incarnation}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) return cached
    const row = this.#find.get(room, instance, incarnation)
    const origin =
      row === undefined
        ? { id: Number(this.#insert.run(room, instance, incarnation).lastInsertRowid), contiguous: 0, hasAbove: false }
        : { id: row.id, contiguous: row.contiguous, hasAbove: row.above === 1 }
    this.#cache.set(key, origin)
    return origin
  }

  /** Counts an event that was just inserted, so one that is in no interval yet; it may lie below a floor. */
  add(origin: Origin, seq: number): void {
    if (seq <= origin.contiguous) return
    if (seq !== origin.contiguous + 1) {
      this.#addAbove(origin, seq)
      return
    }
    origin.contiguous = seq
    this.#advanced.add(origin)
    if (origin.hasAbove) this.#closeGap(origin)
  }

  /** Counts everything up to `seq`, whether it is there or not. */
  raise(origin: Origin, seq: number): void {
    if (seq <= origin.contiguous) return
    origin.contiguous = seq
    this.#advanced.add(origin)
    if (!origin.hasAbove) return
    for (;;) {
      const lowest = this.#firstAbove.get(origin.id)
      if (lowest === undefined || lowest.first > origin.contiguous + 1) break
      this.#deleteInterval.run(origin.id, lowest.first)
      origin.contiguous = Math.max(origin.contiguous, lowest.last)
    }
    origin.hasAbove = this.#firstAbove.get(origin.id) !== undefined
  }

  /** Forgets the origin; nothing of it is in the log any more. */
  drop(room: number, instance: string, incarnation: string): void {
    const origin = this.find(room, instance, incarnation)
    this.#advanced.delete(origin)
    this.#cache.delete(`${room}\0${instance}\0${incarnation}`)
    this.#delete.run(origin.id)
  }

  /** Before each commit: writes down what advanced. */
  flush(): void {
    for (const origin of this.#advanced) this.#setContiguous.run(origin.contiguous, origin.id)
    this.#advanced.clear()
    if (this.#cache.size > cacheSize) this.#cache.clear()
  }

  /** After a rollback: what is in memory may not be in the database. */
  forget(): void {
    this.#advanced.clear()
    this.#cache.clear()
  }

  #closeGap(origin: Origin): void {
    const lowest = this.#firstAbove.get(origin.id)
    if (lowest === undefined || lowest.first !== origin.contiguous + 1) return
    this.#deleteInterval.run(origin.id, lowest.first)
    origin.contiguous = lowest.last
    origin.hasAbove = this.#firstAbove.get(origin.id) !== undefined
  }

  #addAbove(origin: Origin, seq: number): void {
    origin.hasAbove = true
    const above = this.#lastUpTo.get(origin.id, seq + 1)
    const joinsAbove = above?.first === seq + 1
    const below = joinsAbove ? this.#lastUpTo.get(origin.id, seq) : above
    const joinsBelow = below?.last === seq - 1
    if (joinsAbove) this.#deleteInterval.run(origin.id, above.first)
    if (joinsBelow) this.#deleteInterval.run(origin.id, below.first)
    this.#insertInterval.run(origin.id, joinsBelow ? below.first : seq, joinsAbove ? above.last : seq)
  }
}

/** Origins kept in memory between transactions. */
const cacheSize = 20_000
