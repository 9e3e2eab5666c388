/** Empties the archives of deleted rooms and users a slice at a time, so that no commit waits for a million rows to go. */
import type { Connection } from './connection.js'
import { type IndexedRow, indexedColumns, type TextIndex } from './text-index.js'

export class DeletedArchives {
  readonly #next
  readonly #slice
  readonly #index: TextIndex

  constructor(db: Connection, index: TextIndex) {
    this.#index = index
    this.#next = db.prepare<[], { id: number }>('SELECT id FROM deleted_archive LIMIT 1')
    const rows = db.prepare<[number, number], IndexedRow>(`SELECT ${indexedColumns} FROM log WHERE archive = ? LIMIT ?`)
    const deleteRow = db.prepare('DELETE FROM log WHERE id = ?')
    const deleteOrigins = db.prepare('DELETE FROM origin WHERE room = ?')
    const done = db.prepare('DELETE FROM deleted_archive WHERE id = ?')
    this.#slice = db.transaction((archive: number) => {
      const found = rows.all(archive, sliceRows)
      for (const row of found) {
        index.erase(row)
        deleteRow.run(row.id)
      }
      if (found.length === sliceRows) return
      deleteOrigins.run(archive)
      done.run(archive)
    })
  }

  /**
   * One slice, in a transaction of its own. Returns whether there is more to do now; what a failing disk leaves is done
   * after the next start, since nothing waits for it.
   */
  step(): boolean {
    const archive = this.#next.get()
    if (archive === undefined) return false
    try {
      this.#slice.immediate(archive.id)
    } catch {
      this.#index.forget()
      return false
    }
    return true
  }
}

/** Some 5 ms of work. */
const sliceRows = 100
