/**
 * XEP-0313: Message Archive Management for accounts, with the ids of XEP-0359. A message is in the archive before anybody
 * sees it; what claims to be an id of ours and is not is taken away.
 */

import type { LoadedAccount } from '../../server/account.js'
import type { Handled, Host, Keeper, Module } from '../../server/module.js'
import { archiveId } from '../../store/archive-id.js'
import type { StoredArchiveRecord } from '../../store/store.js'
import { copy, Element, type Node, xml } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload, result } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { writeArchived, writeFin, writeMetadata } from '../archive/answer.js'
import { Askers } from '../archive/askers.js'
import { type ArchivePage, type ArchiveSource, type Filter, readEnds, readPage } from '../archive/page.js'
import { type ArchiveQuery, fullTextNamespace, queryForm, readQuery } from '../archive/query.js'
import { between } from '../between.js'
import { ownAccount } from '../own-account.js'
import { type RosterService, rosterService, type UserArchiveService, userArchiveService } from '../services.js'
import { readStored } from '../stored-xml.js'
import { isArchivable, messageOf, recordOf } from './content.js'
import { isPolicy, isWanted, type Policy, type Preferences, readPreferences, writePreferences } from './preferences.js'
import { Retention, readPeriod } from './retention.js'

/** Of the account's data, in memory and in the store. */
const preferencesData = 'archive-preferences'
/** In `Session.data`: the client reads the archive. */
const reads = 'archive.reads'

export const userArchive: Module = {
  name: 'user_archive',
  xeps: [
    {
      number: 313,
      version: '1.1.3',
      test: 'dialogue/user-archive.test.ts',
      features: [ns.archive, `${ns.archive}#extended`],
    },
    { number: 359, version: '0.7.0', test: 'dialogue/user-archive.test.ts', features: [ns.stanzaId] },
    { number: 431, version: '0.2.0', test: 'dialogue/user-archive.test.ts', features: [fullTextNamespace] },
    { number: 441, version: '0.2.0', test: 'dialogue/user-archive.test.ts' },
  ],
  hosts: ['user'],
  options: {
    max_archive_queries: {
      type: 'integer',
      default: 20,
      doc: 'Questions of one account to its archive that may be under way: clients ask about many contacts at once, and all accounts share the readers of the disk.',
      check: between(1, 1000),
    },
    default_archive_policy: {
      type: 'string',
      default: 'always',
      doc: 'What is archived of users who have not said so themselves: `"always"` all messages, `"roster"` those from and to contacts, `"never"` none.',
      check: (value) => (isPolicy(value) ? undefined : 'be "always", "roster" or "never"'),
    },
    archive_expires_after: {
      type: 'string',
      default: '1w',
      doc: 'How long messages stay in the archives of accounts: a number of days (`"3d"`), weeks (`"1w"`), months of 31 days (`"6m"`) or years (`"1y"`), or `"never"`: they are kept for ever. What is older is erased within an hour. A week is enough for all clients of a user to fetch what they missed, and no more than that lies on the server; messages that nobody has fetched yet are kept as offline messages, however old.',
      check: (value) =>
        readPeriod(value) === undefined ? 'be a period such as "3d", "1w", "6m" or "1y", or "never"' : undefined,
    },
    max_archive_query_results: {
      type: 'integer',
      default: 50,
      doc: 'On virtual hosts: the most results on one page of the archive of an account (XEP-0313).',
      check: (value) =>
        typeof value === 'number' && value >= 1 && value <= 1000 ? undefined : 'be between 1 and 1000',
    },
  },
  setup(host) {
    const archive = new UserArchive(host)
    const service: UserArchiveService = {
      isReader: ({ data }) => data.has(reads),
      holds: async (owner, id) => (await host.store.logOrder(owner, id)) !== undefined,
    }
    host.offer(userArchiveService, service)
    const retention = new Retention(host, readPeriod(host.options.archive_expires_after) as number)
    return [
      ...[ns.archive, `${ns.archive}#extended`, fullTextNamespace, ns.stanzaId].map((each) =>
        host.feature(each, 'account'),
      ),
      { kind: 'stop', run: () => retention.stop() },
      { kind: 'account', name: preferencesData, load: (bareJid) => archive.loadPreferences(bareJid) },
      { kind: 'keep', name: 'message', direction: 'outbound', keeper: archive.keepSent },
      { kind: 'keep', name: 'message', direction: 'inbound', keeper: archive.keepReceived },
      host.iq('account', 'get', ns.archive, 'query', (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        return result(iq, xml('query', { xmlns: ns.archive }, queryForm()))
      }),
      host.iq('account', 'set', ns.archive, 'query', (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        host.sessions.get(from.toString())?.data.set(reads, true)
        return archive.query(iq, from)
      }),
      host.iq('account', 'get', ns.archive, 'metadata', (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        return archive.metadata(iq, to.bare().toString())
      }),
      host.iq('account', 'get', ns.archive, 'prefs', (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        return result(iq, writePreferences(archive.preferences(to)))
      }),
      host.iq('account', 'set', ns.archive, 'prefs', async (iq, from, to) => {
        ownAccount(from, to, 'forbidden')
        const changed = readPreferences(payload(iq) as Element)
        await archive.setPreferences(to, changed)
        return result(iq, writePreferences(changed))
      }),
    ]
  },
}

class UserArchive {
  readonly #host: Host
  readonly #askers: Askers
  /** Of who has not said. */
  readonly #unsaid: Preferences

  constructor(host: Host) {
    this.#host = host
    this.#askers = new Askers(Number(host.options.max_archive_queries))
    this.#unsaid = { default: host.options.default_archive_policy as Policy, always: [], never: [] }
  }

  async loadPreferences(bareJid: string): Promise<Preferences | undefined> {
    const kept = await this.#host.store.data(bareJid, preferencesData, '')
    return kept === undefined ? undefined : readPreferences(readStored(kept))
  }

  preferences(owner: Jid): Preferences {
    const own = this.#host.account(owner.bare().toString())?.data.get(preferencesData) as Preferences | undefined
    return own ?? this.#unsaid
  }

  setPreferences(owner: Jid, changed: Preferences): Promise<void> {
    const account = this.#host.account(owner.bare().toString()) as LoadedAccount
    const value = serialize(writePreferences(changed))
    return account.write([{ type: 'data.put', owner: account.jid, kind: preferencesData, key: '', value }], () => {
      account.data.set(preferencesData, changed)
    })
  }

  /** The contact learns nothing of the id (§3.1). */
  readonly keepSent: Keeper = (stanza, from, to, goOn) => {
    const sent = withoutIds(stanza, from.bare().toString())
    // What users send to themselves is kept as it arrives.
    if (from.bare().equals(to.bare())) return this.#account(from)?.inTurn(() => goOn(sent))
    return this.#keep(sent, from, to, () => goOn(sent))
  }

  readonly keepReceived: Keeper = (stanza, from, to, goOn) => {
    const owner = to.bare().toString()
    const received = withoutIds(stanza, owner)
    return this.#keep(received, to, from, (id) => goOn(id === undefined ? received : withId(received, id, owner)))
  }

  /** `goOn` has the id, once the message is in the archive of `owner`; or none, if it does not go there. */
  #keep(message: Element, owner: Jid, other: Jid, goOn: (id: string | undefined) => Handled): Handled {
    const account = this.#account(owner)
    if (account === undefined) return goOn(undefined)
    if (!isArchivable(message) || !this.#wants(account, owner, other)) return account.inTurn(() => goOn(undefined))
    const now = this.#host.clock.now()
    const id = archiveId(now, this.#host.random.token())
    const record = recordOf(message, id, other, now)
    return account.keep([{ type: 'archive.add', owner: account.jid, records: [record] }], () => goOn(id))
  }

  #account(owner: Jid): LoadedAccount | undefined {
    return this.#host.account(owner.bare().toString())
  }

  #wants(account: LoadedAccount, owner: Jid, other: Jid): boolean {
    const roster = this.#host.service<RosterService>(rosterService)
    const isContact = (): boolean => roster?.items(account).has(other.bare().toString()) ?? false
    return isWanted(this.preferences(owner), other, isContact)
  }

  async query(iq: Element, from: Jid): Promise<Element> {
    const owner = from.bare().toString()
    const query = readQuery(payload(iq) as Element, this.#host.options.max_archive_query_results as number)
    const { with: other } = query
    const filter =
      other === undefined ? {} : { with: other.bare().toString(), ...(other.isFull ? { nick: other.resource } : {}) }
    const page = await this.#page(owner, query, filter)
    for (const record of query.flip ? [...page.records].reverse() : page.records) {
      const archived = { id: record.stanzaId, saidAt: record.archivedAt, message: messageOf(record) }
      const stanza = writeArchived(archived, owner, query)
      stanza.attrs.to = from.toString()
      void this.#host.router.route(stanza)
    }
    return result(iq, writeFin(page, query))
  }

  async #page(owner: string, query: ArchiveQuery, filter: Filter): Promise<ArchivePage> {
    if (!this.#askers.enter(owner))
      throw new StanzaError('resource-constraint', { type: 'wait', text: 'Your other questions come first' })
    try {
      return await readPage(this.#source(owner), query, filter)
    } finally {
      this.#askers.leave(owner)
    }
  }

  async metadata(iq: Element, owner: string): Promise<Element> {
    const [first, last] = await readEnds(this.#source(owner))
    const end = (record: StoredArchiveRecord | undefined) => record && { id: record.stanzaId, at: record.archivedAt }
    return result(iq, writeMetadata(end(first), end(last)))
  }

  #source(owner: string): ArchiveSource<StoredArchiveRecord> {
    const { store } = this.#host
    return { page: (query) => store.archive(owner, query), order: (id) => store.logOrder(owner, id) }
  }
}

const isIdBy = (node: Element, by: string): boolean =>
  node.name === 'stanza-id' && node.getNS() === ns.stanzaId && node.attrs.by === by

/** XEP-0359 §6: only the archive itself says what it calls a message. */
function withoutIds(message: Element, by: string): Element {
  const isForged = (node: Node): boolean => typeof node !== 'string' && isIdBy(node, by)
  if (!message.children.some(isForged)) return message
  const kept = message.children.filter((node) => !isForged(node))
  return xml('message', message.attrs, ...kept.map((node) => (typeof node === 'string' ? node : copy(node))))
}

/** Shares the other children, which nobody changes. */
function withId(message: Element, id: string, by: string): Element {
  const known = new Element('message', message.attrs)
  known.children = [...message.children, xml('stanza-id', { xmlns: ns.stanzaId, by, id })]
  return known
}
