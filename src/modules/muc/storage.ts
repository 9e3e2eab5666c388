/** A replica as rows and back: what comes back after a restart is what these say. */

import { maxLeadMs, noStamp } from '../../dmuc/clock.js'
import type { RoomKeys } from '../../dmuc/ids.js'
import type { Instance, InstanceTable, Replica } from '../../dmuc/replica.js'
import { restrictions } from '../../dmuc/restrictions.js'
import { toRetrieve } from '../../dmuc/retrieval.js'
import { toSettle } from '../../dmuc/settling.js'
import { liar } from '../../dmuc/turn.js'
import { originKey, Vector } from '../../dmuc/vector.js'
import { withVouches } from '../../dmuc/vouching.js'
import type { Floor } from '../../dmuc/wire/floor.js'
import { archivedTypes, defaultConfig, retractionBy } from '../../room/index.js'
import type {
  PendingRetraction,
  RegisterEntry,
  Retraction,
  Role,
  RoomConfig,
  RoomState,
  Subject,
} from '../../room/types.js'
import { affiliations, type LoggedEvent } from '../../room/types.js'
import type { Amendment, LoadedRoom, LogRecord, RoomRecord, Write } from '../../store/store.js'
import { nothing } from '../../util/nothing.js'
import { Jid } from '../../xmpp/jid.js'

/** The JSON of `RoomRecord.state`. */
export interface SavedState {
  readonly keys: RoomKeys
  readonly config: RoomConfig
  readonly configRevision: number
  readonly registerRevision: number
  readonly entitled?: readonly (readonly [string, Role])[]
  readonly locked: boolean
  readonly subject: Subject | null
  readonly phase: Replica['phase']
  readonly tableRevision: number
  readonly tableSeal?: Pick<InstanceTable, 'prev' | 'signature'>
  readonly lastGrant: number
  readonly withheld?: Replica['withheld']
  readonly decided?: Replica['decided']
  readonly forkedAt?: number
  /** Who was found out in a lie, and in which, in words. */
  readonly lied?: readonly (readonly [string, string])[]
  readonly floors?: readonly Floor[]
  readonly gaps?: Replica['gaps']
  readonly announced?: number
  readonly expiredRevision?: number
}

/** Numbers are written down by the thousand: none is given twice, whatever was on its way to the disk at the end. */
export const grantsUpTo = (lastGrant: number): number => Math.ceil(lastGrant / 1000) * 1000

/** The configuration of a stored room; what it was stored without is as in a new one. */
export const savedConfig = ({ state }: RoomRecord): RoomConfig => ({
  ...defaultConfig,
  ...(JSON.parse(state) as SavedState).config,
})

function liars({ peers }: Replica): Pick<SavedState, 'lied'> {
  const lied = [...peers].flatMap(([jid, peer]) => (peer.lied === undefined ? [] : [[jid, peer.lied] as const]))
  return lied.length === 0 ? {} : { lied }
}

/** Where the logs of a stored room begin. */
export const savedFloors = ({ state }: RoomRecord): Map<string, Floor> =>
  new Map(((JSON.parse(state) as SavedState).floors ?? []).map((floor) => [originKey(floor), floor]))

export function roomRecord(replica: Replica, createdAt: number): RoomRecord {
  const { room, identity, keys, table, phase, lastGrant } = replica
  const state: SavedState = {
    keys,
    config: room.config,
    configRevision: room.configRevision,
    registerRevision: room.registerRevision,
    ...((room.entitled?.size ?? 0) === 0 ? {} : { entitled: [...(room.entitled ?? [])] }),
    locked: room.locked,
    subject: room.subject ?? null,
    phase,
    tableRevision: table.revision,
    ...(table.signature && { tableSeal: { ...(table.prev && { prev: table.prev }), signature: table.signature } }),
    lastGrant: grantsUpTo(lastGrant),
    ...(replica.withheld.length === 0 ? {} : { withheld: replica.withheld }),
    ...(replica.decided.length === 0 ? {} : { decided: replica.decided }),
    forkedAt: replica.forkedAt,
    ...liars(replica),
    ...(replica.floors.size === 0 ? {} : { floors: [...replica.floors.values()] }),
    ...(replica.gaps.length === 0 ? {} : { gaps: replica.gaps }),
    ...(replica.announced === 0 ? {} : { announced: replica.announced }),
    ...(replica.expiredRevision === 0 ? {} : { expiredRevision: replica.expiredRevision }),
  }
  return {
    jid: room.jid,
    service: Jid.parse(room.jid).domain,
    roomId: identity.roomId,
    source: identity.source,
    epoch: identity.epoch,
    epochRank: identity.epochRank,
    createdAt,
    public: room.config.public && phase === 'serving' && !room.locked,
    persistent: room.config.persistent,
    name: room.config.name,
    state: JSON.stringify(state),
  }
}

/** The writes that bring the register on disk from `before` to `after`. */
export function registerWrites(room: string, before: RoomState['register'], after: RoomState['register']): Write[] {
  if (before === after) return []
  const writes: Write[] = []
  for (const [jid, entry] of after) {
    if (before.get(jid) === entry) continue
    const { affiliation, nick, reason } = entry
    writes.push({ type: 'room.affiliation', room, entry: { jid, affiliation, nick, reason } })
  }
  for (const jid of before.keys()) if (!after.has(jid)) writes.push({ type: 'room.affiliation.delete', room, jid })
  return writes
}

export function tableWrites(room: string, before: InstanceTable, after: InstanceTable): Write[] {
  if (before === after) return []
  return [...after.instances.values()]
    .filter((instance) => before.instances.get(instance.jid) !== instance)
    .map((instance) => ({
      type: 'room.instance.put',
      room,
      instance: { jid: instance.jid, state: JSON.stringify(instance) },
    }))
}

/** The writes that bring the room roster on disk up to date. */
export function rosterWrites(before: RoomState, after: RoomState, revision: number): Write[] {
  if (before.occupants === after.occupants) return []
  const writes: Write[] = []
  const room = after.jid
  for (const [nick, occupant] of after.occupants) {
    const known = before.occupants.get(nick)
    if (known?.jid === occupant.jid && known.home === occupant.home) continue
    const { jid, home, since } = occupant
    writes.push({ type: 'room.occupant.put', room, occupant: { nick, jid, home, since: since.ms, revision } })
  }
  for (const nick of before.occupants.keys())
    if (!after.occupants.has(nick)) writes.push({ type: 'room.occupant.delete', room, nick })
  return writes
}

/** `archiving`: the room keeps an archive now. */
export function logRecord(event: LoggedEvent, archivedAt: number, archiving: boolean): LogRecord {
  const { operation } = event
  const spoken = operation.type === 'message' || operation.type === 'subject' ? operation : undefined
  // Spelt out: what follows a spread is added field by field, at ten times the cost.
  const { instance, incarnation, seq } = event.id
  return {
    instance,
    incarnation,
    seq,
    stampMs: event.stamp.ms,
    stampCounter: event.stamp.counter,
    epoch: event.epoch,
    revision: event.revision,
    stanzaId: event.stanzaId,
    type: operation.type,
    nick: spoken?.nick,
    jid: spoken?.jid,
    body: event.void === true ? '' : JSON.stringify(operation),
    void: event.void === true,
    archived: archiving && event.void !== true && isArchived(operation.type),
    archivedAt,
    digest: event.digest,
    prev: event.prev,
  }
}

const isArchived = (type: string): boolean => archivedTypes.some((known) => known === type)

/** What an event takes out of the log. */
export function retractionWrites(room: string, event: LoggedEvent): Write[] {
  const found = retractionBy(event)
  if (found === undefined) return []
  const { target, retraction, author } = found
  const patch = JSON.stringify({ content: '', lang: null, retracted: retraction })
  return [{ type: 'room.amend', room, stanzaId: target, patch, once: 'retracted', ...author }]
}

/** What a kept amendment was made from. */
function pendingRetraction({ stanzaId, patch, jid, instance }: Amendment): PendingRetraction {
  const { retracted } = JSON.parse(patch) as { readonly retracted: Retraction }
  const author = jid === undefined || instance === undefined ? {} : { author: { jid, instance } }
  return { target: stanzaId, retraction: retracted, ...author }
}

export function loggedEvent(record: LogRecord): LoggedEvent {
  const { instance, incarnation, seq, stampMs, stampCounter, epoch, revision, stanzaId, digest, prev } = record
  const identity = {
    id: { instance, incarnation, seq },
    stamp: { ms: stampMs, counter: stampCounter },
    epoch,
    revision,
    stanzaId,
    ...(digest === undefined ? {} : { digest }),
    ...(prev === undefined ? {} : { prev }),
  }
  if (record.void) return { ...identity, operation: { type: 'unknown', name: record.type, body: '' }, void: true }
  return { ...identity, operation: JSON.parse(record.body) }
}

/** The replica of a stored room at the start of a new incarnation, with nobody in it. */
export function loadedReplica(loaded: LoadedRoom, incarnation: string): Replica {
  const { room: record } = loaded
  const saved = JSON.parse(record.state) as SavedState
  const register = new Map<string, RegisterEntry>()
  for (const { jid, affiliation, nick, reason } of loaded.affiliations) {
    const known = affiliations.find((name) => name === affiliation) ?? 'none'
    register.set(jid, { affiliation: known, ...(nick && { nick }), ...(reason && { reason }) })
  }
  const instances = new Map<string, Instance>()
  for (const { jid, state } of loaded.instances) instances.set(jid, JSON.parse(state) as Instance)
  const room: RoomState = {
    jid: record.jid,
    // What a former release did not know is as it was then.
    config: { ...defaultConfig, ...saved.config },
    configRevision: saved.configRevision,
    register,
    registerRevision: saved.registerRevision,
    ...(saved.entitled === undefined ? {} : { entitled: new Map(saved.entitled) }),
    ...(saved.withheld === undefined ? {} : { restricted: restrictions(saved.withheld) }),
    occupants: new Map(),
    subject: saved.subject ?? undefined,
    retractions: new Map(loaded.amendments.map((one) => [one.stanzaId, pendingRetraction(one)])),
    asked: nothing,
    history: loaded.recent.filter(({ type }) => type === 'message').map(loggedEvent),
    locked: saved.locked,
    destroyed: false,
  }
  const replica: Replica = {
    identity: {
      roomId: record.roomId,
      source: record.source,
      epoch: record.epoch,
      epochRank: record.epochRank,
    },
    keys: saved.keys,
    incarnation,
    nextSeq: 1,
    tip: '',
    signed: undefined,
    earlierHeads: [],
    ahead: nothing,
    hiddenSince: undefined,
    stamp: newest(loaded),
    occupantsRevision: 1,
    table: { revision: saved.tableRevision, instances, ...saved.tableSeal },
    peers: new Map((saved.lied ?? []).map(([jid, reason]) => [jid, liar(reason)])),
    partings: nothing,
    announced: saved.announced ?? 0,
    vector: Vector.of(loaded.vector),
    floors: savedFloors(record),
    gaps: saved.gaps ?? [],
    expiredRevision: saved.expiredRevision ?? 0,
    room,
    grants: nothing,
    lastGrant: saved.lastGrant,
    reserved: nothing,
    rights: nothing,
    withheld: saved.withheld ?? [],
    decided: saved.decided ?? [],
    forkedAt: saved.forkedAt ?? 0,
    heir: undefined,
    phase: saved.phase,
    retrieving: undefined,
    unsettled: undefined,
    claims: nothing,
  }
  return withVouches({ ...replica, retrieving: toRetrieve(replica), unsettled: toSettle(replica) })
}

/** Not before anything this instance has stamped or seen, but for what lay too far ahead even then. */
function newest({ recent, lastArchivedAt }: LoadedRoom): Replica['stamp'] {
  const stamps = recent
    .map(({ stampMs, stampCounter }) => ({ ms: stampMs, counter: stampCounter }))
    .filter(({ ms }) => ms <= lastArchivedAt + maxLeadMs)
  return stamps.reduce((a, b) => (b.ms > a.ms || (b.ms === a.ms && b.counter > a.counter) ? b : a), {
    ...noStamp,
    ms: Math.min(lastArchivedAt, stamps.at(-1)?.ms ?? lastArchivedAt),
  })
}
