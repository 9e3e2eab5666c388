/** Entry of the writer thread: the only connection that writes. */
import { Background } from './background.js'
import { openWriter } from './connection.js'
import { GroupCommit } from './group-commit.js'
import { migrate, readMigrations } from './migrate.js'
import type { Commit, ThreadData } from './protocol.js'
import { type Service, serve } from './serve.js'
import { TextIndex } from './text-index.js'

function open({ path, durability }: ThreadData): Service<Commit> {
  const db = openWriter(path, durability)
  migrate(db, readMigrations())
  const index = new TextIndex(db)
  const groups = new GroupCommit(db, durability, index)
  const background = new Background(db, index, durability)
  return {
    answer(commits) {
      const outcomes = groups.commit(commits)
      background.after(commits)
      return outcomes
    },
    close() {
      background.close()
      try {
        db.pragma('wal_checkpoint(TRUNCATE)')
      } finally {
        db.close()
      }
    },
  }
}

serve(open)
