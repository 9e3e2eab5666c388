/** A bound client and the registry of them. */
import type { Element } from '../xml/element.js'
import type { Rendered } from '../xml/writer.js'
import type { Jid } from '../xmpp/jid.js'

/** Where stanzas for a bound client go. Never blocks: a client that reads too slowly is closed (`resource-constraint`). */
export interface Outbox {
  /** False while the session waits for its client to come back (XEP-0198). */
  readonly connected?: boolean
  send(stanza: Element): void
  sendRendered(rendered: Rendered, to: string): void
  /** Whether somebody looks at the client (XEP-0352); while nobody does, what can wait does. */
  setActive?(active: boolean): void
  /** Ends the stream with this stream error. */
  close(
    condition: 'conflict' | 'not-authorized' | 'policy-violation' | 'reset' | 'system-shutdown' | 'resource-constraint',
    text?: string,
  ): void
}

export interface Session {
  readonly jid: Jid
  readonly outbox: Outbox
  readonly remoteAddress: string
  readonly secure: boolean
  readonly boundAt: number
  /** The last available presence broadcast by the client; undefined while it is unavailable. */
  presence: Element | undefined
  /** RFC 6121 §4.7.2.3; 0 while unavailable. */
  priority: number
  /** Has asked for the roster, so it gets pushes (RFC 6121 §2.1.6). */
  interested: boolean
  /** State of modules for this session; dropped with it. */
  readonly data: Map<string, unknown>
}

export interface Sessions {
  /** By full JID. */
  get(jid: string): Session | undefined
  /** All sessions of a bare JID, in order of binding. */
  of(bare: string): readonly Session[]
  readonly size: number
  all(): IterableIterator<Session>
}
