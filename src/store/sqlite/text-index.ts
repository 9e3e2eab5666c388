/**
 * The index of words (migrations/0002). It is brought up in the background, in small slices, so that no message waits for it;
 * what is erased leaves it in the same transaction. It can always be made anew from the log.
 */
import { textVersion, wordsOf } from '../full-text.js'
import { recordText } from '../record-text.js'
import { type Connection, type Durability, setSynchronous } from './connection.js'
import { errorCode } from './errors.js'

export interface IndexedRow {
  readonly id: number
  readonly archive: number
  readonly body: string
  readonly archived: number
}

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
  replace({ id, archive, body, archived }: IndexedRow): void {
    if (id <= this.#indexed && archived === 1) this.#add(id, archive, body)
  }

  /** Takes out the words of a row whose body is still there. Inside a transaction. */
  erase({ id, archive, body, archived }: IndexedRow): void {
    if (id > this.#indexed || archived === 0) return
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
    const rows = db.prepare<[number, number], IndexedRow>(
      'SELECT id, archive, body, archived FROM log WHERE id > ? ORDER BY id LIMIT ?',
    )
    const advance = db.prepare('UPDATE log_text_state SET indexed = ?')
    const slice = db.transaction((): readonly IndexedRow[] => {
      const found = rows.all(this.#indexed, sliceRows)
      for (const { id, archive, body, archived } of found) if (archived === 1) this.#add(id, archive, body)
      const last = found.at(-1)
      if (last !== undefined) advance.run(last.id)
      return found
    })
    return () => {
      const found = slice.immediate()
      this.#indexed = found.at(-1)?.id ?? this.#indexed
      return found.length === sliceRows
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
