/** Entry of the writer thread: the only connection that writes. */
import { openWriter } from './connection.js'
import { DeletedRooms } from './deleted-rooms.js'
import { GroupCommit } from './group-commit.js'
import { migrate, readMigrations } from './migrate.js'
import type { Commit, ThreadData } from './protocol.js'
import { type Service, serve } from './serve.js'

function open({ path, durability }: ThreadData): Service<Commit> {
  const db = openWriter(path, durability)
  migrate(db, readMigrations())
  const groups = new GroupCommit(db, durability)
  const deleted = new DeletedRooms(db)
  let next: NodeJS.Immediate | undefined
  const emptySlice = (): void => {
    next = undefined
    if (deleted.step()) next = setImmediate(emptySlice)
  }
  emptySlice()
  return {
    answer(commits) {
      const outcomes = groups.commit(commits)
      if (commits.some(({ writes }) => writes.some(({ type }) => type === 'room.delete'))) {
        next ??= setImmediate(emptySlice)
      }
      return outcomes
    },
    close() {
      if (next !== undefined) clearImmediate(next)
      try {
        db.pragma('wal_checkpoint(TRUNCATE)')
      } finally {
        db.close()
      }
    },
  }
}

serve(open)
