/**
 * Messages and presence from another instance (XEP-0281 §4.4, §4.6). They look like those of a client of old and are told
 * apart by their sender alone: the caller gives us only what came from a JID in the table of instances.
 */
import { isEphemeral, readContent } from '../room/content.js'
import { judge } from '../room/judge.js'
import { homesOf } from '../room/occupants.js'
import type { DurableOperation, Operation, SoftOperation } from '../room/types.js'
import { child, type Element } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { acceptLive } from './accept.js'
import { catchUpAll } from './catch-up.js'
import { endHere } from './ending.js'
import { greet, linkDown, retrySoon } from './greet.js'
import { takeHead } from './heads.js'
import { occupantIdOf } from './ids.js'
import { takeHeads } from './lies.js'
import { performLocal } from './local.js'
import { takeRefusal } from './plain.js'
import { takePresence } from './presences.js'
import { passOnEphemeral } from './relay.js'
import { hasPlainSource, type Instance, isSource, otherInstance } from './replica.js'
import type { Turn } from './turn.js'
import { readEvent } from './wire/event.js'
import { readPlainMessage } from './wire/history.js'
import { readCount } from './wire/read.js'

export function takeRelayed(turn: Turn, from: string, stanza: Element): void {
  const instance = otherInstance(turn.replica, from)
  if (instance === undefined) return takeLastWord(turn, from, stanza)
  if (stanza.name === 'message' && child(stanza, 'leave', ns.dmucSync) !== undefined) return takeLeave(turn, instance)
  if (turn.replica.phase !== 'serving' || turn.peer(from).lied !== undefined) return
  if (instance.kind === 'plain' && !isSource(turn.replica) && !hasPlainSource(turn.replica))
    return turn.note('warn', 'has a link to the source alone; what it says to us is ignored', from)
  const head = headIn(stanza)
  if (head !== undefined) return takeHead(turn, from, head)
  const heads = stanza.name === 'message' ? child(stanza, 'heads', ns.dmucSync) : undefined
  if (heads !== undefined && stanza.attrs.type !== 'error') return takeHeads(turn, from, heads)
  const refusal = refusalIn(stanza)
  if (refusal !== undefined) return takeRefused(turn, instance, stanza, refusal)
  if (stanza.attrs.type === 'error') {
    linkDown(turn, from, 'what we sent to it came back', true)
    return retrySoon(turn, from)
  }
  // It began anew, and its hello is yet to come, or was lost.
  const incarnation = incarnationIn(stanza)
  const { link, incarnation: known } = turn.peer(from)
  if (link === 'up' && incarnation !== undefined && incarnation !== known) greet(turn, from)
  if (stanza.name === 'presence') takePresence(turn, from, stanza)
  else takeMessage(turn, instance, stanza)
  catchUpAll(turn, from)
}

/** XEP-0045 §7.2: it got there, and is not taken. */
const refusals: ReadonlySet<string> = new Set([
  'conflict',
  'forbidden',
  'not-allowed',
  'not-authorized',
  'not-acceptable',
  'registration-required',
])

/** The error, where a presence that we relayed came back because it is not taken. */
export function refusalIn({ name, attrs, children }: Element): StanzaError | undefined {
  if (name !== 'presence' || attrs.type !== 'error') return undefined
  const error = StanzaError.from(
    children.find((node): node is Element => typeof node !== 'string' && node.name === 'error'),
  )
  return refusals.has(error.condition) ? error : undefined
}

/** A plain source has the last word on who is in the room; from others an error says nothing. */
function takeRefused(turn: Turn, { jid, kind }: Instance, stanza: Element, refusal: StanzaError): void {
  const nick = Jid.tryParse(stanza.attrs.from)?.resource
  if (kind === 'plain' && jid === turn.replica.identity.source && nick) takeRefusal(turn, nick, refusal)
}

/** Of an instance that is none any more: how far it had signed its log, and nothing else. */
function takeLastWord(turn: Turn, from: string, stanza: Element): void {
  const head = headIn(stanza)
  if (head !== undefined && turn.replica.table.instances.get(from)?.gone === true) takeHead(turn, from, head)
}

const headIn = (stanza: Element): Element | undefined =>
  stanza.name === 'message' && stanza.attrs.type !== 'error' ? child(stanza, 'head', ns.dmucSync) : undefined

const incarnationIn = (stanza: Element): string | undefined =>
  (child(stanza, 'event', ns.dmucSync) ?? child(stanza, 'occupant', ns.dmucSync))?.attrs.incarnation

/** A plain source that relays what its shadows say tells us itself, and we hear it twice. */
function isToldBySource({ replica }: Turn, { jid }: Instance, stanza: Element): boolean {
  const { source } = replica.identity
  const known = replica.room.occupants.get(Jid.tryParse(stanza.attrs.from)?.resource ?? '')
  return hasPlainSource(replica) && jid !== source && known !== undefined && homesOf(known).includes(source)
}

function takeMessage(turn: Turn, instance: Instance, stanza: Element): void {
  if (isToldBySource(turn, instance, stanza)) return
  if (child(stanza, 'ephemeral', ns.dmucSync) !== undefined) return takeEphemeral(turn, instance, stanza)
  const identity = child(stanza, 'event', ns.dmucSync)
  if (identity === undefined) return takePlain(turn, instance, stanza)
  const event = readEvent(identity, stanza.attrs.type === 'groupchat' ? stanza : undefined)
  if (event === undefined || event.id.instance !== instance.jid)
    return turn.note('warn', 'sent an event that is not its own; dropped', instance.jid)
  const occupants = readCount(identity.attrs.occupants)
  // A presence was lost before it: what we know of its occupants is not what it was said by.
  if (occupants !== undefined && occupants !== turn.peer(instance.jid).occupants)
    turn.changePeer(instance.jid, { listWanted: true })
  acceptLive(turn, event)
}

/** Every stanza of a plain peer is adopted: it becomes an event of our own, told to all but the one it came from. */
function takePlain(turn: Turn, instance: Instance, stanza: Element): void {
  if (instance.kind !== 'plain') return
  const plain = readSaid(turn, instance, stanza)
  if (plain !== undefined) performLocal(turn, [unstored(plain.operation)], instance.jid)
}

/** What a plain peer relays of chat states and the like is as little stored as our own occupants'. */
const unstored = (operation: DurableOperation): Operation =>
  operation.type === 'message' && isEphemeral(readContent(operation, operation.content))
    ? { ...operation, type: 'ephemeral' }
    : operation

function readSaid(turn: Turn, instance: Instance, stanza: Element): ReturnType<typeof readPlainMessage> {
  const { keys, identity, room } = turn.replica
  const plain = readPlainMessage(stanza, (jid) => occupantIdOf(keys, identity.roomId, jid))
  const author = plain && room.occupants.get(plain.operation.nick)
  if (plain === undefined || author === undefined) {
    turn.note('warn', 'sent a message of nobody in the room; dropped', instance.jid)
    return undefined
  }
  const operation = { ...plain.operation, jid: author.jid, occupantId: author.occupantId }
  const refusal = judge(room, operation, instance.jid, turn.env.bounds)
  if (refusal !== undefined) turn.note('warn', `refused a message: ${refusal.message}`, instance.jid)
  return refusal === undefined ? { ...plain, operation } : undefined
}

function takeEphemeral(turn: Turn, instance: Instance, stanza: Element): void {
  const said = readSaid(turn, instance, stanza)
  if (said === undefined || said.operation.type !== 'message') return
  const { nick, occupantId, jid, id, content } = said.operation
  const operation: SoftOperation = {
    type: 'ephemeral',
    nick,
    occupantId,
    jid,
    content,
    ...(id === undefined ? {} : { id }),
  }
  turn.perform(operation)
  passOnEphemeral(turn, operation)
}

/** A peer gives its shadow up (to us, the source), or the source removed us. */
function takeLeave(turn: Turn, instance: Instance): void {
  if (instance.jid === turn.replica.identity.source) {
    turn.note('info', 'the source took this room back from us', instance.jid)
    endHere(turn)
  } else turn.effects.push({ type: 'left', jid: instance.jid })
}
