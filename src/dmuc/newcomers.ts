/**
 * Other shadows under a plain source (dmuc.md §3, Plain peers; docs/dmuc-sync.md §6). E12 says that there is one more and names nobody; XEP-0281
 * has the shadows speak to each other all the same. So many are let in as were announced, each once it has shown that it is a shadow of our source.
 */
import { isPlain } from './plain.js'
import { announceAll } from './relay.js'
import { hasPlainSource, others } from './replica.js'
import type { Turn } from './turn.js'

/** E12 without a table. */
export function expectNewcomer(turn: Turn): void {
  const { announced } = turn.replica
  if (!hasPlainSource(turn.replica) || announced >= turn.env.limits.maxInstances) return
  turn.change({ announced: announced + 1 })
  turn.effects.push({ type: 'save' })
}

/** Its disco#info names our source. It hears who is here, as a source does that has just been found again. */
export function letIn(turn: Turn, jid: string): void {
  const { announced, table, phase } = turn.replica
  const isFull = others(turn.replica).length + 1 >= turn.env.limits.maxInstances
  if (!hasPlainSource(turn.replica) || phase !== 'serving' || announced === 0 || isFull || isPlain(turn, jid)) return
  const rank = 1 + Math.max(0, ...[...table.instances.values()].map((row) => row.rank))
  const instances = new Map(table.instances).set(jid, { jid, kind: 'plain', rank, gone: false })
  turn.change({ announced: announced - 1, table: { revision: table.revision + 1, instances } })
  turn.changePeer(jid, { link: 'up' })
  turn.effects.push({ type: 'save' })
  turn.note('info', 'holds a shadow of the same room, by its own word after its source announced one', jid)
  announceAll(turn, jid)
}
