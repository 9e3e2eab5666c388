/** A user's roster in memory and on disk: nothing changes in memory before it is durable (RFC 6121 §2). */
import type { LoadedAccount } from '../../server/account.js'
import type { Handled, Host } from '../../server/module.js'
import type { RosterItem, Write } from '../../store/store.js'
import { type Element, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { RosterService } from '../services.js'
import { isEmpty, isListed, itemElement, removedElement } from './item.js'
import { versionOf } from './version.js'

export const accountData = 'roster'
/** In `Session.data`: the client asked with a version, so it is told the versions of changes. */
export const versioned = 'roster.versioned'
type Items = Map<string, RosterItem>
type ChangedListener = Parameters<RosterService['onChanged']>[0]
type RemovedListener = (account: LoadedAccount, item: RosterItem) => Handled

export class Roster implements RosterService {
  readonly #host: Host
  /** Contacts of one account, those included that only asked: a stranger's requests must not fill the memory. */
  readonly #most: number
  readonly #listeners: RemovedListener[] = []
  readonly #followers: ChangedListener[] = []

  constructor(host: Host) {
    this.#host = host
    this.#most = host.options.max_roster_contacts as number
  }

  async load(bareJid: string): Promise<Items> {
    const items = await this.#host.store.roster(bareJid)
    return new Map(items.map((item) => [item.jid, item]))
  }

  items(account: LoadedAccount): Items {
    return account.data.get(accountData) as Items
  }

  put(account: LoadedAccount, item: RosterItem, after: () => Handled, besides: readonly Write[] = []): Promise<void> {
    const items = this.items(account)
    const before = items.get(item.jid)
    if (before === undefined && items.size >= this.#most)
      throw new StanzaError('resource-constraint', { text: `A roster has at most ${this.#most} contacts` })
    const owner = account.jid
    const write = isEmpty(item)
      ? ({ type: 'roster.delete', owner, jid: item.jid } as const)
      : ({ type: 'roster.put', owner, item } as const)
    return account.write([write, ...besides], () => {
      if (isEmpty(item)) items.delete(item.jid)
      else items.set(item.jid, item)
      const followed = after()
      this.#pushChange(owner, before, item)
      for (const follower of this.#followers) follower(account, before, items.get(item.jid))
      return followed
    })
  }

  remove(account: LoadedAccount, item: RosterItem): Promise<void> {
    const owner = account.jid
    return account.write([{ type: 'roster.delete', owner, jid: item.jid }], () => {
      this.items(account).delete(item.jid)
      this.#push(owner, () => removedElement(item.jid))
      for (const follower of this.#followers) follower(account, item, undefined)
      const followed = this.#listeners.map((listener) => listener(account, item))
      return followed.some((handled) => handled !== undefined) ? Promise.all(followed).then(() => undefined) : undefined
    })
  }

  onRemoved(listener: RemovedListener): void {
    this.#listeners.push(listener)
  }

  onChanged(listener: ChangedListener): void {
    this.#followers.push(listener)
  }

  #pushChange(owner: string, before: RosterItem | undefined, item: RosterItem): void {
    if (isListed(item)) {
      const was = before !== undefined && isListed(before) ? itemElement(before).toString() : undefined
      if (was !== itemElement(item).toString()) this.#push(owner, () => itemElement(item))
    } else if (before !== undefined && isListed(before)) this.#push(owner, () => removedElement(item.jid))
  }

  /** §2.1.6: to each client that asked for the roster. */
  #push(owner: string, item: () => Element): void {
    const account = this.#host.account(owner)
    let known: string | undefined
    const version = (): string | undefined => {
      known ??= account && versionOf([...this.items(account).values()].filter(isListed))
      return known
    }
    for (const session of this.#host.sessions.of(owner)) {
      if (!session.interested) continue
      const ver = session.data.get(versioned) === true ? version() : undefined
      const to = session.jid.toString()
      const attrs = { type: 'set', id: this.#host.random.token(), from: owner, to }
      session.outbox.send(xml('iq', attrs, xml('query', { xmlns: ns.roster, ver }, item())))
    }
  }
}
