/** What an instance holds of a room, as digests and as a vector, for another that compares (docs/dmuc-sync.md §8). */
import { child, type Element, elements, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { digest, parts, type RoomDigest, wholeOf } from '../digest.js'
import type { Replica, Revisions, RoomIdentity } from '../replica.js'
import type { Vector } from '../vector.js'
import { identityAttributes, readIdentity, readVector, writeVector } from './hello.js'
import { readCount } from './read.js'

export const revisionsOf = ({ room, table }: Replica): Revisions => ({
  config: room.configRevision,
  register: room.registerRevision,
  table: table.revision,
})

export interface Standing {
  readonly identity: RoomIdentity
  readonly revisions: Revisions
  readonly digest: RoomDigest
  /** The events that it holds; what does not say so is of a release that did not. */
  readonly vector?: Vector
}

/** The question; `roomId` is the identity of the room that is meant. */
export const askDigest = (roomId: string): Element => xml('digest', { xmlns: ns.dmucSync, room: roomId })

export function writeDigest(replica: Replica): Element {
  const own = digest(replica)
  const { config, register, table } = revisionsOf(replica)
  return xml(
    'digest',
    {
      xmlns: ns.dmucSync,
      ...identityAttributes(replica.identity),
      config: String(config),
      register: String(register),
      table: String(table),
    },
    ...parts.map((name) => xml('part', { name, hash: own[name] })),
    writeVector(replica.vector),
  )
}

/** Undefined for what is none, or lacks a part. */
export function readDigest(element: Element | undefined): Standing | undefined {
  const identity = element && readIdentity(element)
  const [config, register, table] = ['config', 'register', 'table'].map((name) => readCount(element?.attrs[name]))
  if (element === undefined || identity === undefined) return undefined
  if (config === undefined || register === undefined || table === undefined) return undefined
  const hashes = new Map(elements(element).map(({ attrs: { name, hash } }) => [name, hash]))
  const hash = (name: string): string => {
    const found = hashes.get(name) ?? ''
    return /^[\w-]{43}$/.test(found) ? found : ''
  }
  if (parts.some((name) => hash(name) === '')) return undefined
  const found = Object.fromEntries(parts.map((name) => [name, hash(name)])) as Omit<RoomDigest, 'whole'>
  const vector = readVector(child(element, 'vector', ns.dmucSync))
  const whole = wholeOf(identity, found)
  return { identity, revisions: { config, register, table }, digest: { ...found, whole }, ...(vector && { vector }) }
}
