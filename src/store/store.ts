/**
 * What dmucd keeps on disk, and how it is asked for. Writes are plain data, handed over as a batch and confirmed when
 * durable; reads return promises. No SQL outside this folder, and no caller may assume that a read is immediate: SQLite
 * (src/store/sqlite) is the first implementation, `test/store/contract.ts` holds for each.
 *
 * JIDs are prepared strings, times are milliseconds since the epoch, XML is text of our own writer. This folder knows
 * nothing of rooms' rules: a room's columns are opaque JSON but for what queries need.
 */
import type { Closeable } from '../util/lifecycle.js'
import type { Account, NodeRecord, OfflineMessage, RosterItem } from './account-records.js'
import type { Term } from './full-text.js'
import type {
  AffiliationRecord,
  Amendment,
  ExpiredRecord,
  HeadRecord,
  InstanceRecord,
  OccupantRecord,
  RestingRoom,
  RoomRecord,
  StoredArchiveRecord,
  StoredLogRecord,
  VectorEntry,
} from './room-records.js'
import type { Write } from './write.js'

export type * from './account-records.js'
export type * from './room-records.js'
export { headInterval, saidTypes } from './room-records.js'
export type { Write } from './write.js'

/** Thrown by `commit`, by reads and by opening; the message says what the disk or SQLite said and what the operator can do. */
export class StoreError extends Error {
  readonly code: 'full' | 'io' | 'constraint' | 'closed' | 'overloaded' | 'locked'
  constructor(code: StoreError['code'], message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'StoreError'
    this.code = code
  }
}

export interface LoadedRoom {
  readonly room: RoomRecord
  readonly affiliations: readonly AffiliationRecord[]
  readonly occupants: readonly OccupantRecord[]
  readonly instances: readonly InstanceRecord[]
  /** The newest `recent` records that are not void and of type `message` or `subject`, oldest first. */
  readonly recent: readonly StoredLogRecord[]
  readonly vector: readonly VectorEntry[]
  /** Of messages that have not arrived, in the order in which they were made. */
  readonly amendments: readonly Amendment[]
  /** The newest local arrival time in the log, 0 when it is empty. */
  readonly lastArchivedAt: number
  /** What it left when it left memory; absent unless it rests. */
  readonly memory?: string
}

export interface LogQuery {
  /** Only records above / below this order; paging is by these, never by offset. */
  readonly after?: number
  readonly before?: number
  /** Bounds on the local arrival time, in ms. */
  readonly start?: number
  readonly end?: number
  /** Bare JID of the author. */
  readonly with?: string
  /** Only what was said under this nick. */
  readonly nick?: string
  /** Only records with one of these ids. */
  readonly stanzaIds?: readonly string[]
  readonly types?: readonly string[]
  /** Only what may be read as the archive, or only what may not; a user's archive holds nothing else. */
  readonly archived?: boolean
  /**
   * Only what has all these words, of the archive alone. What arrived in a room moments ago may not be found yet; what was erased is
   * found never again. Rooms have an index of words; archives of users are read through.
   */
  readonly text?: readonly Term[]
  readonly includeVoid?: boolean
  readonly limit: number
  /** The newest page first found (still returned oldest first). */
  readonly backward?: boolean
}

export interface RoomsQuery {
  /** Only rooms whose JID is above / below this one. */
  readonly after?: string
  readonly before?: string
  /** The last page first found (still returned in rising order). */
  readonly backward?: boolean
  readonly limit: number
  /** For disco#items. */
  readonly publicOnly?: boolean
  /** Only rooms that do not stay when everybody has left. */
  readonly temporaryOnly?: boolean
  /** Not those that rest. */
  readonly awakeOnly?: boolean
}

export interface Store extends Closeable {
  /**
   * Hands a batch to the writer: all of it becomes durable, or nothing. Batches take effect in the order of the calls. Batches that
   * arrive together share one transaction, yet one that fails fails alone. `synced`: on the disk before it is confirmed,
   * whatever the store's durability (dmuc.md §3, Revisions).
   */
  commit(batch: readonly Write[], options?: { readonly synced?: boolean }): Promise<void>
  /** Batches handed over and not confirmed yet; a caller that can wait does when it passes `pendingLimit`. */
  readonly pending: number
  readonly pendingLimit: number

  account(jid: string): Promise<Account | undefined>
  accounts(domain: string): Promise<string[]>
  /** Is there an account of this domain that has no SHA-512 keys? */
  lacksSha512(domain: string): Promise<boolean>
  roster(owner: string): Promise<RosterItem[]>
  offline(owner: string): Promise<OfflineMessage[]>
  offlineCount(owner: string): Promise<number>
  data(owner: string, kind: string, key: string): Promise<string | undefined>
  dataKeys(owner: string, kind: string): Promise<string[]>
  /** All nodes of an account in order of their names; what has no `node.put` is none. */
  nodes(owner: string): Promise<NodeRecord[]>
  /** What these items of a node say, by id; those that are not there are left out. */
  payloads(owner: string, node: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>>
  /** A page of a service's rooms in order of their JIDs. */
  rooms(service: string, options: RoomsQuery): Promise<RoomRecord[]>
  roomCount(service: string, publicOnly?: boolean): Promise<number>
  /** `undefined` when there is none. `recent` bounds the history that comes with it. */
  loadRoom(jid: string, recent: number): Promise<LoadedRoom | undefined>
  /** A page of the rooms of a service that rest and are shared with this one, in order of their tags. */
  resting(service: string, peer: string, after: string, limit: number): Promise<RestingRoom[]>
  /** The services with which those are shared. */
  restingPeers(service: string): Promise<string[]>
  /** Rooms of a service whose source is at this one. */
  shadowCount(service: string, firsthost: string): Promise<number>
  /** Rooms of a service that have their source there and this owner (a bare JID), also those that are not in memory. */
  ownedRooms(service: string, owner: string): Promise<number>
  /** A page of a room's log, in rising order. */
  log(room: string, query: LogQuery): Promise<StoredLogRecord[]>
  /** A page of a user's archive, in rising order. */
  archive(owner: string, query: LogQuery): Promise<StoredArchiveRecord[]>
  /** By stanza-id, in the log of a room or the archive of a user: its order, for paging by id. */
  logOrder(owner: string, stanzaId: string): Promise<number | undefined>
  /** Events of one origin in order of seq, both ends included, void ones too: what a pull asks for. */
  logRange(
    room: string,
    instance: string,
    incarnation: string,
    from: number,
    to: number,
    limit: number,
  ): Promise<StoredLogRecord[]>
  /** The first head of this origin at or above `seq`; where there is none, the last below. */
  logHead(room: string, instance: string, incarnation: string, seq: number): Promise<HeadRecord | undefined>
  /** The last record of each incarnation of this instance that no head covers. */
  unsigned(room: string, instance: string): Promise<StoredLogRecord[]>
  /**
   * Of each origin of a room: up to which seq it holds nothing that arrived at `before` or later, and nothing said that is not void; and the
   * revision of the last of these. What has left the log already counts.
   */
  expired(room: string, before: number): Promise<ExpiredRecord[]>
}
