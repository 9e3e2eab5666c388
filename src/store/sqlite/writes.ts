/** Every kind of write as SQL. Runs inside a transaction of the writer thread. */
import type { Statement } from 'better-sqlite3'
import type { ScramKeys } from '../store.js'
import type { Connection } from './connection.js'
import { LogWrites } from './log-writes.js'
import { nodeWrites } from './nodes.js'
import type { EncodedWrite, OtherWrite } from './protocol.js'
import type { TextIndex } from './text-index.js'

type Handlers = { readonly [W in OtherWrite as W['type']]: (write: W) => void }

export class Writes {
  readonly #log: LogWrites
  readonly #handlers: Handlers

  constructor(db: Connection, index: TextIndex) {
    this.#log = new LogWrites(db, index)
    this.#handlers = {
      ...accountWrites(db, this.#log),
      ...nodeWrites(db),
      ...roomWrites(db, this.#log),
      ...archiveWrites(this.#log),
    }
  }

  apply(write: EncodedWrite): void {
    if ('type' in write) {
      // A handler's type follows from its key, which the compiler cannot relate to the write's own.
      const handle = this.#handlers[write.type] as (write: OtherWrite) => void
      handle(write)
    } else if (write[0] === 'archive.add') this.#log.add(...write)
    else this.#log.append(...write)
  }

  /** Before each commit: writes what was gathered in memory. */
  flush(): void {
    this.#log.flush()
  }

  /** After a rollback: what is in memory may not be in the database. */
  forget(): void {
    this.#log.forget()
  }
}

function replace(db: Connection, table: string, columns: readonly string[]): Statement<Value[]> {
  const places = columns.map(() => '?').join(', ')
  return db.prepare(`INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${places})`)
}

type Value = string | number | null

const keyColumnsOf = (keys: ScramKeys | undefined): Value[] =>
  keys === undefined ? [null, null, null, null] : [keys.salt, keys.iterations, keys.storedKey, keys.serverKey]

type AccountHandlers = Pick<Handlers, Extract<keyof Handlers, `${'account' | 'roster' | 'offline' | 'data'}.${string}`>>

function accountWrites(db: Connection, log: LogWrites): AccountHandlers {
  const keyColumns = ['salt', 'iterations', 'stored_key', 'server_key']
  const putAccount = replace(db, 'account', [
    'jid',
    'domain',
    ...keyColumns.map((column) => `sha1_${column}`),
    ...keyColumns.map((column) => `sha256_${column}`),
    ...keyColumns.map((column) => `sha512_${column}`),
    'created_at',
    'disabled',
  ])
  const putSha512 = db.prepare(
    `UPDATE account SET sha512_salt = ?, sha512_iterations = ?, sha512_stored_key = ?, sha512_server_key = ?
     WHERE jid = ? AND sha512_salt IS NULL AND sha256_stored_key = ?`,
  )
  const owned = ['roster', 'offline', 'data', 'pubsub_node', 'pubsub_item'].map((table) => `${table} WHERE owner`)
  const deleteAccount = ['account WHERE jid', ...owned].map((table) => db.prepare(`DELETE FROM ${table} = ?`))
  const putItem = replace(db, 'roster', [
    'owner',
    'jid',
    'name',
    'groups',
    'subscription',
    'ask',
    'pending_in',
    'approved',
  ])
  const deleteItem = db.prepare('DELETE FROM roster WHERE owner = ? AND jid = ?')
  const addOffline = db.prepare('INSERT INTO offline (owner, at, stanza) VALUES (?, ?, ?)')
  const deleteOffline = db.prepare('DELETE FROM offline WHERE owner = ? AND id <= ?')
  const putData = replace(db, 'data', ['owner', 'kind', 'key', 'value'])
  const deleteData = db.prepare('DELETE FROM data WHERE owner = ? AND kind = ? AND key = ?')
  return {
    'account.put': ({ account: { jid, sha1, sha256, sha512, createdAt, disabled } }) => {
      const domain = jid.slice(jid.indexOf('@') + 1)
      const keys = [sha1, sha256, sha512].flatMap(keyColumnsOf)
      putAccount.run(jid, domain, ...keys, createdAt, disabled ? 1 : 0)
    },
    'account.sha512': ({ jid, keys, given }) => {
      putSha512.run(...keyColumnsOf(keys), jid, given.storedKey)
    },
    'account.delete': ({ jid }) => {
      for (const statement of deleteAccount) statement.run(jid)
      log.deleteArchive(jid)
    },
    'roster.put': ({ owner, item }) => {
      putItem.run(
        owner,
        item.jid,
        item.name ?? null,
        JSON.stringify(item.groups),
        item.subscription,
        item.ask ? 1 : 0,
        item.pendingIn ?? null,
        item.approved ? 1 : 0,
      )
    },
    'roster.delete': ({ owner, jid }) => {
      deleteItem.run(owner, jid)
    },
    'offline.add': ({ owner, at, stanza }) => {
      addOffline.run(owner, at, stanza)
    },
    'offline.delete': ({ owner, upTo }) => {
      deleteOffline.run(owner, upTo)
    },
    'data.put': ({ owner, kind, key, value }) => {
      if (value === undefined) deleteData.run(owner, kind, key)
      else putData.run(owner, kind, key, value)
    },
  }
}

type RoomHandlers = Pick<Handlers, Extract<keyof Handlers, `room.${string}`>>

function roomWrites(db: Connection, log: LogWrites): RoomHandlers {
  const putRoom = db.prepare(
    `INSERT INTO room (id, jid, service, room_id, source, epoch, epoch_rank, created_at, public, persistent, name, state)
     VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
     ON CONFLICT (jid) DO UPDATE SET service = excluded.service, room_id = excluded.room_id, source = excluded.source,
       epoch = excluded.epoch, epoch_rank = excluded.epoch_rank, created_at = excluded.created_at,
       public = excluded.public, persistent = excluded.persistent, name = excluded.name, state = excluded.state`,
  )
  const deleteRoom = db.prepare('DELETE FROM room WHERE jid = ?')
  const deleteData = db.prepare('DELETE FROM data WHERE owner = ?')
  const putAffiliation = replace(db, 'affiliation', ['room', 'jid', 'affiliation', 'nick', 'reason'])
  const deleteAffiliation = db.prepare('DELETE FROM affiliation WHERE room = ? AND jid = ?')
  const putOccupant = replace(db, 'occupant', ['room', 'nick', 'jid', 'home', 'since', 'revision'])
  const deleteOccupant = db.prepare('DELETE FROM occupant WHERE room = ? AND nick = ?')
  const wake = db.prepare('DELETE FROM rest WHERE room = ?')
  const putRest = db.prepare('INSERT INTO rest (room, memory) VALUES (?, ?)')
  const putShared = replace(db, 'rest_shared', ['service', 'peer', 'tag', 'digest', 'jid', 'room'])
  const putInstance = replace(db, 'instance', ['room', 'jid', 'state'])
  const deleteInstance = db.prepare('DELETE FROM instance WHERE room = ? AND jid = ?')
  return {
    'room.put': ({ room: r }) => {
      const flags = [r.public ? 1 : 0, r.persistent ? 1 : 0]
      const id = log.archiveId(r.jid)
      putRoom.run(
        id,
        r.jid,
        r.service,
        r.roomId,
        r.source,
        r.epoch,
        r.epochRank,
        r.createdAt,
        ...flags,
        r.name,
        r.state,
      )
    },
    'room.delete': ({ jid }) => {
      deleteRoom.run(jid)
      deleteData.run(jid)
      log.deleteArchive(jid)
    },
    'room.affiliation': ({ room, entry }) => {
      const id = log.roomId(room)
      putAffiliation.run(id, entry.jid, entry.affiliation, entry.nick ?? null, entry.reason ?? null)
    },
    'room.affiliation.delete': ({ room, jid }) => {
      deleteAffiliation.run(log.roomId(room), jid)
    },
    'room.floor': ({ room, instance, incarnation, seq }) => {
      log.raiseFloor(room, instance, incarnation, seq)
    },
    'room.expire': ({ room, instance, incarnation, seq, closed }) => {
      log.expire(room, { instance, incarnation }, seq, closed)
    },
    'room.head': ({ room, instance, incarnation, head }) => {
      log.putHead(room, instance, incarnation, head)
    },
    'room.void': ({ room, stanzaIds }) => {
      log.void(room, stanzaIds)
    },
    'room.amend': (write) => {
      log.amendRoom(write.room, write)
    },
    'room.occupant.put': ({ room, occupant: o }) => {
      putOccupant.run(log.roomId(room), o.nick, o.jid, o.home, o.since, o.revision)
    },
    'room.occupant.delete': ({ room, nick }) => {
      deleteOccupant.run(log.roomId(room), nick)
    },
    'room.instance.put': ({ room, instance }) => {
      putInstance.run(log.roomId(room), instance.jid, instance.state)
    },
    'room.instance.delete': ({ room, jid }) => {
      deleteInstance.run(log.roomId(room), jid)
    },
    'room.rest': ({ room, memory, shared }) => {
      const id = log.roomId(room)
      wake.run(id)
      putRest.run(id, memory)
      const service = room.slice(room.indexOf('@') + 1)
      for (const { peer, tag, digest } of shared) putShared.run(service, peer, tag, digest, room, id)
    },
    'room.wake': ({ room }) => {
      wake.run(log.roomId(room))
    },
  }
}

type ArchiveHandlers = Pick<Handlers, Extract<keyof Handlers, `archive.${string}`>>

const archiveWrites = (log: LogWrites): ArchiveHandlers => ({
  'archive.trim': ({ owner, upTo }) => {
    log.trim(owner, upTo)
  },
})
