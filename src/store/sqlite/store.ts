/**
 * The Store on SQLite. One thread writes, others read, and one of its own searches; this side only packs, sends and unpacks, and never touches the
 * database, so the event loop never waits for the disk.
 */
import { closeSync, openSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Closeable } from '../../util/lifecycle.js'
import type { Logger } from '../../util/logger.js'
import { lockDataDirectory } from '../lock.js'
import {
  type Account,
  type ExpiredRecord,
  type HeadRecord,
  type LoadedRoom,
  type LogQuery,
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
} from '../store.js'
import type { Durability } from './connection.js'
import { type Commit, decodeRecord, decodeRow, encodeCommit, type Queries, type Query } from './protocol.js'
import { StoreThread } from './store-thread.js'
import { workerFile } from './worker-file.js'

export interface SqliteStoreOptions {
  /** The database file; its directory is made when missing, and locked against a second process. */
  readonly path: string
  /** 'full': confirmed means on the disk. 'normal': a power cut may take the last confirmed batches, a kill may not. */
  readonly durability: Durability
  /** Unconfirmed batches past which callers should wait; with sixteen times as many `commit` rejects with 'overloaded'. */
  readonly pendingLimit?: number
  readonly readers?: number
  /** The caller's lock of the directory, which stays the caller's; without it the store takes one and lets it go. */
  readonly lock?: Closeable
  readonly log: Logger
}

/** Opens, and brings the schema up to date. Rejects with StoreError 'locked' or 'io', in words for the operator. */
export async function openSqliteStore(options: SqliteStoreOptions): Promise<Store> {
  const path = resolve(options.path)
  const { durability, log, pendingLimit = 2_048, readers: readerCount = 1 } = options
  const lock = options.lock ?? lockDataDirectory(dirname(path))
  const ownLock = options.lock === undefined ? lock : undefined
  const data = { path, durability }
  reserve(path)
  const opened: Closeable[] = []
  try {
    const writer = await StoreThread.open<Commit>({
      name: 'writer',
      file: workerFile('writer'),
      data,
      gathers: true,
      log,
    })
    opened.push(writer)
    const openReader = (name: string): Promise<StoreThread<Query>> =>
      StoreThread.open<Query>({ name, file: workerFile('reader'), data, log })
    const readers: StoreThread<Query>[] = []
    for (let number = 1; number <= readerCount; number += 1) {
      const reader = await openReader(`reader ${number}`)
      opened.push(reader)
      readers.push(reader)
    }
    return new SqliteStore({ writer, readers, openSearcher: () => openReader('search'), pendingLimit, lock: ownLock })
  } catch (error) {
    for (const thread of opened) await thread.close()
    await ownLock?.close()
    throw error
  }
}

/** For its owner alone, also in a directory that others may read; SQLite gives the files beside it the same mode. */
function reserve(path: string): void {
  try {
    closeSync(openSync(path, 'a', 0o600))
  } catch {
    // Whoever opens it next says what is wrong with it.
  }
}

/** Times the limit: what had been read when everybody was asked to wait still fits in. */
const overloadedAt = 16

interface Parts {
  readonly writer: StoreThread<Commit>
  readonly readers: readonly StoreThread<Query>[]
  readonly openSearcher: () => Promise<StoreThread<Query>>
  readonly pendingLimit: number
  readonly lock: Closeable | undefined
}

class SqliteStore implements Store {
  readonly pendingLimit: number
  readonly #parts: Parts
  #searcher: Promise<StoreThread<Query>> | undefined
  #closing: Promise<void> | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.pendingLimit = parts.pendingLimit
  }

  get pending(): number {
    return this.#parts.writer.pending
  }

  commit(batch: readonly Write[], options?: { readonly synced?: boolean }): Promise<void> {
    const { writer } = this.#parts
    if (this.#closing !== undefined) return Promise.reject(new StoreError('closed', 'the store is closed'))
    if (writer.pending >= overloadedAt * this.pendingLimit) {
      const text = `${writer.pending} batches wait for the disk: the store takes no more for now`
      return Promise.reject(new StoreError('overloaded', text))
    }
    // The writer answers with no value.
    return writer.request(encodeCommit(batch, options?.synced === true)) as Promise<void>
  }

  account(jid: string): Promise<Account | undefined> {
    return this.#ask('account', jid)
  }

  lacksSha512(domain: string): Promise<boolean> {
    return this.#ask('lacksSha512', domain)
  }

  accounts(domain: string): Promise<string[]> {
    return this.#ask('accounts', domain)
  }

  roster(owner: string): Promise<RosterItem[]> {
    return this.#ask('roster', owner)
  }

  offline(owner: string): Promise<OfflineMessage[]> {
    return this.#ask('offline', owner)
  }

  offlineCount(owner: string): Promise<number> {
    return this.#ask('offlineCount', owner)
  }

  data(owner: string, kind: string, key: string): Promise<string | undefined> {
    return this.#ask('data', owner, kind, key)
  }

  dataKeys(owner: string, kind: string): Promise<string[]> {
    return this.#ask('dataKeys', owner, kind)
  }

  nodes(owner: string): Promise<NodeRecord[]> {
    return this.#ask('nodes', owner)
  }

  payloads(owner: string, node: string, ids: readonly string[]): Promise<ReadonlyMap<string, string>> {
    return this.#ask('payloads', owner, node, ids)
  }

  rooms(service: string, query: RoomsQuery): Promise<RoomRecord[]> {
    return this.#ask('rooms', service, query)
  }

  roomCount(service: string, publicOnly = false): Promise<number> {
    return this.#ask('roomCount', service, publicOnly)
  }

  async loadRoom(jid: string, recent: number): Promise<LoadedRoom | undefined> {
    const loaded = await this.#ask('loadRoom', jid, recent)
    return loaded === undefined ? undefined : { ...loaded, recent: loaded.recent.map(decodeRow) }
  }

  async log(room: string, query: LogQuery): Promise<StoredLogRecord[]> {
    return (await this.#ask('log', room, query)).map(decodeRow)
  }

  ownedRooms(service: string, owner: string): Promise<number> {
    return this.#ask('ownedRooms', service, owner)
  }

  async archive(owner: string, query: LogQuery): Promise<StoredArchiveRecord[]> {
    return (await this.#ask('archive', owner, query)).map(decodeRecord)
  }

  logOrder(owner: string, stanzaId: string): Promise<number | undefined> {
    return this.#ask('logOrder', owner, stanzaId)
  }

  async logRange(
    room: string,
    instance: string,
    incarnation: string,
    from: number,
    to: number,
    limit: number,
  ): Promise<StoredLogRecord[]> {
    return (await this.#ask('logRange', room, instance, incarnation, from, to, limit)).map(decodeRow)
  }

  logHead(room: string, instance: string, incarnation: string, seq: number): Promise<HeadRecord | undefined> {
    return this.#ask('logHead', room, instance, incarnation, seq)
  }

  async resting(service: string, peer: string, after: string, limit: number): Promise<RestingRoom[]> {
    return this.#ask('resting', service, peer, after, limit)
  }

  async restingPeers(service: string): Promise<string[]> {
    return this.#ask('restingPeers', service)
  }

  async shadowCount(service: string, firsthost: string): Promise<number> {
    return this.#ask('shadowCount', service, firsthost)
  }

  async expired(room: string, before: number): Promise<ExpiredRecord[]> {
    return this.#ask('expired', room, before)
  }

  async unsigned(room: string, instance: string): Promise<StoredLogRecord[]> {
    return (await this.#ask('unsigned', room, instance)).map(decodeRow)
  }

  /** What was handed over before is written first; then the log is folded into the database file. */
  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    const searcher = await this.#searcher?.catch(() => undefined)
    await Promise.all([...this.#parts.readers, searcher].map((reader) => reader?.close()))
    await this.#parts.writer.close()
    await this.#parts.lock?.close()
  }

  async #ask<K extends keyof Queries>(name: K, ...args: Parameters<Queries[K]>): Promise<ReturnType<Queries[K]>> {
    const query = [name, ...args] as unknown as Query
    const reader = isSearch(query) ? await this.#search() : this.#idlest()
    // The reader answers each query with what `Queries` says.
    return (await reader.request(query)) as ReturnType<Queries[K]>
  }

  #idlest(): StoreThread<Query> {
    return this.#parts.readers.reduce((least, reader) => (reader.pending < least.pending ? reader : least))
  }

  /** Started by the first search; one that cannot start is tried again by the next. */
  #search(): Promise<StoreThread<Query>> {
    if (this.#closing !== undefined) return Promise.reject(new StoreError('closed', 'the store is closed'))
    this.#searcher ??= this.#parts.openSearcher().catch((error: unknown) => {
      this.#searcher = undefined
      throw error
    })
    return this.#searcher
  }
}

/** A page costs what it holds, a search what there is of its words: nobody who enters a room waits behind one. */
const isSearch = ([name, , query]: Query): boolean =>
  (name === 'log' || name === 'archive') && (query as LogQuery).text !== undefined
