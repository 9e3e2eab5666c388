/**
 * A Store that forgets: plain maps, for simulations and for tests of what stands on a store. It holds the same contract as
 * the one on SQLite (test/store/contract.ts). A batch takes effect at once and is confirmed a microtask later.
 */
import { page } from './memory-log.js'
import {
  addHead,
  amend,
  append,
  emptyRoom,
  erase,
  expire,
  expiredOf,
  type Room,
  raise,
  unsignedOf,
} from './memory-room.js'
import { compareUtf8, Table, type Undo } from './memory-table.js'
import {
  type Account,
  type ArchiveRecord,
  type ExpiredRecord,
  type HeadRecord,
  type LoadedRoom,
  type LogQuery,
  type NodeItem,
  type NodeRecord,
  type OfflineMessage,
  type RestingRoom,
  type RoomRecord,
  type RoomsQuery,
  type RosterItem,
  type Store,
  type StoredArchiveRecord,
  type StoredLogRecord,
  StoreError,
  type Write,
} from './store.js'

export function openMemoryStore(options: { readonly pendingLimit?: number } = {}): Store {
  return new MemoryStore(options.pendingLimit ?? 2_048)
}

interface KeptNode {
  readonly name: string
  /** Undefined before `node.put`. */
  readonly state: string | undefined
  readonly items: readonly { readonly item: NodeItem; readonly payload: string }[]
}

class MemoryStore implements Store {
  readonly pendingLimit: number
  #pending = 0
  #closed = false
  #order = 0
  readonly #undo: Undo = []
  readonly #accounts = new Table<Account>(this.#undo)
  readonly #rosters = new Table<Table<RosterItem>>(this.#undo)
  readonly #offline = new Table<readonly OfflineMessage[]>(this.#undo)
  readonly #data = new Table<Table<{ readonly kind: string; readonly key: string; readonly value: string }>>(this.#undo)
  readonly #nodes = new Table<Table<KeptNode>>(this.#undo)
  readonly #rooms = new Table<Room>(this.#undo)
  readonly #archives = new Table<readonly StoredArchiveRecord[]>(this.#undo)

  constructor(pendingLimit: number) {
    this.pendingLimit = pendingLimit
  }

  get pending(): number {
    return this.#pending
  }

  async commit(batch: readonly Write[]): Promise<void> {
    this.#check()
    try {
      for (const write of batch) this.#apply(write)
    } catch (error) {
      for (const undo of this.#undo.reverse()) undo()
      throw error
    } finally {
      this.#undo.length = 0
    }
    this.#pending += 1
    await Promise.resolve()
    this.#pending -= 1
  }

  async account(jid: string): Promise<Account | undefined> {
    this.#check()
    return this.#accounts.get(jid)
  }

  async lacksSha512(domain: string): Promise<boolean> {
    this.#check()
    return this.#accounts.list().some(({ jid, sha512 }) => sha512 === undefined && domainOf(jid) === domain)
  }

  async accounts(domain: string): Promise<string[]> {
    this.#check()
    const jids = this.#accounts.list().map((account) => account.jid)
    return jids.filter((jid) => domainOf(jid) === domain)
  }

  async roster(owner: string): Promise<RosterItem[]> {
    this.#check()
    return this.#rosters.get(owner)?.list() ?? []
  }

  async offline(owner: string): Promise<OfflineMessage[]> {
    this.#check()
    return [...(this.#offline.get(owner) ?? [])]
  }

  async offlineCount(owner: string): Promise<number> {
    this.#check()
    return this.#offline.get(owner)?.length ?? 0
  }

  async data(owner: string, kind: string, key: string): Promise<string | undefined> {
    this.#check()
    return this.#data.get(owner)?.get(dataKey(kind, key))?.value
  }

  async dataKeys(owner: string, kind: string): Promise<string[]> {
    this.#check()
    const rows = this.#data.get(owner)?.list() ?? []
    return rows.filter((row) => row.kind === kind).map((row) => row.key)
  }

  async nodes(owner: string): Promise<NodeRecord[]> {
    this.#check()
    const kept = this.#nodes.get(owner)?.list() ?? []
    return kept.flatMap(({ name, state, items }) =>
      state === undefined ? [] : { name, state, items: items.map(({ item }) => item) },
    )
  }

  async payloads(owner: string, node: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    this.#check()
    const items = this.#nodes.get(owner)?.get(node)?.items ?? []
    return new Map(items.filter(({ item }) => ids.includes(item.id)).map(({ item, payload }) => [item.id, payload]))
  }

  async rooms(service: string, query: RoomsQuery): Promise<RoomRecord[]> {
    this.#check()
    const { after = '', before, limit, publicOnly = false, temporaryOnly = false } = query
    const found = this.#rooms
      .list()
      .filter(({ rest }) => query.awakeOnly !== true || rest.get('') === undefined)
      .map((room) => room.record)
      .filter((r) => r.service === service && compareUtf8(r.jid, after) > 0 && (r.public || !publicOnly))
      .filter((r) => !temporaryOnly || !r.persistent)
      .filter((r) => before === undefined || compareUtf8(r.jid, before) < 0)
    return query.backward === true ? found.slice(Math.max(0, found.length - limit)) : found.slice(0, limit)
  }

  async roomCount(service: string, publicOnly = false): Promise<number> {
    return (await this.rooms(service, { limit: Number.POSITIVE_INFINITY, publicOnly })).length
  }

  async loadRoom(jid: string, recent: number): Promise<LoadedRoom | undefined> {
    this.#check()
    const room = this.#rooms.get(jid)
    if (room === undefined) return undefined
    const rest = room.rest.get('')
    return {
      room: room.record,
      affiliations: room.affiliations.list(),
      occupants: room.occupants.list(),
      instances: room.instances.list(),
      recent: page(room.log, { types: ['message', 'subject'], limit: recent, backward: true }),
      vector: room.vector.list(),
      amendments: (room.amendments.get('') ?? []).filter(
        ({ stanzaId }) => !room.log.some((record) => record.stanzaId === stanzaId),
      ),
      lastArchivedAt: room.log.at(-1)?.archivedAt ?? 0,
      ...(rest === undefined ? {} : { memory: rest.memory }),
    }
  }

  async log(jid: string, query: LogQuery): Promise<StoredLogRecord[]> {
    this.#check()
    return page(this.#rooms.get(jid)?.log ?? [], query)
  }

  async resting(service: string, peer: string, after: string, limit: number): Promise<RestingRoom[]> {
    this.#check()
    return this.#resting(service)
      .flatMap(({ room, shared }) => shared.map((row) => ({ jid: room, ...row })))
      .filter((row) => row.peer === peer && row.tag > after)
      .sort((a, b) => compareUtf8(a.tag, b.tag))
      .slice(0, limit)
      .map(({ jid, tag, digest }) => ({ jid, tag, digest }))
  }

  async restingPeers(service: string): Promise<string[]> {
    this.#check()
    const peers = this.#resting(service).flatMap(({ shared }) => shared.map(({ peer }) => peer))
    return [...new Set(peers)].sort(compareUtf8)
  }

  async shadowCount(service: string, firsthost: string): Promise<number> {
    this.#check()
    const records = this.#rooms.list().map(({ record }) => record)
    return records.filter(
      (record) => record.service === service && record.source !== record.jid && domainOf(record.source) === firsthost,
    ).length
  }

  #resting(service: string): Extract<Write, { readonly type: 'room.rest' }>[] {
    const rooms = this.#rooms.list().filter(({ record }) => record.service === service)
    return rooms.flatMap(({ rest }) => rest.list())
  }

  async ownedRooms(service: string, owner: string): Promise<number> {
    this.#check()
    const rooms = this.#rooms.list().filter(({ record }) => record.service === service && record.source === record.jid)
    return rooms.filter(({ affiliations }) => affiliations.get(owner)?.affiliation === 'owner').length
  }

  async archive(owner: string, query: LogQuery): Promise<StoredArchiveRecord[]> {
    this.#check()
    return page(this.#archives.get(owner) ?? [], query)
  }

  async logOrder(owner: string, stanzaId: string): Promise<number | undefined> {
    this.#check()
    const log = this.#rooms.get(owner)?.log ?? this.#archives.get(owner)
    return log?.find((record) => record.stanzaId === stanzaId)?.order
  }

  async logRange(
    jid: string,
    instance: string,
    incarnation: string,
    from: number,
    to: number,
    limit: number,
  ): Promise<StoredLogRecord[]> {
    this.#check()
    const log = this.#rooms.get(jid)?.log ?? []
    return log
      .filter((r) => r.instance === instance && r.incarnation === incarnation && r.seq >= from && r.seq <= to)
      .sort((a, b) => a.seq - b.seq)
      .slice(0, limit)
  }

  async logHead(jid: string, instance: string, incarnation: string, seq: number): Promise<HeadRecord | undefined> {
    this.#check()
    const heads = this.#rooms.get(jid)?.heads.get(`${instance}\0${incarnation}`) ?? []
    return heads.find((head) => head.seq >= seq) ?? heads.at(-1)
  }

  async expired(jid: string, before: number): Promise<ExpiredRecord[]> {
    this.#check()
    const room = this.#rooms.get(jid)
    return room === undefined ? [] : expiredOf(room, before)
  }

  async unsigned(jid: string, instance: string): Promise<StoredLogRecord[]> {
    this.#check()
    const room = this.#rooms.get(jid)
    return room === undefined ? [] : unsignedOf(room, instance)
  }

  close(): void {
    this.#closed = true
  }

  #check(): void {
    if (this.#closed) throw new StoreError('closed', 'the store is closed')
  }

  readonly #handlers: { readonly [W in Write as W['type']]: (write: W) => void } = {
    'account.put': ({ account }) => this.#accounts.put(account.jid, account),
    'account.sha512': ({ jid, keys, given }) => {
      const account = this.#accounts.get(jid)
      if (account !== undefined && account.sha512 === undefined && account.sha256.storedKey === given.storedKey)
        this.#accounts.put(jid, { ...account, sha512: keys })
    },
    'account.delete': ({ jid }) => {
      for (const table of [this.#accounts, this.#rosters, this.#offline, this.#data, this.#nodes, this.#archives])
        table.put(jid, undefined)
    },
    'roster.put': ({ owner, item }) => this.#in(this.#rosters, owner).put(item.jid, item),
    'roster.delete': ({ owner, jid }) => this.#in(this.#rosters, owner).put(jid, undefined),
    'offline.add': ({ owner, at, stanza }) => {
      this.#order += 1
      this.#offline.put(owner, [...(this.#offline.get(owner) ?? []), { order: this.#order, at, stanza }])
    },
    'offline.delete': ({ owner, upTo }) => {
      const kept = (this.#offline.get(owner) ?? []).filter((message) => message.order > upTo)
      this.#offline.put(owner, kept)
    },
    'data.put': ({ owner, kind, key, value }) =>
      this.#in(this.#data, owner).put(dataKey(kind, key), value === undefined ? undefined : { kind, key, value }),
    'node.put': ({ owner, name, state }) => this.#putNode(owner, name, (node) => ({ ...node, state })),
    'node.delete': ({ owner, name }) => this.#in(this.#nodes, owner).put(name, undefined),
    'item.put': ({ owner, node, item, payload }) =>
      this.#putNode(owner, node, ({ items, ...rest }) => ({
        ...rest,
        items: [...items.filter((other) => other.item.id !== item.id), { item, payload }],
      })),
    'item.delete': ({ owner, node, ids }) =>
      this.#putNode(owner, node, ({ items, ...rest }) => ({
        ...rest,
        items: items.filter(({ item }) => !ids.includes(item.id)),
      })),
    'room.put': ({ room }) => this.#putRoom(room),
    'room.delete': ({ jid }) => {
      for (const table of [this.#rooms, this.#data]) table.put(jid, undefined)
    },
    'room.affiliation': ({ room, entry }) => this.#room(room).affiliations.put(entry.jid, entry),
    'room.affiliation.delete': ({ room, jid }) => this.#room(room).affiliations.put(jid, undefined),
    'room.log': ({ room, records }) => {
      const to = this.#room(room)
      for (const record of records) append(to, record, ++this.#order)
    },
    'room.floor': ({ room, ...floor }) => raise(this.#room(room), floor),
    'room.expire': (write) => expire(this.#room(write.room), write),
    'room.head': ({ room, ...signed }) => addHead(this.#room(room), signed),
    'room.void': ({ room, stanzaIds }) => {
      const of = this.#room(room)
      for (const stanzaId of stanzaIds) erase(of, stanzaId)
    },
    'room.amend': (write) => amend(this.#room(write.room), write),
    'room.occupant.put': ({ room, occupant }) => this.#room(room).occupants.put(occupant.nick, occupant),
    'room.occupant.delete': ({ room, nick }) => this.#room(room).occupants.put(nick, undefined),
    'room.instance.put': ({ room, instance }) => this.#room(room).instances.put(instance.jid, instance),
    'room.instance.delete': ({ room, jid }) => this.#room(room).instances.put(jid, undefined),
    'room.rest': (write) => this.#room(write.room).rest.put('', write),
    'room.wake': ({ room }) => this.#room(room).rest.put('', undefined),
    'archive.add': ({ owner, records }) => {
      for (const record of records) this.#archive(owner, record)
    },
    'archive.trim': ({ owner, upTo }) => {
      const kept = (this.#archives.get(owner) ?? []).filter(({ order }) => order > upTo)
      this.#archives.put(owner, kept)
    },
  }

  #apply(write: Write): void {
    // A handler's type follows from its key, which the compiler cannot relate to the write's own.
    const handle = this.#handlers[write.type] as (write: Write) => void
    handle(write)
  }

  #in<V>(tables: Table<Table<V>>, owner: string): Table<V> {
    const known = tables.get(owner)
    if (known !== undefined) return known
    const table = new Table<V>(this.#undo)
    tables.put(owner, table)
    return table
  }

  #putNode(owner: string, name: string, change: (node: KeptNode) => KeptNode): void {
    const nodes = this.#in(this.#nodes, owner)
    nodes.put(name, change(nodes.get(name) ?? { name, state: undefined, items: [] }))
  }

  #room(jid: string): Room {
    const room = this.#rooms.get(jid)
    if (room === undefined) throw new StoreError('constraint', `there is no room ${jid}`)
    return room
  }

  #putRoom(record: RoomRecord): void {
    const known = this.#rooms.get(record.jid)
    this.#rooms.put(record.jid, { ...(known ?? emptyRoom(this.#undo)), record })
  }

  #archive(owner: string, record: ArchiveRecord): void {
    const records = this.#archives.get(owner) ?? []
    this.#order += 1
    const archivedAt = Math.max(record.archivedAt, (records.at(-1)?.archivedAt ?? 0) + 1)
    this.#archives.put(owner, [...records, { ...record, archivedAt, order: this.#order }])
  }
}

const dataKey = (kind: string, key: string): string => `${kind}\0${key}`

const domainOf = (jid: string): string => jid.slice(jid.indexOf('@') + 1)
