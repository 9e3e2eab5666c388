/**
 * The contract of a module: what one XEP adds to a host. A module *returns* what it registers; the host installs it and
 * withdraws all of it when the host stops. Two handlers for one key are an error at start.
 */

import type { HttpHandler } from '../net/http.js'
import type { Store } from '../store/store.js'
import type { Clock } from '../util/clock.js'
import type { Logger } from '../util/logger.js'
import type { Random } from '../util/random.js'
import type { Element } from '../xml/element.js'
import type { Form } from '../xmpp/data-form.js'
import type { Jid } from '../xmpp/jid.js'
import type { Xep } from '../xmpp/xep.js'
import type { LoadedAccount } from './account.js'
import type { AccountKeeper } from './account-keeper.js'
import type { Counts } from './counts.js'
import type { Handled } from './handled.js'
import type { Router } from './router.js'
import type { Session, Sessions } from './session.js'

export type { Handled } from './handled.js'

/** Fixed order, no numbers: refuse what is malformed; refuse what is not allowed; do it; tell others that it was done. */
export type Stage = 'validate' | 'authorize' | 'handle' | 'observe'

/** A virtual host with accounts, a service of rooms, or a component of its own process (XEP-0114). */
export type HostType = 'user' | 'muc' | 'external'

export interface Identity {
  readonly category: string
  readonly type: string
  readonly name?: string
}

/** Answers an IQ: an element is the reply, undefined means that the handler replies itself later through the router. */
export type IqHandler = (iq: Element, from: Jid, to: Jid) => Element | undefined | Promise<Element | undefined>

/**
 * `true` ends the way of the stanza: it was dealt with. Anything else lets it go on. Throw a StanzaError to refuse it.
 * Handlers run synchronously; work that has to wait is started and returned as `Handled` by `handle` stages only.
 */
export type StanzaHandler = (stanza: Element, from: Jid, to: Jid) => boolean | undefined | Promise<void>

/**
 * Makes durable what must be before anybody sees the stanza: `goOn` takes it further, as it is or as a new tree, and is called when
 * that is done; not at all where it fails.
 */
export type Keeper = (stanza: Element, from: Jid, to: Jid, goOn: (stanza: Element) => Handled) => Handled

export type Registration =
  /** Of the host, or of its accounts. */
  | { readonly kind: 'feature'; readonly ns: string; readonly at?: 'host' | 'account' }
  | { readonly kind: 'identity'; readonly identity: Identity; readonly at?: 'host' | 'account' }
  /** An IQ to the host itself, or to a bare JID of it which the server answers on the account's behalf. */
  | {
      readonly kind: 'iq'
      readonly at: 'host' | 'account'
      readonly type: 'get' | 'set'
      readonly ns: string
      readonly name: string
      readonly handler: IqHandler
    }
  /** Stanzas from local clients (`outbound`), or to local accounts from wherever (`inbound`). */
  | {
      readonly kind: 'stanza'
      readonly name: 'message' | 'presence' | 'iq'
      readonly direction: 'outbound' | 'inbound'
      readonly stage: Stage
      readonly handler: StanzaHandler
    }
  /** Between `authorize` and `handle`. */
  | {
      readonly kind: 'keep'
      readonly name: 'message' | 'presence'
      readonly direction: 'outbound' | 'inbound'
      readonly keeper: Keeper
    }
  /** Takes every stanza to this host that no `iq` registration at 'host' took: what a component (a MUC service) is made of. */
  | { readonly kind: 'component'; readonly handler: (stanza: Element, from: Jid, to: Jid) => Handled }
  /** Of the host (XEP-0128). */
  | { readonly kind: 'disco-form'; readonly form: Form }
  | {
      readonly kind: 'disco-items'
      readonly items: (from: Jid, page: ListPage) => Promise<ListedItems>
    }
  /**
   * What service discovery tells at nodes of the host or of its accounts; undefined for a node that is not there. Items of the node
   * '' are those of the account itself, beside other modules'.
   */
  | {
      readonly kind: 'disco-node'
      readonly at: 'host' | 'account'
      readonly info?: (node: string, from: Jid, to: Jid) => DiscoInfo | undefined
      readonly items?: (node: string, from: Jid, to: Jid) => readonly DiscoItem[] | undefined
    }
  | {
      readonly kind: 'session'
      readonly bound?: (session: Session) => void
      readonly presence?: (session: Session, stanza: Element) => void
      readonly closed?: (session: Session) => void
      /** The client's connection is lost and its session waits for it (XEP-0198); these messages it has not acknowledged. */
      readonly waits?: (session: Session, unacknowledged: readonly Element[]) => void
      /** The client is gone without having acknowledged this message (XEP-0198); of several hooks the first counts. */
      readonly undelivered?: (session: Session, message: Element) => Handled
    }
  /** An element of a bound client's stream that is no stanza. Throws StreamError. */
  | { readonly kind: 'element'; readonly ns: string; readonly handler: (session: Session, element: Element) => void }
  /** Done in the step that binds a resource (XEP-0386), for an element of `ns`; with what is to be answered. */
  | {
      readonly kind: 'inline'
      readonly ns: string
      readonly enable: (session: Session, request: Element) => Element | undefined
    }
  | {
      readonly kind: 'stream-feature'
      readonly element: (session: { readonly jid: Jid | undefined }) => Element | undefined
    }
  /**
   * What the module needs of an account in memory, read once before the first stanza from or to that account is handled
   * (never decide on what is not loaded); found under `name` in `LoadedAccount.data`.
   */
  | { readonly kind: 'account'; readonly name: string; readonly load: (bareJid: string) => Promise<unknown> }
  /**
   * Does this account want no stanza from this sender? What is broadcast goes straight to clients, past the stages of `inbound`; where a
   * shield says yes, it takes them.
   */
  | { readonly kind: 'shield'; readonly against: (account: LoadedAccount, from: Jid) => boolean }
  /** Of the host (XEP-0050). */
  | { readonly kind: 'command'; readonly command: HostCommand }
  /** Of clients that have not logged in: what they are offered, and their IQ requests in this namespace. */
  | {
      readonly kind: 'stranger'
      readonly ns: string
      readonly features: () => readonly Element[]
      readonly handler: (iq: Element, stranger: Stranger) => Element | Promise<Element>
    }
  /** Requests to this path of the HTTP server, and below it. The path holds the domain, since all hosts share the server. */
  | { readonly kind: 'http'; readonly path: string; readonly handler: HttpHandler }
  | { readonly kind: 'stop'; readonly run: () => void | Promise<void> }

/** One form and done, or an answer at once: a host keeps no session of a command (XEP-0050). */
export interface HostCommand {
  readonly node: string
  readonly name: string
  may(from: Jid): boolean
  /** What is to be filled in; absent where nothing is. */
  readonly form?: () => Form
  /** With the form that was submitted, where there is one to be filled in. Throws StanzaError. */
  run(from: Jid, submitted: Form): CommandOutcome | Promise<CommandOutcome>
}

export interface CommandOutcome {
  /** For who ran it. */
  readonly note?: string
  readonly form?: Form
}

/** A client before it has logged in; lives as long as its stream. */
export interface Stranger {
  readonly remoteAddress: string
  /** State of modules for it. */
  readonly data: Map<string, unknown>
}

/** A page of a long list, in order of JIDs (XEP-0059): above `after`, below `before`, from the end where `backward`. */
export interface ListPage {
  readonly after?: string
  readonly before?: string
  readonly backward?: boolean
  readonly limit: number
}

export interface ListedItems {
  readonly items: readonly DiscoItem[]
  /** Of the whole list. */
  readonly count: number
}

export interface DiscoItem {
  readonly jid: string
  readonly name?: string
  readonly node?: string
}

/** What an entity is and can do (XEP-0030 §3). */
export interface DiscoInfo {
  readonly identities: readonly Identity[]
  readonly features: readonly string[]
  readonly forms?: readonly Form[]
}

/** What the modules of a host have registered together, for service discovery and the stream's features. */
export interface Registered {
  readonly features: readonly string[]
  readonly accountFeatures: readonly string[]
  readonly identities: readonly Identity[]
  readonly accountIdentities: readonly Identity[]
  readonly forms: readonly Form[]
  /** What at most one module of a host lists. */
  discoItems(from: Jid, page: ListPage): Promise<ListedItems>
  readonly commands: readonly HostCommand[]
  /** Undefined where no module knows the node. */
  nodeInfo(at: 'host' | 'account', node: string, from: Jid, to: Jid): DiscoInfo | undefined
  nodeItems(at: 'host' | 'account', node: string, from: Jid, to: Jid): readonly DiscoItem[] | undefined
}

/** What a module sees of the host that it is set up on. */
export interface Host {
  readonly domain: string
  readonly type: HostType
  /** The name given in the configuration; for disco. */
  readonly name: string
  readonly router: Router
  readonly sessions: Sessions
  readonly store: Store
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly counts: Counts
  /** The module's options, validated by its own schema and complete with defaults. */
  readonly options: Readonly<Record<string, unknown>>
  /** Bare JIDs of the administrators. */
  readonly admins: ReadonlySet<string>
  /** Is this domain one of ours (any virtual host or component of this process)? */
  isLocal(domain: string): boolean
  /** Contracts offered by other modules, by name; never the modules themselves. */
  service<T>(name: string): T | undefined
  offer(name: string, service: unknown): void
  /** The address of the HTTP server as clients reach it, with a slash at the end; undefined where none is known. */
  httpBase(): string | undefined
  readonly accounts: AccountKeeper
  /** What all modules of this host registered; complete once the host has started. */
  readonly registered: Registered
  /** The other hosts of this process, in the order of the configuration. */
  siblings(): readonly { readonly domain: string; readonly type: HostType; readonly name: string }[]
  /**
   * The account of a bare JID of this host, if it is in memory. In a handler of a stanza from it (outbound) or to it (inbound, and
   * IQ at 'account') it always is.
   */
  account(bareJid: string): LoadedAccount | undefined
  /** Runs the task when the account is loaded and nothing of it is held: at once where that is so already. */
  withAccount(bareJid: string, task: (account: LoadedAccount) => Handled): Handled
  /** Tells the `presence` handlers of all modules that a session's own presence changed. */
  presenceChanged(session: Session, stanza: Element): void

  feature(ns: string, at?: 'host' | 'account'): Registration
  identity(category: string, type: string, name?: string): Registration
  iq(at: 'host' | 'account', type: 'get' | 'set', ns: string, name: string, handler: IqHandler): Registration
  on(
    direction: 'outbound' | 'inbound',
    name: 'message' | 'presence' | 'iq',
    stage: Stage,
    handler: StanzaHandler,
  ): Registration
}

/** One option of the configuration that a module declares; defaults live beside it. */
export interface OptionDeclaration {
  readonly type: 'boolean' | 'integer' | 'string' | 'string-list' | 'table' | 'table-list'
  readonly default: unknown
  readonly doc: string
  /** A sentence that completes "must …" when the value is wrong. */
  readonly check?: (value: unknown) => string | undefined
}

export interface Module {
  readonly name: string
  /** All that the module implements, and what it stands for among parts that are not modules. */
  readonly xeps?: readonly Xep[]
  /** Which clauses of an RFC, and the test that shows them, below test/. */
  readonly rfc?: { readonly clauses: string; readonly test: string }
  readonly hosts: readonly HostType[]
  readonly options?: Readonly<Record<string, OptionDeclaration>>
  setup(host: Host): readonly Registration[] | Promise<readonly Registration[]>
}
