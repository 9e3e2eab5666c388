/** What is kept of a room, and of the archives of users, which are logs of the same kind. JIDs are prepared, times in milliseconds. */

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
