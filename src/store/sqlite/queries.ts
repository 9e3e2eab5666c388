/** Every question of the store as prepared SQL, for a reader thread. */
import type { Account, RestingRoom, RoomRecord, RoomsQuery, RosterItem, ScramKeys } from '../store.js'
import type { Connection } from './connection.js'
import { LogQueries } from './log-queries.js'
import { nodeQueries } from './nodes.js'
import type { LoadedRows, Queries, Query } from './protocol.js'

export function prepareQueries(db: Connection): Queries {
  const log = new LogQueries(db)
  return {
    ...accountQueries(db),
    ...nodeQueries(db),
    ...roomQueries(db, log),
    log: (room, query) => log.events(room, query),
    archive: (owner, query) => log.records(owner, query),
    logOrder: (owner, stanzaId) => log.order(owner, stanzaId),
    logRange: (room, instance, incarnation, from, to, limit) => log.range(room, instance, incarnation, from, to, limit),
    logHead: (room, instance, incarnation, seq) => log.head(room, instance, incarnation, seq),
    unsigned: (room, instance) => log.unsigned(room, instance),
    expired: (room, before) => log.expired(room, before),
  }
}

export function answer(queries: Queries, [name, ...args]: Query): unknown {
  // The arguments' types follow from the name, which the compiler cannot relate after the spread.
  const ask = queries[name] as (...args: readonly unknown[]) => unknown
  return ask(...args)
}

type AccountQueries = Pick<
  Queries,
  'account' | 'accounts' | 'lacksSha512' | 'roster' | 'offline' | 'offlineCount' | 'data' | 'dataKeys'
>

interface AccountRow {
  jid: string
  sha1_salt: string
  sha1_iterations: number
  sha1_stored_key: string
  sha1_server_key: string
  sha256_salt: string
  sha256_iterations: number
  sha256_stored_key: string
  sha256_server_key: string
  sha512_salt: string | null
  sha512_iterations: number | null
  sha512_stored_key: string | null
  sha512_server_key: string | null
  created_at: number
  disabled: number
}

interface RosterRow {
  jid: string
  name: string | null
  groups: string
  subscription: RosterItem['subscription']
  ask: number
  pending_in: string | null
  approved: number
}

function accountQueries(db: Connection): AccountQueries {
  const account = db.prepare<[string], AccountRow>('SELECT * FROM account WHERE jid = ?')
  const accounts = db.prepare<[string], string>('SELECT jid FROM account WHERE domain = ? ORDER BY jid').pluck()
  const lacking = db
    .prepare<[string], number>(
      'SELECT EXISTS (SELECT 1 FROM account INDEXED BY account_lacking WHERE domain = ? AND sha512_salt IS NULL)',
    )
    .pluck()
  const roster = db.prepare<[string], RosterRow>('SELECT * FROM roster WHERE owner = ? ORDER BY jid')
  const offline = db.prepare<[string], { order: number; at: number; stanza: string }>(
    'SELECT id AS "order", at, stanza FROM offline WHERE owner = ? ORDER BY id',
  )
  const offlineCount = db.prepare<[string], number>('SELECT count(*) FROM offline WHERE owner = ?').pluck()
  const data = db
    .prepare<[string, string, string], string>('SELECT value FROM data WHERE owner = ? AND kind = ? AND key = ?')
    .pluck()
  const dataKeys = db
    .prepare<[string, string], string>('SELECT key FROM data WHERE owner = ? AND kind = ? ORDER BY key')
    .pluck()
  return {
    account: (jid) => {
      const row = account.get(jid)
      return row === undefined ? undefined : toAccount(row)
    },
    accounts: (domain) => accounts.all(domain),
    lacksSha512: (domain) => lacking.get(domain) === 1,
    roster: (owner) => roster.all(owner).map(toRosterItem),
    offline: (owner) => offline.all(owner),
    offlineCount: (owner) => offlineCount.get(owner) ?? 0,
    data: (owner, kind, key) => data.get(owner, kind, key),
    dataKeys: (owner, kind) => dataKeys.all(owner, kind),
  }
}

function toAccount(row: AccountRow): Account {
  return {
    jid: row.jid,
    sha1: {
      salt: row.sha1_salt,
      iterations: row.sha1_iterations,
      storedKey: row.sha1_stored_key,
      serverKey: row.sha1_server_key,
    },
    sha256: {
      salt: row.sha256_salt,
      iterations: row.sha256_iterations,
      storedKey: row.sha256_stored_key,
      serverKey: row.sha256_server_key,
    },
    sha512: toKeys(row),
    createdAt: row.created_at,
    disabled: row.disabled === 1,
  }
}

function toKeys({
  sha512_salt: salt,
  sha512_iterations: iterations,
  sha512_stored_key: storedKey,
  sha512_server_key: serverKey,
}: AccountRow): ScramKeys | undefined {
  if (salt === null || iterations === null || storedKey === null || serverKey === null) return undefined
  return { salt, iterations, storedKey, serverKey }
}

function toRosterItem(row: RosterRow): RosterItem {
  return {
    jid: row.jid,
    name: row.name ?? undefined,
    groups: JSON.parse(row.groups),
    subscription: row.subscription,
    ask: row.ask === 1,
    pendingIn: row.pending_in ?? undefined,
    approved: row.approved === 1,
  }
}

interface RoomRow {
  id: number
  jid: string
  service: string
  room_id: string
  source: string
  epoch: number
  epoch_rank: number
  created_at: number
  public: number
  persistent: number
  name: string
  state: string
}

type RoomQueries = Pick<
  Queries,
  'rooms' | 'roomCount' | 'loadRoom' | 'ownedRooms' | 'resting' | 'restingPeers' | 'shadowCount'
>

/** Greater than any JID as UTF-8. */
const aboveAll = '\u{10ffff}'

function roomQueries(db: Connection, log: LogQueries): RoomQueries {
  const pageIn = (direction: 'ASC' | 'DESC') =>
    db.prepare<[string, string, string, number, number, number, number], RoomRow>(
      `SELECT * FROM room WHERE service = ? AND jid > ? AND jid < ? AND public >= ? AND persistent <= ?
         AND (? OR NOT EXISTS (SELECT 1 FROM rest WHERE rest.room = room.id))
       ORDER BY jid ${direction} LIMIT ?`,
    )
  const forward = pageIn('ASC')
  const backward = pageIn('DESC')
  const page = (service: string, query: RoomsQuery): RoomRecord[] => {
    const { after = '', before = aboveAll, publicOnly, temporaryOnly, awakeOnly, limit } = query
    const statement = query.backward === true ? backward : forward
    const flags = [publicOnly === true ? 1 : 0, temporaryOnly === true ? 0 : 1, awakeOnly === true ? 0 : 1] as const
    const rows = statement.all(service, after, before, ...flags, limit).map(toRoom)
    return query.backward === true ? rows.reverse() : rows
  }
  const count = db
    .prepare<[string, number], number>('SELECT count(*) FROM room WHERE service = ? AND public >= ?')
    .pluck()
  const find = db.prepare<[string], RoomRow>('SELECT * FROM room WHERE jid = ?')
  const affiliations = db.prepare<[number], NullableNick>(
    'SELECT jid, affiliation, nick, reason FROM affiliation WHERE room = ? ORDER BY jid',
  )
  const occupants = db.prepare<[number], LoadedRows['occupants'][number]>(
    'SELECT nick, jid, home, since, revision FROM occupant WHERE room = ? ORDER BY nick',
  )
  const instances = db.prepare<[number], LoadedRows['instances'][number]>(
    'SELECT jid, state FROM instance WHERE room = ? ORDER BY jid',
  )
  const amendments = db.prepare<[number, number], NullableAuthor>(
    `SELECT stanza_id AS stanzaId, patch, jid, instance FROM amendment
     WHERE room = ? AND NOT EXISTS (SELECT 1 FROM log WHERE archive = ? AND stanza_id = amendment.stanza_id) ORDER BY id`,
  )
  const owned = db
    .prepare<[string, string], number>(
      `SELECT count(*) FROM affiliation INDEXED BY affiliation_owner CROSS JOIN room ON room.id = affiliation.room
       WHERE affiliation.jid = ? AND affiliation = 'owner' AND room.service = ? AND room.source = room.jid`,
    )
    .pluck()
  const memory = db.prepare<[number], string>('SELECT memory FROM rest WHERE room = ?').pluck()
  const resting = db.prepare<[string, string, string, number], RestingRoom>(
    'SELECT jid, tag, digest FROM rest_shared WHERE service = ? AND peer = ? AND tag > ? ORDER BY tag LIMIT ?',
  )
  const restingPeers = db.prepare<[string], string>('SELECT DISTINCT peer FROM rest_shared WHERE service = ?').pluck()
  const shadows = db
    .prepare<[string, string], number>(
      `SELECT count(*) FROM room INDEXED BY room_shadow
       WHERE service = ? AND source <> jid AND substr(source, instr(source, '@') + 1) = ?`,
    )
    .pluck()
  const load = (jid: string, recent: number): LoadedRows | undefined => {
    const row = find.get(jid)
    if (row === undefined) return undefined
    const left = memory.get(row.id)
    return {
      room: toRoom(row),
      affiliations: affiliations.all(row.id).map(toAffiliation),
      occupants: occupants.all(row.id),
      instances: instances.all(row.id),
      recent: log.recent(row.id, recent),
      vector: log.vector(row.id),
      amendments: amendments.all(row.id, row.id).map((one) => ({
        ...one,
        jid: one.jid ?? undefined,
        instance: one.instance ?? undefined,
      })),
      lastArchivedAt: log.lastArchivedAt(row.id),
      ...(left === undefined ? {} : { memory: left }),
    }
  }
  return {
    rooms: page,
    roomCount: (service, publicOnly) => count.get(service, publicOnly ? 1 : 0) ?? 0,
    ownedRooms: (service, owner) => owned.get(owner, service) ?? 0,
    resting: (service, peer, after, limit) => resting.all(service, peer, after, limit),
    restingPeers: (service) => restingPeers.all(service),
    shadowCount: (service, firsthost) => shadows.get(service, firsthost) ?? 0,
    // One transaction: all parts are of the same moment.
    loadRoom: db.transaction(load),
  }
}

interface NullableAuthor {
  stanzaId: string
  patch: string
  jid: string | null
  instance: string | null
}

interface NullableNick {
  jid: string
  affiliation: string
  nick: string | null
  reason: string | null
}

function toAffiliation(row: NullableNick): LoadedRows['affiliations'][number] {
  return { ...row, nick: row.nick ?? undefined, reason: row.reason ?? undefined }
}

function toRoom(row: RoomRow): RoomRecord {
  return {
    jid: row.jid,
    service: row.service,
    roomId: row.room_id,
    source: row.source,
    epoch: row.epoch,
    epochRank: row.epoch_rank,
    createdAt: row.created_at,
    public: row.public === 1,
    persistent: row.persistent === 1,
    name: row.name,
    state: row.state,
  }
}
