/**
 * One page of an archive (XEP-0313 §4.3): found by keys, never by counting, in the archive's own order. Reads what is
 * given as the source: the log of a room, or the archive of a user.
 */
import type { LogQuery, StoredArchiveRecord } from '../../store/store.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { ArchiveQuery } from './query.js'

export interface ArchiveSource<Record extends StoredArchiveRecord> {
  page(query: LogQuery): Promise<readonly Record[]>
  /** The order of the record with this id, void ones too. */
  order(id: string): Promise<number | undefined>
}

/** What the client's address in `with` comes to. */
export type Filter = Pick<LogQuery, 'with' | 'nick'>

export interface ArchivePage<Record extends StoredArchiveRecord = StoredArchiveRecord> {
  /** In the order of the archive. */
  readonly records: readonly Record[]
  /** Nothing that matches lies beyond the page, in the direction of paging. */
  readonly complete: boolean
}

/** Rejects with `item-not-found` for an id that the archive does not have (§4.1.4, XEP-0059 §2.2). */
export async function readPage<Record extends StoredArchiveRecord>(
  source: ArchiveSource<Record>,
  query: ArchiveQuery,
  filter: Filter,
): Promise<ArchivePage<Record>> {
  const { set, ids } = query
  const [afterId, after, beforeId, before] = await Promise.all(
    [query.afterId, set.after, query.beforeId, set.before || undefined].map((id) => find(source, id)),
  )
  if (ids !== undefined) await mustHave(source, ids)
  const backward = set.before !== undefined
  const records = await source.page({
    archived: true,
    ...filter,
    ...bound('after', [afterId, after], Math.max),
    ...bound('before', [beforeId, before], Math.min),
    ...(query.start === undefined ? {} : { start: query.start }),
    ...(query.end === undefined ? {} : { end: query.end }),
    ...(ids === undefined ? {} : { stanzaIds: ids }),
    ...(query.text === undefined ? {} : { text: query.text }),
    // One more than the page: it tells whether there is more.
    limit: set.max + 1,
    backward,
  })
  const complete = records.length <= set.max
  if (complete) return { records, complete }
  return { records: backward ? records.slice(1) : records.slice(0, -1), complete }
}

async function find(
  source: Pick<ArchiveSource<StoredArchiveRecord>, 'order'>,
  id: string | undefined,
): Promise<number | undefined> {
  if (id === undefined) return undefined
  const order = await source.order(id)
  if (order === undefined) throw missing(id)
  return order
}

async function mustHave(source: ArchiveSource<StoredArchiveRecord>, ids: readonly string[]): Promise<void> {
  const found = await source.page({ stanzaIds: ids, limit: ids.length, archived: true })
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

/** The first and the last entry, for `<metadata/>` (§5). */
export function readEnds<Record extends StoredArchiveRecord>(
  source: ArchiveSource<Record>,
): Promise<(Record | undefined)[]> {
  const end = async (backward: boolean) => (await source.page({ archived: true, limit: 1, backward }))[0]
  return Promise.all([end(false), end(true)])
}
