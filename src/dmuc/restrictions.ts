/**
 * The register in a split (dmuc.md §3): a shadow that is cut off from the source may restrict, never grant. What it decides counts here
 * at once and waits on disk; at the merge the source authorises it again, and its answer is what stays.
 */
import { judge } from '../room/judge.js'
import { affiliationOf, homesOf } from '../room/occupants.js'
import { outranks } from '../room/roles.js'
import { refit } from '../room/roster.js'
import type { DurableOperation, LoggedEvent, Operation, RegisterEntry, RoomState } from '../room/types.js'
import { type Element, xml } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { performLocal } from './local.js'
import { relayRefitted } from './relay.js'
import { isSource, type Order, others, type Replica, type Withheld } from './replica.js'
import type { Turn } from './turn.js'
import { wayTo } from './ways.js'
import { writeOrder } from './wire/order.js'

export type Register = Extract<Operation, { type: 'register' }>

/** How long an answer is waited for before the question goes out again. */
const againMs = 10_000
/** Where it was answered, but not decided. */
const soonMs = 2000

/** Does it take something away from somebody, and give nothing? */
export const restricts = (room: RoomState, operation: Operation): operation is Register =>
  operation.type === 'register' &&
  outranks(affiliationOf(room, operation.jid), operation.entry.affiliation) &&
  (operation.entry.nick === undefined || operation.entry.nick === room.register.get(operation.jid)?.nick)

/** Is the source, which decides of the register, out of reach, of others' too? */
export const isCutOff = (replica: Replica): boolean =>
  !isSource(replica) && wayTo(replica, replica.identity.source) === undefined

/** Takes effect here; the source hears of it when it can, and so do the others that we reach now. */
export function withhold(turn: Turn, operations: readonly Register[], actor: string, tell: boolean): void {
  for (const operation of operations) {
    const { room, withheld } = turn.replica
    const was = withheld.find(({ jid }) => jid === operation.jid)?.was ?? affiliationOf(room, operation.jid)
    const token = `${turn.replica.incarnation}.${turn.env.now}.${withheld.length}`
    const { jid, entry, reason } = operation
    const row: Withheld = {
      token,
      jid,
      entry,
      actor,
      was,
      askedAt: undefined,
      ...(reason === undefined ? {} : { reason }),
    }
    change(turn, [...withheld.filter((other) => other.jid !== jid), row], [operation])
    turn.note('info', `${jid} is ${entry.affiliation} by the word of ${actor} until the source can be asked`)
  }
  if (tell) for (const { jid, kind } of others(turn.replica)) if (kind === 'sync') tellOf(turn, jid, operations, actor)
}

/** They enforce it, too, if they are cut off as we are. */
function tellOf(turn: Turn, to: string, operations: readonly Register[], actor: string): void {
  const payload = writeOrder({ to, actor, operations })
  if (turn.peer(to).link !== 'up' || payload === undefined) return
  const iq = xml('iq', { type: 'set', from: turn.self, to }, payload)
  turn.effects.push({ type: 'ask', iq, question: { type: 'notice' } })
}

/** As time passes: asks the source for what is not answered, and drops what it has decided. */
export function bringForward(turn: Turn): void {
  const { withheld, identity, room } = turn.replica
  if (withheld.length === 0) return
  const decided = withheld.filter(
    ({ accepted, jid, entry }) => accepted && (room.register.get(jid)?.affiliation ?? 'none') === entry.affiliation,
  )
  if (decided.length > 0) lift(turn, decided)
  const source = turn.peer(identity.source)
  if (isSource(turn.replica) || source.link !== 'up' || source.pulls.length > 0) return
  for (const row of turn.replica.withheld) {
    if (row.accepted || (row.askedAt !== undefined && turn.env.now < row.askedAt + againMs)) continue
    mark(turn, row.token, { askedAt: turn.env.now })
    const operation: Register = { type: 'register', jid: row.jid, entry: row.entry, revision: 0 }
    const payload = writeOrder({
      to: identity.source,
      actor: row.actor,
      was: row.was,
      operations: [row.reason === undefined ? operation : { ...operation, reason: row.reason }],
    })
    if (payload === undefined) continue
    turn.effects.push({
      type: 'ask',
      iq: xml('iq', { type: 'set', from: turn.self, to: identity.source }, payload),
      question: { type: 'withheld', token: row.token },
    })
  }
}

/** What the source says to it. */
export function takeVerdict(turn: Turn, token: string, answer: Element | StanzaError): void {
  const row = turn.replica.withheld.find((other) => other.token === token)
  if (row === undefined) return
  if (!(answer instanceof StanzaError)) return mark(turn, token, { accepted: true })
  if (!verdicts.has(answer.condition)) return mark(turn, token, { askedAt: turn.env.now - againMs + soonMs })
  lift(turn, [row])
  const text = `${row.jid} is not ${row.entry.affiliation} after all: ${answer.text ?? answer.condition}`
  turn.note('warn', `the source did not confirm what ${row.actor} decided in the split: ${text}`)
  // Our operator, who reads the log, is no user.
  if (row.actor.includes('@')) turn.effects.push({ type: 'tell', jid: row.actor, text })
}

/** Anything else says nothing of the matter, and it is asked again, soon. */
const verdicts: ReadonlySet<string> = new Set(['conflict', 'forbidden', 'not-allowed'])

/** The source's side: `was` is what the target was when it was decided. No operation is left where nothing is to be done. */
export function judgeWithheld(
  turn: Turn,
  { actor, operations, was }: Pick<Order, 'actor' | 'operations' | 'was'>,
  instance: string,
): readonly Operation[] | StanzaError {
  const { room, reserved } = turn.replica
  const { link, listWanted, listAsked, pulls } = turn.peer(instance)
  if (link !== 'up' || turn.replica.unsettled !== undefined || listWanted || listAsked || pulls.length > 0)
    return new StanzaError('resource-constraint', { type: 'wait', text: 'what was said there comes first' })
  const isThere =
    [...room.occupants.values()].some((other) => other.jid === actor && homesOf(other).includes(instance)) ||
    [...reserved.values()].some((kept) => kept.jid === actor && kept.home === instance)
  if (!isThere) return new StanzaError('forbidden', { text: `${actor} is not there any more` })
  const left: Operation[] = []
  for (const operation of operations) {
    if (operation.type !== 'register') return new StanzaError('not-allowed')
    const present = affiliationOf(room, operation.jid)
    if (present === operation.entry.affiliation) continue
    if (present !== was) return new StanzaError('conflict', { text: `${operation.jid} is ${present} meanwhile` })
    if (!restricts(room, operation)) return new StanzaError('not-allowed', { text: 'a split grants nothing' })
    const refusal = judge(room, operation, instance, turn.env.bounds)
    if (refusal !== undefined) return refusal
    left.push(operation)
  }
  return left
}

/** We are the source ourselves now: what was waiting for it is decided. */
export function decideWithheld(turn: Turn): void {
  const { withheld } = turn.replica
  lift(turn, withheld)
  performLocal(
    turn,
    withheld.map(({ jid, entry, actor, reason }) => ({
      type: 'register',
      jid,
      entry,
      actor,
      ...(reason === undefined ? {} : { reason }),
      revision: 0,
    })),
  )
}

const mark = (turn: Turn, token: string, patch: Partial<Withheld>): void =>
  turn.change({ withheld: turn.replica.withheld.map((row) => (row.token === token ? { ...row, ...patch } : row)) })

/** They do not count any more: the register alone does. */
function lift(turn: Turn, rows: readonly Withheld[]): void {
  const left = turn.replica.withheld.filter((row) => !rows.includes(row))
  const none: RegisterEntry = { affiliation: 'none' }
  change(
    turn,
    left,
    rows.map(({ jid }) => ({ type: 'register', jid, entry: turn.replica.room.register.get(jid) ?? none, revision: 0 })),
  )
}

/** The room with these restrictions; `shown`: how our occupants see what is new. */
function change(turn: Turn, withheld: readonly Withheld[], shown: readonly DurableOperation[]): void {
  const before = turn.replica.room
  const room = refit(before, { ...before, restricted: restrictions(withheld) })
  turn.change({ withheld, room })
  turn.effects.push({ type: 'save' })
  for (const operation of shown) {
    const event = unlogged(turn, operation)
    turn.effects.push({ type: 'change', before, change: event, late: false, after: room })
    relayRefitted(turn, event, before)
  }
  // Whether the occupants of others are in or out is theirs to say, and is asked again.
  for (const [jid, { incarnation }] of turn.replica.peers)
    if (incarnation !== undefined) turn.changePeer(jid, { leftOut: true, doubtedSince: undefined })
}

export const restrictions = (withheld: readonly Withheld[]): ReadonlyMap<string, RegisterEntry> =>
  new Map(withheld.map(({ jid, entry }) => [jid, entry]))

/** Shown like an event, and kept by nobody. */
export const unlogged = ({ self, replica }: Turn, operation: DurableOperation): LoggedEvent => ({
  id: { instance: self, incarnation: replica.incarnation, seq: replica.nextSeq },
  stamp: replica.stamp,
  epoch: replica.identity.epoch,
  revision: 0,
  stanzaId: '',
  operation,
})
