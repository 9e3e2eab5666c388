/**
 * Orders (dmuc.md §4): what a peer wants carried out here. The actor's right is checked anew
 * by our own state, whatever the peer says of it.
 */
import { leastToConfigure } from '../room/config.js'
import { judge } from '../room/judge.js'
import { homesOf } from '../room/occupants.js'
import { atLeast } from '../room/roles.js'
import { standingOf } from '../room/standing.js'
import type { Affiliation, Operation } from '../room/types.js'
import { type Element, xml } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { carriedOut, decidesRole } from './entitled.js'
import { performLocal } from './local.js'
import { passOrder, sendThrough, whoOrders } from './passing.js'
import { isNumbered, isSource, type Order, type Replica, speaksFor } from './replica.js'
import { isCutOff, judgeWithheld, restricts, withhold } from './restrictions.js'
import { notSettled } from './settling.js'
import type { Turn } from './turn.js'
import { thirdTo } from './ways.js'
import { readOrder, writeOrder } from './wire/order.js'

export function sendOrder(turn: Turn, order: Order, token: string): void {
  const payload = writeOrder(order)
  if (payload === undefined) return turn.note('warn', 'something was decided here that cannot be ordered', order.to)
  const third = thirdTo(turn.replica, order.to)
  if (third !== undefined) return sendThrough(turn, third, order, payload, token)
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to: order.to }, payload),
    question: { type: 'order', token },
  })
}

export function takeOrder(turn: Turn, from: string, iq: Element, payload: Element): void {
  if (passOrder(turn, from, iq, payload)) return
  const who = whoOrders(turn, from, payload)
  if (who instanceof StanzaError) turn.effects.push({ type: 'reply', iq, payload: who })
  else takeOrderOf(turn, who, iq, payload)
}

function takeOrderOf(turn: Turn, from: string, iq: Element, payload: Element): void {
  const order = readOrder(payload)
  if (order?.was !== undefined && isSource(turn.replica)) return takeWithheld(turn, from, iq, order)
  if (order !== undefined && isRestriction(turn, order)) return takeRestriction(turn, from, iq, order)
  const refusal = order === undefined ? new StanzaError('bad-request') : refuse(turn, order, from)
  turn.effects.push({ type: 'reply', iq, payload: refusal })
  if (order !== undefined && refusal === undefined)
    performLocal(
      turn,
      order.operations
        .map((operation) => withOwnPeers(turn.replica, operation))
        .flatMap((operation) => carriedOut(turn.replica, operation)),
    )
}

/** What was decided in a split and left to us. */
function takeWithheld(turn: Turn, from: string, iq: Element, order: Omit<Order, 'to'>): void {
  const operations = judgeWithheld(turn, order, from)
  turn.effects.push({ type: 'reply', iq, payload: operations instanceof StanzaError ? operations : undefined })
  if (!(operations instanceof StanzaError)) performLocal(turn, operations)
}

/** Somebody else who is cut off from the source tells us what it restricts. */
const isRestriction = ({ replica }: Turn, { operations }: Omit<Order, 'to'>): boolean =>
  isCutOff(replica) && operations.every((operation) => restricts(replica.room, operation))

function takeRestriction(turn: Turn, from: string, iq: Element, { actor, operations }: Omit<Order, 'to'>): void {
  const { replica, env } = turn
  const isFull = replica.withheld.length + operations.length > env.limits.maxWithheld
  const refusal = !maySpeakFor(replica, from, actor)
    ? new StanzaError('forbidden')
    : isFull
      ? new StanzaError('resource-constraint')
      : operations
          .map((operation) => judge(replica.room, operation, from, env.bounds))
          .find((fault) => fault !== undefined)
  turn.effects.push({ type: 'reply', iq, payload: refusal })
  const registers = operations.filter((operation) => restricts(replica.room, operation))
  if (refusal === undefined) withhold(turn, registers, actor, false)
}

function refuse(turn: Turn, order: Omit<Order, 'to'>, instance: string): StanzaError | undefined {
  if (!maySpeakFor(turn.replica, instance, order.actor)) return new StanzaError('forbidden')
  const { replica } = turn
  const carried = order.operations.flatMap((operation) => carriedOut(replica, operation))
  if (replica.unsettled !== undefined && carried.some(isNumbered)) return notSettled()
  for (const operation of order.operations) {
    if (!isOurs(turn.replica, operation)) return new StanzaError('item-not-found')
    const refusal = refuseActor(turn, operation, order.actor, instance)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

/** Where the room is to be is decided at the source alone: a proposal from elsewhere leaves that as it is. */
function withOwnPeers({ room }: Replica, operation: Operation): Operation {
  if (operation.type !== 'config') return operation
  const { distributed, peers } = room.config
  return { ...operation, config: { ...operation.config, distributed, peers } }
}

/** An instance speaks for its own occupants and for nobody else; the source for everybody. */
const maySpeakFor = (replica: Replica, instance: string, actor: string): boolean =>
  instance === replica.identity.source ||
  [...replica.room.occupants.values()].some((other) => other.jid === actor && homesOf(other).includes(instance))

/** Occupants are ordered about at their home, everything else at the source. */
const isOurs = (replica: Replica, operation: Operation): boolean =>
  operation.type === 'role'
    ? decidesRole(replica, operation)
    : operation.type === 'leave'
      ? speaksFor(replica, replica.room.occupants.get(operation.nick)?.home ?? '')
      : isSource(replica)

function refuseActor(turn: Turn, operation: Operation, actor: string, instance: string): StanzaError | undefined {
  const { room } = turn.replica
  const affiliation = standingOf(room, { jid: actor, home: instance })
  if (operation.type === 'config') return refuseConfig(turn.replica, operation, affiliation)
  if (operation.type === 'destroy') return affiliation === 'owner' ? undefined : new StanzaError('forbidden')
  return judge(room, operation, instance, turn.env.bounds)
}

/** The whole configuration comes: one that was made of an older one than ours would undo what was changed in between. */
function refuseConfig(
  { room }: Replica,
  { config, revision }: Config,
  affiliation: Affiliation,
): StanzaError | undefined {
  if (!atLeast(affiliation, 'admin')) return new StanzaError('forbidden')
  if (revision !== 0 && revision !== room.configRevision + 1)
    return new StanzaError('conflict', {
      type: 'wait',
      text: 'The configuration has changed meanwhile: look at it again',
    })
  return atLeast(affiliation, leastToConfigure(room.config, config)) ? undefined : new StanzaError('forbidden')
}

type Config = Extract<Operation, { readonly type: 'config' }>
