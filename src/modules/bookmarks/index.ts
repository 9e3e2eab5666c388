/**
 * XEP-0402: PEP Native Bookmarks. They are kept as items of one node; clients that know only the list of XEP-0048, in private storage
 * (XEP-0049) or as an item, read and write the same bookmarks (XEP-0411).
 */
import type { LoadedAccount } from '../../server/account.js'
import type { Host, Module } from '../../server/module.js'
import type { Write } from '../../store/store.js'
import { copy, type Element, xml } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import {
  type NodeChange,
  type PrivateConversion,
  type PublishingService,
  privateConversion,
  publishingService,
} from '../services.js'
import { readStored } from '../stored-xml.js'
import { bookmarksNs, keepingExtensions, readStorage, storageNs, storageOf } from './conference.js'

const conversionNs = 'urn:xmpp:bookmarks-conversion:0'
const test = 'dialogue/bookmarks.test.ts'

export const bookmarks: Module = {
  name: 'bookmarks',
  xeps: [
    {
      number: 402,
      version: '1.2.0',
      test,
      features: [`${bookmarksNs}#compat`, `${bookmarksNs}#compat-pep`],
    },
    { number: 48, version: '1.2', test },
    { number: 411, version: '1.1.0', test, features: [conversionNs] },
  ],
  hosts: ['user'],
  setup(host) {
    const publishing = host.service<PublishingService>(publishingService)
    if (publishing === undefined) return []
    const kept = new Bookmarks(host, publishing)
    const conversion: PrivateConversion = { name: 'storage', ns: storageNs, ...kept.asList }
    host.offer(privateConversion, conversion)
    publishing.standIn(storageNs, { id: 'current', ...kept.asList })
    publishing.onChanged((account, nodes) => {
      if (nodes.has(bookmarksNs)) kept.changed(account)
    })
    return [`${bookmarksNs}#compat`, `${bookmarksNs}#compat-pep`, conversionNs].map((feature) =>
      host.feature(feature, 'account'),
    )
  },
}

/** Of the account's data in the store: what a list holds that is no room. */
const dataKind = 'bookmarks-besides'

class Bookmarks {
  readonly #host: Host
  readonly #publishing: PublishingService
  /** Accounts whose clients are going to be told of the list. */
  readonly #telling = new Set<string>()

  constructor(host: Host, publishing: PublishingService) {
    this.#host = host
    this.#publishing = publishing
  }

  readonly asList = {
    read: async (account: LoadedAccount): Promise<Element> =>
      storageOf(await this.#all(account), await this.#besides(account)),
    write: async (account: LoadedAccount, storage: Element): Promise<void> => {
      const { bookmarks: wanted, besides } = readStorage(storage)
      const before = await this.#all(account)
      await this.#publishing.change(account, changesOf(before, wanted), [keeping(account, besides)])
    },
    adopt: async (account: LoadedAccount, storage: Element, writes: readonly Write[]): Promise<void> => {
      const old = readStorage(storage)
      const before = await this.#all(account)
      const besides = [...(await this.#besides(account)), ...old.besides]
      const wanted = new Map([...old.bookmarks, ...before])
      await this.#publishing.change(account, changesOf(before, wanted), [...writes, keeping(account, besides)])
    },
  }

  /** Once for all that was changed in one go. */
  changed(account: LoadedAccount): void {
    if (this.#telling.has(account.jid)) return
    this.#telling.add(account.jid)
    const told = account.inTurn(async () => {
      this.#telling.delete(account.jid)
      this.#publishing.tellOwn(account, storageNs, 'current', await this.asList.read(account))
    })
    told?.catch((error: unknown) => {
      this.#host.log.error({ err: error, jid: account.jid }, 'Clients could not be told of changed bookmarks')
    })
  }

  #all(account: LoadedAccount): Promise<ReadonlyMap<string, Element>> {
    return this.#publishing.payloads(account, bookmarksNs, this.#publishing.ids(account, bookmarksNs))
  }

  async #besides(account: LoadedAccount): Promise<readonly Element[]> {
    const text = await this.#host.store.data(account.jid, dataKind, '')
    return text === undefined ? [] : readStored(text).children.filter((node) => typeof node !== 'string')
  }
}

function keeping({ jid: owner }: LoadedAccount, besides: readonly Element[]): Write {
  const value = besides.length === 0 ? undefined : serialize(xml('storage', { xmlns: storageNs }, ...besides.map(copy)))
  return { type: 'data.put', owner, kind: dataKind, key: '', value }
}

/** How XEP-0402 §3.3 wants the node to be. */
const options = {
  persist_items: 'true',
  max_items: 'max',
  send_last_published_item: 'never',
  access_model: 'whitelist',
} as const

function changesOf(before: ReadonlyMap<string, Element>, wanted: ReadonlyMap<string, Element>): NodeChange[] {
  const changes: NodeChange[] = []
  for (const [id, conference] of wanted) {
    const payload = keepingExtensions(conference, before.get(id))
    const known = before.get(id)
    if (known === undefined || serialize(copy(known)) !== serialize(copy(payload)))
      changes.push({ node: bookmarksNs, publish: { id, payload }, options })
  }
  const gone = [...before.keys()].filter((id) => !wanted.has(id))
  return gone.length === 0 ? changes : [...changes, { node: bookmarksNs, retract: gone }]
}
