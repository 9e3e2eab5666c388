/** The table of instances as the source keeps it and tells of it (dmuc.md §3; XEP-0281 §4.2, E12). */
import { xml } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { type Instance, type InstanceTable, others, type Replica } from './replica.js'
import type { Turn } from './turn.js'
import { writeTable } from './wire/hello.js'
import { writePeerhost } from './wire/replicate.js'

/**
 * E12, from service to service, about `newcomer`. To a plain peer it means just that there is one, so it is not told of itself, nor
 * when the table changed otherwise.
 */
export function tellTable(turn: Turn, newcomer?: string): void {
  const self = Jid.parse(turn.self)
  for (const instance of others(turn.replica)) {
    if (turn.peer(instance.jid).link === 'down') continue
    if (instance.kind === 'plain' && (newcomer === undefined || newcomer === instance.jid)) continue
    const payload = writePeerhost(self.local, writeTable(turn.replica.table))
    turn.effects.push({
      type: 'ask',
      iq: xml('iq', { type: 'set', from: self.domain, to: Jid.parse(instance.jid).domain }, payload),
      question: { type: 'notice' },
    })
  }
}

/** Former keys of one instance that are remembered. */
const maxFormerKeys = 8

/** The row with this public key; the same if it has that already. */
export function keyed(row: Instance, key: string | undefined): Instance {
  if (key === undefined || row.key === key) return row
  if (row.key === undefined) return { ...row, key }
  const former = [row.key, ...(row.formerKeys ?? [])].filter((known) => known !== key)
  return { ...row, key, formerKeys: former.slice(0, maxFormerKeys) }
}

/** The table with this public key in the row of `jid`: a revision of its own, unless that is known. */
export function withKey({ table }: Replica, jid: string, key: string | undefined): Replica['table'] {
  const row = table.instances.get(jid)
  const next = row && keyed(row, key)
  if (next === undefined || next === row) return table
  return { revision: table.revision + 1, instances: new Map(table.instances).set(jid, next) }
}

/** Tombstones kept for each instance that a room may have. */
const tombstones = 8

/** The source and we are in it, and it is within its bounds. */
export function isSound({ replica, env }: Turn, { instances }: InstanceTable): boolean {
  const { maxInstances } = env.limits
  const live = [...instances.values()].filter(({ gone }) => !gone)
  return (
    live.length <= maxInstances &&
    instances.size <= maxInstances * (1 + tombstones) &&
    instances.get(replica.identity.source)?.gone === false &&
    instances.has(replica.room.jid)
  )
}
