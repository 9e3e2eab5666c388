/** Opens a connection to the database with every setting that matters given explicitly. */
import { closeSync, openSync } from 'node:fs'
import Database from 'better-sqlite3'
import { isFound, wordsOf } from '../full-text.js'
import { recordText } from '../record-text.js'

export type Connection = Database.Database

export type Durability = 'full' | 'normal'

/**
 * The writer's connection. `synchronous` is set on each open: better-sqlite3 is compiled to fall back to NORMAL when a
 * database that is already in WAL mode is opened again. A new file is its owner's alone (it holds SCRAM keys); SQLite
 * gives its companions the same mode.
 */
export function openWriter(path: string, durability: Durability): Connection {
  closeSync(openSync(path, 'a', 0o600))
  const db = new Database(path, { timeout: busyTimeoutMs })
  db.pragma('journal_mode = WAL')
  setSynchronous(db, durability)
  db.pragma('foreign_keys = ON')
  // What is erased (retraction, retention) is overwritten where that costs no further write.
  db.pragma('secure_delete = FAST')
  db.pragma(`wal_autocheckpoint = ${checkpointPages}`)
  db.pragma(`journal_size_limit = ${journalSizeLimit}`)
  return db
}

/** FULL: a commit returns when the log has reached the disk. NORMAL: a power cut may take the last commits. */
export function setSynchronous(db: Connection, durability: Durability): void {
  db.pragma(durability === 'full' ? 'synchronous = FULL' : 'synchronous = NORMAL')
}

export function openReader(path: string): Connection {
  const db = new Database(path, { readonly: true, fileMustExist: true, timeout: busyTimeoutMs })
  db.pragma('query_only = ON')
  db.function('has_words', { deterministic: true }, (body: unknown, terms: unknown) =>
    isFound(JSON.parse(String(terms)), wordsOf(recordText(String(body)))) ? 1 : 0,
  )
  return db
}

const busyTimeoutMs = 5_000
/** Pages in the write-ahead log (16 MiB) from which on they go to the database: those that were written again meanwhile go once. */
const checkpointPages = 4000
/** The write-ahead log is cut back to this after a burst, in bytes. */
const journalSizeLimit = 64 * 1024 * 1024
