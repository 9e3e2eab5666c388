/**
 * Many batches, one transaction: what costs is the commit, not the row. A group that fails is halved until the batch that
 * failed stands alone, so that one bad row fails no other, and a group without a bad row (nearly all) pays for no
 * savepoints. Order is kept.
 */
import { type Connection, type Durability, setSynchronous } from './connection.js'
import { type Failure, failure } from './errors.js'
import type { Commit } from './protocol.js'
import type { Outcome } from './serve.js'
import type { TextIndex } from './text-index.js'
import { Writes } from './writes.js'

export class GroupCommit {
  readonly #db: Connection
  readonly #durability: Durability
  readonly #writes: Writes
  readonly #begin
  readonly #commit
  readonly #rollback

  constructor(db: Connection, durability: Durability, index: TextIndex) {
    this.#db = db
    this.#durability = durability
    this.#writes = new Writes(db, index)
    this.#begin = db.prepare('BEGIN IMMEDIATE')
    this.#commit = db.prepare('COMMIT')
    this.#rollback = db.prepare('ROLLBACK')
  }

  /** Returns when all that did not fail is durable. Throws only if the connection cannot be used any more. */
  commit(commits: readonly Commit[]): Outcome[] {
    const synced = this.#durability === 'normal' && commits.some(([isSynced]) => isSynced)
    if (synced) setSynchronous(this.#db, 'full')
    try {
      return this.#group(commits)
    } finally {
      if (synced) setSynchronous(this.#db, this.#durability)
    }
  }

  #group(commits: readonly Commit[]): Outcome[] {
    try {
      this.#begin.run()
    } catch (error) {
      return commits.map(() => this.#failed(error))
    }
    try {
      for (const [, ...writes] of commits) for (const write of writes) this.#writes.apply(write)
      this.#writes.flush()
      this.#commit.run()
      return commits.map(() => done)
    } catch (error) {
      // A full disk makes SQLite roll back by itself.
      if (this.#db.inTransaction) this.#rollback.run()
      this.#writes.forget()
      if (commits.length === 1) return [this.#failed(error)]
      const middle = commits.length >> 1
      return [...this.#group(commits.slice(0, middle)), ...this.#group(commits.slice(middle))]
    }
  }

  #failed(error: unknown): { readonly failure: Failure } {
    return { failure: failure(error, this.#db.name) }
  }
}

const done: Outcome = { value: undefined }
