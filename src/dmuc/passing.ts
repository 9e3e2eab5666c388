/**
 * Orders by way of a third (dmuc.md §3, Partial split; docs/dmuc-sync.md §5): who orders signs what it wants of whom, so that nobody on
 * the way makes an order up or changes it; it names the start of the receiver and a stamp above all before, so that nobody gives it twice.
 */
import { copy, type Element, xml } from '../xml/element.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { digestOf } from './chain.js'
import { compareStamps, maxLeadMs, readStamp, tick, writeStamp } from './clock.js'
import { type Order, otherInstance, type Question } from './replica.js'
import { isSigned } from './signing.js'
import type { Turn } from './turn.js'

/** Kicks that are remembered until their home's list shows them. */
const maxKicks = 100

const signedText = (roomId: string, { attrs, children }: Element): string =>
  [
    'urn:xmpp:dmuc-sync:0 order',
    roomId,
    attrs.origin,
    attrs.instance,
    attrs.incarnation,
    attrs.stamp,
    attrs.actor,
    attrs.was ?? '',
    digestOf(children.filter((node): node is Element => typeof node !== 'string')),
  ].join('\n')

/** Without a key nothing can be proved: the order is not sent, and its answer is an error. */
export function sendThrough(
  turn: Turn,
  third: string,
  { to, operations }: Order,
  payload: Element,
  token: string,
): void {
  const { signer, now } = turn.env
  const stamp = tick(turn.replica.stamp, now)
  turn.change({ stamp })
  const incarnation = turn.peer(to).incarnation
  const order = copy(payload)
  Object.assign(order.attrs, { origin: turn.self, instance: to, incarnation, stamp: writeStamp(stamp) })
  if (signer !== undefined) order.attrs.signature = signer.sign(signedText(turn.replica.identity.roomId, order))
  const { through } = turn.peer(to)
  const kicks = operations.flatMap((operation) =>
    operation.type === 'leave' ? [{ token, nick: operation.nick, departure: operation.departure }] : [],
  )
  turn.changePeer(to, { through: { ...through, kicks: [...through.kicks, ...kicks].slice(-maxKicks) } })
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to: third }, order),
    question: { type: 'order-through', to, token },
  })
}

/** What became of it: what it did is looked at soon, and a way that leads nowhere is not taken again. */
export function takeAnswerThrough(
  turn: Turn,
  { to, token }: Extract<Question, { type: 'order-through' }>,
  answer: Element | StanzaError,
): void {
  if (otherInstance(turn.replica, to) === undefined) return
  const { through } = turn.peer(to)
  if (!(answer instanceof StanzaError)) turn.changePeer(to, { through: { ...through, askedAt: undefined, quiet: 0 } })
  else {
    const isNoWay = answer.condition === 'recipient-unavailable' || answer.condition.startsWith('remote-server')
    const kicks = through.kicks.filter((kick) => kick.token !== token)
    turn.changePeer(to, { through: { ...through, kicks, by: isNoWay ? undefined : through.by } })
  }
}

/** Is it meant for somebody else, to whom `from` asks us to give it? Then it is on its way, or refused, after this. */
export function passOrder(turn: Turn, from: string, iq: Element, payload: Element): boolean {
  const { origin, instance } = payload.attrs
  if (instance === undefined || instance === turn.self) return false
  const refuse = (error: StanzaError): true => {
    turn.effects.push({ type: 'reply', iq, payload: error })
    return true
  }
  // Only who wants it asks for it: nothing is passed on twice.
  if (origin !== from || !isOfOrigin(turn, payload)) return refuse(new StanzaError('forbidden'))
  if (otherInstance(turn.replica, instance)?.kind !== 'sync' || turn.peer(instance).link !== 'up')
    return refuse(new StanzaError('recipient-unavailable', { type: 'wait', text: `${instance} cannot be reached` }))
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to: instance }, copy(payload)),
    question: { type: 'order-for', iq },
  })
  return true
}

/** The answer of whom it was meant for. That there is no way to it is no fault of the way to us. */
export function returnVerdict(turn: Turn, iq: Element, answer: Element | StanzaError): void {
  const isLost = answer instanceof StanzaError && answer.condition.startsWith('remote-server')
  const error = isLost ? new StanzaError('recipient-unavailable', { type: 'wait' }) : answer
  turn.effects.push({ type: 'reply', iq, payload: error instanceof StanzaError ? error : undefined })
}

/** Who wants what `from` passes on to us, or why that is not to be believed. What is not passed on `from` wants itself. */
export function whoOrders(turn: Turn, from: string, payload: Element): string | StanzaError {
  const { origin, incarnation } = payload.attrs
  if (origin === undefined) return from
  const stamp = readStamp(payload.attrs.stamp)
  if (stamp === undefined || !isOfOrigin(turn, payload)) return new StanzaError('forbidden')
  const { closed, diverged, ordered } = turn.peer(origin)
  if (closed || diverged) return new StanzaError('not-allowed', { text: `nothing is taken of ${origin}` })
  if (incarnation !== turn.replica.incarnation)
    return new StanzaError('recipient-unavailable', { type: 'wait', text: 'this instance was started anew' })
  if (ordered !== undefined && compareStamps(stamp, ordered) <= 0)
    return new StanzaError('not-allowed', { text: 'a later order has come before it' })
  if (Math.abs(turn.env.now - stamp.ms) > maxLeadMs)
    return new StanzaError('not-allowed', { text: 'it is too old, or the clocks are too far apart' })
  turn.changePeer(origin, { ordered: stamp })
  return origin
}

/** Has a member signed it that is not ourselves? */
function isOfOrigin({ replica }: Turn, payload: Element): boolean {
  const { origin = '', signature } = payload.attrs
  const row = otherInstance(replica, origin)
  if (row?.kind !== 'sync' || row.key === undefined || signature === undefined) return false
  return isSigned(row.key, signedText(replica.identity.roomId, payload), signature)
}
