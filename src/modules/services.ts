/** What modules of this folder ask of each other, by contract: the names of services and their types. */
import type { LoadedAccount } from '../server/account.js'
import type { Handled } from '../server/module.js'
import type { Session } from '../server/session.js'
import type { RosterItem, Write } from '../store/store.js'
import type { Element } from '../xml/element.js'
import type { Jid } from '../xmpp/jid.js'

export const rosterService = 'roster'

/** A user's contacts (RFC 6121 §2), for the rules of subscriptions. */
export interface RosterService {
  /** All items by bare JID, also those that the user does not see because only a request is pending. */
  items(account: LoadedAccount): ReadonlyMap<string, RosterItem>
  /**
   * Makes the item durable, then changes the memory, runs `after`, and pushes the item to interested clients where the user sees
   * a difference. Rejects, with nothing changed, when the store fails. `besides` go into the same batch.
   */
  put(account: LoadedAccount, item: RosterItem, after: () => Handled, besides?: readonly Write[]): Promise<void>
  /** Hears of each item that its user removed, after it was removed. */
  onRemoved(listener: (account: LoadedAccount, item: RosterItem) => Handled): void
  /** Hears of each change of an item, once it is in memory; undefined stands for one that is not there. */
  onChanged(
    listener: (account: LoadedAccount, before: RosterItem | undefined, now: RosterItem | undefined) => void,
  ): void
}

/** The item that stands for a contact that is not there. */
export const emptyItem = (jid: string): RosterItem => ({
  jid,
  name: undefined,
  groups: [],
  subscription: 'none',
  ask: false,
  pendingIn: undefined,
  approved: false,
})

export const presenceService = 'presence'

export interface PresenceService {
  /**
   * May `other` see that the account is there: a contact with a subscription of type `from` or `both`, somebody to whom one of
   * its clients sent directed presence, or the account itself. The account must be loaded.
   */
  isVisible(bareJid: string, other: Jid): boolean
  /** Those of whom `whom` is true see the clients leave, as far as they saw them. */
  hide(account: LoadedAccount, whom: (jid: Jid) => boolean): void
  /** In place of the presence that the client sent last. */
  renew(account: LoadedAccount, session: Session, presence: Element): void
  /** Subscribers of whom `whom` is true see the clients. */
  show(account: LoadedAccount, whom: (jid: Jid) => boolean): void
}

export const publishingService = 'publishing'

/** A change of a node that a module makes in the name of the account: as if its client had published or retracted. */
export type NodeChange =
  | {
      readonly node: string
      readonly publish: { readonly id: string; readonly payload: Element }
      /** The form fields, without their `pubsub#`, that a node is made with which is not there yet. */
      readonly options: Readonly<Record<string, string>>
    }
  | { readonly node: string; readonly retract: readonly string[] }

/** Nodes of accounts (XEP-0163) for modules that give them a meaning. The accounts must be loaded. */
export interface PublishingService {
  /** The ids of the items of a node, in the order of publication. */
  ids(account: LoadedAccount, node: string): readonly string[]
  /** What these items say, of those that there are. */
  payloads(account: LoadedAccount, node: string, ids: readonly string[]): Promise<ReadonlyMap<string, Element>>
  /** May `other` have the items of this node? */
  mayRetrieve(account: LoadedAccount, node: string, other: Jid): boolean
  /** Who may have the items of this node: `open`, `presence`, …; undefined where it is not there. */
  accessModel(account: LoadedAccount, node: string): string | undefined
  /** Makes all changes and `writes` durable as one, and tells those who want to hear of it. Rejects with StanzaError. */
  change(account: LoadedAccount, changes: readonly NodeChange[], writes?: readonly Write[]): Promise<void>
  /** Hears which nodes of an account were changed, once that is durable. */
  onChanged(listener: (account: LoadedAccount, nodes: ReadonlySet<string>) => void): void
  /** Answers for a node that is made of others: it has one item, for the account itself alone. */
  standIn(node: string, forIt: StandIn): void
  /** Tells the account's own clients of the item of a node that is made of others. */
  tellOwn(account: LoadedAccount, node: string, id: string, payload: Element): void
}

export interface StandIn {
  readonly id: string
  read(account: LoadedAccount): Promise<Element>
  write(account: LoadedAccount, payload: Element): Promise<void>
}

export const privateConversion = 'private conversion'

/** A payload of private storage (XEP-0049) that is kept elsewhere, in another form. Changes run while nothing else of the account does. */
export interface PrivateConversion {
  readonly name: string
  readonly ns: string
  read(account: LoadedAccount): Promise<Element>
  write(account: LoadedAccount, payload: Element): Promise<void>
  /** Adds what was kept privately before there was the other form, and takes nothing away; `writes` go into the same batch. */
  adopt(account: LoadedAccount, payload: Element, writes: readonly Write[]): Promise<void>
}

export const invitedService = 'invited'

export interface InvitedService {
  /**
   * Where the token is of an invitation to become a contact of this account (XEP-0379): runs `work` with what uses it up; otherwise
   * undefined.
   */
  redeem(token: string, bareJid: string, work: (used: readonly Write[]) => Promise<void>): Promise<void> | undefined
}

export const capabilitiesService = 'capabilities'

export interface CapabilitiesService {
  /**
   * Which nodes whoever sent this presence wants to hear of (`+notify`, XEP-0060 §9.2). Where that is not known `asker`, the bare JID of
   * the account that got the presence, asks. `then` runs at once or later, and not at all where there is no answer.
   */
  interests(presence: Element, asker: string, then: (nodes: ReadonlySet<string>) => void): void
}

export const avatarService = 'avatar'

/** The avatar of an account, as its vCard has it (XEP-0398). */
export interface AvatarService {
  /** `<PHOTO/>`, where there is one that `asker` may have. */
  photo(account: LoadedAccount, asker: Jid): Promise<Element | undefined>
  /** What publishes the photo of a vCard that was set, or takes the avatar away; undefined for what cannot be published. */
  changesFor(account: LoadedAccount, photo: Element | undefined): readonly NodeChange[] | undefined
}

export const cardService = 'card'

/** What a user publishes about themselves (XEP-0292), as a card of the older kind (XEP-0054). */
export interface CardService {
  /** Undefined where there is none that `asker` may have. */
  card(account: LoadedAccount, asker: Jid): Promise<Element | undefined>
}

export const blockingService = 'blocking'

export interface BlockingService {
  /** The user does not want to hear of this address, nor to be seen by it (XEP-0191). */
  isBlocked(account: LoadedAccount, jid: Jid): boolean
  /** Hears of what a client blocked, as its items were (they may hold more than the address), once that is durable. */
  onBlocked(listener: (account: LoadedAccount, items: readonly Element[]) => void): void
}

export const messageService = 'message'

export interface MessageService {
  /** The clients that the rules of RFC 6121 §8.5 give this message to, as things are now. */
  recipients(stanza: Element, to: Jid): readonly Session[]
}

export const carbonsService = 'carbons'

export interface CarbonsService {
  /** Was this client shown a copy of what another one of its account was sent at this time (milliseconds since the epoch)? */
  sawCopy(session: Session, stanza: Element, from: Jid, at: number): boolean
}

export const offlineService = 'offline'

export interface OfflineService {
  /**
   * Keeps a message, said at `at`, until the user is there. True where it need not be kept, undefined where it must not be; throws
   * StanzaError where it cannot be.
   */
  keep(message: Element, account: LoadedAccount, at: number): true | undefined | Promise<void>
}

export const userArchiveService = 'user archive'

export interface UserArchiveService {
  /** This client has asked for its archive: what it missed it finds there. */
  isReader(session: Session): boolean
  /** A message with this id is in the archive of `owner`: it has not expired. */
  holds(owner: string, id: string): Promise<boolean>
}

/** In `Session.data`, true while the client says that nobody looks at it (XEP-0352). */
export const clientInactive = 'client.inactive'
