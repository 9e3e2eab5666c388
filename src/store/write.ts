/** What can be changed in a store: plain data, so that a batch may cross to another thread. */
import type { Account, NodeItem, RosterItem, ScramKeys } from './account-records.js'
import type {
  AffiliationRecord,
  ArchiveRecord,
  HeadRecord,
  InstanceRecord,
  LogRecord,
  OccupantRecord,
  RoomRecord,
} from './room-records.js'

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
