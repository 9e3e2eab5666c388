/**
 * One process a data directory. The lock is the operating system's, held through SQLite on a file of its own: it goes with
 * the process however that ends, so there is no stale lock to clean up. Whose it is stands beside it in plain text.
 */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import Database from 'better-sqlite3'
import type { Closeable } from '../util/lifecycle.js'
import { errorCode, errorText } from './sqlite/errors.js'
import { StoreError } from './store.js'

/**
 * Makes the directory (mode 0700) when it is missing and locks it until `close`. Throws StoreError 'locked' with the
 * directory and the holder's process id when another process, or another part of this one, holds it. Nobody else may open
 * the file named `lock` there: closing any descriptor of it lets a POSIX lock go.
 */
export function lockDataDirectory(directory: string): Closeable {
  const path = resolve(directory)
  const pidFile = join(path, 'dmucd.pid')
  const db = openLock(path)
  try {
    db.exec('BEGIN EXCLUSIVE')
  } catch (error) {
    db.close()
    if (errorCode(error).startsWith('SQLITE_BUSY')) {
      throw new StoreError('locked', `the data directory ${path} is in use by ${holder(pidFile)}: stop it first`)
    }
    throw new StoreError('io', `the data directory ${path} cannot be locked: ${errorText(error)}`, { cause: error })
  }
  writeFileSync(pidFile, `${process.pid}\n`)
  return {
    close() {
      if (!db.open) return
      rmSync(pidFile, { force: true })
      db.close()
    },
  }
}

function openLock(path: string): Database.Database {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 })
    return new Database(join(path, 'lock'), { timeout: 0 })
  } catch (error) {
    const why = `the data directory ${path} cannot be written (${errorText(error)}): give it to the user who runs the server, or set data_path to another`
    throw new StoreError('io', why, { cause: error })
  }
}

function holder(pidFile: string): string {
  try {
    const pid = Number.parseInt(readFileSync(pidFile, 'utf8'), 10)
    if (pid > 0) return pid === process.pid ? `this process (pid ${pid})` : `process ${pid}`
  } catch {}
  return 'another process'
}
