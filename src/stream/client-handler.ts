/** What a client's stream is given, and what it asks of whoever owns the connection: a client's side of the server. */
import type { BindingType, UsableBinding } from '../sasl/channel-binding.js'
import type { SaslMechanism } from '../sasl/mechanism.js'
import type { ScramHash } from '../sasl/scram-keys.js'
import type { Clock } from '../util/clock.js'
import type { Random } from '../util/random.js'
import type { Element } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'
import type { Credentials } from './authentication.js'
import type { InlineBind, InlineBound } from './bind2.js'
import type { LeftOut } from './extension.js'
import type { Tokens } from './fast.js'
import type { Framing } from './header.js'
import type { StreamLimits, StreamTimeouts } from './limits.js'
import type { Resumable, Resumption } from './manage.js'
import type { StreamEnd } from './stream.js'

/** The same for all connections of a listener. */
export interface ClientStreamOptions {
  readonly encryptionRequired: boolean
  /** The strongest first. */
  readonly mechanisms: readonly SaslMechanism[]
  /** Both see sasl/mechanism.ts. */
  readonly secret: Buffer
  readonly iterations: number
  readonly limits: StreamLimits
  readonly timeouts: StreamTimeouts
  /** Logins that may fail on one stream; default 5. */
  readonly attempts?: number
  readonly clock: Clock
  readonly random: Random
  /** What the operator wants none of; default: nothing. */
  readonly leftOut?: LeftOut | undefined
}

/** What is so about one connection from the start. */
export interface Channel {
  readonly framing: Framing
  /** Protected by TLS, or never leaving this machine. */
  readonly secure: boolean
  /** Only with the operator's leave, on loopback. */
  readonly plainWithoutTls: boolean
}

/** Who may log in at a host, by which proof; the domains are prepared. */
export interface LoginHandler {
  credentials(account: Jid, hash: ScramHash): Promise<Credentials | undefined>
  /** What authentication can be bound to, the strongest first; none where TLS ends elsewhere. */
  readonly bindings: readonly BindingType[]
  binding(type: UsableBinding): Buffer | undefined
  /** Localparts that the client's certificate proves. */
  certified(domain: string): readonly string[]
  /** Every account of the host has keys of these. */
  hashes(domain: string): readonly ScramHash[]
  /** Is the host for those who have no account (RFC 4505)? */
  takesGuests(domain: string): boolean
  /** Makes an account for one of them; its localpart. */
  guest(domain: string): Promise<string>
  /** Who logged in has shown a certificate and nothing else (XEP-0178): it may end before the stream. */
  provedByCertificate(): void
  /** Who logged in has shown the password: keys that the account has not can be made. */
  passwordShown(account: Jid, password: string): void
  /** Tokens of clients (XEP-0484); undefined where there are none. */
  tokens(domain: string): Tokens | undefined
  /** A login was refused, with this condition of SASL. */
  refused(condition: string): void
  /** What a client that has not logged in is offered beside doing so. */
  strangerFeatures(domain: string): readonly Element[]
  /** Answers its IQ request; undefined where nobody takes it. Never rejects. */
  answerStranger(domain: string, iq: Element): Promise<Element> | undefined
}

/** What the client has once it is logged in: a session, new or resumed. */
export interface SessionHandler {
  /** What modules can do while a resource is bound. */
  inlineFeatures(domain: string): readonly string[]
  /** Makes the session and returns its full JID. Throws StanzaError. */
  bind(account: Jid, resource: string | undefined): string
  /** The same with all that Bind 2 asks for (XEP-0386). */
  bindInline(account: Jid, request: InlineBind): InlineBound
  /** The client knows its JID: stanzas may be sent. */
  bound(): void
  /** See ManageContext in manage.ts. `enable` is undefined where the stream cannot be resumed. */
  enable(resume: boolean): Resumable | undefined
  resume(account: Jid, id: string, h: number, answer: (resumption: Resumption) => void): void
  /** The former stream's session goes on here: stanzas may be sent. */
  resumed(): void
  /** The client asks how much was handled. */
  requested(): void
  /** The client has handled this many. Throws StreamError where that cannot be. */
  acknowledged(h: number): void
  /** Another element of the bound client; false for what nobody knows. Throws StreamError. */
  takeElement(element: Element): boolean
  /** A stanza of the bound client. What it throws as StreamError ends the stream. */
  stanza(stanza: Element): void
}

export interface ClientStreamHandler {
  readonly login: LoginHandler
  readonly session: SessionHandler
  output(text: string): void
  /** Is this a virtual host with accounts? The domain is prepared. */
  hasHost(domain: string): boolean
  /** The transport can, and there is a certificate. */
  canStartTls(domain: string): boolean
  /** Put TLS under the stream, then call `secured`; on failure `transportClosed`. */
  startTls(domain: string): void
  /** What modules add to the features after authentication. */
  features(domain: string): readonly Element[]
  /** Something of ours failed that the client is only told of in general words. */
  failed(error: unknown): void
  /** Once, and last: end the transport, unless it is what was lost. */
  ended(end: StreamEnd): void
}
