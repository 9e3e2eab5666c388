/** Where a stanza goes next: a local session, a local host, the s2s pool. */
import type { Element } from '../xml/element.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { Handled } from './handled.js'

export interface Router {
  /**
   * Delivers a stanza that carries `from` and `to` (both prepared and trusted: the caller stamped or verified `from`).
   * Synchronous: order is the order of the calls. Errors become replies to `from`; nothing is thrown.
   * The returned promise, where there is one, settles when the stanza was dealt with.
   */
  route(stanza: Element): Handled
  /**
   * One stanza without `to` for many full or bare JIDs: serialised once. The tree must not be changed afterwards.
   * Recipients may be local sessions or remote JIDs.
   */
  broadcast(stanza: Element, recipients: readonly string[]): void
  /**
   * Sends an IQ get or set. `answered` is called once, when the answer arrives and before any stanza that came after it is
   * dealt with, but never within this call; after `timeoutMs` (default 30,000) with `remote-server-timeout`.
   */
  ask(iq: Element, answered: (answer: Element | StanzaError) => void, timeoutMs?: number): void
  /**
   * Sends an IQ get or set and waits for its answer: the reply of type result; rejects with the StanzaError of an error reply, or
   * `remote-server-timeout` after `timeoutMs` (default 30,000). Matches by from, type and id.
   */
  request(iq: Element, timeoutMs?: number): Promise<Element>
  /** Do clients have more waiting for them than they can take at once? What can wait should then, for some milliseconds. */
  readonly crowded: boolean
}

/** The way to other domains. */
export interface Remote {
  /** Queues for the domain of `to`; bounced to `from` by the pool itself when it cannot be delivered. */
  send(stanza: Element): void
  /** Pre-rendered, one recipient. */
  sendText(from: string, to: string, text: string, stanza: Element): void
}
