/** What the server counts of its traffic, for metrics. */

export type Origin = 'c2s' | 's2s' | 'component'

export interface Counts {
  /** A stanza came in: `message`, `presence` or `iq`. */
  stanza(from: Origin, name: string): void
  /** Somebody was refused: a stream, with the condition of its error, or `rate-limit` and the like; a stanza, with that of its own. */
  refused(what: Origin | 'stanza' | 'http', reason: string): void
}

export const uncounted: Counts = { stanza: () => {}, refused: () => {} }
