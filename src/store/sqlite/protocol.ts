/**
 * What travels between the store and its threads. Structured cloning is the main cost of a write on the event loop, and
 * arrays are cloned in half the time of objects: log records, the bulk of the traffic, travel as rows.
 */
import type {
  Account,
  AffiliationRecord,
  Amendment,
  ArchiveRecord,
  ExpiredRecord,
  HeadRecord,
  InstanceRecord,
  LogQuery,
  LogRecord,
  NodeRecord,
  OccupantRecord,
  OfflineMessage,
  RestingRoom,
  RoomRecord,
  RoomsQuery,
  RosterItem,
  StoredArchiveRecord,
  StoredLogRecord,
  VectorEntry,
  Write,
} from '../store.js'
import type { Durability } from './connection.js'
import type { Failure } from './errors.js'

export type LogRow = readonly [
  instance: string,
  incarnation: string,
  seq: number,
  stampMs: number,
  stampCounter: number,
  epoch: number,
  revision: number,
  stanzaId: string,
  type: string,
  nick: string | null,
  jid: string | null,
  body: string,
  isVoid: number,
  archivedAt: number,
  archived: number,
  digest: string | null,
  prev: string | null,
]

export type StoredLogRow = readonly [...LogRow, order: number]

/** Of a user's archive. */
export type ArchiveRow = readonly [
  stanzaId: string,
  type: string,
  nick: string | null,
  jid: string | null,
  body: string,
  archivedAt: number,
]

export type StoredArchiveRow = readonly [...ArchiveRow, order: number]

/** What was said. Flat: an array in an array costs a third more on both sides, an object twice as much. */
export type RowWrite =
  | readonly [type: 'archive.add', owner: string, ...row: ArchiveRow]
  | readonly [type: 'room.log', room: string, ...row: LogRow]

export type OtherWrite = Exclude<Write, { readonly type: RowWrite[0] }>
export type EncodedWrite = RowWrite | OtherWrite

/** One call of `Store.commit`. */
export type Commit = readonly [synced: boolean, ...writes: EncodedWrite[]]

/** What a reader answers. */
export interface Queries {
  account(jid: string): Account | undefined
  accounts(domain: string): string[]
  lacksSha512(domain: string): boolean
  roster(owner: string): RosterItem[]
  offline(owner: string): OfflineMessage[]
  offlineCount(owner: string): number
  data(owner: string, kind: string, key: string): string | undefined
  dataKeys(owner: string, kind: string): string[]
  nodes(owner: string): NodeRecord[]
  payloads(owner: string, node: string, ids: readonly string[]): ReadonlyMap<string, string>
  rooms(service: string, query: RoomsQuery): RoomRecord[]
  roomCount(service: string, publicOnly: boolean): number
  loadRoom(jid: string, recent: number): LoadedRows | undefined
  ownedRooms(service: string, owner: string): number
  resting(service: string, peer: string, after: string, limit: number): RestingRoom[]
  restingPeers(service: string): string[]
  shadowCount(service: string, firsthost: string): number
  log(room: string, query: LogQuery): StoredLogRow[]
  archive(owner: string, query: LogQuery): StoredArchiveRow[]
  logOrder(owner: string, stanzaId: string): number | undefined
  logRange(room: string, instance: string, incarnation: string, from: number, to: number, limit: number): StoredLogRow[]
  logHead(room: string, instance: string, incarnation: string, seq: number): HeadRecord | undefined
  unsigned(room: string, instance: string): StoredLogRow[]
  expired(room: string, before: number): ExpiredRecord[]
}

export interface LoadedRows {
  readonly room: RoomRecord
  readonly affiliations: readonly AffiliationRecord[]
  readonly occupants: readonly OccupantRecord[]
  readonly instances: readonly InstanceRecord[]
  readonly recent: readonly StoredLogRow[]
  readonly vector: readonly VectorEntry[]
  readonly amendments: readonly Amendment[]
  readonly lastArchivedAt: number
  readonly memory?: string
}

export type Query = { [K in keyof Queries]: readonly [name: K, ...Parameters<Queries[K]>] }[keyof Queries]

/** A thread's `workerData`. */
export interface ThreadData {
  readonly path: string
  readonly durability: Durability
}

/** To a thread: what was asked in one turn of the event loop (packing.ts), or the order to close. */
export type Requests = readonly unknown[] | 'close'

/** From a thread: that it is open, that it could not open, or answers in the order of the requests. */
export type Replies =
  | { readonly type: 'ready' }
  | { readonly type: 'refused'; readonly failure: Failure }
  | {
      readonly type: 'answers'
      readonly values: readonly unknown[]
      /** Those of `values` that are failures, by index. */
      readonly failures: readonly (readonly [index: number, failure: Failure])[]
    }

export const typeOf = (write: EncodedWrite): Write['type'] => ('type' in write ? write.type : write[0])

export function encodeCommit(batch: readonly Write[], synced: boolean): Commit {
  const writes: EncodedWrite[] = []
  for (const write of batch)
    if (write.type === 'room.log') for (const record of write.records) writes.push(encodeRecord(write.room, record))
    else if (write.type === 'archive.add')
      for (const record of write.records) writes.push(encodeArchived(write.owner, record))
    else writes.push(write)
  return [synced, ...writes]
}

function encodeArchived(owner: string, record: ArchiveRecord): RowWrite {
  const { stanzaId, type, nick, jid, body, archivedAt } = record
  return ['archive.add', owner, stanzaId, type, nick ?? null, jid ?? null, body, archivedAt]
}

function encodeRecord(room: string, record: LogRecord): RowWrite {
  return [
    'room.log',
    room,
    record.instance,
    record.incarnation,
    record.seq,
    record.stampMs,
    record.stampCounter,
    record.epoch,
    record.revision,
    record.stanzaId,
    record.type,
    record.nick ?? null,
    record.jid ?? null,
    record.body,
    record.void ? 1 : 0,
    record.archivedAt,
    record.archived ? 1 : 0,
    record.digest ?? null,
    record.prev ?? null,
  ]
}

export function decodeRow(row: StoredLogRow): StoredLogRecord {
  return {
    instance: row[0],
    incarnation: row[1],
    seq: row[2],
    stampMs: row[3],
    stampCounter: row[4],
    epoch: row[5],
    revision: row[6],
    stanzaId: row[7],
    type: row[8],
    nick: row[9] ?? undefined,
    jid: row[10] ?? undefined,
    body: row[11],
    void: row[12] === 1,
    archivedAt: row[13],
    archived: row[14] === 1,
    digest: row[15] ?? undefined,
    prev: row[16] ?? undefined,
    order: row[17],
  }
}

export const decodeRecord = (row: StoredArchiveRow): StoredArchiveRecord => ({
  stanzaId: row[0],
  type: row[1],
  nick: row[2] ?? undefined,
  jid: row[3] ?? undefined,
  body: row[4],
  archivedAt: row[5],
  order: row[6],
})
