/** What SQLite says, as a StoreError whose message tells the operator what can be done. */
import { StoreError } from '../store.js'

/** The code and message of a StoreError on its way from a worker thread. */
export interface Failure {
  readonly code: StoreError['code']
  readonly message: string
}

export function failure(error: unknown, path: string): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message }
  const text = errorText(error)
  const code = errorCode(error)
  if (code === 'SQLITE_FULL') {
    return { code: 'full', message: `no space left for ${path} (${text}): free space on its disk; nothing was written` }
  }
  if (code.startsWith('SQLITE_CONSTRAINT') || code === 'SQLITE_TOOBIG' || code === '') {
    return { code: 'constraint', message: `not storable in ${path}: ${text}` }
  }
  if (code.startsWith('SQLITE_CORRUPT') || code === 'SQLITE_NOTADB') {
    return {
      code: 'io',
      message: `${path} is damaged or no database of dmucd (${code}: ${text}): stop the server, keep a copy of the file with its -wal, then restore a backup or salvage it with sqlite3 and its .recover command`,
    }
  }
  if (code.startsWith('SQLITE_BUSY')) {
    return { code: 'io', message: `another program keeps ${path} locked (${text}): close what has it open` }
  }
  if (!code.startsWith('SQLITE_') || code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN')) {
    return { code: 'io', message: `${path} cannot be opened (${code}: ${text}): check its owner and permissions` }
  }
  return { code: 'io', message: `reading or writing ${path} failed (${code}: ${text}): check the disk and its log` }
}

/** SQLite's name of the error, or the system's; '' for a value that better-sqlite3 refused to bind. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

/** Without `instanceof`: better-sqlite3's errors, and those of threads, may be of another realm. */
export function errorText(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error ? String(error.message) : String(error)
}
