/** A decision carried out: every operation applied and rendered in order, the reply where XEP-0045 wants it. */
import { apply } from './apply.js'
import type { Decision, Delivery, Expectation, Relay } from './contract.js'
import { render } from './render.js'
import { type Change, type DurableOperation, isDurable, type LoggedEvent, type RoomState } from './types.js'

export interface Outcome {
  readonly state: RoomState
  /** What happened, in order; the LoggedEvents among them are to be stored before anything below leaves. */
  readonly changes: readonly Change[]
  readonly deliveries: readonly Delivery[]
  readonly relays: readonly Relay[]
  readonly expects: Expectation | undefined
}

/**
 * `identify` gives a durable operation its place in the log: called in order, with the state it is applied to. The caller counts
 * `seq` up; it may throw, then nothing has happened.
 */
export function carryOut(
  state: RoomState,
  decision: Decision,
  identify: (operation: DurableOperation, state: RoomState) => LoggedEvent,
): Outcome {
  const changes: Change[] = []
  const rendered: Delivery[] = []
  let current = state
  for (const operation of decision.operations) {
    const change = isDurable(operation) ? identify(operation, current) : operation
    const after = apply(current, change)
    rendered.push(...render(current, change, after))
    changes.push(change)
    current = after
  }
  return {
    state: current,
    changes,
    deliveries: [...withReply(rendered, decision.reply), ...(decision.deliveries ?? [])],
    relays: decision.relays ?? [],
    expects: decision.expects,
  }
}

/** §§8.2, 9.1: who is removed, then who asked for it, then the others. */
export function withReply(rendered: readonly Delivery[], reply: Delivery | undefined): readonly Delivery[] {
  if (reply === undefined) return rendered
  const last = rendered.findLastIndex(({ removal }) => removal === true)
  return [...rendered.slice(0, last + 1), reply, ...rendered.slice(last + 1)]
}
