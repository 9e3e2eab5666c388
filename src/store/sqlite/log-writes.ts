/** The log of a room: appending, voiding. Rooms are found by JID once and remembered under their number. */
import { StoreError, type Write } from '../store.js'
import type { Connection } from './connection.js'
import { Origins } from './origins.js'
import type { LogRow } from './protocol.js'

interface Amendment {
  readonly room: number
  readonly stanzaId: string
  readonly patch: string
  readonly once: string
  readonly jid: string | null
  readonly instance: string | null
}

interface KnownRoom {
  readonly id: number
  lastArchivedAt: number
}

export class LogWrites {
  readonly #rooms = new Map<string, KnownRoom>()
  readonly #origins: Origins
  readonly #findRoom
  readonly #insert
  readonly #void
  readonly #amend

  constructor(db: Connection) {
    this.#origins = new Origins(db)
    this.#findRoom = db.prepare<[string], KnownRoom>(
      `SELECT id, ifnull((SELECT archived_at FROM log WHERE room = room.id ORDER BY id DESC LIMIT 1), 0) AS lastArchivedAt
       FROM room WHERE jid = ?`,
    )
    this.#insert = db.prepare(
      `INSERT INTO log (room, origin, seq, stamp_ms, stamp_counter, epoch, revision, stanza_id, type, nick, jid, body, void,
         archived_at)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    this.#amend = db.prepare<[Amendment]>(
      `UPDATE log SET body = json_patch(body, @patch)
       WHERE room = @room AND stanza_id = @stanzaId AND type = 'message' AND void = 0
         AND json_type(body, '$."' || @once || '"') IS NULL AND jid IS ifnull(@jid, jid)
         AND (@instance IS NULL OR origin IN (SELECT id FROM origin WHERE room = @room AND instance = @instance))`,
    )
    this.#void = db.prepare(`UPDATE log SET void = 1, body = '' WHERE room = ? AND stanza_id = ?`)
  }

  /** The number of a room; throws 'constraint' when there is none. */
  roomId(jid: string): number {
    return this.#room(jid).id
  }

  append(jid: string, rows: readonly LogRow[]): void {
    const room = this.#room(jid)
    for (const row of rows) this.#appendRow(jid, room, row)
  }

  raiseFloor(jid: string, instance: string, incarnation: string, seq: number): void {
    this.#origins.raise(this.#origins.find(this.#room(jid).id, instance, incarnation), seq)
  }

  void(jid: string, stanzaIds: readonly string[]): void {
    const { id } = this.#room(jid)
    for (const stanzaId of stanzaIds) this.#void.run(id, stanzaId)
  }

  amend(jid: string, { stanzaId, patch, once, jid: author, instance }: Extract<Write, { type: 'room.amend' }>): void {
    const room = this.#room(jid).id
    this.#amend.run({ room, stanzaId, patch, once, jid: author ?? null, instance: instance ?? null })
  }

  /** A room was deleted: its JID may come back under another number. */
  forgetRoom(jid: string): void {
    this.#rooms.delete(jid)
  }

  /** Before each commit. */
  flush(): void {
    this.#origins.flush()
    if (this.#rooms.size > cacheSize) this.#rooms.clear()
  }

  /** After a rollback. */
  forget(): void {
    this.#rooms.clear()
    this.#origins.forget()
  }

  #room(jid: string): KnownRoom {
    const known = this.#rooms.get(jid) ?? this.#findRoom.get(jid)
    if (known === undefined) throw new StoreError('constraint', `there is no room ${jid}`)
    this.#rooms.set(jid, known)
    return known
  }

  #appendRow(jid: string, room: KnownRoom, row: LogRow): void {
    const [instance, incarnation, seq, ms, counter, epoch, revision, stanzaId, type, nick, author, body, isVoid, at] =
      row
    if (!(at > room.lastArchivedAt)) {
      throw new StoreError(
        'constraint',
        `archivedAt ${at} does not rise in ${jid}: its newest is ${room.lastArchivedAt}`,
      )
    }
    const origin = this.#origins.find(room.id, instance, incarnation)
    this.#insert.run(
      room.id,
      origin.id,
      seq,
      ms,
      counter,
      epoch,
      revision,
      stanzaId,
      type,
      nick,
      author,
      body,
      isVoid,
      at,
    )
    room.lastArchivedAt = at
    this.#origins.add(origin, seq)
  }
}

/** Rooms kept in memory between transactions. */
const cacheSize = 20_000
