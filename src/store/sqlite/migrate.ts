/** Brings the schema up to date: `migrations/NNNN-*.sql` in order, each in a transaction, counted in `user_version`. */
import { readdirSync, readFileSync } from 'node:fs'
import { StoreError } from '../store.js'
import type { Connection } from './connection.js'

export interface Migration {
  readonly version: number
  readonly name: string
  readonly sql: string
}

/** The migrations shipped with the program, the first being version 1. */
export function readMigrations(directory = new URL('../../../migrations/', import.meta.url)): Migration[] {
  const names = readdirSync(directory).filter((name) => /^\d{4}-.+\.sql$/.test(name))
  return names.sort().map((name, index) => {
    const version = Number(name.slice(0, 4))
    if (version !== index + 1) {
      throw new StoreError('io', `migrations are not numbered without gaps: ${name} is number ${index + 1}`)
    }
    return { version, name, sql: readFileSync(new URL(name, directory), 'utf8') }
  })
}

/**
 * Throws StoreError 'io' for a database that a newer release wrote, or that is another program's. A migration that fails
 * leaves the database as it was before it.
 */
export function migrate(db: Connection, migrations: readonly Migration[]): void {
  const version = Number(db.pragma('user_version', { simple: true }))
  if (isForeign(db)) {
    throw new StoreError('io', `${db.name} is another program's database: give dmucd a data directory of its own`)
  }
  if (version > migrations.length) {
    throw new StoreError(
      'io',
      `${db.name} has schema ${version}, written by a newer dmucd; this one knows schemas up to ${migrations.length}: install the newer release, or restore a backup made before the upgrade`,
    )
  }
  for (const migration of migrations.slice(version)) {
    db.transaction(() => {
      db.exec(migration.sql)
      db.pragma(`application_id = ${applicationId}`)
      db.pragma(`user_version = ${migration.version}`)
    }).immediate()
  }
}

function isForeign(db: Connection): boolean {
  if (Number(db.pragma('application_id', { simple: true })) === applicationId) return false
  return db.prepare('SELECT 1 FROM sqlite_schema LIMIT 1').get() !== undefined
}

/** "dmuc" in ASCII: marks the file as ours in its header. */
const applicationId = 0x646d7563
