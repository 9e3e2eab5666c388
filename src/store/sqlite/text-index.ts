/**
 * The index of words in rooms (migrations/0002). It is brought up in the background, in small slices, so that no message waits for it;
 * what is erased leaves it in the same transaction. It can always be made anew from the log. Archives of users are not in it: hardly
 * any of their messages is ever searched for, and the words would cost more than the message.
 */
import { textVersion, wordsOf } from '../full-text.js'
import { recordText } from '../record-text.js'
import { type Connection, type Durability, setSynchronous } from './connection.js'
import { errorCode } from './errors.js'

export interface IndexedRow {
  readonly id: number
  readonly archive: number
  readonly body: string
  /** Is to be found. */
  readonly searched: number
}

/** Of an IndexedRow. */
export const indexedColumns = 'id, archive, body, archived AND origin IS NOT NULL AS searched'

export class TextIndex {
  readonly #db: Connection
  readonly #state
  readonly #slice
  readonly #insert
  readonly #remove
  readonly #clear
  readonly #restart
  /** Rows up to this one are indexed. */
  #indexed = 0

  constructor(db: Connection) {
    this.#db = db
    this.#state = db.prepare<[], { version: number; indexed: number }>('SELECT version, indexed FROM log_text_state')
    this.#insert = db.prepare('INSERT INTO log_text (rowid, archive, words) VALUES (?, ?, ?)')
    this.#remove = db.prepare("INSERT INTO log_text (log_text, rowid, archive, words) VALUES ('delete', ?, ?, ?)")
    this.#clear = db.prepare("INSERT INTO log_text (log_text) VALUES ('delete-all')")
    this.#restart = db.prepare('UPDATE log_text_state SET version = ?, indexed = 0')
    this.#slice = this.#prepareSlice(db)
    const { version } = this.#read()
    if (version !== textVersion) db.transaction(() => this.#reset()).immediate()
  }

  /**
   * One slice, in a transaction of its own. Returns whether there is more to do. It is not synced: with a power cut it is lost
   * whole, and done again.
   */
  step(durability: Durability): boolean {
    if (durability === 'full') setSynchronous(this.#db, 'normal')
    try {
      return this.#slice()
    } catch (error) {
      this.forget()
      if (!isDamaged(error)) return false
      this.#db.transaction(() => this.#reset()).immediate()
      return true
    } finally {
      if (durability === 'full') setSynchronous(this.#db, 'full')
    }
  }

  /** Puts in the words of a row that was erased and has another body now. Inside a transaction. */
  replace({ id, archive, body, searched }: IndexedRow): void {
    if (id <= this.#indexed && searched === 1) this.#add(id, archive, body)
  }

  /** Takes out the words of a row whose body is still there. Inside a transaction. */
  erase({ id, archive, body, searched }: IndexedRow): void {
    if (id > this.#indexed || searched === 0) return
    const words = wordsOf(recordText(body))
    if (words.length === 0) return
    try {
      this.#remove.run(id, archiveWord(archive), words.join(' '))
    } catch (error) {
      if (!isDamaged(error)) throw error
      this.#reset()
    }
  }

  /** After a rollback. */
  forget(): void {
    this.#read()
  }

  #prepareSlice(db: Connection): () => boolean {
    const newest = db.prepare<[], number | null>('SELECT max(id) FROM log').pluck()
    const rows = db.prepare<[number, number, number], IndexedRow>(
      `SELECT ${indexedColumns} FROM log WHERE id > ? AND id <= ? AND searched ORDER BY id LIMIT ?`,
    )
    const advance = db.prepare('UPDATE log_text_state SET indexed = ?')
    const slice = db.transaction((upTo: number): number => {
      const found = rows.all(this.#indexed, upTo, sliceRows)
      for (const { id, archive, body } of found) this.#add(id, archive, body)
      const reached = found.length === sliceRows ? found.at(-1)!.id : upTo
      advance.run(reached)
      return reached
    })
    return () => {
      const last = newest.get() ?? 0
      if (last <= this.#indexed) return false
      this.#indexed = slice.immediate(Math.min(last, this.#indexed + sliceSpan))
      return this.#indexed < last
    }
  }

  #add(id: number, archive: number, body: string): void {
    const words = wordsOf(recordText(body))
    if (words.length > 0) this.#insert.run(id, archiveWord(archive), words.join(' '))
  }

  #read(): { readonly version: number } {
    const state = this.#state.get() ?? { version: 0, indexed: 0 }
    this.#indexed = state.indexed
    return state
  }

  #reset(): void {
    this.#clear.run()
    this.#restart.run(textVersion)
    this.#indexed = 0
  }
}

/** The word that every row of this archive has. */
export const archiveWord = (archive: number): string => `a${archive}`

const isDamaged = (error: unknown): boolean => errorCode(error) === 'SQLITE_CORRUPT_VTAB'

/** Some 2 ms of work. */
const sliceRows = 50
/** And no more than this to look through for them. */
const sliceSpan = 2000
