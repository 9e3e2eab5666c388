/**
 * The greeting of two instances when a link comes up (dmuc.md §3, Anti-entropy; docs/dmuc-sync.md §2): who we are, which
 * room we mean, and what we hold. Answered with the other's own.
 */
import type { Element } from '../../xml/element.js'
import { elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { decisionsDigest } from '../digest.js'
import type { Instance, InstanceTable, Replica, RoomIdentity } from '../replica.js'
import { type Held, type Interval, type Origin, Vector } from '../vector.js'
import { type Floor, readFloors, writeFloors } from './floor.js'
import { type Head, readHash, readHead, writeHead } from './proof.js'
import { readCount, readKey, readSignature, readToken } from './read.js'

export interface Hello {
  readonly identity: RoomIdentity
  readonly incarnation: string
  readonly configRevision: number
  readonly registerRevision: number
  readonly occupantsRevision: number
  /** What these revisions came to (`decisionsDigest`); absent from releases that did not say so. */
  readonly decisions: string | undefined
  readonly table: InstanceTable
  readonly vector: Vector
  /** The sender's public key. */
  readonly key: string | undefined
  /** Which stanza-id key it has. */
  readonly keyNumber: number | undefined
  /** How far its logs are signed. */
  readonly heads: readonly Head[]
  readonly floors: readonly Floor[]
}

export function writeHello(replica: Replica, key?: string): Element {
  return xml(
    'hello',
    {
      xmlns: ns.dmucSync,
      ...identityAttributes(replica.identity),
      incarnation: replica.incarnation,
      config: String(replica.room.configRevision),
      register: String(replica.room.registerRevision),
      occupants: String(replica.occupantsRevision),
      decisions: decisionsDigest(replica.room),
      key,
      keys: String(replica.keys.number),
    },
    writeTable(replica.table),
    writeVector(replica.vector),
    replica.signed?.incarnation === replica.incarnation ? writeHead(replica.signed) : undefined,
    ...replica.earlierHeads.map(writeHead),
    ...writeFloors(replica.floors.values()),
  )
}

export function readHello(element: Element): Hello | undefined {
  const identity = readIdentity(element)
  const incarnation = readToken(element.attrs.incarnation)
  const [configRevision, registerRevision, occupantsRevision] = ['config', 'register', 'occupants'].map((name) =>
    readCount(element.attrs[name]),
  )
  const table = readTable(element.getChild('instances', ns.dmucSync))
  const vector = readVector(element.getChild('vector', ns.dmucSync))
  if (identity === undefined || incarnation === undefined || table === undefined || vector === undefined)
    return undefined
  if (configRevision === undefined || registerRevision === undefined || occupantsRevision === undefined)
    return undefined
  const key = readKey(element.attrs.key)
  const heads = element
    .getChildren('head', ns.dmucSync)
    .map(readHead)
    .filter((head) => head !== undefined)
  const floors = readFloors(element)
  return {
    identity,
    incarnation,
    configRevision,
    registerRevision,
    occupantsRevision,
    decisions: readHash(element.attrs.decisions),
    table,
    vector,
    key,
    keyNumber: readCount(element.attrs.keys),
    heads,
    floors,
  }
}

export const identityAttributes = (identity: RoomIdentity): Record<string, string> => ({
  room: identity.roomId,
  source: identity.source,
  epoch: String(identity.epoch),
  rank: String(identity.epochRank),
})

export function readIdentity(element: Element): RoomIdentity | undefined {
  const roomId = readToken(element.attrs.room)
  const source = Jid.tryParse(element.attrs.source)?.bare().toString()
  const epoch = readCount(element.attrs.epoch)
  const epochRank = readCount(element.attrs.rank)
  if (roomId === undefined || source === undefined || epoch === undefined || epochRank === undefined) return undefined
  return { roomId, source, epoch, epochRank }
}

/** The table of instances: numbered by the source, tombstones included. */
export const writeTable = (table: InstanceTable): Element =>
  xml(
    'instances',
    { xmlns: ns.dmucSync, revision: String(table.revision), prev: table.prev, signature: table.signature },
    ...[...table.instances.values()].map((instance) =>
      xml('instance', {
        jid: instance.jid,
        kind: instance.kind,
        rank: String(instance.rank),
        gone: instance.gone ? 'true' : undefined,
        users: instance.users?.join(' '),
        key: instance.key,
        'former-keys': instance.formerKeys?.join(' '),
      }),
    ),
  )

export function readTable(element: Element | undefined): InstanceTable | undefined {
  const revision = readCount(element?.attrs.revision)
  if (element === undefined || revision === undefined) return undefined
  const instances = new Map<string, Instance>()
  for (const row of elements(element)) {
    const jid = Jid.tryParse(row.attrs.jid)
    const rank = readCount(row.attrs.rank)
    if (row.name !== 'instance' || jid === undefined || !jid.isBare || jid.local === '' || rank === undefined)
      return undefined
    const kind = row.attrs.kind === 'plain' ? 'plain' : 'sync'
    const key = readKey(row.attrs.key)
    const gone = row.attrs.gone === 'true'
    const users = readUsers(row.attrs.users)
    const former = readFormerKeys(row.attrs['former-keys'])
    instances.set(jid.toString(), {
      jid: jid.toString(),
      kind,
      rank,
      gone,
      ...(users && { users }),
      ...(key && { key }),
      ...(former && { formerKeys: former }),
    })
  }
  const [prev, signature] = [readHash(element.attrs.prev), readSignature(element.attrs.signature)]
  return { revision, instances, ...(prev && { prev }), ...(signature && { signature }) }
}

/** Most domains of one row. */
const maxUsers = 100

function readUsers(text: string | undefined): readonly string[] | undefined {
  const given = text
    ?.split(' ', maxUsers)
    .filter((domain) => domain === '*' || Jid.tryParse(domain)?.toString() === domain)
  return given
}

/** At most as many as a row has; undefined for none, or for what is none. */
function readFormerKeys(text: string | undefined): readonly string[] | undefined {
  const keys = text?.split(' ', 9).map(readKey)
  return keys?.every((key) => key !== undefined) ? keys : undefined
}

export const writeVector = (vector: Vector): Element =>
  xml(
    'vector',
    { xmlns: ns.dmucSync },
    ...[...vector.entries()].map((entry) =>
      xml(
        'origin',
        { instance: entry.instance, incarnation: entry.incarnation, seq: String(entry.contiguous) },
        ...entry.above.map(([from, to]) => xml('above', { from: String(from), to: String(to) })),
      ),
    ),
  )

export function readVector(element: Element | undefined): Vector | undefined {
  if (element === undefined) return undefined
  const entries: (Origin & Held)[] = []
  for (const row of elements(element)) {
    const instance = Jid.tryParse(row.attrs.instance)?.toString()
    const incarnation = readToken(row.attrs.incarnation)
    const contiguous = readCount(row.attrs.seq)
    const above = elements(row).map((gap) => [readCount(gap.attrs.from), readCount(gap.attrs.to)] as const)
    if (instance === undefined || incarnation === undefined || contiguous === undefined) return undefined
    if (!above.every((gap): gap is Interval => gap[0] !== undefined && gap[1] !== undefined && gap[0] <= gap[1]))
      return undefined
    entries.push({ instance, incarnation, contiguous, above })
  }
  return Vector.of(entries)
}
