/**
 * A Store that forgets: plain maps, for simulations and for tests of what stands on a store. It holds the same contract as
 * the one on SQLite (test/store/contract.ts). A batch takes effect at once and is confirmed a microtask later.
 */
import { amended, page } from './memory-log.js'
import {
  type Account,
  type AffiliationRecord,
  type Amendment,
  type ArchiveRecord,
  type ExpiredRecord,
  type HeadRecord,
  headInterval,
  type InstanceRecord,
  type LoadedRoom,
  type LogQuery,
  type LogRecord,
  type NodeItem,
  type NodeRecord,
  type OccupantRecord,
  type OfflineMessage,
  type RestingRoom,
  type RoomRecord,
  type RoomsQuery,
  type RosterItem,
  type Store,
  type StoredArchiveRecord,
  type StoredLogRecord,
  StoreError,
  saidTypes,
  type VectorEntry,
  type Write,
} from './store.js'
import { addToVector, raiseFloor } from './vector.js'

export function openMemoryStore(options: { readonly pendingLimit?: number } = {}): Store {
  return new MemoryStore(options.pendingLimit ?? 2_048)
}

/** How to take back what the batch has done so far. */
type Undo = (() => void)[]

class Table<V> {
  readonly #rows = new Map<string, V>()
  readonly #undo: Undo

  constructor(undo: Undo) {
    this.#undo = undo
  }

  get(key: string): V | undefined {
    return this.#rows.get(key)
  }

  put(key: string, row: V | undefined): void {
    const before = this.#rows.get(key)
    this.#undo.push(() => this.#place(key, before))
    this.#place(key, row)
  }

  /** In order of the keys. */
  list(): V[] {
    return [...this.#rows].sort(([a], [b]) => compareUtf8(a, b)).map(([, row]) => row)
  }

  #place(key: string, row: V | undefined): void {
    if (row === undefined) this.#rows.delete(key)
    else this.#rows.set(key, row)
  }
}

interface Room {
  readonly record: RoomRecord
  readonly affiliations: Table<AffiliationRecord>
  readonly occupants: Table<OccupantRecord>
  readonly instances: Table<InstanceRecord>
  readonly vector: Table<VectorEntry>
  /** Whose identities are in the log. */
  readonly events: Table<true>
  /** By origin, rising. */
  readonly heads: Table<readonly HeadRecord[]>
  readonly log: StoredLogRecord[]
  readonly amendments: Table<readonly Amendment[]>
  readonly rest: Table<Extract<Write, { readonly type: 'room.rest' }>>
}

interface KeptNode {
  readonly name: string
  /** Undefined before `node.put`. */
  readonly state: string | undefined
  readonly items: readonly { readonly item: NodeItem; readonly payload: string }[]
}

/** Changes of messages that have not arrived, kept for each room. */
const maxAmendments = 200

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
    const said: readonly string[] = saidTypes
    const rows: ExpiredRecord[] = []
    for (const { instance, incarnation, contiguous } of room?.vector.list() ?? []) {
      const own = (room?.log ?? []).filter((r) => r.instance === instance && r.incarnation === incarnation)
      const stays = own
        .filter((r) => r.archivedAt >= before || (!r.void && said.includes(r.type)))
        .map(({ seq }) => seq)
      const seq = Math.min(contiguous, ...stays.map((one) => one - 1))
      const last = own.filter((r) => r.seq <= seq).sort((a, b) => b.seq - a.seq)[0]
      if (seq > 0) rows.push({ instance, incarnation, seq, revision: last?.revision ?? 0 })
    }
    return rows.sort((a, b) => (`${a.instance}\0${a.incarnation}` < `${b.instance}\0${b.incarnation}` ? -1 : 1))
  }

  async unsigned(jid: string, instance: string): Promise<StoredLogRecord[]> {
    this.#check()
    const room = this.#rooms.get(jid)
    const last = new Map<string, StoredLogRecord>()
    for (const record of room?.log ?? [])
      if (record.instance === instance && record.seq > (last.get(record.incarnation)?.seq ?? 0))
        last.set(record.incarnation, record)
    return [...last.values()].filter(
      ({ incarnation, seq }) => (room?.heads.get(`${instance}\0${incarnation}`)?.at(-1)?.seq ?? 0) < seq,
    )
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
      for (const record of records) this.#append(to, record)
    },
    'room.floor': ({ room, instance, incarnation, seq }) => {
      const { vector } = this.#room(room)
      const origin = `${instance}\0${incarnation}`
      const entry = vector.get(origin) ?? { instance, incarnation, contiguous: 0, above: [] }
      vector.put(origin, raiseFloor(entry, seq))
    },
    'room.expire': (write) => this.#expire(this.#room(write.room), write),
    'room.head': ({ room, instance, incarnation, head }) => {
      const { heads } = this.#room(room)
      const origin = `${instance}\0${incarnation}`
      const kept = (heads.get(origin) ?? []).filter(
        ({ seq }) => seq > head.seq || (seq < head.seq && seq % headInterval === 0),
      )
      heads.put(
        origin,
        [...kept, head].sort((a, b) => a.seq - b.seq),
      )
    },
    'room.void': ({ room, stanzaIds }) => {
      const of = this.#room(room)
      for (const stanzaId of stanzaIds) this.#void(of, stanzaId)
    },
    'room.amend': (write) => this.#amend(this.#room(write.room), write),
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
    const fresh = (): Omit<Room, 'record'> => ({
      affiliations: new Table(this.#undo),
      occupants: new Table(this.#undo),
      instances: new Table(this.#undo),
      vector: new Table(this.#undo),
      events: new Table(this.#undo),
      heads: new Table(this.#undo),
      log: [],
      amendments: new Table(this.#undo),
      rest: new Table(this.#undo),
    })
    this.#rooms.put(record.jid, { ...(known ?? fresh()), record })
  }

  #append(room: Room, record: LogRecord): void {
    const newest = room.log.at(-1)?.archivedAt ?? 0
    if (!(record.archivedAt > newest)) {
      throw new StoreError('constraint', `archivedAt ${record.archivedAt} does not rise: the newest is ${newest}`)
    }
    const { instance, incarnation, seq } = record
    const event = JSON.stringify([instance, incarnation, seq])
    if (!(seq > 0) || room.events.get(event)) throw new StoreError('constraint', `not storable: event ${event}`)
    this.#order += 1
    room.log.push({ ...record, order: this.#order })
    this.#undo.push(() => room.log.pop())
    room.events.put(event, true)
    const origin = `${instance}\0${incarnation}`
    const entry = room.vector.get(origin) ?? { instance, incarnation, contiguous: 0, above: [] }
    room.vector.put(origin, addToVector(entry, seq))
  }

  #expire(room: Room, { instance, incarnation, seq, closed }: Extract<Write, { type: 'room.expire' }>): void {
    const origin = `${instance}\0${incarnation}`
    const upTo = closed ? Number.MAX_SAFE_INTEGER : seq
    const before = [...room.log]
    this.#undo.push(() => room.log.splice(0, room.log.length, ...before))
    const goes = (r: LogRecord): boolean => r.instance === instance && r.incarnation === incarnation && r.seq <= upTo
    for (const r of before.filter(goes)) room.events.put(JSON.stringify([instance, incarnation, r.seq]), undefined)
    room.log.splice(0, room.log.length, ...before.filter((r) => !goes(r)))
    const heads = room.heads.get(origin) ?? []
    if (closed) room.heads.put(origin, undefined)
    else if (heads.length > 0)
      room.heads.put(
        origin,
        heads.filter((head, index) => head.seq > seq || index === heads.length - 1),
      )
    const entry = room.vector.get(origin) ?? { instance, incarnation, contiguous: 0, above: [] }
    room.vector.put(origin, closed ? undefined : raiseFloor(entry, seq))
  }

  #archive(owner: string, record: ArchiveRecord): void {
    const records = this.#archives.get(owner) ?? []
    this.#order += 1
    const archivedAt = Math.max(record.archivedAt, (records.at(-1)?.archivedAt ?? 0) + 1)
    this.#archives.put(owner, [...records, { ...record, archivedAt, order: this.#order }])
  }

  #amend(room: Room, write: Extract<Write, { type: 'room.amend' }>): void {
    const { stanzaId, patch, jid, instance } = write
    if (!room.log.some((record) => record.stanzaId === stanzaId)) {
      const kept = [...(room.amendments.get('') ?? []), { stanzaId, patch, jid, instance }]
      return room.amendments.put('', kept.slice(-maxAmendments))
    }
    for (const [index, record] of room.log.entries()) {
      if (record.stanzaId !== stanzaId || (instance ?? record.instance) !== record.instance) continue
      const body = amended(record, write)
      if (body !== undefined) this.#replace(room, index, { ...record, body })
    }
  }

  #void(room: Room, stanzaId: string): void {
    for (const [index, record] of room.log.entries())
      if (record.stanzaId === stanzaId) this.#replace(room, index, { ...record, void: true, archived: false, body: '' })
  }

  #replace(room: Room, index: number, record: StoredLogRecord): void {
    const before = room.log[index]!
    room.log[index] = record
    this.#undo.push(() => {
      room.log[index] = before
    })
  }
}

/** As SQLite compares text. */
function compareUtf8(a: string, b: string): number {
  return a === b ? 0 : Buffer.compare(Buffer.from(a), Buffer.from(b))
}

const dataKey = (kind: string, key: string): string => `${kind}\0${key}`

const domainOf = (jid: string): string => jid.slice(jid.indexOf('@') + 1)
