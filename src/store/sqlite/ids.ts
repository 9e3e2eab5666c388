/** From the id of a message in an archive to its order: in rooms by the index of ids, in archives of users by the time in the id. */
import { timeOfArchiveId } from '../archive-id.js'
import type { Connection } from './connection.js'

/** The orders that a message with this id has: none or one, in a room perhaps several. */
export type OrdersOf = (archive: number, stanzaId: string) => readonly number[]

export function ordersInRoom(db: Connection): OrdersOf {
  const found = db
    .prepare<[number, string], number>(
      'SELECT id FROM log INDEXED BY log_stanza_id WHERE archive = ? AND stanza_id = ? AND origin IS NOT NULL ORDER BY id',
    )
    .pluck()
  return (archive, stanzaId) => found.all(archive, stanzaId)
}

/** `firstAt` gives the order that the messages of an archive begin with that arrived at a time or later. */
export function ordersByTime(db: Connection, firstAt: (archive: number, time: number) => number): OrdersOf {
  const found = db
    .prepare<[number, number, number, string], number>(
      `SELECT id FROM (SELECT id, stanza_id FROM log INDEXED BY log_archive
         WHERE archive = ? AND archived = 1 AND void = 0 AND id >= ? ORDER BY id LIMIT ?)
       WHERE stanza_id = ? LIMIT 1`,
    )
    .pluck()
  return (archive, stanzaId) => {
    const time = timeOfArchiveId(stanzaId)
    return time === undefined ? [] : found.all(archive, firstAt(archive, time), maxAhead, stanzaId)
  }
}

/** Of two messages in one millisecond the second arrived in the next; after a clock was set back, more of them are so far ahead. */
const maxAhead = 10_000
