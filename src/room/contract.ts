/**
 * What goes into the core of a room beside its state, and what comes out: the rules of the service, who speaks when,
 * the decision on a command, and the stanzas that occupants see.
 */
import type { Element } from '../xml/element.js'
import type { LoggedEvent, Operation, RoomConfig, Stamp } from './types.js'

/** What the operator allows in every room of a service. */
export interface RoomPolicy {
  /** A new room starts with this. */
  readonly defaults: RoomConfig
  /** New rooms are closed to others until their owner has configured them (XEP-0045 §10.1). */
  readonly lockNewRooms: boolean
  /** Options that owners may not change: the form does not offer them and a submission that differs is refused. */
  readonly fixed?: Partial<RoomConfig>
  /** Characters of a message's content as XML. */
  readonly maxMessageLength: number
  readonly maxSubjectLength: number
  readonly maxNickLength: number
  /** Characters of the card of a room, with its photos. */
  readonly maxCardLength: number
  /** Characters of a presence's content as XML. */
  readonly maxPresenceLength: number
  /** The upper bound of `maxUsers`, also where the owner wants none; 0: no bound. */
  readonly maxUsers: number
  /** The upper bound of `historyLength`. */
  readonly maxHistoryLength: number
  /** Clients under one nick. */
  readonly maxSessionsPerNick: number
  /** Entries of the register of one room. */
  readonly maxRegister: number
  /** XEP-0045 §7.10: who may register a nick: all in open rooms, members and above, nobody. */
  readonly registration: 'open' | 'members' | 'none'
  /** Registered users enter under their registered nick alone (status 210), and nobody changes it. */
  readonly lockNicks: boolean
  /** Present where the service lets owners distribute rooms (XEP-0281): the services they may choose; empty: any. */
  readonly distribution?: { readonly peers: readonly { readonly jid: string; readonly label?: string }[] }
}

/** Who speaks, when, under which rules: whatever is not in the stanza. */
export interface Context {
  /** Milliseconds since the epoch. */
  readonly at: number
  /** The clock of the log, for what enters now. */
  readonly stamp: Stamp
  /** Fresh and unguessable: the id of a stanza that the room makes, and of an IQ that it forwards. */
  readonly token: string
  /** XEP-0421 for the speaker's bare JID in this room. */
  readonly occupantId: string
  readonly policy: RoomPolicy
  /** The speaker is an administrator of the service: may what an owner may, in every room. */
  readonly admin?: boolean
  /** May the speaker create a room here? Asked for only where the room is new. Default true. */
  readonly mayCreate?: boolean
  /** The grant of the nick that is asked for, in a distributed room. Default 0. */
  readonly grant?: number
  readonly grantProof?: string
  /** What the command is about, where the state has it not any more. */
  readonly target?: LoggedEvent
  readonly disco?: Disco
}

/** What others add to the answer of disco#info. */
export interface Disco {
  readonly features?: readonly string[]
  /** The source, where this instance is a shadow (XEP-0281 §4.3): the field `dmuc-source`. */
  readonly source?: string
}

/**
 * One stanza for several local clients. It carries `from` and no `to`, and is complete otherwise. The tree is shared and never
 * changed: the same element object is always the same stanza, so what it serialises to can be kept by identity.
 */
export interface Delivery {
  /** Full JIDs, at least one; bare JIDs for invitations, and for what is asked of an occupant's account. */
  readonly to: readonly string[]
  readonly stanza: Element
  /** For clients that this change removes from the room: goes before the reply to the command (§§8.2, 9.1). */
  readonly removal?: true
}

/** A stanza for an occupant at another instance, one hop away and never logged (dmuc.md §1, row 43). */
export interface Relay {
  /** The room JID of the target's home. */
  readonly home: string
  readonly target: string
  /** From the sender's occupant JID here, or from the room; without `to`. */
  readonly stanza: Element
}

/** An IQ was passed on under an id of our own: its answer must come from `from` with `id`, once, and goes to `requester`. */
export interface Expectation {
  readonly id: string
  /** Who will answer: a real JID, or `home/nick` of another instance. */
  readonly from: string
  readonly requester: string
  readonly requestId: string
  /** The occupant JID that the requester asked, the `from` of the answer. */
  readonly answerFrom: string
}

/** The card of a room (XEP-0054), as it is kept. */
export interface Card {
  /** SHA-256 of the text. */
  readonly digest: string
  readonly text: string
}

/** What a command comes to. A refusal is a StanzaError instead. */
export interface Decision {
  /** Applied and rendered in order, each on the state that the one before left. */
  readonly operations: readonly Operation[]
  /** The result of an IQ. Goes after the removals, before everything else. */
  readonly reply?: Delivery
  /** Stanzas that change nothing: private messages, invitations, voice requests, the room anew for a client that lost track. */
  readonly deliveries?: readonly Delivery[]
  readonly relays?: readonly Relay[]
  readonly expects?: Expectation
  /** To be kept beside the room, once the configuration names its digest. */
  readonly card?: Card
}

export const nothing: Decision = { operations: [] }
