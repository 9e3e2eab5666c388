/** A room in memory: its log, by which events it is known what is held, and what its origins signed. */
import { amended } from './memory-log.js'
import { Table, type Undo } from './memory-table.js'
import {
  type AffiliationRecord,
  type Amendment,
  type ExpiredRecord,
  type HeadRecord,
  headInterval,
  type InstanceRecord,
  type LogRecord,
  type OccupantRecord,
  type RoomRecord,
  type StoredLogRecord,
  StoreError,
  saidTypes,
  type VectorEntry,
  type Write,
} from './store.js'
import { addToVector, raiseFloor } from './vector.js'

export interface Room {
  readonly undo: Undo
  readonly record: RoomRecord
  readonly affiliations: Table<AffiliationRecord>
  readonly occupants: Table<OccupantRecord>
  readonly instances: Table<InstanceRecord>
  readonly vector: Table<VectorEntry>
  /** Whose identities are in the log. */
  readonly events: Table<true>
  /** By origin, rising. */
  readonly heads: Table<readonly HeadRecord[]>
  readonly log: StoredLogRecord[]
  readonly amendments: Table<readonly Amendment[]>
  readonly rest: Table<Extract<Write, { readonly type: 'room.rest' }>>
}

/** Changes of messages that have not arrived, kept for each room. */
const maxAmendments = 200

export const emptyRoom = (undo: Undo): Omit<Room, 'record'> => ({
  undo,
  affiliations: new Table(undo),
  occupants: new Table(undo),
  instances: new Table(undo),
  vector: new Table(undo),
  events: new Table(undo),
  heads: new Table(undo),
  log: [],
  amendments: new Table(undo),
  rest: new Table(undo),
})

type Origin = { readonly instance: string; readonly incarnation: string }

/** What is below counts as held. */
export function raise({ vector }: Room, { instance, incarnation, seq }: Origin & { readonly seq: number }): void {
  const origin = `${instance}\0${incarnation}`
  const entry = vector.get(origin) ?? { instance, incarnation, contiguous: 0, above: [] }
  vector.put(origin, raiseFloor(entry, seq))
}

export function addHead(
  { heads }: Room,
  { instance, incarnation, head }: Origin & { readonly head: HeadRecord },
): void {
  const origin = `${instance}\0${incarnation}`
  const kept = (heads.get(origin) ?? []).filter(
    ({ seq }) => seq > head.seq || (seq < head.seq && seq % headInterval === 0),
  )
  heads.put(
    origin,
    [...kept, head].sort((a, b) => a.seq - b.seq),
  )
}

/** Throws StoreError. `order`: of all that the store holds. */
export function append(room: Room, record: LogRecord, order: number): void {
  const newest = room.log.at(-1)?.archivedAt ?? 0
  if (!(record.archivedAt > newest)) {
    throw new StoreError('constraint', `archivedAt ${record.archivedAt} does not rise: the newest is ${newest}`)
  }
  const { instance, incarnation, seq } = record
  const event = JSON.stringify([instance, incarnation, seq])
  if (!(seq > 0) || room.events.get(event)) throw new StoreError('constraint', `not storable: event ${event}`)
  room.log.push({ ...record, order })
  room.undo.push(() => room.log.pop())
  room.events.put(event, true)
  const origin = `${instance}\0${incarnation}`
  const entry = room.vector.get(origin) ?? { instance, incarnation, contiguous: 0, above: [] }
  room.vector.put(origin, addToVector(entry, seq))
}

/** The log of an origin up to `seq` is over, and all of it where it is closed. */
export function expire(
  room: Room,
  { instance, incarnation, seq, closed }: Extract<Write, { type: 'room.expire' }>,
): void {
  const origin = `${instance}\0${incarnation}`
  const upTo = closed ? Number.MAX_SAFE_INTEGER : seq
  const before = [...room.log]
  room.undo.push(() => room.log.splice(0, room.log.length, ...before))
  const goes = (r: LogRecord): boolean => r.instance === instance && r.incarnation === incarnation && r.seq <= upTo
  for (const r of before.filter(goes)) room.events.put(JSON.stringify([instance, incarnation, r.seq]), undefined)
  room.log.splice(0, room.log.length, ...before.filter((r) => !goes(r)))
  const heads = room.heads.get(origin) ?? []
  if (closed) room.heads.put(origin, undefined)
  else if (heads.length > 0)
    room.heads.put(
      origin,
      heads.filter((head, index) => head.seq > seq || index === heads.length - 1),
    )
  const entry = room.vector.get(origin) ?? { instance, incarnation, contiguous: 0, above: [] }
  room.vector.put(origin, closed ? undefined : raiseFloor(entry, seq))
}

/** Of a message that has not arrived, the change is kept. */
export function amend(room: Room, write: Extract<Write, { type: 'room.amend' }>): void {
  const { stanzaId, patch, jid, instance } = write
  if (!room.log.some((record) => record.stanzaId === stanzaId)) {
    const kept = [...(room.amendments.get('') ?? []), { stanzaId, patch, jid, instance }]
    return room.amendments.put('', kept.slice(-maxAmendments))
  }
  for (const [index, record] of room.log.entries()) {
    if (record.stanzaId !== stanzaId || (instance ?? record.instance) !== record.instance) continue
    const body = amended(record, write)
    if (body !== undefined) replace(room, index, { ...record, body })
  }
}

/** What was said is erased, and counts. */
export function erase(room: Room, stanzaId: string): void {
  for (const [index, record] of room.log.entries())
    if (record.stanzaId === stanzaId) replace(room, index, { ...record, void: true, archived: false, body: '' })
}

function replace(room: Room, index: number, record: StoredLogRecord): void {
  const before = room.log[index]!
  room.log[index] = record
  room.undo.push(() => {
    room.log[index] = before
  })
}

/** As `Store.expired`. */
export function expiredOf({ vector, log }: Room, before: number): ExpiredRecord[] {
  const said: readonly string[] = saidTypes
  const rows: ExpiredRecord[] = []
  for (const { instance, incarnation, contiguous } of vector.list()) {
    const own = log.filter((r) => r.instance === instance && r.incarnation === incarnation)
    const stays = own.filter((r) => r.archivedAt >= before || (!r.void && said.includes(r.type))).map(({ seq }) => seq)
    const seq = Math.min(contiguous, ...stays.map((one) => one - 1))
    const last = own.filter((r) => r.seq <= seq).sort((a, b) => b.seq - a.seq)[0]
    if (seq > 0) rows.push({ instance, incarnation, seq, revision: last?.revision ?? 0 })
  }
  return rows.sort((a, b) => (`${a.instance}\0${a.incarnation}` < `${b.instance}\0${b.incarnation}` ? -1 : 1))
}

/** As `Store.unsigned`. */
export function unsignedOf({ heads, log }: Room, instance: string): StoredLogRecord[] {
  const last = new Map<string, StoredLogRecord>()
  for (const record of log)
    if (record.instance === instance && record.seq > (last.get(record.incarnation)?.seq ?? 0))
      last.set(record.incarnation, record)
  return [...last.values()].filter(
    ({ incarnation, seq }) => (heads.get(`${instance}\0${incarnation}`)?.at(-1)?.seq ?? 0) < seq,
  )
}
