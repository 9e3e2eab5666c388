/**
 * A room as JSON lines, for archives elsewhere and for eyes: the room with its configuration, who may what, and what was said, in the
 * order of arrival (docs/rooms.md has the format). In parts, so that neither end holds more than a page.
 */
import { configFields } from '../../room/config-fields.js'
import type { RoomPolicy } from '../../room/index.js'
import type { Operation } from '../../room/types.js'
import type { Store, StoredLogRecord } from '../../store/store.js'
import { writeDateTime } from '../../xmpp/date-time.js'
import type { LiveRoom } from './live-room.js'
import { loggedEvent } from './storage.js'

/** Counted up when something is told otherwise than before. */
const format = 1
const pageSize = 100

export interface ExportPart {
  readonly lines: readonly string[]
  /** Asks for the next part; absent after the last. */
  readonly next?: number
}

/** The first part, without `after`, tells of the room itself. */
export async function exportPart(
  store: Store,
  room: LiveRoom,
  policy: RoomPolicy,
  after?: number,
): Promise<ExportPart> {
  if (after === undefined) return { lines: heading(room, policy).map((line) => JSON.stringify(line)), next: 0 }
  const records = await store.log(room.jid, { types: ['message', 'subject', 'moderate'], after, limit: pageSize })
  const lines = records.map((record) => JSON.stringify(entry(record)))
  const last = records.at(-1)
  return records.length < pageSize || last === undefined ? { lines } : { lines, next: last.order }
}

function heading({ replica, createdAt }: LiveRoom, policy: RoomPolicy): object[] {
  const { room, identity } = replica
  const { subject } = room
  return [
    {
      type: 'room',
      format,
      jid: room.jid,
      ...(identity.source === room.jid ? {} : { source: identity.source }),
      createdAt: writeDateTime(createdAt),
      config: Object.fromEntries(configFields.map((field) => [field.var, field.show(room.config, policy).values])),
      ...(subject === undefined ? {} : { subject: subject.text }),
    },
    ...[...room.register].map(([jid, { affiliation, nick, reason }]) => ({
      type: 'affiliation',
      jid,
      affiliation,
      nick,
      reason,
    })),
  ]
}

function entry(record: StoredLogRecord): object {
  const { stanzaId, stamp, operation } = loggedEvent(record)
  // What is decided by is no part of what was said.
  const {
    type,
    id,
    sourced: _,
    ...told
  } = operation as Operation & { readonly id?: string; readonly sourced?: unknown }
  return {
    type,
    id: stanzaId,
    saidAt: writeDateTime(stamp.ms),
    arrivedAt: writeDateTime(record.archivedAt),
    ...(record.archived ? {} : { archived: false }),
    ...told,
    ...(id === undefined ? {} : { messageId: id }),
  }
}
