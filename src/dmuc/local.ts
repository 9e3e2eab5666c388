/** What our own occupants and owners did, as the room core decided it: given identity, shown, and told to the others. */
import type { DurableOperation, Operation, SoftOperation } from '../room/types.js'
import { isDurable } from '../room/types.js'
import { signLog } from './heads.js'
import { withNumber } from './nicks.js'
import { overtake } from './overtaking.js'
import { relayEphemeral, relayEvent, relayRefit } from './relay.js'
import { isNumbered, isOfRegister } from './replica.js'
import { performSoft } from './soft.js'
import type { Turn } from './turn.js'
import { checkpoint } from './wire/proof.js'

/**
 * `operations` are ours to carry out: `admit` has turned the others into orders. `except` is the plain peer whom they were
 * adopted from; it knows them.
 */
export function performLocal(turn: Turn, operations: readonly Operation[], except?: string): void {
  for (const operation of operations) {
    if (isDurable(operation)) performDurable(turn, operation, except)
    else performOwnSoft(turn, operation, except)
  }
}

function performDurable(turn: Turn, operation: DurableOperation, except: string | undefined): void {
  if (isNumbered(operation)) overtake(turn)
  const before = turn.replica.room
  const event = turn.logOwn(numbered(turn, operation))
  turn.perform(event)
  if (event.operation.type === 'register') remember(turn, event.operation)
  if (isNumbered(operation)) turn.effects.push({ type: 'save' })
  relayEvent(turn, event, except)
  // Others prove by it what they pass on, without much beyond it; and what stays in force can always be proved.
  if (event.id.seq % checkpoint === 0 || isNumbered(operation) || operation.type === 'subject') signLog(turn)
  if (changesRights(operation)) relayRefit(turn, event, before)
  if (operation.type === 'destroy') turn.effects.push({ type: 'end' })
}

/** Kept of what a source numbered, in case another one takes over. */
const maxDecided = 200
/** The same where nobody else has the room, as far as is known here (./reinstating.ts). */
const maxUnshared = 50

function remember(turn: Turn, { revision, jid, entry, actor }: Extract<DurableOperation, { type: 'register' }>): void {
  const { table, decided } = turn.replica
  const most = table.instances.size === 1 ? maxUnshared : maxDecided
  const row = { revision, jid, entry, ...(actor === undefined ? {} : { actor }) }
  turn.change({ decided: [...decided.slice(1 - most), row] })
}

/** Only the source comes here with config and register, and it counts them itself. */
function numbered(turn: Turn, operation: DurableOperation): DurableOperation {
  const { configRevision, registerRevision } = turn.replica.room
  if (operation.type === 'config') return { ...operation, revision: configRevision + 1 }
  if (isOfRegister(operation)) return { ...operation, revision: registerRevision + 1 }
  return operation
}

function performOwnSoft(turn: Turn, operation: SoftOperation, except: string | undefined): void {
  if (operation.type !== 'ephemeral') return performSoft(turn, withNumber(turn, operation), except)
  turn.perform(operation)
  relayEphemeral(turn, operation, except)
}

/** Does it make or unmake occupants? */
const changesRights = (operation: DurableOperation): boolean =>
  isOfRegister(operation) || ['config', 'destroy', 'unknown'].includes(operation.type)
