/**
 * What an instance has of a room, as digests (dmuc.md §3, Order): two instances have converged when these are equal. Each part has
 * its own, so that where they differ it can be said in what.
 */
import { createHash } from 'node:crypto'
import type { Occupant } from '../room/types.js'
import { firstKey } from './ids.js'
import type { Replica, RoomIdentity } from './replica.js'
import type { Rights } from './revisions.js'

/** SHA-256 in base64url, 43 characters each. */
export interface RoomDigest {
  /** Which events are held, those below a retention floor included. */
  readonly events: string
  readonly config: string
  readonly register: string
  readonly table: string
  readonly subject: string
  /** Who is in the room, under which nick, in which role, and where. */
  readonly occupants: string
  /** Of all these together. */
  readonly whole: string
}

export type DigestPart = keyof RoomDigest

/** Of those that were asked for; what a replica is made of is never changed. */
const known = new WeakMap<object, { readonly beside: readonly unknown[]; readonly hash: string }>()

/** Of what is in `held`, and what belongs to it. */
function remembered(held: object, beside: readonly unknown[], reckon: () => unknown): string {
  const found = known.get(held)
  if (found?.beside.every((one, at) => one === beside[at]) === true) return found.hash
  const fresh = hash(reckon())
  known.set(held, { beside, hash: fresh })
  return fresh
}

export function digest({ identity, room, table, vector, keys }: Replica): RoomDigest {
  const { config, configRevision, register, registerRevision, entitled, subject, occupants } = room
  const found = {
    events: remembered(vector, [], () => [vector.toString()]),
    config: remembered(config, [configRevision, keys.number], () => [
      configRevision,
      sorted(Object.entries(config)),
      ...(keys.number === firstKey ? [] : [keys.number]),
    ]),
    register: remembered(register, [registerRevision, entitled], () => [
      registerRevision,
      sorted(register),
      sorted(entitled ?? []),
    ]),
    table: remembered(table, [], () => [table.revision, sorted(table.instances)]),
    subject: hash([subject?.text, subject?.stanzaId]),
    occupants: remembered(occupants, [], () => sorted([...occupants].map(row))),
  }
  return { ...found, whole: wholeOf(identity, found) }
}

/** Of what was decided, whatever it is numbered: two who name one number for it mean the same where these are equal. */
export function decisionsDigest({ config, register, entitled }: Rights): string {
  const found = knownDecisions.get(config)
  if (found?.register === register && found.entitled === entitled) return found.hash
  const fresh = hash([sorted(Object.entries(config)), sorted(register), sorted(entitled ?? [])])
  knownDecisions.set(config, { register, entitled, hash: fresh })
  return fresh
}

const knownDecisions = new WeakMap<object, Pick<Rights, 'register' | 'entitled'> & { readonly hash: string }>()

const row = ([nick, { jid, home, role, elsewhere }]: readonly [string, Occupant]) =>
  [nick, jid, role, [home, ...(elsewhere ?? []).map((other) => other.home)].sort()] as const

export const wholeOf = ({ roomId, source, epoch }: RoomIdentity, found: Omit<RoomDigest, 'whole'>): string =>
  hash([roomId, source, epoch, found])

export const parts = ['events', 'config', 'register', 'table', 'subject', 'occupants'] as const

/** In what the two differ; empty where they have converged. */
export function difference(a: RoomDigest, b: RoomDigest): Exclude<DigestPart, 'whole'>[] {
  return parts.filter((part) => a[part] !== b[part])
}

const hash = (value: unknown): string => createHash('sha256').update(canonical(value)).digest('base64url')

/** JSON with the members of objects in order, so that it does not matter who made them and how. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
  return `{${sorted(members)
    .map(([key, member]) => `${JSON.stringify(key)}:${canonical(member)}`)
    .join(',')}}`
}

const sorted = <T>(rows: Iterable<readonly [string, ...T[]]>): (readonly [string, ...T[]])[] =>
  [...rows].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0))
