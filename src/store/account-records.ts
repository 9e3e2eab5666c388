/** What is kept of an account: how it logs in, its roster, its nodes, and what waits for it. JIDs are prepared, times in milliseconds. */

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
