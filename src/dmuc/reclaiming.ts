/**
 * A source that lost the end of its log, and could ask nobody what it had decided (./settling.ts), gives numbers a second time (dmuc.md §3,
 * Revisions). Once the first decision comes back both get new numbers, so that all come to the same.
 */
import type { DurableOperation, LoggedEvent } from '../room/types.js'
import { performLocal } from './local.js'
import { type Decided, isSource } from './replica.js'
import type { Turn } from './turn.js'

/**
 * A decision of our own that was lost comes back, and its number was given again meanwhile. What an owner has decided since stays; what
 * nobody has decided on since is as it was.
 */
export function reclaim(turn: Turn, { id, operation }: LoggedEvent): void {
  const { room, decided, incarnation } = turn.replica
  if (id.instance !== turn.self || id.incarnation === incarnation || !isSource(turn.replica)) return
  if (operation.type === 'config') return renumber(turn, [{ ...operation, config: room.config }])
  if (operation.type === 'entitle') return renumber(turn, [operation])
  if (operation.type !== 'register') return
  const { jid, revision } = operation
  const again = decided.filter((row) => row.revision === revision && row.jid !== jid)
  const since = decided.find((row) => row.jid === jid && row.revision >= revision)
  renumber(turn, [...again.map(decision), since === undefined ? operation : decision(since)])
  // The number was that of a role.
  if (again.length === 0 && since === undefined)
    renumber(
      turn,
      [...(room.entitled ?? [])].map(([whom, role]) => ({ type: 'entitle', whom, role, revision })),
    )
}

const decision = ({ jid, entry, revision, actor }: Decided): DurableOperation => ({
  type: 'register',
  jid,
  entry,
  revision,
  ...(actor === undefined ? {} : { actor }),
})

function renumber(turn: Turn, operations: readonly DurableOperation[]): void {
  turn.note('warn', 'what was decided here before data were lost has come back; it is numbered again')
  performLocal(turn, operations)
}
