/** What the server writes is for its own user alone, wherever the operator put it. */
import { chmodSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from '@jest/globals'
import { openSqliteStore } from '../../src/store/sqlite/store.js'
import { silentLogger } from '../../src/util/logger.js'
import { addAccount } from '../dialogue/stage.js'

test('the database and what SQLite keeps beside it, in a directory that others may read', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'dmucd-files-'))
  chmodSync(directory, 0o755)
  const before = process.umask(0o022)
  try {
    const store = await openSqliteStore({
      path: join(directory, 'dmucd.sqlite'),
      durability: 'normal',
      log: silentLogger,
    })
    await addAccount(store, 'juliet@a.example')
    const modes = readdirSync(directory)
      .filter((name) => name.startsWith('dmucd.sqlite'))
      .map((name) => `${name} ${(statSync(join(directory, name)).mode & 0o777).toString(8)}`)
    await store.close()
    expect(modes.sort()).toEqual(['dmucd.sqlite 600', 'dmucd.sqlite-shm 600', 'dmucd.sqlite-wal 600'])
  } finally {
    process.umask(before)
    rmSync(directory, { recursive: true })
  }
})
