/** Archives in SQLite, seen from beside: through which index a page is found, what is left of erased words, what a migration keeps. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { GroupCommit } from '../../../src/store/sqlite/group-commit.js'
import { LogPages } from '../../../src/store/sqlite/log-pages.js'
import { LogQueries } from '../../../src/store/sqlite/log-queries.js'
import { migrate, readMigrations } from '../../../src/store/sqlite/migrate.js'
import { encodeCommit } from '../../../src/store/sqlite/protocol.js'
import { TextIndex } from '../../../src/store/sqlite/text-index.js'
import type { LogQuery, Write } from '../../../src/store/store.js'
import { logRecord, putLog, putRoom, room } from '../records.js'
import { temporaryDirectory } from './directory.js'

let db: Database.Database
let path = ''
beforeEach(() => {
  path = join(temporaryDirectory(), 'dmucd.db')
  db = new Database(path)
  db.pragma('journal_mode = WAL')
  db.pragma('secure_delete = FAST')
})
afterEach(() => {
  db.close()
})

function opened(): { commit: (...writes: Write[]) => void; index: TextIndex } {
  migrate(db, readMigrations())
  const index = new TextIndex(db)
  const groups = new GroupCommit(db, 'normal', index)
  const commit = (...writes: Write[]): void => {
    const [outcome] = groups.commit([encodeCommit(writes, false)])
    expect(outcome).toEqual({ value: undefined })
  }
  return { commit, index }
}

const indexAll = (index: TextIndex): void => {
  while (index.step('normal'));
}

const found = (word: string): unknown[] =>
  db.prepare('SELECT rowid FROM log_text WHERE log_text MATCH ?').pluck().all(`words : "${word}"`)

const said = (seq: number, text: string) =>
  logRecord(seq, { body: JSON.stringify({ content: `<body>${text}</body>` }) })

describe('the plan of a page', () => {
  const words = [{ words: ['fire'], prefix: false }]
  const queries: readonly (readonly [string, Partial<LogQuery>, RegExp])[] = [
    ['the first', { archived: true }, /log USING COVERING INDEX log_archive \(archive=\? AND archived=\? AND void=\?/],
    ['the last', { archived: true, backward: true }, /log USING COVERING INDEX log_archive/],
    ['after an id, up to a time', { archived: true, after: 5, end: 9 }, /log_archive \(.* AND rowid>\? AND rowid<\?\)/],
    ['of an author', { archived: true, with: 'a@a' }, /log_jid \(archive=\? AND jid=\? AND rowid>\? AND rowid<\?\)/],
    ['of a nick', { archived: true, nick: 'n' }, /log_nick \(archive=\? AND nick=\? AND rowid>\? AND rowid<\?\)/],
    ['of ids', { archived: true, stanzaIds: ['x'] }, /log USING INTEGER PRIMARY KEY/],
    ['with words', { archived: true, text: words }, /SCAN log_text VIRTUAL TABLE INDEX \d+:M\d><?.*/],
    ['with the history', { types: ['message'], backward: true }, /log USING INDEX log_archive/],
  ]

  test.each(queries)('%s: the index that fits, in its order', (_, query, plan) => {
    migrate(db, readMigrations())
    const pages = new LogPages(db, 'room', 'log.id', 'CROSS JOIN log ON log.id = page.id')
    const rows = db
      .prepare<[], { detail: string }>(`EXPLAIN QUERY PLAN ${pages.sql({ limit: 50, ...query }).replace(/@\w+/g, '1')}`)
      .all()
    const details = rows.map(({ detail }) => detail)
    expect(details).toEqual(expect.arrayContaining([expect.stringMatching(plan)]))
    // Only pages are put in order, never what they are taken from.
    expect(details.filter((detail) => /SCAN log\b/.test(detail))).toEqual([])
  })
})

describe('the index of words', () => {
  test('is brought up in slices, goes on where it stopped, and is made anew when its making has changed', () => {
    const { commit, index } = opened()
    commit(putRoom(), putLog(Array.from({ length: 120 }, (_, n) => said(n + 1, `word${n}`))))
    expect(index.step('normal')).toBe(true)
    expect([found('word0').length, found('word119').length]).toEqual([1, 0])
    const after = new TextIndex(db)
    indexAll(after)
    expect([found('word0').length, found('word119').length]).toEqual([1, 1])
    db.exec('UPDATE log_text_state SET version = 0')
    const anew = new TextIndex(db)
    expect(found('word0')).toEqual([])
    indexAll(anew)
    expect([found('word0').length, found('word119').length]).toEqual([1, 1])
  })

  test('a batch that fails takes nothing out of it', () => {
    const { commit, index } = opened()
    commit(putRoom(), putLog([said(1, 'hurlyburly')]))
    indexAll(index)
    const groups = new GroupCommit(db, 'normal', index)
    const writes: Write[] = [{ type: 'room.void', room, stanzaIds: ['id-1'] }, putLog([said(1, 'twice')])]
    expect(groups.commit([encodeCommit(writes, false)])).toMatchObject([{ failure: {} }])
    expect(found('hurlyburly')).toHaveLength(1)
    db.exec("INSERT INTO log_text (log_text) VALUES ('integrity-check')")
  })

  test('erased words are not on the disk any more', () => {
    const { commit, index } = opened()
    commit(putRoom(), putLog([said(1, 'hurlyburly'), said(2, 'tombstone'), said(3, 'stays')]))
    indexAll(index)
    db.pragma('wal_checkpoint(TRUNCATE)')
    expect(readFileSync(path).includes('hurlyburly')).toBe(true)
    commit(
      { type: 'room.void', room, stanzaIds: ['id-1'] },
      { type: 'room.amend', room, stanzaId: 'id-2', once: 'retracted', patch: '{"content":"","retracted":{}}' },
    )
    db.pragma('wal_checkpoint(TRUNCATE)')
    const disk = readFileSync(path)
    expect(['hurlyburly', 'tombstone', 'stays'].map((word) => disk.includes(word))).toEqual([false, false, true])
  })
})

test('migration 0002 keeps what there is, its order and its numbers', () => {
  const [first, ...others] = readMigrations()
  migrate(db, [first!])
  db.exec(`INSERT INTO room VALUES (7, '${room}', 's', 'r', '${room}', 1, 0, 1, 1, 1, 'Coven', '{}');
    INSERT INTO origin VALUES (1, 7, '${room}', 'i', 3);
    INSERT INTO log VALUES
      (11, 7, 1, 1, 5, 0, 1, 1, 'id-1', 'message', 'n', 'a@a', '{"content":"<body>fire</body>"}', 0, 5),
      (12, 7, 1, 2, 6, 0, 1, 1, 'id-2', 'config', NULL, NULL, '{}', 0, 6),
      (13, 7, 1, 3, 7, 0, 1, 1, 'id-3', 'message', 'n', 'a@a', '', 1, 7);
    UPDATE sqlite_sequence SET seq = 40 WHERE name = 'log';
    UPDATE sqlite_sequence SET seq = 9 WHERE name = 'room'`)
  migrate(db, [first!, ...others])
  const index = new TextIndex(db)
  indexAll(index)
  expect(found('fire')).toEqual([11])
  const log = new LogQueries(db)
  const seqs = (query: Partial<LogQuery>) => log.events(room, { limit: 9, ...query }).map((row) => row[2])
  expect([seqs({ archived: true }), seqs({}), seqs({ includeVoid: true })]).toEqual([[1], [1, 2], [1, 2, 3]])
  const groups = new GroupCommit(db, 'normal', index)
  const writes: Write[] = [putLog([logRecord(4, { incarnation: 'i', archivedAt: 8 })]), putRoom({ jid: 'new@s' })]
  groups.commit([encodeCommit(writes, false)])
  expect(log.order(room, 'id-4')).toBe(41)
  expect(db.prepare("SELECT id FROM room WHERE jid = 'new@s'").pluck().get()).toBe(10)
})
