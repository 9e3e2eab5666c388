/**
 * Links between instances: greeting when one comes up, and what its loss means (dmuc.md §3, Anti-entropy and Failure).
 * Our hello goes ahead of what we relay, so nothing falls between the vector in it and the first live event.
 */
import type { Element } from '../xml/element.js'
import { xml } from '../xml/element.js'
import { inWords } from '../xmpp/error-words.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { releaseHeld } from './accept.js'
import { loseOccupants } from './behind.js'
import { catchUp, measure } from './catch-up.js'
import { endHere } from './ending.js'
import { missesDecisions, reopen, standingOfFloors, takeFloors, withoutExpired } from './floors.js'
import { keepOriginHead } from './heads.js'
import { giveKeys, hasOtherKey } from './keys.js'
import { overrule } from './overtaking.js'
import { forgetGone } from './presences.js'
import { regain } from './reinstating.js'
import {
  heldOfEarlier,
  heldOfGone,
  type InstanceTable,
  isSource,
  otherInstance,
  others,
  type Replica,
  type RoomIdentity,
  supersedes,
} from './replica.js'
import { isSound, tellTable, withKey } from './table.js'
import { isSealed, tableHash } from './table-seal.js'
import type { Turn } from './turn.js'
import { settleClaim } from './unproved.js'
import { eventsIn, type Vector } from './vector.js'
import { type Hello, readHello, writeHello } from './wire/hello.js'

/** Says hello to a sync instance. */
export function greet(turn: Turn, jid: string): void {
  const { listWanted, listAsked, lied } = turn.peer(jid)
  if (turn.replica.phase !== 'serving' || lied !== undefined) return
  turn.changePeer(jid, { link: 'greeting', pulls: [], listAsked: false, listWanted: listWanted || listAsked })
  sayHello(turn, jid)
}

export function sayHello(turn: Turn, jid: string): void {
  turn.changePeer(jid, {
    helloAt: turn.env.now,
    telling: standing(turn.replica),
    tellingEarlier: heldOfEarlier(turn.replica),
    retryAt: undefined,
  })
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to: jid }, writeHello(turn.replica, turn.env.signer?.publicKey)),
    question: { type: 'hello', touches: turn.peer(jid).touches },
  })
}

/** What others have of us when they miss nothing. */
export const standing = (replica: Replica): string =>
  `${replica.nextSeq} ${replica.occupantsRevision} ${replica.table.revision} ${heldOfEarlier(replica)} ${heldOfGone(replica)} ${standingOfFloors(replica)}`

/**
 * As time passes: who refused our hello is greeted again, and who was told something since the last one gets another, because
 * what was lost on the way with nothing behind it is noticed by nobody else. A room where nothing happens says nothing.
 */
export function reassure(turn: Turn): void {
  const { now, limits } = turn.env
  if (turn.replica.phase !== 'serving') return
  for (const { jid, kind } of others(turn.replica)) {
    if (kind !== 'sync') continue
    const doubtedSince = doubt(turn, jid)
    const { link, told, helloAt, retryAt } = turn.peer(jid)
    const since = (ms: number): boolean => now >= helloAt + ms || now < helloAt
    const doubts = doubtedSince !== undefined && since(grown(now - doubtedSince, limits.helloMs))
    const untold = since(limits.helloMs) && told !== standing(turn.replica)
    if (link === 'up' && (doubts || untold)) sayHello(turn, jid)
    else if (link === 'down' && retryAt !== undefined && now >= retryAt) greet(turn, jid)
  }
}

/** The shortest time after which a peer is asked again, or greeted again though it refused that. */
const soonMs = 5000

/** What has lasted for so long is tried again after as long, within these bounds. */
const grown = (lastedMs: number, mostMs: number): number => Math.min(mostMs, Math.max(soonMs, lastedMs))

/** Since when its list has not fitted what we know; undefined where it does. While it is fetched that is open. */
function doubt(turn: Turn, jid: string): number | undefined {
  const { leftOut, listWanted, listAsked, doubtedSince } = turn.peer(jid)
  if (leftOut && doubtedSince === undefined) turn.changePeer(jid, { doubtedSince: turn.env.now })
  if (!leftOut && !listWanted && !listAsked && doubtedSince !== undefined)
    turn.changePeer(jid, { doubtedSince: undefined })
  return leftOut ? turn.peer(jid).doubtedSince : undefined
}

export function greetAll(turn: Turn): void {
  for (const instance of others(turn.replica)) {
    const { link } = turn.peer(instance.jid)
    if (instance.kind === 'sync' && link !== 'joining') greet(turn, instance.jid)
  }
}

/**
 * A peer's hello: answered with our own, unless it means another room. Gives the peer's identity of the room where it follows another
 * source: then no more comes of it.
 */
export function answerHello(turn: Turn, from: string, iq: Element, payload: Element): RoomIdentity | undefined {
  const hello = readHello(payload)
  const refusal = hello === undefined ? new StanzaError('bad-request') : refuseHello(turn, hello)
  if (hello === undefined || refusal !== undefined) {
    turn.effects.push({ type: 'reply', iq, payload: refusal })
    return undefined
  }
  turn.effects.push({ type: 'reply', iq, payload: writeHello(turn.replica, turn.env.signer?.publicKey) })
  if (!isOfOneEpoch(turn, hello)) return meetHeir(turn, from, hello)
  takeTable(turn, from, hello.table)
  if (otherInstance(turn.replica, from) !== undefined) linkUp(turn, from, hello)
  greetNewcomers(turn)
  return undefined
}

const isOfOneEpoch = ({ replica }: Turn, { identity }: Hello): boolean =>
  identity.source === replica.identity.source && identity.epoch === replica.identity.epoch

/** Our source follows another one, of which we may not have heard yet: that it is an instance is still its word to give. */
function meetHeir(turn: Turn, from: string, { identity, table }: Hello): RoomIdentity {
  const ours = turn.replica.identity
  if (from === ours.source && supersedes(identity, ours)) takeTable(turn, from, table)
  return identity
}

function refuseHello(turn: Turn, hello: Hello): StanzaError | undefined {
  const { identity, phase } = turn.replica
  if (phase !== 'serving') return new StanzaError('item-not-found', { text: 'the room did not arrive here yet' })
  if (hello.identity.roomId !== identity.roomId)
    return new StanzaError('conflict', { text: 'another room has this address' })
  return undefined
}

/** As `answerHello`. */
export function takeHelloAnswer(
  turn: Turn,
  from: string,
  answer: Element | StanzaError,
  touches: number = turn.peer(from).touches,
): RoomIdentity | undefined {
  if (answer instanceof StanzaError) {
    // Nobody answers what went down with the link before this one.
    if (answer.condition === 'remote-server-timeout' && touches < turn.peer(from).touches) return undefined
    linkDown(turn, from, inWords(answer), true)
    if (answer.condition === 'item-not-found') retrySoon(turn, from)
    if (answer.condition === 'conflict' || answer.condition === 'forbidden') turn.changePeer(from, { diverged: true })
    // That it took the room back from us was lost on the way.
    if (answer.condition === 'gone' && from === turn.replica.identity.source) endHere(turn)
    const knowsUs = answer.condition !== 'item-not-found' && answer.condition !== 'forbidden'
    if (!knowsUs && isSource(turn.replica)) turn.effects.push({ type: 'lost', jid: from })
    return undefined
  }
  const payload = answer.children.find((node): node is Element => typeof node !== 'string' && node.name === 'hello')
  const hello = payload && readHello(payload)
  if (hello === undefined || refuseHello(turn, hello) !== undefined)
    linkDown(turn, from, 'its hello means another room', true)
  else if (!isOfOneEpoch(turn, hello)) return meetHeir(turn, from, hello)
  else {
    takeTable(turn, from, hello.table)
    const { telling, tellingEarlier } = turn.peer(from)
    turn.changePeer(from, { told: telling, toldEarlier: tellingEarlier })
    linkUp(turn, from, hello)
    greetNewcomers(turn)
  }
  return undefined
}

/** Origins and intervals that are remembered of what one peer says it holds. */
const maxRemembered = 20_000

function joined(known: Vector, said: Vector): Vector {
  const both = known.union(said)
  return both.size > maxRemembered ? said : both
}

/** What a split came to, for whoever reads the log. */
function noteTouch(turn: Turn, from: string, vector: Vector): void {
  const { link, downSince } = turn.peer(from)
  if (link !== 'down' && downSince === undefined) return
  const lost = downSince === undefined ? '' : ` after ${Math.ceil((turn.env.now - downSince) / 1000)} s`
  const [here, there] = [eventsIn(turn.replica.vector.missing(vector)), eventsIn(vector.missing(turn.replica.vector))]
  turn.note('info', `in touch again${lost}; events to be fetched: ${here} here, ${there} there`, from)
}

/** Heads that count in one hello. */
const maxHeads = 32

function linkUp(turn: Turn, from: string, hello: Hello): void {
  const peer = turn.peer(from)
  const restarted = peer.incarnation !== hello.incarnation
  // It is greeted anew though nothing was lost: what we asked for is still on its way.
  const goesOn = peer.link === 'up' && !restarted
  takeFloors(turn, from, hello.floors)
  reopen(turn, hello.vector)
  const vector = withoutExpired(turn.replica, hello.vector)
  noteTouch(turn, from, vector)
  turn.changePeer(from, {
    link: 'up',
    touches: peer.touches + (goesOn ? 0 : 1),
    downSince: undefined,
    split: false,
    diverged: false,
    lastError: undefined,
    revisions: { config: hello.configRevision, register: hello.registerRevision, table: hello.table.revision },
    decisions: hello.decisions,
    incarnation: hello.incarnation,
    key: hello.key,
    keyNumber: hello.keyNumber,
    tip: restarted ? undefined : peer.tip,
    occupants: restarted ? 0 : peer.occupants,
    // An answer may be dealt with later than what came behind it.
    vector: restarted ? vector : withoutExpired(turn.replica, joined(peer.vector, vector)),
    pulls: goesOn ? peer.pulls : [],
    pageEvents: undefined,
    hollow: goesOn ? peer.hollow : [],
    through: { askedAt: undefined, quiet: 0, by: undefined, kicks: [] },
    listAsked: goesOn && peer.listAsked,
    listWanted:
      restarted ||
      peer.split ||
      peer.listWanted ||
      peer.leftOut ||
      (!goesOn && peer.listAsked) ||
      hello.occupantsRevision !== peer.occupants,
    leftOut: false,
    retryAt: undefined,
    held: peer.held.filter(({ id }) => id.incarnation === hello.incarnation),
  })
  settleClaim(turn, from)
  for (const head of hello.heads.slice(0, maxHeads)) if (head.instance === from) keepOriginHead(turn, head, true)
  takeKey(turn, from, hello.key)
  if (others(turn.replica).length > 1) turn.effects.push({ type: 'tell-heads', to: from })
  measure(turn, from)
  for (const { instance } of hello.floors) releaseHeld(turn, instance)
  releaseHeld(turn, from)
  const misses = isSource(turn.replica) && missesDecisions(turn.replica, hello.configRevision + hello.registerRevision)
  if (misses || hasOtherKey(turn, hello.keyNumber)) giveKeys(turn, from)
  overrule(turn, from)
  catchUp(turn, from)
}

/** A new key of an instance enters the table by its own word: it was verified to be the sender. */
function takeKey(turn: Turn, from: string, key: string | undefined): void {
  if (!isSource(turn.replica)) return
  const own = withKey(turn.replica, turn.self, turn.env.signer?.publicKey)
  const table = withKey({ ...turn.replica, table: own }, from, key)
  if (table === turn.replica.table) return
  turn.change({ table })
  turn.effects.push({ type: 'save' })
  tellTable(turn)
}

/** `retry`: the way to it may be open all the same; otherwise who watches over the links says when it is. */
export function linkDown(turn: Turn, jid: string, reason: string, retry: boolean): void {
  const peer = turn.peer(jid)
  turn.changePeer(jid, {
    retryAt: retry ? turn.env.now + turn.env.limits.helloMs : undefined,
    lastError: reason,
  })
  if (peer.link === 'down' || peer.link === 'joining') return
  turn.changePeer(jid, {
    link: 'down',
    downSince: peer.downSince ?? turn.env.now,
    ...(peer.listWanted || peer.listAsked ? {} : { seenAt: turn.env.now }),
    pulls: [],
    listAsked: false,
  })
  turn.note('warn', `lost touch: ${reason}`, jid)
}

/** It does not have the room yet, or what we sent did not get there: that may be over in a moment. */
export function retrySoon(turn: Turn, jid: string): void {
  const { now, limits } = turn.env
  const { downSince = now } = turn.peer(jid)
  turn.changePeer(jid, { retryAt: now + grown(now - downSince, limits.helloMs) })
}

/** Past the grace, the occupants behind a lost link are shown as gone. */
export function expireLinks(turn: Turn): void {
  for (const { jid } of others(turn.replica)) {
    // We have just started: a source that is not there is gone since now.
    const isMissing = jid === turn.replica.identity.source && turn.peer(jid).link === 'down'
    if (isMissing && turn.peer(jid).downSince === undefined && !turn.peer(jid).split)
      turn.changePeer(jid, { downSince: turn.env.now })
    const peer = turn.peer(jid)
    // Others may reach it (./through.ts).
    const lostAt = Math.max(peer.downSince ?? 0, peer.reachedAt ?? 0)
    if (peer.downSince === undefined || peer.split || turn.env.now < lostAt + turn.env.limits.graceMs) continue
    turn.changePeer(jid, { split: true })
    loseOccupants(turn, jid)
    const shown = turn.env.limits.behindSplit === 'leave' ? 'gone' : 'away'
    turn.note('warn', `split: its occupants are shown as ${shown} until the link heals`, jid)
  }
}

/**
 * A table of a higher revision replaces ours; occupants of instances that are gone leave. Only the source numbers it
 * (dmuc.md §4): any other instance may pass on what the source has signed, and what it has not is passed over.
 */
export function takeTable(turn: Turn, from: string, table: InstanceTable): void {
  const { identity } = turn.replica
  const present = turn.replica.table
  if (isSource(turn.replica)) return regainOwn(turn, from, table)
  if (table.revision <= present.revision) return
  if (from !== identity.source && !isSealed(turn.replica, table, turn.env.signer?.publicKey)) return
  if (table.revision === present.revision + 1 && table.prev !== undefined && table.prev !== tableHash(present))
    turn.note('warn', 'its table of instances does not follow on ours, and takes its place', from)
  if (!isSound(turn, table)) return turn.note('warn', 'its table of instances cannot be; ignored', from)
  const before = others(turn.replica)
  turn.change({ table })
  turn.effects.push({ type: 'save' })
  forgetGone(turn, before)
}

/** At the source: one that it has signed and does not know, it has lost. */
function regainOwn(turn: Turn, from: string, table: InstanceTable): void {
  const present = turn.replica.table
  const isKnown = table.revision < present.revision || table.signature === present.signature
  const isAll = (): boolean => [...table.instances.keys()].every((jid) => present.instances.has(jid))
  if (isKnown && isAll()) return
  if (!isSealed(turn.replica, table, turn.env.signer?.publicKey)) return
  if (!isSound(turn, table)) return turn.note('warn', 'its table of instances cannot be; ignored', from)
  const before = others(turn.replica)
  regain(turn, turn.replica.identity.epoch, table)
  forgetGone(turn, before)
}

/** E12: the source tells who the instances are; newcomers are greeted. */
export function takeNotice(turn: Turn, table: InstanceTable): void {
  takeTable(turn, turn.replica.identity.source, table)
  greetNewcomers(turn)
}

function greetNewcomers(turn: Turn): void {
  for (const { jid, kind } of others(turn.replica))
    if (kind === 'sync' && !turn.replica.peers.has(jid)) greet(turn, jid)
}
