/** Reading logs: pages of archives, ranges of one origin, the version vector of a room. */
import { type ExpiredRecord, type HeadRecord, type LogQuery, saidTypes, type VectorEntry } from '../store.js'
import type { Connection } from './connection.js'
import { LogPages, newestArrival } from './log-pages.js'
import type { StoredArchiveRow, StoredLogRow } from './protocol.js'

const columns = `origin.instance, origin.incarnation, log.seq, log.stamp_ms, log.stamp_counter, log.epoch, log.revision,
  log.stanza_id, log.type, log.nick, log.jid, log.body, log.void, log.archived_at, log.archived, log.digest, log.prev, log.id`

interface VectorRow {
  readonly instance: string
  readonly incarnation: string
  readonly contiguous: number
  readonly first: number | null
  readonly last: number | null
}

export class LogQueries {
  readonly #events: LogPages<StoredLogRow>
  readonly #records: LogPages<StoredArchiveRow>
  readonly #archiveId
  readonly #isRoom
  readonly #range
  readonly #newest
  readonly #vector
  readonly #origin
  readonly #headFrom
  readonly #headBelow
  readonly #unsigned
  readonly #expired

  constructor(db: Connection) {
    // CROSS JOIN keeps this order of the loops: through the rows of the page, each with its origin.
    const rows = 'CROSS JOIN log ON log.id = page.id'
    this.#events = new LogPages(db, 'room', columns, `${rows} CROSS JOIN origin ON origin.id = log.origin`)
    const recordColumns = 'log.stanza_id, log.type, log.nick, log.jid, log.body, log.archived_at, log.id'
    this.#records = new LogPages(db, 'user', recordColumns, rows)
    this.#archiveId = db.prepare<[string], number>('SELECT id FROM archive WHERE owner = ?').pluck()
    this.#isRoom = db.prepare<[number], 1>('SELECT 1 FROM room WHERE id = ?').pluck()
    this.#range = db
      .prepare<[string, string, string, number, number, number], StoredLogRow>(
        `SELECT ${columns} FROM room CROSS JOIN origin ON origin.room = room.id
         CROSS JOIN log INDEXED BY log_event ON log.origin = origin.id
         WHERE room.jid = ? AND instance = ? AND incarnation = ? AND seq BETWEEN ? AND ? ORDER BY seq LIMIT ?`,
      )
      .raw()
    this.#origin = db
      .prepare<[string, string, string], number>(
        `SELECT origin.id FROM room JOIN origin ON origin.room = room.id
         WHERE room.jid = ? AND instance = ? AND incarnation = ?`,
      )
      .pluck()
    this.#headFrom = db.prepare<[number, number], HeadRecord>(
      'SELECT seq, signature FROM head WHERE origin = ? AND seq >= ? ORDER BY seq LIMIT 1',
    )
    this.#headBelow = db.prepare<[number, number], HeadRecord>(
      'SELECT seq, signature FROM head WHERE origin = ? AND seq < ? ORDER BY seq DESC LIMIT 1',
    )
    this.#unsigned = db
      .prepare<[string, string], StoredLogRow>(
        `SELECT ${columns} FROM room CROSS JOIN origin ON origin.room = room.id CROSS JOIN log ON log.origin = origin.id
         WHERE room.jid = ? AND instance = ? AND seq = (SELECT max(seq) FROM log WHERE origin = origin.id)
           AND NOT EXISTS (SELECT 1 FROM head WHERE head.origin = origin.id AND head.seq >= log.seq)`,
      )
      .raw()
    this.#expired = db.prepare<[number, string], ExpiredRecord>(
      `WITH cut AS MATERIALIZED (
         SELECT origin.id, instance, incarnation, min(contiguous, ifnull((
           SELECT seq - 1 FROM log INDEXED BY log_event WHERE log.origin = origin.id
             AND (archived_at >= ? OR (void = 0 AND type IN (${saidTypes.map((type) => `'${type}'`).join(', ')})))
           ORDER BY seq LIMIT 1), contiguous)) AS seq
         FROM room JOIN origin ON origin.room = room.id WHERE room.jid = ?)
       SELECT instance, incarnation, seq, ifnull((SELECT revision FROM log INDEXED BY log_event
         WHERE log.origin = cut.id AND log.seq <= cut.seq ORDER BY log.seq DESC LIMIT 1), 0) AS revision
       FROM cut WHERE seq > 0 ORDER BY instance, incarnation`,
    )
    this.#newest = db.prepare<[{ archive: number }], number | null>(`SELECT ${newestArrival('@archive')}`).pluck()
    this.#vector = db.prepare<[number], VectorRow>(
      `SELECT instance, incarnation, contiguous, first, last FROM origin LEFT JOIN origin_above ON origin = origin.id
       WHERE room = ? ORDER BY instance, incarnation, first`,
    )
  }

  /** Of a room. */
  events(owner: string, query: LogQuery): StoredLogRow[] {
    const archive = this.#archiveId.get(owner)
    return archive === undefined ? [] : this.#events.page(archive, query)
  }

  /** Of a user. */
  records(owner: string, query: LogQuery): StoredArchiveRow[] {
    const archive = this.#archiveId.get(owner)
    return archive === undefined ? [] : this.#records.page(archive, query)
  }

  recent(room: number, limit: number): StoredLogRow[] {
    return this.#events.page(room, { types: ['message', 'subject'], limit, backward: true })
  }

  order(owner: string, stanzaId: string): number | undefined {
    const archive = this.#archiveId.get(owner)
    if (archive === undefined) return undefined
    const pages = this.#isRoom.get(archive) === undefined ? this.#records : this.#events
    return pages.ordersOf(archive, stanzaId)[0]
  }

  range(jid: string, instance: string, incarnation: string, from: number, to: number, limit: number): StoredLogRow[] {
    return this.#range.all(jid, instance, incarnation, from, to, limit)
  }

  head(jid: string, instance: string, incarnation: string, seq: number): HeadRecord | undefined {
    const origin = this.#origin.get(jid, instance, incarnation)
    return origin === undefined ? undefined : (this.#headFrom.get(origin, seq) ?? this.#headBelow.get(origin, seq))
  }

  unsigned(jid: string, instance: string): StoredLogRow[] {
    return this.#unsigned.all(jid, instance)
  }

  expired(jid: string, before: number): ExpiredRecord[] {
    return this.#expired.all(before, jid)
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
    return this.#newest.get({ archive: room }) ?? 0
  }
}
