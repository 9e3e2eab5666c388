/** What cannot be opened is refused in words that say what to do; what goes wrong later is told to its caller. */
import { execFile } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { describe, expect, test } from '@jest/globals'
import Database from 'better-sqlite3'
import { lockDataDirectory } from '../../../src/store/lock.js'
import { openSqliteStore, type SqliteStoreOptions } from '../../../src/store/sqlite/store.js'
import { silentLogger } from '../../../src/util/logger.js'
import { logRecord, putLog, putRoom, room } from '../records.js'
import { temporaryDirectory } from './directory.js'

const fresh = (): string => join(temporaryDirectory(), 'dmucd.db')
const open = (path: string, options: Partial<SqliteStoreOptions> = {}) =>
  openSqliteStore({ path, durability: 'full', log: silentLogger, ...options })

async function filled(path: string, count = 200): Promise<void> {
  const store = await open(path)
  const records = Array.from({ length: count }, (_, index) => logRecord(index + 1, { body: 'x'.repeat(500) }))
  await store.commit([putRoom(), putLog(records)])
  await store.close()
}

describe('opening', () => {
  test('finds what the last process left, folded into one file', async () => {
    const path = fresh()
    await filled(path)
    expect(existsSync(`${path}-wal`)).toBe(false)
    const store = await open(path)
    expect((await store.loadRoom(room, 3))?.recent.map((record) => record.seq)).toEqual([198, 199, 200])
    await store.commit([putLog([logRecord(201)])])
    await store.close()
  })

  test("makes files that are their owner's alone", async () => {
    const path = fresh()
    const store = await open(path)
    for (const file of [path, `${path}-wal`]) expect(statSync(file).mode & 0o777).toBe(0o600)
    await store.close()
  })

  test('is refused while another store is open on the directory, and allowed after', async () => {
    const path = fresh()
    const first = await open(path)
    await expect(open(path)).rejects.toMatchObject({ code: 'locked' })
    await first.close()
    await (await open(path)).close()
  })

  test("uses the caller's lock and leaves it to the caller", async () => {
    const path = fresh()
    const lock = lockDataDirectory(join(path, '..'))
    const store = await open(path, { lock })
    await store.close()
    await expect(open(path)).rejects.toMatchObject({ code: 'locked' })
    await lock.close()
  })

  test.each([
    ['a text file', (path: string) => writeFileSync(path, 'no database\n'.repeat(200))],
    ['a database cut in half', (path: string) => truncateSync(path, readFileSync(path).length >> 1)],
    ['garbage in the schema', (path: string) => overwrite(path, 100, 1_500)],
  ])('%s is refused with what to do, and the directory is free again', async (_, damage) => {
    const path = fresh()
    await filled(path)
    damage(path)
    await expect(open(path)).rejects.toMatchObject({
      code: 'io',
      message: expect.stringMatching(/dmucd\.db is damaged or no database .* restore a backup or salvage/),
    })
    await lockDataDirectory(join(path, '..')).close()
  })

  test('a newer schema is refused', async () => {
    const path = fresh()
    await filled(path)
    const db = new Database(path)
    db.pragma('user_version = 999')
    db.close()
    await expect(open(path)).rejects.toThrow('written by a newer dmucd')
  })

  test('a path that is a directory is refused', async () => {
    const path = temporaryDirectory()
    await expect(open(path, { lock: { close() {} } })).rejects.toMatchObject({ code: 'io' })
  })
})

describe('an open store', () => {
  test('that meets a damaged page tells the one who asked, and goes on', async () => {
    const path = fresh()
    await filled(path, 2_000)
    const pages = readFileSync(path).length / 4_096
    for (let page = pages >> 1; page < pages - 10; page += 1) overwrite(path, page * 4_096, 4_096)
    const store = await open(path)
    await expect(store.log(room, { limit: 5_000 })).rejects.toMatchObject({ code: 'io' })
    expect(await store.account('nobody@a.example')).toBeUndefined()
    await store.close()
  })

  test('refuses batches far beyond its limit, and takes them again later', async () => {
    const store = await open(fresh(), { pendingLimit: 2 })
    const commits = Array.from({ length: 34 }, () => store.commit([]))
    const settled = await Promise.allSettled(commits)
    expect(settled.map((one) => one.status)).toEqual([
      ...Array.from({ length: 32 }, () => 'fulfilled'),
      'rejected',
      'rejected',
    ])
    expect(settled[33]).toMatchObject({ reason: { code: 'overloaded' } })
    await store.commit([])
    await store.close()
  })

  test('empties the log of a deleted room in its own time, also after a restart', async () => {
    const path = fresh()
    await filled(path, 3_000)
    const store = await open(path)
    await store.commit([{ type: 'room.delete', jid: room }])
    await store.close()
    const again = await open(path)
    const db = new Database(path, { readonly: true })
    const left = db.prepare('SELECT count(*) FROM log').pluck()
    while (left.get() !== 0) await again.commit([])
    db.close()
    await again.close()
  })

  // A limit on the size of files (EFBIG), set from outside: every write fails, as on a broken disk.
  test('whose writes fail rejects them, keeps what it confirmed, and closes', async () => {
    const path = fresh()
    const script = fileURLToPath(new URL('./fill-up.mjs', import.meta.url))
    const { stdout } = await promisify(execFile)('sh', [
      '-c',
      'trap \'\' XFSZ; ulimit -f 3072; exec "$0" "$@"',
      process.execPath,
      script,
      path,
    ])
    const { confirmed, code, readable } = JSON.parse(stdout)
    expect(confirmed).toBeGreaterThan(10)
    expect(code).toMatch(/^(io|full)$/)
    expect(readable).toBe(confirmed)
    const store = await open(path)
    expect((await store.loadRoom(room, 0))?.vector[0]?.contiguous).toBe(confirmed)
    await store.commit([putLog([logRecord(confirmed + 1)])])
    await store.close()
  })
})

function overwrite(path: string, offset: number, length: number): void {
  const file = openSync(path, 'r+')
  writeSync(file, Buffer.alloc(length, 0xa5), 0, length, offset)
  closeSync(file)
}
