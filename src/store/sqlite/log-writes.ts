/** Logs of rooms and archives of users: appending, changing, erasing. Each is found by JID once and remembered under its number. */
import { type HeadRecord, headInterval, StoreError } from '../store.js'
import type { Connection } from './connection.js'
import { newestArrival } from './log-pages.js'
import { Origins } from './origins.js'
import type { ArchiveRow, LogRow } from './protocol.js'
import { type IndexedRow, indexedColumns, type TextIndex } from './text-index.js'

interface Amendment {
  readonly stanzaId: string
  readonly patch: string
  readonly once: string
  readonly jid?: string
  readonly instance?: string
}

interface KnownArchive {
  readonly id: number
  lastArchivedAt: number
}

/** Changes of messages that have not arrived, kept for each room. */
const maxAmendments = 200

export class LogWrites {
  /** By JID: rooms that are there, and users. */
  readonly #rooms = new Map<string, KnownArchive>()
  readonly #users = new Map<string, KnownArchive>()
  readonly #origins: Origins
  readonly #index: TextIndex
  readonly #statements

  constructor(db: Connection, index: TextIndex) {
    this.#origins = new Origins(db)
    this.#index = index
    this.#statements = prepare(db)
  }

  /** The number of a room; throws 'constraint' when there is none. */
  roomId(jid: string): number {
    return this.#room(jid).id
  }

  /** The number of an archive, which comes into being. */
  archiveId(owner: string): number {
    this.#statements.makeArchive.run(owner)
    return this.#statements.archiveId.get(owner)!
  }

  /** To a user's archive. */
  add(_: 'archive.add', owner: string, ...[stanzaId, type, nick, jid, body, archivedAt]: ArchiveRow): void {
    const archive = this.#user(owner)
    archive.lastArchivedAt = Math.max(archivedAt, archive.lastArchivedAt + 1)
    this.#statements.add.run(archive.id, stanzaId, type, nick, jid, body, archive.lastArchivedAt)
  }

  raiseFloor(jid: string, instance: string, incarnation: string, seq: number): void {
    this.#origins.raise(this.#origins.find(this.#room(jid).id, instance, incarnation), seq)
  }

  /** Everything of the origin up to `seq` leaves the log; of one that is closed, the origin too. */
  expire(jid: string, place: { instance: string; incarnation: string }, seq: number, closed: boolean): void {
    const { id } = this.#room(jid)
    const origin = this.#origins.find(id, place.instance, place.incarnation)
    const upTo = closed ? Number.MAX_SAFE_INTEGER : seq
    for (const row of this.#statements.toErase.all(origin.id, upTo)) this.#index.erase(row)
    this.#statements.expire.run(origin.id, upTo)
    this.#statements.expireHeads.run(origin.id, seq, origin.id)
    if (closed) this.#origins.drop(id, place.instance, place.incarnation)
    else this.#origins.raise(origin, seq)
  }

  putHead(jid: string, instance: string, incarnation: string, { seq, signature }: HeadRecord): void {
    const origin = this.#origins.find(this.#room(jid).id, instance, incarnation)
    this.#statements.dropHeads.run(origin.id, seq, headInterval)
    this.#statements.putHead.run(origin.id, seq, signature)
  }

  void(jid: string, stanzaIds: readonly string[]): void {
    const { id } = this.#room(jid)
    for (const stanzaId of stanzaIds)
      for (const row of this.#statements.find.all(id, stanzaId)) {
        this.#index.erase(row)
        this.#statements.void.run(row.id)
      }
  }

  /** Keeps the change where the message has not arrived. */
  amendRoom(jid: string, amendment: Amendment): void {
    const { id } = this.#room(jid)
    if (this.#amend(id, amendment)) return
    const { stanzaId, patch, jid: author = null, instance = null } = amendment
    this.#statements.keepAmendment.run(id, stanzaId, patch, author, instance)
    this.#statements.dropAmendments.run(id, id, maxAmendments)
  }

  /** The archive of a user. */
  trim(owner: string, upTo: number): void {
    this.#statements.trim.run(this.#user(owner).id, upTo)
  }

  /** Of a room or a user; what is in it goes later. The JID may come back under another number. */
  deleteArchive(owner: string): void {
    this.#statements.markDeleted.run(owner)
    this.#statements.deleteArchive.run(owner)
    this.#rooms.delete(owner)
    this.#users.delete(owner)
  }

  /** Before each commit. */
  flush(): void {
    this.#origins.flush()
    for (const cache of [this.#rooms, this.#users]) if (cache.size > cacheSize) cache.clear()
  }

  /** After a rollback. */
  forget(): void {
    this.#rooms.clear()
    this.#users.clear()
    this.#origins.forget()
    this.#index.forget()
  }

  /** Returns whether there is a message with that id, whatever became of it. */
  #amend(archive: number, { stanzaId, patch, once, jid, instance }: Amendment): boolean {
    const rows = this.#statements.find.all(archive, stanzaId)
    for (const row of rows) {
      const to = { id: row.id, once, jid: jid ?? null, instance: instance ?? null }
      if (this.#statements.mayAmend.get(to) === undefined) continue
      this.#index.erase(row)
      const body = this.#statements.amend.get(patch, row.id)!
      this.#index.replace({ ...row, body })
    }
    return rows.length > 0
  }

  #room(jid: string): KnownArchive {
    const known = this.#rooms.get(jid) ?? this.#statements.room.get(jid)
    if (known === undefined) throw new StoreError('constraint', `there is no room ${jid}`)
    this.#rooms.set(jid, known)
    return known
  }

  #user(owner: string): KnownArchive {
    const cached = this.#users.get(owner)
    if (cached !== undefined) return cached
    const archive = this.archiveId(owner)
    const known = { id: archive, lastArchivedAt: this.#statements.newest.get({ archive }) ?? 0 }
    this.#users.set(owner, known)
    return known
  }

  append(_: 'room.log', jid: string, ...row: LogRow): void {
    const room = this.#room(jid)
    const [instance, incarnation, seq, ...rest] = row
    const at = row[13]
    if (!(at > room.lastArchivedAt)) {
      throw new StoreError(
        'constraint',
        `archivedAt ${at} does not rise in ${jid}: its newest is ${room.lastArchivedAt}`,
      )
    }
    const origin = this.#origins.find(room.id, instance, incarnation)
    this.#statements.insert.run(room.id, origin.id, seq, ...rest)
    room.lastArchivedAt = at
    this.#origins.add(origin, seq)
  }
}

/** Archives of each kind that are kept in memory between transactions. */
const cacheSize = 20_000

function prepare(db: Connection) {
  return {
    makeArchive: db.prepare('INSERT INTO archive (owner) VALUES (?) ON CONFLICT DO NOTHING'),
    archiveId: db.prepare<[string], number>('SELECT id FROM archive WHERE owner = ?').pluck(),
    markDeleted: db.prepare('INSERT INTO deleted_archive SELECT id FROM archive WHERE owner = ?'),
    deleteArchive: db.prepare('DELETE FROM archive WHERE owner = ?'),
    room: db.prepare<[string], KnownArchive>(
      `SELECT id, ifnull(${newestArrival('room.id')}, 0) AS lastArchivedAt FROM room WHERE jid = ?`,
    ),
    newest: db.prepare<[{ archive: number }], number | null>(`SELECT ${newestArrival('@archive')}`).pluck(),
    insert: db.prepare(
      `INSERT INTO log (archive, origin, seq, stamp_ms, stamp_counter, epoch, revision, stanza_id, type, nick, jid, body,
         void, archived_at, archived, digest, prev)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    ),
    add: db.prepare(
      `INSERT INTO log (archive, stamp_ms, stamp_counter, epoch, revision, stanza_id, type, nick, jid, body, void, archived_at, archived)
       VALUES (?, 0, 0, 0, 0, ?, ?, ?, ?, ?, 0, ?, 1)`,
    ),
    find: db.prepare<[number, string], IndexedRow>(
      `SELECT ${indexedColumns} FROM log INDEXED BY log_stanza_id
       WHERE archive = ? AND stanza_id = ? AND origin IS NOT NULL`,
    ),
    trim: db.prepare(
      'DELETE FROM log INDEXED BY log_archive WHERE archive = ? AND archived = 1 AND void = 0 AND id <= ?',
    ),
    putHead: db.prepare('INSERT OR REPLACE INTO head (origin, seq, signature) VALUES (?, ?, ?)'),
    toErase: db.prepare<[number, number], IndexedRow>(
      `SELECT ${indexedColumns} FROM log INDEXED BY log_event WHERE origin = ? AND seq <= ? AND void = 0`,
    ),
    expire: db.prepare('DELETE FROM log INDEXED BY log_event WHERE origin = ? AND seq <= ?'),
    expireHeads: db.prepare(
      'DELETE FROM head WHERE origin = ? AND seq <= ? AND seq < (SELECT max(seq) FROM head WHERE origin = ?)',
    ),
    dropHeads: db.prepare('DELETE FROM head WHERE origin = ? AND seq < ? AND seq % ? <> 0'),
    void: db.prepare("UPDATE log SET void = 1, archived = 0, body = '' WHERE id = ?"),
    mayAmend: db.prepare<[{ id: number; once: string; jid: string | null; instance: string | null }]>(
      `SELECT 1 FROM log WHERE id = @id AND type = 'message' AND void = 0
         AND json_type(body, '$."' || @once || '"') IS NULL AND jid IS ifnull(@jid, jid)
         AND (@instance IS NULL OR @instance = (SELECT instance FROM origin WHERE origin.id = log.origin))`,
    ),
    amend: db
      .prepare<[string, number], string>('UPDATE log SET body = json_patch(body, ?) WHERE id = ? RETURNING body')
      .pluck(),
    keepAmendment: db.prepare('INSERT INTO amendment (room, stanza_id, patch, jid, instance) VALUES (?, ?, ?, ?, ?)'),
    dropAmendments: db.prepare(
      'DELETE FROM amendment WHERE room = ? AND id NOT IN (SELECT id FROM amendment WHERE room = ? ORDER BY id DESC LIMIT ?)',
    ),
  }
}
