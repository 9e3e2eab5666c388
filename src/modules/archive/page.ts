/**
 * One page of an archive (XEP-0313 §4.3): found by keys, never by counting, in the archive's own order. Reads what is
 * given as the source: the log of a room, or whatever else answers a `LogQuery`.
 */
import type { LogQuery, StoredLogRecord } from '../../store/store.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { ArchiveQuery } from './query.js'

export interface ArchiveSource {
  log(query: LogQuery): Promise<readonly StoredLogRecord[]>
  /** The order of the record with this id, void ones too. */
  order(id: string): Promise<number | undefined>
}

/** What the source is asked for beside what the client wants: which records count, and whose. */
export type Filter = Pick<LogQuery, 'types' | 'with' | 'nick'>

export interface ArchivePage {
  /** In the order of the archive. */
  readonly records: readonly StoredLogRecord[]
  /** Nothing that matches lies beyond the page, in the direction of paging. */
  readonly complete: boolean
}

/** Rejects with `item-not-found` for an id that the archive does not have (§4.1.4, XEP-0059 §2.2). */
export async function readPage(source: ArchiveSource, query: ArchiveQuery, filter: Filter): Promise<ArchivePage> {
  const { set, ids } = query
  const [afterId, after, beforeId, before] = await Promise.all(
    [query.afterId, set.after, query.beforeId, set.before || undefined].map((id) => find(source, id)),
  )
  if (ids !== undefined) await mustHave(source, ids, filter.types)
  const backward = set.before !== undefined
  const records = await source.log({
    ...filter,
    ...bound('after', [afterId, after], Math.max),
    ...bound('before', [beforeId, before], Math.min),
    ...(query.start === undefined ? {} : { start: query.start }),
    ...(query.end === undefined ? {} : { end: query.end }),
    ...(ids === undefined ? {} : { stanzaIds: ids }),
    // One more than the page: it tells whether there is more.
    limit: set.max + 1,
    backward,
  })
  const complete = records.length <= set.max
  if (complete) return { records, complete }
  return { records: backward ? records.slice(1) : records.slice(0, -1), complete }
}

async function find(source: ArchiveSource, id: string | undefined): Promise<number | undefined> {
  if (id === undefined) return undefined
  const order = await source.order(id)
  if (order === undefined) throw missing(id)
  return order
}

async function mustHave(source: ArchiveSource, ids: readonly string[], types: LogQuery['types']): Promise<void> {
  const found = await source.log({ stanzaIds: ids, limit: ids.length, ...(types === undefined ? {} : { types }) })
  const lost = ids.find((id) => !found.some(({ stanzaId }) => stanzaId === id))
  if (lost !== undefined) throw missing(lost)
}

const missing = (id: string): StanzaError => new StanzaError('item-not-found', { text: `The archive has no ${id}` })

/** The narrower of two bounds. */
function bound<K extends string>(
  key: K,
  orders: readonly (number | undefined)[],
  narrow: (...values: number[]) => number,
): { [P in K]?: number } {
  const given = orders.filter((order) => order !== undefined)
  return (given.length === 0 ? {} : { [key]: narrow(...given) }) as { [P in K]?: number }
}
