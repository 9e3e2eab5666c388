/**
 * The table of instances is signed by the source (dmuc.md §3), so any member may pass it on: one that the source does not reach learns of
 * newcomers from the others, and a source that lost the end of its disk has its own table back.
 */
import { createHash } from 'node:crypto'
import type { Instance, InstanceTable, Replica } from './replica.js'
import { isSigned, type Signer } from './signing.js'

const sha256 = (text: string): string => createHash('sha256').update(text).digest('base64url')

const written = ({ jid, kind, rank, gone, users = [], key = '', formerKeys = [] }: Instance): string =>
  [jid, kind, rank, gone ? 'gone' : '', users.join(' '), key, formerKeys.join(' ')].join('\t')

/** Of its rows, in order of their JIDs. */
export function tableHash({ revision, instances }: InstanceTable): string {
  const rows = [...instances.values()].sort((a, b) => (a.jid < b.jid ? -1 : 1))
  return sha256([String(revision), ...rows.map(written)].join('\n'))
}

const textOf = ({ identity }: Replica, table: InstanceTable): string =>
  ['urn:xmpp:dmuc-sync:0 table', identity.roomId, identity.epoch, table.prev ?? '', tableHash(table)].join('\n')

/** The replica of a source whose table is new since `before`: that follows on what it was. */
export function sealed(replica: Replica, before: InstanceTable, signer: Signer): Replica {
  const { revision, instances } = replica.table
  const table: InstanceTable = { revision, instances, prev: tableHash(before) }
  return { ...replica, table: { ...table, signature: signer.sign(textOf(replica, table)) } }
}

/** Did the source of our epoch sign it, as far as its keys are known? `ownKey` is ours. */
export function isSealed(replica: Replica, table: InstanceTable, ownKey: string | undefined): boolean {
  const { identity, room } = replica
  const { signature } = table
  const row = replica.table.instances.get(identity.source)
  const present = identity.source === room.jid ? ownKey : undefined
  if (signature === undefined) return false
  return [present, row?.key, ...(row?.formerKeys ?? [])].some(
    (key) => key !== undefined && isSigned(key, textOf(replica, table), signature),
  )
}
