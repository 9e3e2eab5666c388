/**
 * Pages of an archive, found by keys (never OFFSET) through the index that fits, so that a page costs what a page holds. Times are
 * turned into orders by bisection first: within an archive both rise together.
 */
import type { Statement } from 'better-sqlite3'
import type { LogQuery } from '../store.js'
import type { Connection } from './connection.js'
import { type OrdersOf, ordersByTime, ordersInRoom } from './ids.js'
import { archiveWord } from './text-index.js'

/** A part of an archive that one index keeps in order. */
type Part = 'archived' | 'unlisted' | 'void'

const conditions: Readonly<Record<Part, string>> = {
  archived: 'archived = 1 AND void = 0',
  unlisted: 'archived = 0 AND void = 0',
  void: 'archived = 0 AND void = 1',
}

const parts = Object.keys(conditions) as Part[]

const newest = (part: Part, archive: string): string =>
  `SELECT id, archived_at AS at FROM log INDEXED BY log_archive WHERE archive = ${archive} AND ${conditions[part]} ORDER BY id DESC LIMIT 1`

/** The newest time of arrival in an archive, whose number the SQL expression gives; NULL where it is empty. */
export const newestArrival = (archive: string): string =>
  `(SELECT max(at) FROM (${parts.map((part) => `SELECT at FROM (${newest(part, archive)})`).join(' UNION ALL ')}))`

interface Position {
  readonly id: number
  readonly at: number
}

type Parameters = Readonly<Record<string, string | number>>

/** Messages of rooms have an index of ids and one of words, those of users have not. */
export type Owner = 'room' | 'user'

export class LogPages<Row> {
  readonly ordersOf: OrdersOf
  readonly #db: Connection
  readonly #owner: Owner
  readonly #source: string
  readonly #statements = new Map<string, Statement<[Parameters], Row>>()
  readonly #newest: Readonly<Record<Part, Statement<[number], Position>>>
  readonly #firstFrom: Readonly<Record<Part, Statement<[number, number], Position>>>

  /** `source` is what follows FROM and gives the columns of rows of `log`, whose numbers are in `page`. */
  constructor(db: Connection, owner: Owner, columns: string, source: string) {
    this.#db = db
    this.#owner = owner
    this.#source = `SELECT ${columns} FROM page ${source}`
    const each = <S>(prepare: (part: Part) => S) =>
      Object.fromEntries(parts.map((part) => [part, prepare(part)])) as Record<Part, S>
    this.#newest = each((part) => db.prepare(newest(part, '?')))
    this.#firstFrom = each((part) =>
      db.prepare(
        `SELECT id, archived_at AS at FROM log INDEXED BY log_archive WHERE archive = ? AND ${conditions[part]} AND id >= ? ORDER BY id LIMIT 1`,
      ),
    )
    const byTime = () => ordersByTime(db, (archive, time) => this.#firstAt(archive, 'archived', time))
    this.ordersOf = owner === 'room' ? ordersInRoom(db) : byTime()
  }

  /** Rows in rising order. */
  page(archive: number, query: LogQuery): Row[] {
    const rows = this.#statement(query).all(this.#parameters(archive, query))
    return query.backward === true ? rows.reverse() : rows
  }

  /** The SQL of a query, for looking at its plan. */
  sql(query: LogQuery): string {
    const direction = query.backward === true ? 'DESC' : 'ASC'
    const ids = partsOf(query).map((part) => `SELECT id FROM (${this.#idsOf(query, part, direction)})`)
    const page = `${ids.join(' UNION ALL ')} ORDER BY id ${direction} LIMIT @limit`
    return `WITH page AS MATERIALIZED (${page}) ${this.#source} ORDER BY log.id ${direction}`
  }

  #statement(query: LogQuery): Statement<[Parameters], Row> {
    const sql = this.sql(query)
    const known = this.#statements.get(sql)
    if (known !== undefined) return known
    const statement = this.#db.prepare<[Parameters], Row>(sql).raw()
    this.#statements.set(sql, statement)
    return statement
  }

  #parameters(archive: number, query: LogQuery): Parameters {
    const { after = 0, before = Number.MAX_SAFE_INTEGER, start, end } = query
    const bounds = partsOf(query).map((part) => ({
      [`${part}First`]: Math.max(after + 1, start === undefined ? 0 : this.#firstAt(archive, part, start)),
      [`${part}Last`]:
        Math.min(before, end === undefined ? before : this.#firstAt(archive, part, Math.floor(end) + 1)) - 1,
    }))
    return {
      archive,
      limit: query.limit,
      with: query.with ?? '',
      nick: query.nick ?? '',
      orders: JSON.stringify(query.stanzaIds?.flatMap((id) => this.ordersOf(archive, id)) ?? []),
      types: JSON.stringify(query.types ?? []),
      words: this.#owner === 'room' ? matching(archive, query) : JSON.stringify(query.text ?? []),
      ...Object.assign({}, ...bounds),
    }
  }

  /** The numbers of the rows of one part, as many as the page may hold. */
  #idsOf(query: LogQuery, part: Part, direction: string): string {
    const { table, id, where } = lookup(query, part, this.#owner)
    const filters = [
      `${id} BETWEEN @${part}First AND @${part}Last`,
      `log.archive = @archive AND ${conditions[part]}`,
      ...(query.with === undefined ? [] : ['log.jid = @with']),
      ...(query.nick === undefined ? [] : ['log.nick = @nick']),
      ...(query.types === undefined ? [] : ['log.type IN (SELECT value FROM json_each(@types))']),
      ...where,
    ]
    return `SELECT ${id} AS id FROM ${table} WHERE ${filters.join(' AND ')} ORDER BY ${id} ${direction} LIMIT @limit`
  }

  /** An order such that the part's rows from it on are those archived at `time` or later; bisects with some 20 probes. */
  #firstAt(archive: number, part: Part, time: number): number {
    const last = this.#newest[part].get(archive)
    if (last === undefined || last.at < time) return Number.MAX_SAFE_INTEGER
    let low = this.#firstFrom[part].get(archive, 0)?.id ?? last.id
    let high = last.id
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      const row = this.#firstFrom[part].get(archive, middle)
      if (row === undefined || row.at >= time) high = middle
      else low = row.id + 1
    }
    return low
  }
}

function partsOf(query: LogQuery): readonly Part[] {
  if (query.archived === true || query.text !== undefined) return ['archived']
  if (query.archived === false) return ['unlisted']
  return query.includeVoid === true ? parts : ['archived', 'unlisted']
}

/** Through which index: that of what narrows most. */
function lookup(query: LogQuery, part: Part, owner: Owner): { table: string; id: string; where: readonly string[] } {
  if (query.stanzaIds !== undefined) {
    const ids = 'log.id IN (SELECT value FROM json_each(@orders))'
    return { table: 'log NOT INDEXED', id: 'log.id', where: [ids, ...textFilter(query, owner)] }
  }
  if (query.text !== undefined && owner === 'room')
    return {
      table: 'log_text CROSS JOIN log ON log.id = log_text.rowid',
      id: 'log_text.rowid',
      where: ['log_text MATCH @words'],
    }
  const index = part !== 'archived' ? undefined : query.with !== undefined ? 'log_jid' : query.nick && 'log_nick'
  return { table: `log INDEXED BY ${index || 'log_archive'}`, id: 'log.id', where: textFilter(query, owner) }
}

function textFilter({ text }: LogQuery, owner: Owner): readonly string[] {
  if (text === undefined) return []
  return owner === 'room'
    ? ['log.id IN (SELECT rowid FROM log_text WHERE log_text MATCH @words)']
    : ['has_words(log.body, @words)']
}

/** In the language of FTS5. Words have letters and digits alone, so quotes are enough. */
function matching(archive: number, { text }: LogQuery): string {
  if (text === undefined) return ''
  const terms = text.map(({ words, prefix }) => `"${words.join(' ')}"${prefix ? ' *' : ''}`)
  return `archive : "${archiveWord(archive)}" AND words : (${terms.join(' AND ')})`
}
