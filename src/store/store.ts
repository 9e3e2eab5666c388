/**
 * What dmucd keeps on disk, and how it is asked for. Writes are plain data, handed over as a batch and confirmed when
 * durable; reads return promises. No SQL outside this folder, and no caller may assume that a read is immediate: SQLite
 * (src/store/sqlite) is the first implementation, `test/store/contract.ts` holds for each.
 *
 * JIDs are prepared strings, times are milliseconds since the epoch, XML is text of our own writer. This folder knows
 * nothing of rooms' rules: a room's columns are opaque JSON but for what queries need.
 */
import type { Closeable } from '../util/lifecycle.js'
import type { Term } from './full-text.js'

/** SCRAM keys of one hash (RFC 5802 §3), base64; the password itself is never stored. */
export interface ScramKeys {
  readonly salt: string
  readonly iterations: number
  readonly storedKey: string
  readonly serverKey: string
}

export interface Account {
  /** Bare JID. */
  readonly jid: string
  readonly sha1: ScramKeys
  readonly sha256: ScramKeys
  /** Undefined for those who have not logged in with their password since there are such keys. */
  readonly sha512?: ScramKeys | undefined
  readonly createdAt: number
  readonly disabled: boolean
}

/** RFC 6121 §2.1.2; `ask` and `pendingIn` are the sub-states of appendix A. */
export interface RosterItem {
  readonly jid: string
  readonly name: string | undefined
  readonly groups: readonly string[]
  readonly subscription: 'none' | 'to' | 'from' | 'both'
  readonly ask: boolean
  /** The subscription request that waits for the user's answer, as XML text. */
  readonly pendingIn: string | undefined
  /** Pre-approved (RFC 6121 §3.4). */
  readonly approved: boolean
}

/** An item of a node without what it says. */
export interface NodeItem {
  readonly id: string
  /** Full or bare JID. */
  readonly publisher: string
  readonly at: number
  /** Characters of the payload. */
  readonly size: number
}

/** A node of an account (XEP-0060), with its items in the order of their publication. */
export interface NodeRecord {
  readonly name: string
  /** JSON of its owner's making. */
  readonly state: string
  readonly items: readonly NodeItem[]
}

export interface OfflineMessage {
  readonly order: number
  readonly at: number
  readonly stanza: string
}

/** A room as it is found after a restart, without its log. */
export interface RoomRecord {
  /** This instance's room JID. */
  readonly jid: string
  readonly service: string
  /** Minted at random when the room is created; the same at every instance (dmuc.md §3). */
  readonly roomId: string
  /** The room JID of the source; equal to `jid` for a source. */
  readonly source: string
  readonly epoch: number
  /** Rank of who promoted itself, 0 for the first source. */
  readonly epochRank: number
  readonly createdAt: number
  readonly public: boolean
  readonly persistent: boolean
  readonly name: string
  /** Config, register revision, keys and what else the room needs to come back, as JSON of its owner's making. */
  readonly state: string
}

export interface AffiliationRecord {
  readonly jid: string
  readonly affiliation: string
  readonly nick: string | undefined
  readonly reason: string | undefined
}

/** The room roster on disk: who was there (dmuc.md §3); it never outranks a live session. */
export interface OccupantRecord {
  readonly nick: string
  readonly jid: string
  readonly home: string
  readonly since: number
  readonly revision: number
}

/** An entry of a user's archive. */
export interface ArchiveRecord {
  readonly stanzaId: string
  /** `message`, or what else its owner keeps. */
  readonly type: string
  /** The other side: its bare JID, which `with` asks for, and its resource, which `nick` does. */
  readonly jid: string | undefined
  readonly nick: string | undefined
  /**
   * JSON of its owner's making. What can be searched is the `<body/>`s in its member `content`, child elements of the message as
   * XML, or its member `text`.
   */
  readonly body: string
  /** When it arrived; one after the other: where it does not rise, the store takes the next millisecond. */
  readonly archivedAt: number
}

export interface StoredArchiveRecord extends ArchiveRecord {
  /** The archive's order over all archives of this store, strictly rising. */
  readonly order: number
}

/** One row of a room's log: its archive, and what else happened. (instance, incarnation, seq) is unique within a room. */
export interface LogRecord extends ArchiveRecord {
  readonly instance: string
  readonly incarnation: string
  readonly seq: number
  readonly stampMs: number
  readonly stampCounter: number
  readonly epoch: number
  readonly revision: number
  /** `message`, `subject`, `config`, …: the operation's type. */
  readonly type: string
  /** Of who spoke; `jid` is bare. */
  readonly nick: string | undefined
  readonly jid: string | undefined
  /** JSON of the operation; '' for a void identity. */
  readonly body: string
  readonly void: boolean
  /** Part of what may be read as the archive; never where it is void. */
  readonly archived: boolean
  /** Local arrival time, strictly rising within the room: the archive's order and its `start`/`end`. */
  readonly archivedAt: number
  /** The hash of the content, and of all that its origin logged before it. */
  readonly digest?: string | undefined
  readonly prev?: string | undefined
}

export interface StoredLogRecord extends LogRecord {
  readonly order: number
}

/** A change of a message that has not arrived yet: what `room.amend` said of it. */
export interface Amendment {
  readonly stanzaId: string
  readonly patch: string
  readonly jid: string | undefined
  readonly instance: string | undefined
}

/** The contiguous maximum of one (instance, incarnation), and the intervals above it, both ends included. */
export interface VectorEntry {
  readonly instance: string
  readonly incarnation: string
  readonly contiguous: number
  readonly above: readonly (readonly [number, number])[]
}

/** Up to `seq` an origin signed its log. */
export interface HeadRecord {
  readonly seq: number
  readonly signature: string
}

/** How much of the log of an origin has expired. */
export interface ExpiredRecord {
  readonly instance: string
  readonly incarnation: string
  readonly seq: number
  /** 0 where nothing of it is left in the log. */
  readonly revision: number
}

/** What people said: it is void before it leaves the log. */
export const saidTypes = ['message', 'subject', 'moderate'] as const

/** Of the heads of one origin the last stays, and each at a multiple of this. */
export const headInterval = 64

export interface InstanceRecord {
  readonly jid: string
  /** JSON of the replica's making: kind, key, rank, state, revision. */
  readonly state: string
}

/** A room that is not in memory, as it is compared with another service (src/dmuc/shared.ts). */
export interface RestingRoom {
  readonly jid: string
  readonly tag: string
  readonly digest: string
}

/**
 * A write that names a room which is not there fails with 'constraint' (`room.put` comes first, in the same batch or
 * before); deleting or voiding what is not there is no error.
 */
export type Write =
  | { readonly type: 'account.put'; readonly account: Account }
  /** Adds keys to an account that has none of that hash yet, if its password is still the one of which `given` was derived. */
  | { readonly type: 'account.sha512'; readonly jid: string; readonly keys: ScramKeys; readonly given: ScramKeys }
  /** Also removes the account's roster, offline messages, private data, nodes and archive. */
  | { readonly type: 'account.delete'; readonly jid: string }
  | { readonly type: 'roster.put'; readonly owner: string; readonly item: RosterItem }
  | { readonly type: 'roster.delete'; readonly owner: string; readonly jid: string }
  | { readonly type: 'offline.add'; readonly owner: string; readonly at: number; readonly stanza: string }
  /** Everything up to and including this order. */
  | { readonly type: 'offline.delete'; readonly owner: string; readonly upTo: number }
  /** The generic per-owner store of modules (vCards, bookmarks, …); `value` undefined deletes. */
  | {
      readonly type: 'data.put'
      readonly owner: string
      readonly kind: string
      readonly key: string
      readonly value: string | undefined
    }
  | { readonly type: 'node.put'; readonly owner: string; readonly name: string; readonly state: string }
  /** With its items. */
  | { readonly type: 'node.delete'; readonly owner: string; readonly name: string }
  /** The newest of its node from now on, in place of one with its id. */
  | {
      readonly type: 'item.put'
      readonly owner: string
      readonly node: string
      readonly item: NodeItem
      readonly payload: string
    }
  | { readonly type: 'item.delete'; readonly owner: string; readonly node: string; readonly ids: readonly string[] }
  | { readonly type: 'room.put'; readonly room: RoomRecord }
  /** The room, its log, register, roster and instances, and the data kept under its JID. */
  | { readonly type: 'room.delete'; readonly jid: string }
  | { readonly type: 'room.affiliation'; readonly room: string; readonly entry: AffiliationRecord }
  | { readonly type: 'room.affiliation.delete'; readonly room: string; readonly jid: string }
  /** Fails with 'constraint' when an identity is there already, or an `archivedAt` is not above the room's newest. */
  | { readonly type: 'room.log'; readonly room: string; readonly records: readonly LogRecord[] }
  /** Everything of this origin up to `seq` counts as held: it lies below a retention floor (dmuc.md §3). */
  | {
      readonly type: 'room.floor'
      readonly room: string
      readonly instance: string
      readonly incarnation: string
      readonly seq: number
    }
  /**
   * What this origin said up to `seq` leaves the log, whatever it is, and counts as held. `closed`: the origin leaves the vector, with all that
   * is left of it.
   */
  | {
      readonly type: 'room.expire'
      readonly room: string
      readonly instance: string
      readonly incarnation: string
      readonly seq: number
      readonly closed: boolean
    }
  /** How far an origin signed its log; those before it go, but for one each `headInterval`. */
  | {
      readonly type: 'room.head'
      readonly room: string
      readonly instance: string
      readonly incarnation: string
      readonly head: HeadRecord
    }
  /** Erases the content and keeps the identity: `void` becomes true, `archived` false and `body` ''. */
  | { readonly type: 'room.void'; readonly room: string; readonly stanzaIds: readonly string[] }
  /**
   * Changes the JSON body of the message with this id by a merge patch (RFC 7396), unless the body has the member `once` already, or
   * the message is void. With `jid` and `instance`: only if that author said it there. Where there is no such message yet, it is
   * kept for `LoadedRoom.amendments`: the newest 200 are.
   */
  | {
      readonly type: 'room.amend'
      readonly room: string
      readonly stanzaId: string
      readonly patch: string
      readonly once: string
      readonly jid?: string
      readonly instance?: string
    }
  | { readonly type: 'room.occupant.put'; readonly room: string; readonly occupant: OccupantRecord }
  | { readonly type: 'room.occupant.delete'; readonly room: string; readonly nick: string }
  | { readonly type: 'room.instance.put'; readonly room: string; readonly instance: InstanceRecord }
  | { readonly type: 'room.instance.delete'; readonly room: string; readonly jid: string }
  /** The room leaves memory: what it needs to go on, in place of what it had left there, and what is compared with each service. */
  | {
      readonly type: 'room.rest'
      readonly room: string
      readonly memory: string
      readonly shared: readonly { readonly peer: string; readonly tag: string; readonly digest: string }[]
    }
  /** It is in memory again. */
  | { readonly type: 'room.wake'; readonly room: string }
  /** To the archive of a user, which comes into being with its first record. Ids are made by `archiveId`. */
  | { readonly type: 'archive.add'; readonly owner: string; readonly records: readonly ArchiveRecord[] }
  /** Deletes everything up to and including this order; takes as long as that is much, so go by pages. */
  | { readonly type: 'archive.trim'; readonly owner: string; readonly upTo: number }

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
