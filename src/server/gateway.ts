/** What connections see of the server: the seam between streams (c2s, s2s) and hosts, sessions and routing. */
import type { Account } from '../store/store.js'
import type { Unacknowledged } from '../stream/management.js'
import type { Element } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import type { Handled } from './handled.js'
import type { Logins } from './logins.js'
import type { Stranger } from './module.js'
import type { Outbox, Session } from './session.js'

export interface ConnectionFacts {
  readonly remoteAddress: string
  readonly secure: boolean
  /** The id in the stream's header, also in the log. */
  readonly streamId: string
  /** The id of the client's installation (XEP-0388), where it gave one. */
  readonly agent?: string | undefined
}

/** For client connections. */
export interface ClientGateway {
  /** Is this a virtual host with accounts? */
  hasHost(domain: string): boolean
  account(bareJid: string): Promise<Account | undefined>
  readonly logins: Logins
  /** Features that modules add to the stream's features after authentication. */
  streamFeatures(domain: string): readonly Element[]
  /** What a client that has not logged in is offered beside doing so. */
  strangerFeatures(domain: string): readonly Element[]
  /** Answers an IQ request of such a client; undefined where nobody takes it. Never rejects. */
  answerStranger(domain: string, iq: Element, stranger: Stranger): Promise<Element> | undefined
  /**
   * Makes the session; a resource in use is taken over (the older session is closed with `conflict`); without a
   * resource one is minted. Throws a StanzaError (RFC 6120 §7.6.2.1, §7.7.2.2).
   */
  bind(account: Jid, resource: string | undefined, outbox: Outbox, facts: ConnectionFacts): Session
  /** What modules can do while a resource is bound (XEP-0386), by namespace. */
  inlineFeatures(domain: string): readonly string[]
  /** Hands an element that is no stanza to the module that knows it; false where there is none. Throws StreamError. */
  takeElement(session: Session, element: Element): boolean
  /** Has modules do it for a session that was just bound; what nobody knows is left out. */
  enableInline(session: Session, requests: readonly Element[]): readonly Element[]
  /** Takes a stanza from the client: stamps or checks `from` (throws StreamError `invalid-from`), fills in `to`, routes. */
  receive(session: Session, stanza: Element): Handled
  /** The connection is lost, and the session waits for its client (XEP-0198), who has not acknowledged these. */
  waits(session: Session, unacknowledged: readonly Unacknowledged[]): void
  /**
   * The session is over; idempotent. What its client was sent and did not acknowledge goes another way: to other clients, to where
   * messages wait, or back.
   */
  unbind(session: Session, unacknowledged?: readonly Unacknowledged[]): void
}

/** For server connections. */
export interface ServerGateway {
  /** Is this a virtual host or a component of ours? */
  hasHost(domain: string): boolean
  /** A stanza whose `from` domain was verified for this stream and whose `to` is ours. Never throws. */
  receive(stanza: Element): Handled
}
