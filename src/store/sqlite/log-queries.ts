/**
 * Reading the log of a room: pages by order (keyset, never OFFSET), ranges of one origin, the version vector. Times are
 * turned into orders by bisection first: within a room both rise together.
 */
import type { Statement } from 'better-sqlite3'
import type { LogQuery, VectorEntry } from '../store.js'
import type { Connection } from './connection.js'
import type { StoredLogRow } from './protocol.js'

const columns = `origin.instance, origin.incarnation, log.seq, log.stamp_ms, log.stamp_counter, log.epoch, log.revision,
  log.stanza_id, log.type, log.nick, log.jid, log.body, log.void, log.archived_at, log.id`

/** CROSS JOIN keeps this order of the loops: through the room's rows, each with its origin. */
const logThenOrigin = 'log CROSS JOIN origin ON origin.id = log.origin'

/** Found by their index, so that a handful of ids is not looked for in the whole room. */
const withStanzaId = 'SELECT id FROM log WHERE room = @room AND stanza_id IN (SELECT value FROM json_each(@stanzaIds))'

interface Position {
  readonly id: number
  readonly at: number
}

interface PageParameters {
  readonly room: number
  readonly first: number
  readonly last: number
  readonly limit: number
  readonly with: string
  readonly nick: string
  readonly stanzaIds: string
  readonly types: string
}

interface VectorRow {
  readonly instance: string
  readonly incarnation: string
  readonly contiguous: number
  readonly first: number | null
  readonly last: number | null
}

export class LogQueries {
  readonly #db: Connection
  readonly #pages = new Map<string, Statement<[PageParameters], StoredLogRow>>()
  readonly #roomId
  readonly #order
  readonly #range
  readonly #firstFrom
  readonly #newest
  readonly #vector

  constructor(db: Connection) {
    this.#db = db
    this.#roomId = db.prepare<[string], number>('SELECT id FROM room WHERE jid = ?').pluck()
    this.#order = db
      .prepare<[string, string], number>(
        'SELECT log.id FROM room CROSS JOIN log ON log.room = room.id WHERE room.jid = ? AND stanza_id = ? LIMIT 1',
      )
      .pluck()
    this.#range = db
      .prepare<[string, string, string, number, number, number], StoredLogRow>(
        `SELECT ${columns} FROM room CROSS JOIN origin ON origin.room = room.id CROSS JOIN log ON log.origin = origin.id
         WHERE room.jid = ? AND instance = ? AND incarnation = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?`,
      )
      .raw()
    this.#firstFrom = db.prepare<[number, number], Position>(
      'SELECT id, archived_at AS at FROM log WHERE room = ? AND id >= ? ORDER BY id LIMIT 1',
    )
    this.#newest = db.prepare<[number], Position>(
      'SELECT id, archived_at AS at FROM log WHERE room = ? ORDER BY id DESC LIMIT 1',
    )
    this.#vector = db.prepare<[number], VectorRow>(
      `SELECT instance, incarnation, contiguous, first, last FROM origin LEFT JOIN origin_above ON origin = origin.id
       WHERE room = ? ORDER BY instance, incarnation, first`,
    )
  }

  page(jid: string, query: LogQuery): StoredLogRow[] {
    const room = this.#roomId.get(jid)
    return room === undefined ? [] : this.#page(room, query)
  }

  recent(room: number, limit: number): StoredLogRow[] {
    return this.#page(room, { types: ['message', 'subject'], limit, backward: true })
  }

  order(jid: string, stanzaId: string): number | undefined {
    return this.#order.get(jid, stanzaId)
  }

  range(jid: string, instance: string, incarnation: string, from: number, to: number, limit: number): StoredLogRow[] {
    return this.#range.all(jid, instance, incarnation, from, to, limit)
  }

  vector(room: number): VectorEntry[] {
    const entries: (VectorEntry & { above: [number, number][] })[] = []
    for (const { instance, incarnation, contiguous, first, last } of this.#vector.all(room)) {
      const previous = entries.at(-1)
      const known = previous?.instance === instance && previous.incarnation === incarnation ? previous : undefined
      const entry = known ?? { instance, incarnation, contiguous, above: [] }
      if (known === undefined) entries.push(entry)
      if (first !== null && last !== null) entry.above.push([first, last])
    }
    return entries
  }

  lastArchivedAt(room: number): number {
    return this.#newest.get(room)?.at ?? 0
  }

  #page(room: number, query: LogQuery): StoredLogRow[] {
    const { after = 0, before, start, end, types, limit } = query
    const rows = this.#statement(query).all({
      room,
      first: Math.max(after + 1, start === undefined ? 0 : this.#firstAt(room, start)),
      last: Math.min(
        before === undefined ? Number.MAX_SAFE_INTEGER : before - 1,
        end === undefined ? Number.MAX_SAFE_INTEGER : this.#firstAt(room, Math.floor(end) + 1) - 1,
      ),
      limit,
      with: query.with ?? '',
      nick: query.nick ?? '',
      stanzaIds: JSON.stringify(query.stanzaIds ?? []),
      types: JSON.stringify(types ?? []),
    })
    return query.backward === true ? rows.reverse() : rows
  }

  #statement(query: LogQuery): Statement<[PageParameters], StoredLogRow> {
    const conditions = [
      'log.room = @room AND log.id BETWEEN @first AND @last',
      ...(query.includeVoid === true ? [] : ['log.void = 0']),
      ...(query.with === undefined ? [] : ['log.jid = @with']),
      ...(query.nick === undefined ? [] : ['log.nick = @nick']),
      ...(query.stanzaIds === undefined ? [] : [`log.id IN (${withStanzaId})`]),
      ...(query.types === undefined ? [] : ['log.type IN (SELECT value FROM json_each(@types))']),
    ]
    const direction = query.backward === true ? 'DESC' : 'ASC'
    const sql = `SELECT ${columns} FROM ${logThenOrigin} WHERE ${conditions.join(' AND ')} ORDER BY log.id ${direction} LIMIT @limit`
    const known = this.#pages.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare<[PageParameters], StoredLogRow>(sql).raw()
    this.#pages.set(sql, statement)
    return statement
  }

  /** An order such that the room's rows from it on are those archived at `time` or later; bisects with some 20 probes. */
  #firstAt(room: number, time: number): number {
    const newest = this.#newest.get(room)
    if (newest === undefined || newest.at < time) return Number.MAX_SAFE_INTEGER
    let low = this.#firstFrom.get(room, 0)?.id ?? newest.id
    let high = newest.id
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.#firstFrom.get(room, middle)
      if (row === undefined || row.at >= time) high = middle
      else low = row.id + 1
    }
    return low
  }
}
