/**
 * The shadow's side of replication (XEP-0281 §4.2): config and roster from the source, then the history we ask for. Until
 * the roster is in, the room is hidden; after the history we greet the other instances.
 */
import { laterSubject } from '../room/apply.js'
import type { LoggedEvent, Occupant, RoomConfig, RoomState } from '../room/types.js'
import { child, type Element } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { accept, tooLong } from './accept.js'
import { floorsOf } from './floors.js'
import { follow, isTakeover, refitTo } from './following.js'
import { greet, greetAll, linkDown } from './greet.js'
import { provenOf } from './heads.js'
import { askHistory, lostAgain } from './history.js'
import { occupantIdOf } from './ids.js'
import { withKeys } from './keys.js'
import { performLocal } from './local.js'
import { isPlain, weigh } from './plain.js'
import { compareList, forgetGone } from './presences.js'
import { announceAll, relayEvent } from './relay.js'
import { isSource, occupantIdAt, otherInstance, others, type Replica, type RoomIdentity } from './replica.js'
import type { Turn } from './turn.js'
import { Vector } from './vector.js'
import { readConfig } from './wire/config.js'
import { readVector } from './wire/hello.js'
import { readHistoryEvent, readPlainMessage, stampAt } from './wire/history.js'
import { readProofs } from './wire/proof.js'
import { historyMessages } from './wire/replicate.js'
import { type RoomExtension, readRoom } from './wire/room.js'
import { readListPlace, readRoster } from './wire/roster.js'

/** E5: from the source alone. The first one makes a requested shadow. */
export function takeConfig(turn: Turn, from: string, iq: Element, payload: Element): void {
  bindSource(turn, from)
  const { replica } = turn
  const form = child(payload, 'x', ns.dataForm)
  const config = form && readConfig(form, replica.room.config)
  const extension = readRoom(child(payload, 'room', ns.dmucSync))
  const takesOver = extension !== undefined && isTakeover(turn, from, extension.identity)
  const isOlder = extension !== undefined && !takesOver && fallsBehind(replica, extension)
  const refusal =
    config === undefined
      ? new StanzaError('bad-request', { text: 'no configuration form in it' })
      : from !== replica.identity.source && !takesOver
        ? new StanzaError(extension?.identity.source === from ? 'conflict' : 'forbidden', {
            text: `${replica.identity.source} is the source here`,
          })
        : extension !== undefined && !meansThisRoom(turn, from, extension.identity)
          ? new StanzaError('conflict', { text: 'another room has this address' })
          : isOlder
            ? new StanzaError('unexpected-request', { text: 'it was told that more is decided already: it says what' })
            : undefined
  turn.effects.push({ type: 'reply', iq, payload: refusal })
  if (refusal?.condition === 'conflict' && extension?.identity.source === from) part(turn, from)
  if (isOlder && refusal?.condition === 'unexpected-request' && turn.peer(from).link !== 'up') greet(turn, from)
  if (config === undefined || refusal !== undefined) return
  if (takesOver) return follow(turn, from, config, extension)
  if (extension === undefined && replica.phase === 'serving') return reconfigure(turn, from, config)
  // It was taken back from us and given again, and we did not hear of the first.
  if (extension !== undefined && replica.phase === 'serving') refitTo(turn, config, extension)
  const room: RoomState = { ...turn.replica.room, config, locked: false }
  if (extension === undefined) {
    const kind = 'plain'
    const rank = 0
    const instances = new Map(replica.table.instances).set(from, { jid: from, kind, rank, gone: false })
    turn.change({ room, table: { ...replica.table, instances } })
  } else {
    const { identity, keys, configRevision, registerRevision, register, entitled, table } = extension
    const subject = laterSubject(room.subject, extension.subject)
    const decided = { configRevision, registerRevision, register, entitled, subject }
    const known = replica.phase === 'serving' ? withKeys(replica.keys, keys) : keys
    const instances = others(replica)
    turn.change({ room: { ...room, ...decided }, identity, keys: known, table })
    forgetGone(turn, instances)
    // Nothing of what was gone before we came is missing.
    if (replica.phase === 'requested') turn.change(floorsOf(extension.floors))
  }
  if (replica.phase === 'requested') turn.change({ phase: 'configured', hiddenSince: undefined })
  turn.effects.push({ type: 'save' })
}

/** Does a source that lost data give us the room anew, as it was before it gave us more? */
const fallsBehind = ({ phase, room, identity }: Replica, given: RoomExtension): boolean =>
  phase === 'serving' &&
  given.identity.roomId === identity.roomId &&
  given.identity.epoch <= identity.epoch &&
  (given.configRevision < room.configRevision || given.registerRevision < room.registerRevision)

/** It takes itself for the source, and we do not: until our operators agree there is nothing between us. */
function part(turn: Turn, from: string): void {
  linkDown(turn, from, 'it says that it is the source', true)
  turn.changePeer(from, { diverged: true })
}

/** The source speaks for itself, of the room that it asked us to replicate, if it named one then. */
function meansThisRoom(turn: Turn, from: string, { source, roomId }: RoomIdentity): boolean {
  const { identity, phase } = turn.replica
  return source === from && (roomId === identity.roomId || (phase === 'requested' && isPlain(turn, from)))
}

/** A plain source changes its configuration: an event of our own, like everything that we adopt from it. */
function reconfigure(turn: Turn, from: string, config: RoomConfig): void {
  if (JSON.stringify(config) === JSON.stringify(turn.replica.room.config)) return
  performLocal(turn, [{ type: 'config', config, revision: 0 }], from)
}

/** A plain firsthost names no room: the first of its rooms that sends a config is the source (checklist 13). */
function bindSource(turn: Turn, from: string): void {
  const { identity, phase, table } = turn.replica
  if (phase !== 'requested' || identity.source !== Jid.parse(from).domain) return
  const instances = new Map(table.instances)
  instances.delete(identity.source)
  instances.set(from, { jid: from, kind: 'plain', rank: 0, gone: false })
  turn.change({ identity: { ...identity, source: from }, table: { ...table, instances } })
}

/**
 * E7: the source's occupants, and those of the others until their own lists are in. Then we serve, and ask for the history.
 * A plain shadow may tell its own in this way.
 */
export function takeRoster(turn: Turn, from: string, iq: Element, payload: Element): void {
  const { replica } = turn
  const own = isSource(replica) && isPlain(turn, from)
  const refusal =
    from !== replica.identity.source && !own
      ? new StanzaError('forbidden')
      : replica.phase === 'requested'
        ? new StanzaError('unexpected-request', { text: 'the configuration comes first' })
        : undefined
  turn.effects.push({ type: 'reply', iq, payload: refusal })
  if (refusal !== undefined) return
  const listed = readRoster(payload, {
    home: from,
    occupantId: (jid, home) => occupantIdAt(replica, jid, home),
    stamp: stampAt(turn.env.now),
  })
  const occupants = listed.filter(({ occupant }) => !isOwn(turn, occupant)).map((entry) => weigh(turn, entry))
  const at = (home: string): Occupant[] => occupants.filter((occupant) => occupant.home === home)
  compareList(turn, from, at(from))
  if (own) return
  const place = readListPlace(payload)
  const { downSince } = turn.peer(from)
  const first = replica.phase !== 'serving'
  // Later the others speak for their own.
  if (first)
    for (const [jid] of replica.table.instances) if (jid !== from && jid !== turn.self) compareList(turn, jid, at(jid))
  turn.change({ phase: 'serving' })
  turn.changePeer(from, {
    link: place === undefined ? 'up' : turn.peer(from).link,
    incarnation: place?.incarnation,
    occupants: place?.revision ?? 0,
    downSince: undefined,
    split: false,
  })
  turn.effects.push({ type: 'save' })
  if (first) askHistory(turn, from)
  else if (place === undefined) catchUpWithPlain(turn, from, downSince)
  else greetAll(turn)
}

/**
 * A plain source that had lost us, whichever of us noticed: it hears who is here, and is asked for what was said since `lost`. It
 * gives its roster after a split, perhaps before we know that the way is open again.
 */
export function catchUpWithPlain(turn: Turn, source: string, lost: number | undefined): void {
  announceAll(turn, source)
  askHistory(turn, source, lost)
}

/** A plain source may list our own occupants as its own. */
function isOwn(turn: Turn, { nick, jid }: Occupant): boolean {
  const known = turn.replica.room.occupants.get(nick)
  return known?.home === turn.self && known.jid === jid
}

/** E10: a sync instance tells which events these are; those of a plain one become our own. Then the greetings. */
export function takeHistory(turn: Turn, from: string, answer: Element | StanzaError): void {
  turn.changePeer(from, {
    historyAsked: false,
    historyLost: answer instanceof StanzaError ? lostAgain(turn, from, answer) : 0,
  })
  if (answer instanceof StanzaError) turn.note('warn', `gave no history: ${answer.text ?? answer.condition}`, from)
  else if (otherInstance(turn.replica, from)?.kind === 'plain') adoptHistory(turn, from, historyMessages(answer))
  else takeEvents(turn, from, answer)
  if (isSource(turn.replica) && turn.replica.phase === 'serving') return
  if (isSource(turn.replica)) {
    if (turn.peer(from).historyLost > 0) return askHistory(turn, from)
    // Others may know more than who gave it back.
    turn.change({ phase: 'serving', unsettled: {} })
    turn.effects.push({ type: 'save' })
    turn.note('info', 'gave the room back; this instance is its source again', from)
  }
  greetAll(turn)
}

function takeEvents(turn: Turn, from: string, answer: Element): void {
  const history = child(answer, 'history', ns.muc)
  const floor = history && child(history, 'floor', ns.dmucSync)
  const below = readVector(floor && child(floor, 'vector', ns.dmucSync)) ?? Vector.empty
  let { vector } = turn.replica
  for (const entry of below.entries()) vector = vector.withFloor(entry, entry.contiguous)
  turn.change({ vector })
  turn.effects.push({ type: 'floor', vector: below })
  // No more than was asked for.
  const events = historyMessages(answer)
    .slice(-turn.env.limits.historyStanzas)
    .map(readHistoryEvent)
    .filter((event) => event !== undefined)
  for (const event of provenOf(turn, from, events, readProofs(history)))
    if (!turn.replica.vector.has(event.id, event.id.seq)) accept(turn, event, true)
}

/** Messages without identity; what we have already (same author, id and content) is not taken twice. */
function adoptHistory(turn: Turn, from: string, messages: readonly Element[]): void {
  const { keys, identity } = turn.replica
  const known = new Map<string, number>()
  for (const event of turn.replica.room.history) count(known, fingerprint(event), 1)
  for (const message of messages.slice(-turn.env.limits.historyStanzas)) {
    const plain = readPlainMessage(message, (jid) => occupantIdOf(keys, identity.roomId, jid))
    if (plain === undefined) continue
    const event = { operation: plain.operation }
    if (tooLong(turn, event) || count(known, fingerprint(event), -1)) continue
    const at = plain.at === undefined ? undefined : Math.min(plain.at, turn.env.now)
    const logged = turn.logOwn(plain.operation, at)
    turn.perform(logged, true)
    relayEvent(turn, logged, from)
  }
}

const fingerprint = ({ operation }: Pick<LoggedEvent, 'operation'>): string => {
  if (operation.type !== 'message' && operation.type !== 'subject') return ''
  const said = operation.type === 'message' ? operation.content : operation.text
  return JSON.stringify([operation.nick, operation.id, said])
}

/** Adds to a count; for a decrement, tells whether there was one to take away. */
function count(counts: Map<string, number>, key: string, by: 1 | -1): boolean {
  const now = counts.get(key) ?? 0
  if (by < 0 && now === 0) return false
  counts.set(key, now + by)
  return true
}
