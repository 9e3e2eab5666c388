/**
 * The vocabulary of a room (XEP-0045): its state, and the operations that change it. One vocabulary, used three times:
 * stored in the log, sent to the other instances of a distributed room (src/dmuc), replayed. Everything here is plain
 * data that survives JSON; XML travels as text that was written by our own writer.
 */

export const affiliations = ['owner', 'admin', 'member', 'none', 'outcast'] as const
export type Affiliation = (typeof affiliations)[number]

export const roles = ['moderator', 'participant', 'visitor', 'none'] as const
export type Role = (typeof roles)[number]

/** A hybrid logical clock: milliseconds since the epoch, and a counter that orders what falls into one of them. */
export interface Stamp {
  readonly ms: number
  readonly counter: number
}

/** Who an event comes from and which one it is; never used twice (dmuc.md §3, Identity). */
export interface EventId {
  /** The room JID of the instance at which it happened. */
  readonly instance: string
  /** Minted at random at every start of that instance. */
  readonly incarnation: string
  /** 1, 2, 3, … within (instance, incarnation). */
  readonly seq: number
}

/** An entry of the register: what the room knows of a bare JID. Absent means affiliation `none` and no nick. */
export interface RegisterEntry {
  readonly affiliation: Affiliation
  /** The nick reserved for this JID (XEP-0045 §7.10). */
  readonly nick?: string
  readonly reason?: string
}

export interface Session {
  /** The full JID the client speaks from. */
  readonly jid: string
  /** Its last presence: child elements as XML text, without any `muc` or `muc#user` payload. */
  readonly presence: string
}

export interface Occupant {
  readonly nick: string
  /** The real bare JID. */
  readonly jid: string
  readonly occupantId: string
  readonly role: Role
  /** The instance whose client this is: the room's own JID for all who joined here. */
  readonly home: string
  /** At the home instance: each client with this nick, at least one, the last that spoke first. Elsewhere one entry. */
  readonly sessions: readonly Session[]
  /** The same user under the same nick at further instances (dmuc.md §3, Nicks); leaves when the last home is gone. */
  readonly elsewhere?: readonly { readonly home: string; readonly session: Session }[]
  /** When it entered, at its home. */
  readonly since: Stamp
  /** Number of the nick grant by the source (distributed rooms), 0 where none was needed; and the source's signature of it. */
  readonly grant: number
  readonly grantProof?: string
}

export interface Subject {
  readonly text: string
  readonly nick: string
  readonly occupantId?: string
  readonly stamp: Stamp
  readonly stanzaId: string
  /** Of the last subject that was set at the source before it, or of itself. */
  readonly sourced?: Stamp
}

/** Why somebody is not an occupant any more; decides the status codes (XEP-0045 §§8.2, 9.1, 9.3, 10.9, 17.3). */
export type Departure =
  | { readonly cause: 'left' }
  | {
      readonly cause: 'kicked' | 'banned' | 'affiliation' | 'members-only'
      /** A bare JID. */
      readonly actor?: string
      readonly reason?: string
    }
  | { readonly cause: 'shutdown' | 'error' | 'unreachable' }

/** What is told of a message that is gone (XEP-0424 §4, XEP-0425 §4). */
export interface Retraction {
  /** The `id` attribute of the message that retracted it. */
  readonly id: string
  /** When, in milliseconds since the epoch. */
  readonly at: number
  /** Absent where the author did it. */
  readonly moderator?: { readonly nick: string; readonly occupantId: string }
  readonly reason?: string
}

export interface PendingRetraction {
  /** The stanza-id of what is retracted. */
  readonly target: string
  readonly retraction: Retraction
  /** It counts only for what this bare JID said at this instance; absent: for all. */
  readonly author?: { readonly jid: string; readonly instance: string }
}

/** Kept for ever (or until retention drops it): committed to the store before anybody sees it. */
export type DurableOperation =
  | {
      readonly type: 'message'
      readonly nick: string
      /** The nick under which it was said at its origin, where it is shown here under another. */
      readonly saidAs?: string
      readonly occupantId: string
      /** The author's real bare JID. */
      readonly jid: string
      /** The message's own id attribute, as the client chose it. */
      readonly id?: string
      /** `xml:lang` of the stanza. */
      readonly lang?: string
      /** Child elements as XML text, already stripped of what clients may not claim. */
      readonly content: string
      /** It was taken back: `content` is empty. */
      readonly retracted?: Retraction
    }
  | {
      readonly type: 'subject'
      readonly nick: string
      readonly saidAs?: string
      readonly occupantId: string
      readonly jid: string
      readonly id?: string
      readonly lang?: string
      readonly text: string
      /** Of the last subject that was set at the source, this one included, as far as was known where it was set. */
      readonly sourced?: Stamp
    }
  /** The whole new configuration; `revision` is given by the source. */
  | { readonly type: 'config'; readonly config: RoomConfig; readonly revision: number }
  /** One change of the register; `revision` is given by the source. */
  | {
      readonly type: 'register'
      readonly jid: string
      readonly entry: RegisterEntry
      /** The bare JID of who did it; absent: the service. */
      readonly actor?: string
      readonly reason?: string
      readonly revision: number
    }
  /** A role above the one that an occupant's affiliation gives, in a distributed room; numbered with the register. */
  | {
      readonly type: 'entitle'
      /** An occupant-id. */
      readonly whom: string
      /** Absent: not any more. */
      readonly role?: Role
      /** The bare JID of who did it; absent: the service. */
      readonly actor?: string
      readonly reason?: string
      readonly revision: number
    }
  /** A moderator retracts a message (XEP-0425). */
  | {
      readonly type: 'moderate'
      /** Its stanza-id. */
      readonly target: string
      /** The moderator; `jid` is bare. */
      readonly nick: string
      readonly occupantId: string
      readonly jid: string
      readonly reason?: string
    }
  | { readonly type: 'destroy'; readonly reason?: string; readonly alternate?: string; readonly password?: string }
  /** From a newer release: stored, counted, served, and ignored by `apply`. */
  | { readonly type: 'unknown'; readonly name: string; readonly body: string }

/** What an entering client asked for. Of interest to its home alone: never relayed. */
export interface Entry {
  /** The full JID that entered, one of the occupant's sessions. */
  readonly session: string
  /** The id of its presence, reflected in its self-presence. */
  readonly id?: string
  readonly history?: HistoryRequest
  /** The service chose another nick than the one asked for (status 210). */
  readonly rewritten?: boolean
}

/** XEP-0045 §7.2.14: each attribute narrows; absent means no wish. */
export interface HistoryRequest {
  readonly maxchars?: number
  readonly maxstanzas?: number
  readonly seconds?: number
  /** Milliseconds since the epoch. */
  readonly since?: number
  /** When it was asked, in milliseconds since the epoch: what `seconds` counts from. */
  readonly at: number
}

export type AskedFor = 'voice' | 'registration'

/** Lives in memory and in presence. */
export type SoftOperation =
  /**
   * A client enters. Where the nick is held by the same bare JID its sessions (or, from another home, that home) are added; where
   * another bare JID holds it, the operation has no effect.
   */
  | { readonly type: 'join'; readonly occupant: Occupant; readonly created?: boolean; readonly entry?: Entry }
  /** `entry`: it came with a request to enter, by who is in the room already (§17.3). */
  | { readonly type: 'presence'; readonly nick: string; readonly session: Session; readonly entry?: Entry }
  | {
      readonly type: 'nick'
      readonly nick: string
      readonly to: string
      readonly grant: number
      readonly grantProof?: string
      /** The service did it (status 210). */
      readonly forced?: boolean
      /** The presence that came with it. */
      readonly session?: Session
      /** The id of that presence: local, never relayed. */
      readonly id?: string
    }
  /** A message that is reflected and never stored: chat states and what asks not to be stored (XEP-0334). */
  | {
      readonly type: 'ephemeral'
      readonly nick: string
      readonly occupantId: string
      readonly jid: string
      readonly id?: string
      readonly lang?: string
      readonly content: string
    }
  | {
      readonly type: 'role'
      readonly nick: string
      readonly role: Role
      /** A bare JID. */
      readonly actor?: string
      readonly reason?: string
    }
  /** One session fewer; the occupant leaves with its last. `session` absent: all of them. */
  | {
      readonly type: 'leave'
      readonly nick: string
      readonly session?: string
      /** Only from this home, where the occupant has several; absent: from all. */
      readonly home?: string
      readonly departure: Departure
      readonly status?: string
    }
  /** Somebody asked what people here have to decide on: remembered for a while, so that nobody asks too often. Never relayed. */
  | { readonly type: 'asked'; readonly what: AskedFor; readonly jid: string; readonly at: number }
  | { readonly type: 'unlock' }

export type Operation = DurableOperation | SoftOperation

export const isDurable = (operation: Operation): operation is DurableOperation => durableTypes.has(operation.type)
const durableTypes: ReadonlySet<string> = new Set<DurableOperation['type']>([
  'message',
  'subject',
  'config',
  'register',
  'entitle',
  'moderate',
  'destroy',
  'unknown',
])

/** A durable operation with its identity: one row of the log, one entry of the archive. */
export interface LoggedEvent {
  readonly id: EventId
  readonly stamp: Stamp
  /**
   * The epoch, and how many changes of configuration and register together its origin knew when it was decided: it is judged by
   * these, not by today's.
   */
  readonly epoch: number
  readonly revision: number
  /** XEP-0359, the same at every instance. */
  readonly stanzaId: string
  /** Of the content, and of all that its origin logged before it (src/dmuc/chain.ts). They stay when the content is gone. */
  readonly digest?: string
  readonly prev?: string
  readonly operation: DurableOperation
  /** Refused, expired or erased: the identity counts, the content is gone and shown to nobody. */
  readonly void?: true
}

/** What `apply` takes: durable operations with their identity, soft ones as they are. */
export type Change = LoggedEvent | SoftOperation

export const operationOf = (change: Change): Operation => ('operation' in change ? change.operation : change)

/** XEP-0486: the SHA-256 of the room's card, and the SHA-1 of each photo in it, in hexadecimal digits. */
export interface Avatar {
  readonly card: string
  readonly photos: readonly string[]
}

/** XEP-0317; `wearers` are bare JIDs. */
export interface Hat {
  readonly uri: string
  readonly title: string
  /** An angle, as text. */
  readonly hue?: string
  readonly wearers: readonly string[]
}

/** The configuration form (XEP-0045 §16.5.3 and XEP-0281 §4.1), as values. */
export interface RoomConfig {
  readonly name: string
  readonly description: string
  readonly language: string
  readonly persistent: boolean
  readonly public: boolean
  readonly moderated: boolean
  readonly membersOnly: boolean
  /** Empty: none is needed. */
  readonly password: string
  /** Who sees real JIDs. */
  readonly whois: 'anyone' | 'moderators'
  /** May participants change the subject, too? */
  readonly changeSubject: boolean
  /** May members of a members-only room invite? */
  readonly allowInvites: boolean
  /** Who may send private messages. */
  readonly allowPrivateMessages: 'anyone' | 'participants' | 'moderators' | 'none'
  /** Moderators may be written to, and write, whatever `allowPrivateMessages` says. */
  readonly allowModeratorMessages: boolean
  /** May visitors have a status text, another nick, or ask for voice? */
  readonly allowVisitorStatus: boolean
  readonly allowVisitorNicks: boolean
  readonly allowVoiceRequests: boolean
  /** Seconds between two requests for voice of one user. */
  readonly voiceRequestInterval: number
  /** May occupants send each other IQs? Moderators always may. */
  readonly allowQueries: boolean
  /** Strangers see the occupants in disco#items. Occupants always do. */
  readonly publicList: boolean
  /** 0: no bound. */
  readonly maxUsers: number
  readonly presenceBroadcast: readonly ('moderator' | 'participant' | 'visitor')[]
  readonly getMemberList: readonly ('moderator' | 'participant' | 'visitor')[]
  /** Conversations are kept and can be read later (`muc#roomconfig_enablelogging`, status 170). */
  readonly archive: boolean
  /** Days after which what was said is erased, from archive, history and disk; 0: never. */
  readonly archiveDays: number
  /** The most messages a joiner gets (`muc#maxhistoryfetch`). */
  readonly historyLength: number
  /** XMPP URI of an associated pubsub node. */
  readonly pubsub?: string
  /** Changed by commands, not by the form (./features/hats.ts). */
  readonly hats: readonly Hat[]
  /** Changed with the card of the room (./features/avatar.ts). */
  readonly avatar?: Avatar
  /** XEP-0281 `muc#roomconfig_distributed`. */
  readonly distributed: boolean
  /** The services asked to hold a shadow; only the source's list counts. */
  readonly peers: readonly string[]
}

export interface RoomState {
  /** The JID of this instance. */
  readonly jid: string
  readonly config: RoomConfig
  readonly configRevision: number
  readonly register: ReadonlyMap<string, RegisterEntry>
  readonly registerRevision: number
  /** Roles that were granted, by occupant-id, as far as more than one instance has to know of them. */
  readonly entitled?: ReadonlyMap<string, Role>
  /** What counts before the register until the source of a distributed room has decided on it: restrictions alone. */
  readonly restricted?: ReadonlyMap<string, RegisterEntry>
  /** By the room JID of an instance, the domains whose users it may vouch for (./standing.ts); absent: all. */
  readonly vouches?: ReadonlyMap<string, readonly string[]>
  /** By nick, in order of arrival. */
  readonly occupants: ReadonlyMap<string, Occupant>
  readonly subject: Subject | undefined
  /** The newest messages, oldest first, at most `historyLimit`. */
  readonly history: readonly LoggedEvent[]
  /** The newest retractions by what they retract: some arrive before it, from another instance. */
  readonly retractions: ReadonlyMap<string, PendingRetraction>
  /** When somebody last asked for something, in milliseconds since the epoch, by `what jid`; the latest last. */
  readonly asked: ReadonlyMap<string, number>
  /** Just created: only its owner may be in it until it is configured (XEP-0045 §10.1). */
  readonly locked: boolean
  readonly destroyed: boolean
}
