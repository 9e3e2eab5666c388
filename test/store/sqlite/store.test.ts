/** The Store on SQLite keeps the contract; and what its threads make of reads that several of them answer. */
import { join } from 'node:path'
import { afterEach, describe, expect, test } from '@jest/globals'
import { openSqliteStore, type SqliteStoreOptions } from '../../../src/store/sqlite/store.js'
import type { Store } from '../../../src/store/store.js'
import { silentLogger } from '../../../src/util/logger.js'
import { storeContract } from '../contract.js'
import { logRecord, putLog, putRoom, room } from '../records.js'
import { temporaryDirectory } from './directory.js'

const open = (options: Partial<SqliteStoreOptions> = {}): Promise<Store> =>
  openSqliteStore({
    path: join(temporaryDirectory(), 'dmucd.db'),
    durability: 'full',
    log: silentLogger,
    ...options,
  })

storeContract('SQLite', open)

const said = (seq: number, text: string) =>
  logRecord(seq, { body: JSON.stringify({ content: `<body>${text}</body>` }) })
const fire = { text: [{ words: ['fire'], prefix: false }], archived: true, limit: 1000 }

describe('reader threads', () => {
  let store: Store
  afterEach(() => store.close())

  test('whichever answers sees what was confirmed before it was asked', async () => {
    store = await open({ durability: 'normal', readers: 3 })
    await store.commit([putRoom()])
    for (let seq = 1; seq <= 20; seq += 1) {
      await store.commit([putLog([logRecord(seq)])])
      const seen = await Promise.all(Array.from({ length: 6 }, () => store.log(room, { limit: 100 })))
      expect(seen.map((records) => records.length)).toEqual(Array(6).fill(seq))
    }
  })

  test('a room is loaded while searches go on', async () => {
    store = await open()
    const records = Array.from({ length: 500 }, (_, index) => said(index + 1, 'fire burn'))
    await store.commit([putRoom(), putLog(records)])
    while ((await store.log(room, fire)).length < records.length) await new Promise(setImmediate)
    const answered: string[] = []
    await Promise.all([
      ...Array.from({ length: 50 }, () => store.log(room, fire).then(() => answered.push('search'))),
      store.loadRoom(room, 20).then(() => answered.push('room')),
    ])
    expect(answered[0]).toBe('room')
    await store.close()
    await expect(store.log(room, fire)).rejects.toMatchObject({ code: 'closed' })
  })
})
