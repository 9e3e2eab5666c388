/** The schema's versions: brought up, refused, left alone when a step fails. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { migrate, readMigrations } from '../../../src/store/sqlite/migrate.js'
import { temporaryDirectory } from './directory.js'

let db: Database.Database
const open = (path = join(temporaryDirectory(), 'dmucd.db')): Database.Database => {
  db = new Database(path)
  return db
}
afterEach(() => {
  db?.close()
})

const version = (): unknown => db.pragma('user_version', { simple: true })
const step = (number: number, sql: string) => ({ version: number, name: `000${number}-x.sql`, sql })

describe('migrations', () => {
  test('bring an empty database to the newest schema, and change nothing the second time', () => {
    open()
    const all = readMigrations()
    migrate(db, all)
    expect(version()).toBe(all.length)
    const schema = db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all()
    migrate(db, all)
    expect(db.prepare('SELECT name, sql FROM sqlite_schema ORDER BY name').all()).toEqual(schema)
  })

  test('every table is STRICT', () => {
    migrate(open(), readMigrations())
    const tables = db
      .prepare<[], { strict: number }>(
        "SELECT strict FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite_%'",
      )
      .all()
    expect(tables.length).toBeGreaterThan(8)
    expect(tables.filter((table) => table.strict !== 1)).toEqual([])
  })

  test('only the missing ones run', () => {
    migrate(open(), [step(1, 'CREATE TABLE a (x INTEGER) STRICT')])
    migrate(db, [step(1, 'this would fail'), step(2, 'CREATE TABLE b (x INTEGER) STRICT')])
    expect(version()).toBe(2)
    expect(db.prepare('SELECT count(*) FROM b').pluck().get()).toBe(0)
  })

  test('one that fails leaves the version before it', () => {
    const steps = [step(1, 'CREATE TABLE a (x INTEGER) STRICT'), step(2, 'CREATE TABLE b (x INTEGER); SELECT broken')]
    expect(() => migrate(open(), steps)).toThrow('broken')
    expect(version()).toBe(1)
    expect(db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").pluck().all()).toEqual(['a'])
  })

  test('a newer schema is refused in words', () => {
    migrate(open(), readMigrations())
    db.pragma('user_version = 999')
    expect(() => migrate(db, readMigrations())).toThrow(/schema 999, written by a newer dmucd; .* up to \d+: install/)
  })

  test("another program's database is refused and not touched", () => {
    open().exec('CREATE TABLE theirs (x)')
    expect(() => migrate(db, readMigrations())).toThrow("another program's database")
    expect(db.prepare('SELECT name FROM sqlite_schema').pluck().all()).toEqual(['theirs'])
  })

  test('a gap in the numbers is our mistake and said', () => {
    const directory = temporaryDirectory()
    for (const name of ['0001-a.sql', '0003-c.sql', 'notes.txt']) writeFileSync(join(directory, name), '')
    expect(() => readMigrations(pathToFileURL(`${directory}/`))).toThrow('0003-c.sql is number 2')
  })
})
