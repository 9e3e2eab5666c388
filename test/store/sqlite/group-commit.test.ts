/** What the writer thread does with a group, seen from beside it: which statements ran, and what a full disk leaves. */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { openWriter } from '../../../src/store/sqlite/connection.js'
import { DeletedArchives } from '../../../src/store/sqlite/deleted-archives.js'
import { GroupCommit } from '../../../src/store/sqlite/group-commit.js'
import { migrate, readMigrations } from '../../../src/store/sqlite/migrate.js'
import { type Commit, encodeCommit } from '../../../src/store/sqlite/protocol.js'
import type { Outcome } from '../../../src/store/sqlite/serve.js'
import { TextIndex } from '../../../src/store/sqlite/text-index.js'
import type { Write } from '../../../src/store/store.js'
import { logRecord, putLog, putRoom, room } from '../records.js'
import { temporaryDirectory } from './directory.js'

const opened: Database.Database[] = []
afterEach(() => {
  for (const db of opened.splice(0)) db.close()
})

function prepared(): { db: Database.Database; path: string; statements: string[] } {
  const path = join(temporaryDirectory(), 'dmucd.db')
  const statements: string[] = []
  const db = new Database(path, { timeout: 20, verbose: (sql) => statements.push(String(sql)) })
  opened.push(db)
  db.pragma('journal_mode = WAL')
  db.pragma('foreign_keys = ON')
  migrate(db, readMigrations())
  return { db, path, statements }
}

const commit = (...writes: Write[]): Commit => encodeCommit(writes, false)
const event = (seq: number, body = ''): Commit => commit(putLog([logRecord(seq, { body })]))
const codes = (outcomes: readonly Outcome[]): string[] =>
  outcomes.map((outcome) => ('failure' in outcome ? outcome.failure.code : 'done'))
const logged = (db: Database.Database): unknown[] => db.prepare('SELECT seq FROM log ORDER BY id').pluck().all()

describe('a group', () => {
  test('of 64 batches is one transaction', () => {
    const { db, statements } = prepared()
    const groups = new GroupCommit(db, 'full', new TextIndex(db))
    groups.commit([commit(putRoom())])
    statements.length = 0
    const outcomes = groups.commit(Array.from({ length: 64 }, (_, index) => event(index + 1)))
    expect(codes(outcomes)).toEqual(Array.from({ length: 64 }, () => 'done'))
    expect(statements.filter((sql) => sql.startsWith('COMMIT'))).toHaveLength(1)
    expect(statements.filter((sql) => sql.startsWith('UPDATE origin'))).toHaveLength(1)
    expect(logged(db)).toHaveLength(64)
  })

  test('with bad batches keeps all others, in order, in few transactions', () => {
    const { db, statements } = prepared()
    const groups = new GroupCommit(db, 'full', new TextIndex(db))
    groups.commit([commit(putRoom())])
    const group = Array.from({ length: 64 }, (_, index) => event(index + 1))
    group[17] = commit(putLog([logRecord(18), logRecord(18, { archivedAt: 19 })]))
    group[40] = commit(putLog([logRecord(1)], 'nowhere@rooms.a.example'))
    statements.length = 0
    const outcomes = groups.commit(group)
    expect(codes(outcomes).flatMap((code, index) => (code === 'done' ? [] : [[index, code]]))).toEqual([
      [17, 'constraint'],
      [40, 'constraint'],
    ])
    expect(logged(db)).toEqual(Array.from({ length: 64 }, (_, index) => index + 1).filter((n) => n !== 18 && n !== 41))
    expect(statements.filter((sql) => sql.startsWith('BEGIN')).length).toBeLessThan(4 * 6)
  })

  test('says whose value was no plain data, and goes on', () => {
    const { db } = prepared()
    const groups = new GroupCommit(db, 'full', new TextIndex(db))
    const wrong = { writes: [{ type: 'data.put', owner: {}, kind: 'k', key: 'k', value: 'v' }], synced: false }
    const outcomes = groups.commit([commit(putRoom()), wrong as unknown as Commit, event(1)])
    expect(codes(outcomes)).toEqual(['done', 'constraint', 'done'])
  })

  test('while another program holds the database fails whole, once, and the next succeeds', () => {
    const { db, path, statements } = prepared()
    const groups = new GroupCommit(db, 'full', new TextIndex(db))
    groups.commit([commit(putRoom())])
    const other = new Database(path)
    opened.push(other)
    other.exec('BEGIN IMMEDIATE')
    statements.length = 0
    const outcomes = groups.commit([event(1), event(2)])
    expect(codes(outcomes)).toEqual(['io', 'io'])
    expect(statements.filter((sql) => sql.startsWith('BEGIN'))).toHaveLength(1)
    other.exec('ROLLBACK')
    expect(codes(groups.commit([event(1), event(2)]))).toEqual(['done', 'done'])
  })
})

describe('a full disk', () => {
  test("is told as 'full', leaves what was confirmed, and is over when there is room again", () => {
    const { db } = prepared()
    const groups = new GroupCommit(db, 'full', new TextIndex(db))
    groups.commit([commit(putRoom()), event(1)])
    const pages = Number(db.pragma('page_count', { simple: true }))
    db.pragma(`max_page_count = ${pages + 8}`)
    const big = 'x'.repeat(8_192)
    const outcomes = groups.commit(Array.from({ length: 16 }, (_, index) => event(index + 2, big)))
    const done = outcomes.filter((outcome) => 'value' in outcome).length
    expect(done).toBeGreaterThan(0)
    expect(codes(outcomes).slice(done)).toEqual(Array.from({ length: 16 - done }, () => 'full'))
    expect(outcomes.at(-1)).toMatchObject({ failure: { message: expect.stringContaining('free space') } })
    expect(logged(db)).toHaveLength(1 + done)
    db.pragma(`max_page_count = ${pages + 1_000}`)
    expect(codes(groups.commit([event(done + 2, big)]))).toEqual(['done'])
    expect(db.prepare('SELECT contiguous FROM origin').pluck().get()).toBe(done + 2)
    expect(db.pragma('integrity_check', { simple: true })).toBe('ok')
  })
})

describe('durability', () => {
  test('is set on every open: full is FULL, normal is NORMAL', () => {
    const path = join(temporaryDirectory(), 'dmucd.db')
    for (const [durability, synchronous] of [
      ['full', 2],
      ['full', 2],
      ['normal', 1],
      ['full', 2],
    ] as const) {
      const db = openWriter(path, durability)
      expect(db.pragma('synchronous', { simple: true })).toBe(synchronous)
      expect(db.pragma('journal_mode', { simple: true })).toBe('wal')
      expect(db.pragma('foreign_keys', { simple: true })).toBe(1)
      expect(db.pragma('busy_timeout', { simple: true })).toBeGreaterThan(0)
      db.close()
    }
  })

  test('normal, a batch asks to be synced: its group is written with FULL, the next is not', () => {
    const { db, statements } = prepared()
    const groups = new GroupCommit(db, 'normal', new TextIndex(db))
    const order = (): string[] => statements.splice(0).filter((sql) => /^(PRAGMA synchronous|BEGIN|COMMIT)/.test(sql))
    groups.commit([commit(putRoom())])
    expect(order().filter((sql) => sql.startsWith('PRAGMA'))).toEqual([])
    const [, ...writes] = event(2)
    groups.commit([event(1), [true, ...writes]])
    expect(order()).toEqual(['PRAGMA synchronous = FULL', 'BEGIN IMMEDIATE', 'COMMIT', 'PRAGMA synchronous = NORMAL'])
    groups.commit([event(3)])
    expect(order()).toEqual(['BEGIN IMMEDIATE', 'COMMIT'])
  })
})

describe('a deleted room', () => {
  test('is emptied in slices, its neighbour is not', () => {
    const { db } = prepared()
    const groups = new GroupCommit(db, 'full', new TextIndex(db))
    const other = 'other@rooms.a.example'
    const records = Array.from({ length: 1_200 }, (_, index) => logRecord(2 * index + 1, { archivedAt: index + 1 }))
    groups.commit([commit(putRoom(), putRoom({ jid: other }), putLog(records), putLog(records, other))])
    groups.commit([commit({ type: 'room.delete', jid: room })])
    expect(logged(db)).toHaveLength(2_400)
    const deleted = new DeletedArchives(db, new TextIndex(db))
    let slices = 0
    while (deleted.step()) slices += 1
    expect(slices).toBe(13)
    expect(logged(db)).toHaveLength(1_200)
    const left = (table: string): unknown => db.prepare(`SELECT count(*) FROM ${table}`).pluck().get()
    expect([left('origin'), left('origin_above'), left('deleted_archive'), left('room')]).toEqual([1, 1_199, 0, 1])
  })
})
