/**
 * What was said here in an earlier start and is lost everywhere (dmuc.md §3, Crash): an instance may count events as held that it was never
 * given, since they were over when it came. Once all members can be asked and none of them has any of it, it is void, so that all hold the
 * same events.
 */
import type { LoggedEvent } from '../room/types.js'
import { accept } from './accept.js'
import { noStamp } from './clock.js'
import { stanzaIdOf } from './ids.js'
import { isSource, others } from './replica.js'
import type { Turn } from './turn.js'
import type { Range } from './vector.js'

/** Events of one earlier start that are given up at once, beyond what is held of it. */
const maxForgone = 1000

/** `from` was asked for these, and what it gave does not follow on what we have. */
export function forgo(turn: Turn, from: string, asked: readonly Range[], gave: readonly LoggedEvent[]): void {
  const { self, replica } = turn
  const ours = asked
    .filter(({ instance, incarnation }) => instance === self && incarnation !== replica.incarnation)
    .map((range) => before(range, gave))
    .filter(({ from: first, to }) => first <= to)
  if (ours.length === 0) return
  const { hollow } = turn.peer(from)
  const isNew = (range: Range): boolean =>
    !hollow.some(
      ({ incarnation, from: first, to }) =>
        incarnation === range.incarnation && first === range.from && to === range.to,
    )
  turn.changePeer(from, { hollow: [...hollow, ...ours.filter(isNew)].slice(-maxForgone) })
  const members = others(replica).filter(({ kind }) => kind === 'sync')
  if (!members.every(({ jid }) => turn.peer(jid).link === 'up')) return
  const { vector } = turn.replica
  for (const range of ours)
    for (let seq = range.from; seq <= range.to; seq++)
      if (!members.some(({ jid }) => mayHave(turn, jid, range, seq))) giveUp(turn, range, seq)
  // What was decided in it may be known by the state that members were given (./unproved.ts).
  if (turn.replica.vector !== vector && isSource(turn.replica)) turn.change({ unsettled: {} })
}

/** As much of the range as lies before what was given of it. */
function before(range: Range, gave: readonly LoggedEvent[]): Range {
  const seqs = gave.filter(({ id }) => id.instance === range.instance && id.incarnation === range.incarnation)
  return { ...range, to: Math.min(range.to, ...seqs.map(({ id }) => id.seq - 1)) }
}

function mayHave(turn: Turn, jid: string, { instance, incarnation }: Range, seq: number): boolean {
  const { vector, hollow } = turn.peer(jid)
  return (
    vector.has({ instance, incarnation }, seq) &&
    !hollow.some((range) => range.incarnation === incarnation && range.from <= seq && seq <= range.to)
  )
}

function giveUp(turn: Turn, { instance, incarnation }: Range, seq: number): void {
  const { vector, identity, keys } = turn.replica
  const id = { instance, incarnation, seq }
  if (vector.has(id, seq) || seq > vector.get(id).contiguous + maxForgone) return
  const stanzaId = stanzaIdOf(keys, identity.roomId, id)
  const operation = { type: 'unknown', name: 'void', body: '' } as const
  const event = { id, stamp: noStamp, epoch: identity.epoch, revision: 0, stanzaId, operation, void: true } as const
  accept(turn, event, true)
}
