/** Empties the logs of deleted rooms a slice at a time, so that no commit waits for a million rows to go. */
import type { Connection } from './connection.js'

export class DeletedRooms {
  readonly #next
  readonly #slice

  constructor(db: Connection) {
    this.#next = db.prepare<[], { id: number }>('SELECT id FROM deleted_room LIMIT 1')
    const deleteLog = db.prepare('DELETE FROM log WHERE id IN (SELECT id FROM log WHERE room = ? ORDER BY id LIMIT ?)')
    const deleteOrigins = db.prepare('DELETE FROM origin WHERE room = ?')
    const done = db.prepare('DELETE FROM deleted_room WHERE id = ?')
    this.#slice = db.transaction((id: number) => {
      if (deleteLog.run(id, sliceRows).changes === sliceRows) return
      deleteOrigins.run(id)
      done.run(id)
    })
  }

  /**
   * One slice, in a transaction of its own. Returns whether there is more to do now; what a failing disk leaves is done
   * after the next start, since nothing waits for it.
   */
  step(): boolean {
    const room = this.#next.get()
    if (room === undefined) return false
    try {
      this.#slice.immediate(room.id)
    } catch {
      return false
    }
    return true
  }
}

/** Some 5 ms of work. */
const sliceRows = 500
