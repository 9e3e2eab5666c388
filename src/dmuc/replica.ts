/**
 * A replica: one instance of a room among others (XEP-0281; dmuc.md §3). Plain, immutable data around the room core.
 * `step` (./step.ts) takes a replica and something that happened, and gives the next replica and what has to be done.
 */
import { personOf } from '../room/standing.js'
import type {
  Affiliation,
  Change,
  Departure,
  LoggedEvent,
  Operation,
  RegisterEntry,
  RoomState,
  Stamp,
} from '../room/types.js'
import type { Element } from '../xml/element.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import { occupantIdOf, type RoomKeys } from './ids.js'
import type { Rights } from './revisions.js'
import type { Origin, Range, Vector } from './vector.js'
import type { Floor } from './wire/floor.js'
import type { Head, Tip } from './wire/proof.js'

/** Which room this is; different ids never merge. */
export interface RoomIdentity {
  readonly roomId: string
  /** The room JID of the source. */
  readonly source: string
  readonly epoch: number
  /** Rank of who promoted itself to source of this epoch; 0 at first. */
  readonly epochRank: number
}

/** A row of the table of instances, which the source numbers. */
export interface Instance {
  readonly jid: string
  /** `sync` speaks urn:xmpp:dmuc-sync:0; `plain` only what XEP-0281 prints. */
  readonly kind: 'sync' | 'plain'
  /** Place in the line of successors; the source has 0. */
  readonly rank: number
  /** A tombstone: it was an instance and is none any more. */
  readonly gone: boolean
  /** Domains for whose users it may vouch (./vouching.ts); absent: its own. */
  readonly users?: readonly string[]
  /** By which the heads of its log are signed (./signing.ts). */
  readonly key?: string
  /** Those it had before it lost them with its disk, newest first. */
  readonly formerKeys?: readonly string[]
}

export interface InstanceTable {
  readonly revision: number
  /** By JID; the source and ourselves included. */
  readonly instances: ReadonlyMap<string, Instance>
  /** The hash of the table before it, and the signature of the source (./table-seal.ts). */
  readonly prev?: string
  readonly signature?: string
}

/** How far the source had decided, as far as an instance knows. */
export interface Revisions {
  readonly config: number
  readonly register: number
  readonly table: number
}

/** What we know of another instance at present. */
export interface Peer {
  /**
   * `joining`: it was asked to replicate and has not got config and roster yet. `down`: nothing is sent but hellos.
   * `greeting`: our hello is on its way, what we send follows behind it. `up`: hellos were exchanged.
   */
  readonly link: 'joining' | 'down' | 'greeting' | 'up'
  /** How often its hello has brought us into touch. */
  readonly touches: number
  /** When the link was last lost, by our clock; undefined while it is not. */
  readonly downSince: number | undefined
  /** Its occupants were shown as gone (status 333) because the split outlasted the grace. */
  readonly split: boolean
  /** It follows another source than we do, or holds another room under its address: an operator has to decide. */
  readonly diverged: boolean
  /** It signed two logs, or other than it said (./distrust.ts), in words: nothing is taken from it. */
  readonly lied: string | undefined
  readonly lastError: string | undefined
  /** What it knew to be decided at its last hello. */
  readonly revisions: Revisions | undefined
  /** What that came to (`decisionsDigest`), and whether we have decided anew since it was something else here. */
  readonly decisions: string | undefined
  readonly overruled: boolean
  /** Its present incarnation, and the revision of its occupant list that we hold (0: none). */
  readonly incarnation: string | undefined
  readonly occupants: number
  /** How its present log hangs together, and the key that it named in its last hello. */
  readonly tip: Tip | undefined
  readonly key: string | undefined
  /** Which stanza-id key it has, by its last hello. */
  readonly keyNumber: number | undefined
  /** What it holds, by its last hello and what it sent since. */
  readonly vector: Vector
  /** What it was asked for and has not answered, oldest first; and how many events of its log go into one page. */
  readonly pulls: readonly (readonly Range[])[]
  readonly pageEvents: number | undefined
  /** What it says that it holds of our earlier starts, and gave nothing of (./forgoing.ts). */
  readonly hollow: readonly Range[]
  /** Presence was withheld: fetch its list once nothing is missing. */
  readonly listWanted: boolean
  readonly listAsked: boolean
  /** Events of its earlier starts are missing; those of the present one wait for them. */
  readonly behind: boolean
  /** Its history is on its way (E9); what others tell waits for it. */
  readonly historyAsked: boolean
  /** How often that was lost: above 0, it is asked for again. */
  readonly historyLost: number
  /**
   * Its list names somebody who may not be here by what we know, or may not name somebody as we have him: it is asked for again
   * once the source has decided something, and with a hello: at first soon, then ever more rarely.
   */
  readonly leftOut: boolean
  /** Since when that has been so, however often it was asked for. */
  readonly doubtedSince: number | undefined
  /** What we told it of ourselves in the last hello it answered, and in the one that is on its way (`standing`). */
  readonly told: string | undefined
  readonly telling: string | undefined
  /** How much of our earlier starts it knows that we hold, and is being told (./retrieval.ts). */
  readonly toldEarlier: number | undefined
  readonly tellingEarlier: number | undefined
  /** When the last hello left. */
  readonly helloAt: number
  /** When to try again although the way to it is open: it refused our hello. */
  readonly retryAt: number | undefined
  /** When our list of its occupants was last known to be whole, by our clock. */
  readonly seenAt: number | undefined
  /** How much it knew the source to have decided when it said what it said last, in its present start. */
  readonly said:
    | { readonly incarnation: string; readonly seq: number; readonly epoch: number; readonly revision: number }
    | undefined
  /** Live events above a gap, rising by seq, at most `maxHeld`. */
  readonly held: readonly LoggedEvent[]
  /**
   * While it is out of our reach (./through.ts): when others were asked who is there, how often that came to nothing new, and which of them
   * reaches it; who was kicked there by way of that one; and when one of them said last who is there.
   */
  readonly through: {
    readonly askedAt: number | undefined
    readonly quiet: number
    readonly by: string | undefined
    readonly kicks: readonly { readonly token: string; readonly nick: string; readonly departure: Departure }[]
  }
  readonly reachedAt: number | undefined
  /** The stamp of the last order that came from it by way of others (./passing.ts). */
  readonly ordered: Stamp | undefined
  /** The link is closed by our operator's word. */
  readonly closed: boolean
}

/** An instance is told that it is none any more (./parting.ts). */
export interface Parting {
  /** When it was said last, by our clock, and how often in all. */
  readonly at: number
  readonly times: number
}

/** A nick that the source gave away and that was not announced yet; it lapses. */
export interface Grant {
  readonly number: number
  readonly jid: string
  /** Who asked for it. */
  readonly home: string
  readonly until: number
}

/** The nick of somebody behind a split. */
export interface Reservation {
  readonly jid: string
  readonly home: string
  readonly until: number
}

/** What was restricted here while we were cut off from the source, which has not decided on it yet. */
export interface Withheld {
  readonly token: string
  readonly jid: string
  readonly entry: RegisterEntry
  /** A bare JID. */
  readonly actor: string
  readonly reason?: string
  /** What the target was. */
  readonly was: Affiliation
  /** When the source was asked last. */
  readonly askedAt: number | undefined
  /** The source said yes; its event follows. */
  readonly accepted?: boolean
}

/** An entry of the register that this instance numbered as the source. */
export interface Decided {
  readonly revision: number
  readonly jid: string
  readonly entry: RegisterEntry
  readonly actor?: string
}

/** Events that were gone everywhere before they came here. */
export interface Gap extends Range {
  /** When that was found, in milliseconds since the epoch. */
  readonly at: number
}

/** How far the log of an origin may be cut, by our own retention; `revision` is what its last event knew to be decided. */
export interface Expiry extends Origin {
  readonly seq: number
  readonly revision: number
}

export interface Replica {
  readonly identity: RoomIdentity
  readonly keys: RoomKeys
  readonly incarnation: string
  readonly nextSeq: number
  /** The hash of the chain with our last event of this incarnation (./chain.ts), and how far we have signed it. */
  readonly tip: string
  readonly signed: Head | undefined
  /** The heads of earlier starts: who was out of reach when they were signed hears of them with our hello. */
  readonly earlierHeads: readonly Head[]
  /** Heads of others that cover more than is held of them yet, by origin (./heads.ts). */
  readonly ahead: ReadonlyMap<string, Head>
  readonly stamp: Stamp
  /** Revision of the list of our own occupants. */
  readonly occupantsRevision: number
  readonly table: InstanceTable
  readonly peers: ReadonlyMap<string, Peer>
  /** Instances from which we took the room back just now. */
  readonly partings: ReadonlyMap<string, Parting>
  /** Under a plain source: other shadows that it announced and that have not shown themselves yet (./newcomers.ts). */
  readonly announced: number
  readonly vector: Vector
  /** Where logs begin, by origin, and what was gone before it came here (./floors.ts). */
  readonly floors: ReadonlyMap<string, Floor>
  readonly gaps: readonly Gap[]
  /** How much was decided in what has left the log. */
  readonly expiredRevision: number
  readonly room: RoomState
  /** At the source: by nick; and the number of the last grant. */
  readonly grants: ReadonlyMap<string, Grant>
  readonly lastGrant: number
  /** By nick. */
  readonly reserved: ReadonlyMap<string, Reservation>
  /** Register and configuration as they were at earlier revisions, by epoch and revision (./revisions.ts). */
  readonly rights: ReadonlyMap<string, Rights>
  readonly withheld: readonly Withheld[]
  /** At a source: the newest of what it numbered, oldest first. */
  readonly decided: readonly Decided[]
  /** The revision of the register at which the present source took over. */
  readonly forkedAt: number
  /** Who is to be the source, on our operator's word. */
  readonly heir: string | undefined
  /**
   * `requested`: accepted, waits for config; `configured`: waits for the roster; hidden from everybody until `serving`.
   */
  readonly phase: 'requested' | 'configured' | 'serving'
  /** At a shadow that is not serving yet: since when it has waited for what comes next. */
  readonly hiddenSince: number | undefined
  /** Just started: nobody enters before the others have said what they know of our earlier starts, or `until` (./retrieval.ts). */
  readonly retrieving: { readonly until?: number } | undefined
  /** At a source that has just started, or found out what it had lost: it numbers nothing, for the same reason (./settling.ts). */
  readonly unsettled:
    | {
        readonly until?: number
        /** Who was asked for decisions that no log has any more (./unproved.ts), and has answered. */
        readonly asked?: ReadonlyMap<string, boolean>
      }
    | undefined
  /** At a source: who says that it is an instance of this room and is not known as one, and why that is not believed (./reinstating.ts). */
  readonly claims: ReadonlyMap<string, string>
}

/** IQs of ours that are on their way, so that their answers find back into `step`. */
export type Question =
  /** `touches`: how often we had come into touch with it before. */
  | { readonly type: 'hello'; readonly touches?: number }
  | { readonly type: 'pull'; readonly ranges: readonly Range[] }
  | { readonly type: 'occupants' }
  /** Another is asked for the list of `of`; those in `tried` were asked. */
  | { readonly type: 'list-through'; readonly of: string; readonly nonce: string; readonly tried: readonly string[] }
  /** For the asker of `iq`, who cannot ask itself. */
  | { readonly type: 'list-for'; readonly iq: Element }
  /** `again`: it goes to one that has the room already. */
  | { readonly type: 'config'; readonly again?: boolean }
  | { readonly type: 'roster' }
  /** What was decided, as it knows it. */
  | { readonly type: 'decisions' }
  | { readonly type: 'history' }
  /** E12: nothing hangs on its answer. */
  | { readonly type: 'notice' }
  /** An order or a proposal; `token` tells the caller whose command it came from. */
  | { readonly type: 'order'; readonly token: string }
  /** The same by way of a third, for `to`; and at that third, for the asker of `iq`. */
  | { readonly type: 'order-through'; readonly to: string; readonly token: string }
  | { readonly type: 'order-for'; readonly iq: Element }
  /** What was withheld in a split, under this token. */
  | { readonly type: 'withheld'; readonly token: string }

export type Happening =
  /** What the room core decided on a command of one of our own occupants or owners. */
  | {
      readonly type: 'local'
      readonly operations: readonly Operation[]
      /** What the source has to confirm when it can be reached again, and who wants it (./restrictions.ts). */
      readonly withheld?: { readonly operations: readonly Operation[]; readonly actor: string }
    }
  /** Sends what others have to do (./admit.ts); the answer comes back as an `order` with this token. */
  | { readonly type: 'order'; readonly order: Order; readonly token: string }
  /** A message or presence from the bare JID `from`, which the caller verified to be the sender's. */
  | { readonly type: 'relayed'; readonly from: string; readonly stanza: Element }
  /** An IQ get or set from an instance. Answered by exactly one `reply` or `serve`. */
  | { readonly type: 'request'; readonly from: string; readonly iq: Element }
  | {
      readonly type: 'answer'
      readonly from: string
      readonly question: Question
      readonly result: Element | StanzaError
    }
  /** The peerhost of `jid` accepted to replicate; `kind` as its answer showed; `users`: the operator's word, for whom it may vouch. */
  | {
      readonly type: 'replicated'
      readonly jid: string
      readonly kind: Instance['kind']
      readonly key?: string
      readonly users?: readonly string[]
    }
  /** An instance was un-distributed, refused, or left. At a shadow: we give up our own, if it is that. */
  | { readonly type: 'removed'; readonly jid: string }
  /** E12 from a plain source, which names nobody; and who has shown that it was meant. */
  | { readonly type: 'announced' }
  | { readonly type: 'admitted'; readonly jid: string }
  /** E12 brought a table from the service of the source. */
  | { readonly type: 'table'; readonly table: InstanceTable }
  /** The operator makes this shadow the source. */
  | { readonly type: 'promoted' }
  /** We are a source that was given the room back by this instance (./restoring.ts). */
  | { readonly type: 'restored'; readonly jid: string }
  /** By our operator's word this member of the room has it right: what it gave of it (./unproved.ts). */
  | { readonly type: 'reinstated'; readonly jid: string; readonly given: Element }
  /** The operator takes that instance for the source once it says that it is. */
  | { readonly type: 'trusted'; readonly jid: string }
  /** `closed`: on our operator's word; then nothing of it is taken through others either. */
  | {
      readonly type: 'link'
      readonly peer: string
      readonly up: boolean
      readonly reason?: string
      readonly closed?: boolean
    }
  /** The room came into memory: the last events of our earlier starts that are not signed yet, and the heads of those that are. */
  | { readonly type: 'unsigned'; readonly last: readonly LoggedEvent[]; readonly heads?: readonly Head[] }
  /** What has expired here, by retention (./floors.ts). */
  | { readonly type: 'expired'; readonly rows: readonly Expiry[] }
  /** An instance signed another log than it told us; `by` holds that. */
  | { readonly type: 'equivocated'; readonly head: Head; readonly by: string }
  /** `by` holds a head that is that of our own log, which had none so far up. */
  | { readonly type: 'headed'; readonly head: Head; readonly by: string }
  /** Time passed; sent about once a second while any peer is not up. */
  | { readonly type: 'tick' }

/** Operations that another instance has to carry out: the source (config, register, destroy) or an occupant's home. */
export interface Order {
  readonly to: string
  /** The real bare JID of who wants it; checked again where it is carried out. */
  readonly actor: string
  readonly operations: readonly Operation[]
  /** It was decided in a split, when the target was that. */
  readonly was?: Affiliation
}

export type Effect =
  /** The room changed: render this for our occupants. `late`: it happened before, elsewhere; show it with `<delay/>`. */
  | {
      readonly type: 'change'
      readonly before: RoomState
      readonly change: Change
      readonly late: boolean
      readonly after: RoomState
    }
  /** Commit before any effect that follows is carried out. */
  | { readonly type: 'log'; readonly event: LoggedEvent }
  /** How far an origin has signed its log: commit it, to prove its events by. */
  | { readonly type: 'head'; readonly head: Head }
  /** Identity, table, keys or revisions changed: commit `snapshot(replica)`. */
  | { readonly type: 'save' }
  /** What lies below counts as held: commit it with the log. */
  | { readonly type: 'floor'; readonly vector: Vector }
  /** What lies up to this floor leaves the log, and counts as held; `closed`: the origin is forgotten. */
  | { readonly type: 'expire'; readonly floor: Floor }
  | { readonly type: 'send'; readonly stanza: Element }
  /** Send this IQ; feed its answer back with `question`. */
  | { readonly type: 'ask'; readonly iq: Element; readonly question: Question }
  | { readonly type: 'reply'; readonly iq: Element; readonly payload: Element | StanzaError | undefined }
  /** Answer `iq` with these ranges of the log (./wire/pull.ts). */
  | { readonly type: 'serve'; readonly iq: Element; readonly ranges: readonly Range[] }
  /** Answer `iq` with the newest messages, as E10 shows. */
  /** `vector`: what config and roster told the shadow already; no floor lies above it. */
  | {
      readonly type: 'serve-history'
      readonly iq: Element
      readonly limit: HistoryLimit
      readonly sync: boolean
      readonly vector: Vector
    }
  /** Tell this member which heads we hold of the others (./lies.ts). */
  | { readonly type: 'tell-heads'; readonly to: string }
  /** Is that the hash of our own log there? `headed` if it is, and `equivocated` if not. */
  | { readonly type: 'compare'; readonly head: Head; readonly hash: string; readonly by: string }
  /** Tell the operator, in words. */
  | { readonly type: 'note'; readonly level: 'info' | 'warn'; readonly text: string; readonly peer?: string }
  /** Tell this bare JID something of the room. */
  | { readonly type: 'tell'; readonly jid: string; readonly text: string }
  /** A shadow gave itself up: remove it (`removed`). */
  | { readonly type: 'left'; readonly jid: string }
  /** A new shadow has config and roster: people can join it. */
  | { readonly type: 'joined'; readonly jid: string }
  /** Who waited to enter may do so now. */
  | { readonly type: 'retrieved' }
  /** Who holds the room, or is to, may be others than before: look after them. */
  | { readonly type: 'place' }
  /** An instance does not have the room any more: let its service replicate it again. */
  | { readonly type: 'lost'; readonly jid: string }
  /** The source destroyed the room or removed us: this instance ends after this step. */
  | { readonly type: 'end' }

/** What a `<history/>` element asked for (XEP-0045 §7.2.13), capped. */
export interface HistoryLimit {
  readonly maxChars: number | undefined
  readonly maxStanzas: number
  /** Only what is not older, in ms since the epoch. */
  readonly since: number | undefined
}

export interface Step {
  readonly replica: Replica
  readonly effects: readonly Effect[]
}

/** Bounds and times; defaults are the ones of dmuc.md. */
export interface DmucLimits {
  /** Events and bytes of one page of a pull. */
  readonly pageEvents: number
  readonly pageBytes: number
  readonly maxHeld: number
  readonly maxInstances: number
  /** Occupants of one other instance. */
  readonly maxOccupants: number
  /** How long after a hello the next one goes, if there was something to tell since: it may have been lost. */
  readonly helloMs: number
  /** How long a lost link is only suspected, before its occupants are shown as gone. */
  readonly graceMs: number
  /** What is shown then. */
  readonly behindSplit: 'leave' | 'away'
  /** How long a granted nick waits to be announced. */
  readonly grantMs: number
  /** History that a new shadow asks for and is given. */
  readonly historyStanzas: number
  /** Messages of one start of an instance that people are shown late; what is older is in the archive. */
  readonly maxLate: number
  /** Restrictions that wait for the source, in a split. */
  readonly maxWithheld: number
  /** Former revisions of configuration and register by which late events are judged. */
  readonly maxRevisions: number
  /** How long after a start nobody enters, at most, while the others are asked for what was lost here. */
  readonly retrieveMs: number
  /** How long after a start a source numbers nothing, at most, while others can be asked what it had decided. */
  readonly settleMs: number
}

export const defaultLimits: DmucLimits = {
  pageEvents: 100,
  pageBytes: 64 * 1024,
  maxHeld: 1000,
  maxInstances: 32,
  maxOccupants: 10_000,
  helloMs: 60_000,
  graceMs: 60_000,
  behindSplit: 'leave',
  grantMs: 10_000,
  historyStanzas: 1000,
  maxLate: 20_000,
  maxWithheld: 100,
  maxRevisions: 64,
  retrieveMs: 5000,
  settleMs: 30_000,
}

export const isSource = (replica: Replica): boolean => replica.identity.source === replica.room.jid

/** The higher epoch; of two promotions in one, that of the lower rank. */
export const supersedes = (one: RoomIdentity, other: RoomIdentity): boolean =>
  one.epoch !== other.epoch ? one.epoch > other.epoch : one.epochRank < other.epochRank

/** By the register alone: what we restrict ourselves, until the source decides on it, is nobody else's rule. */
export const unrestricted = ({ room }: Replica): RoomState =>
  room.restricted === undefined || room.restricted.size === 0 ? room : { ...room, restricted: new Map() }

/** Who may enter it is checked at the door, which a plain peer knows nothing of: such a room has no plain shadows. */
export const isClosed = ({ config }: RoomState): boolean => config.membersOnly || config.password !== ''

/** Is it numbered with the register? */
export const isOfRegister = (
  operation: Operation,
): operation is Extract<Operation, { readonly type: 'register' | 'entitle' }> =>
  operation.type === 'register' || operation.type === 'entitle'

/** Does the source give it a number? */
export const isNumbered = (operation: Operation): boolean => operation.type === 'config' || isOfRegister(operation)

/** How much the source has decided, as far as it is known here: the number of changes of configuration and register. */
export const revisionOf = ({ configRevision, registerRevision }: RoomState): number => configRevision + registerRevision

/** The instances other than ourselves that are not gone. */
export const others = (replica: Replica): Instance[] =>
  [...replica.table.instances.values()].filter((instance) => !instance.gone && instance.jid !== replica.room.jid)

/** Does the source of our shadow speak XEP-0281 alone? */
export const hasPlainSource = (replica: Replica): boolean =>
  otherInstance(replica, replica.identity.source)?.kind === 'plain'

/**
 * Those we exchange stanzas with: a plain peer of ours has one link, that to the source (dmuc.md §3, Plain peers); under a plain source each
 * speaks to all.
 */
export const linked = (replica: Replica): Instance[] =>
  others(replica).filter(({ kind }) => kind === 'sync' || isSource(replica) || hasPlainSource(replica))

/** Do we speak for the occupants of this home: our own, and at the source those of plain peers, which the others do not hear? */
export const speaksFor = (replica: Replica, home: string): boolean =>
  home === replica.room.jid || (isSource(replica) && otherInstance(replica, home)?.kind === 'plain')

/** The row of a live instance with this JID, other than ourselves. */
export const otherInstance = (replica: Replica, jid: string): Instance | undefined => {
  const instance = replica.table.instances.get(jid)
  return instance === undefined || instance.gone || jid === replica.room.jid ? undefined : instance
}

/** What an instance takes for the occupant-id of who is at `home` by this bare JID. */
export const occupantIdAt = ({ keys, identity, room }: Replica, jid: string, home: string): string =>
  occupantIdOf(keys, identity.roomId, personOf(room, { jid, home }))

/** How many events we hold of those who are instances no more, and so cannot be asked for them themselves. */
export function heldOfGone({ vector, table }: Replica): number {
  let count = 0
  for (const origin of vector.origins())
    if (table.instances.get(origin.instance)?.gone === true) count += vector.get(origin).contiguous
  return count
}

/** How many events of our own earlier starts we hold. */
export function heldOfEarlier({ vector, room, incarnation }: Replica): number {
  let count = 0
  for (const origin of vector.origins())
    if (origin.instance === room.jid && origin.incarnation !== incarnation) count += vector.get(origin).contiguous
  return count
}
