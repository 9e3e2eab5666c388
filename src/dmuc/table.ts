/** The table of instances as the source keeps it and tells of it (dmuc.md §3; XEP-0281 §4.2, E12). */
import { xml } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { others, type Replica } from './replica.js'
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

/** The table with this public key in the row of `jid`: a revision of its own, unless that is known. */
export function withKey({ table }: Replica, jid: string, key: string | undefined): Replica['table'] {
  const row = table.instances.get(jid)
  if (row === undefined || key === undefined || row.key === key) return table
  return { revision: table.revision + 1, instances: new Map(table.instances).set(jid, { ...row, key }) }
}
