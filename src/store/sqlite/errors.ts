/** What SQLite says, as a StoreError whose message tells the operator what can be done. */
import { StoreError } from '../store.js'

/** The code and message of a StoreError on its way from a worker thread. */
export interface Failure {
  readonly code: StoreError['code']
  readonly message: string
}

export function failure(error: unknown, path: string): Failure {
  if (error instanceof StoreError) return { code: error.code, message: error.message }
  const text = error instanceof Error ? error.message : String(error)
  const code = sqliteCode(error)
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
  if (code.startsWith('SQLITE_READONLY') || code.startsWith('SQLITE_CANTOPEN')) {
    return { code: 'io', message: `${path} cannot be written (${code}: ${text}): check its owner and permissions` }
  }
  return { code: 'io', message: `reading or writing ${path} failed (${code}: ${text}): check the disk and its log` }
}

/** '' for what SQLite never saw: a value that better-sqlite3 refused to bind. */
function sqliteCode(error: unknown): string {
  if (!(error instanceof Error) || !('code' in error) || typeof error.code !== 'string') return ''
  return error.code.startsWith('SQLITE_') ? error.code : ''
}
