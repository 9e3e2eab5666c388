/**
 * Erasing what was said in rooms, from history, archive, index and disk: by the operator, when a room's retention says so, and what was
 * said while its archive was off, once nobody needs it for the history or for another server.
 */
import { originKey } from '../../dmuc/vector.js'
import { type LogQuery, type RoomRecord, type Store, saidTypes } from '../../store/store.js'
import type { Clock } from '../../util/clock.js'
import type { Logger } from '../../util/logger.js'
import type { LiveRoom } from './live-room.js'
import type { Rooms } from './rooms.js'
import { allRooms } from './start-up.js'
import { savedConfig, savedFloors } from './storage.js'

/** Messages that are erased at once: some milliseconds of the disk's time. */
const pageSize = 200

/**
 * Erases what the query finds, page by page, but for the subject that the room has: who gets the log from us learns it from there. How many
 * entries it was.
 */
export async function erase(store: Store, room: LiveRoom, query: Omit<LogQuery, 'limit' | 'after'>): Promise<number> {
  let erased = 0
  for (let after = 0; ; ) {
    const page = await store.log(room.jid, { ...query, after, limit: pageSize })
    after = page.at(-1)?.order ?? after
    const ids = new Set(page.map(({ stanzaId }) => stanzaId))
    ids.delete(room.replica.room.subject?.stanzaId ?? '')
    erased += ids.size
    if (ids.size > 0) await room.erase(ids)
    if (page.length < pageSize) return erased
  }
}

const dayMs = 86_400_000
const sweepMs = 3_600_000

const said = saidTypes

/** Events of one origin that leave the log at once. */
const cutSize = 2000

export interface RetentionParts {
  readonly domain: string
  readonly store: Store
  readonly clock: Clock
  readonly log: Logger
  readonly rooms: Rooms
  /** How long what has expired is still counted in the log, so that others can hear of it. */
  readonly logMs: number
}

/** Looks through all rooms of a service once an hour. */
export class Retention {
  readonly #parts: RetentionParts
  #stopped = false

  constructor(parts: RetentionParts) {
    this.#parts = parts
    this.#later()
  }

  stop(): void {
    this.#stopped = true
  }

  #later(): void {
    this.#parts.clock.after(sweepMs, () => {
      if (this.#stopped) return
      this.#sweep()
        .catch((error: unknown) => this.#parts.log.error({ err: error }, 'What is to expire could not be erased'))
        .finally(() => this.#later())
    })
  }

  async #sweep(): Promise<void> {
    for await (const room of allRooms(this.#parts)) {
      if (this.#stopped) return
      for (const query of expired(room, this.#parts.clock.now())) await this.#erase(room.jid, query)
      await this.#cut(room)
    }
  }

  /** What has expired for long leaves our log (src/dmuc/floors.ts). */
  async #cut(record: RoomRecord): Promise<void> {
    const { store, rooms, clock, logMs } = this.#parts
    const { jid } = record
    const floors = savedFloors(record)
    for (;;) {
      const rows = (await store.expired(jid, clock.now() - logMs)).map((row) => {
        const known = floors.get(originKey(row))?.seq ?? 0
        return { ...row, known, seq: Math.min(row.seq, known + cutSize) }
      })
      if (!rows.some(({ instance, seq, known }) => instance === jid && seq > known)) return
      await rooms.with(jid, (room) => {
        room?.happen({ type: 'expired', rows })
        return room?.stored()
      })
      for (const row of rows) floors.set(originKey(row), { ...row, closed: false })
    }
  }

  /** A room is brought into memory only where there is something to erase. */
  async #erase(jid: string, query: Omit<LogQuery, 'limit'>): Promise<void> {
    const { store, rooms } = this.#parts
    if ((await store.log(jid, { ...query, limit: 1 })).length === 0) return
    await rooms.with(jid, (room) => (room === undefined ? 0 : erase(store, room, query)))
  }
}

function expired(room: RoomRecord, now: number): readonly Omit<LogQuery, 'limit'>[] {
  const { archiveDays } = savedConfig(room)
  const unlisted = { types: said, archived: false, end: now - dayMs }
  return archiveDays === 0 ? [unlisted] : [unlisted, { types: said, end: now - archiveDays * dayMs }]
}
