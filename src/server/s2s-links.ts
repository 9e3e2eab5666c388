/** What an operator sees of the connections to other servers, and what the rest of the server hears of them. */

export interface LinkInfo {
  readonly local: string
  readonly remote: string
  readonly direction: 'in' | 'out'
  readonly state: 'idle' | 'connecting' | 'authorizing' | 'up' | 'waiting' | 'closed'
  readonly encrypted: boolean
  /** How the peer proved its domain to us (`in`) or will take stanzas from ours (`out`). */
  readonly authenticated: 'dialback' | 'certificate' | undefined
  readonly remoteAddress: string | undefined
  readonly streamId: string | undefined
  /** Stanzas that wait for the link. */
  readonly queue: number
  readonly lastError: string | undefined
  /** When the state began, milliseconds since the epoch. */
  readonly since: number
}

/** Each is called outside of the call that caused it, so it may send. */
export interface LinkWatcher {
  /** Stanzas flow from `local` to `remote`. */
  up?(remote: string, local: string): void
  /** They do no longer, or an attempt failed. Not called when a link is closed because nothing was sent for long. */
  down?(remote: string, local: string, reason: string): void
  /** The peer opened its own way to us, so it is there. */
  heard?(remote: string, local: string): void
}
