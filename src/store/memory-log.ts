/** Of the Store in memory: what a query finds in a log, and how a record changes. */
import { isFound, wordsOf } from './full-text.js'
import { recordText } from './record-text.js'
import type { LogQuery, StoredArchiveRecord } from './store.js'

/** A user's record is neither void nor unlisted, and does not say so. */
type Entry = StoredArchiveRecord & { readonly void?: boolean; readonly archived?: boolean }

export function page<Record extends Entry>(log: readonly Record[], query: LogQuery): Record[] {
  const { after = 0, before = Infinity, start = 0, end = Infinity, types, includeVoid = false, limit } = query
  const listed = query.text === undefined ? query.archived : true
  const found = log.filter(
    (record) =>
      record.order > after &&
      record.order < before &&
      record.archivedAt >= start &&
      record.archivedAt <= end &&
      (query.with === undefined || record.jid === query.with) &&
      (query.nick === undefined || record.nick === query.nick) &&
      (query.stanzaIds === undefined || query.stanzaIds.includes(record.stanzaId)) &&
      (types === undefined || types.includes(record.type)) &&
      (includeVoid || record.void !== true) &&
      (listed === undefined || (listed === (record.archived ?? true) && record.void !== true)) &&
      (query.text === undefined || isFound(query.text, wordsOf(recordText(record.body)))),
  )
  if (query.backward !== true) return found.slice(0, limit)
  return limit === 0 ? [] : found.slice(-limit)
}

/** The body after a merge patch; undefined where nothing is to be changed. */
export function amended(
  record: Entry,
  { patch, once, jid }: { readonly patch: string; readonly once: string; readonly jid?: string },
): string | undefined {
  if (record.type !== 'message' || record.void === true || (jid ?? record.jid) !== record.jid) return undefined
  const body: Record<string, unknown> = JSON.parse(record.body)
  if (once in body) return undefined
  const patched = Object.entries({ ...body, ...JSON.parse(patch) }).filter(([, value]) => value !== null)
  return JSON.stringify(Object.fromEntries(patched))
}
