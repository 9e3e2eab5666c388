/**
 * Proof of origin (dmuc.md §3): an origin signs how far its log goes; what anybody else tells of it counts up to there. So an
 * instance can lie about its own occupants and messages, and about nothing else.
 */
import type { LoggedEvent } from '../room/types.js'
import { type Element, xml } from '../xml/element.js'
import { chained, isWhole, linkOf } from './chain.js'
import { distrustHead, isConsistent } from './distrust.js'
import { isSource, otherInstance, others } from './replica.js'
import { isSigned, type Signer } from './signing.js'
import type { Turn } from './turn.js'
import { type Origin, originKey } from './vector.js'
import { checkpoint, type Head, type Proof, readHead, writeHead } from './wire/proof.js'

const signedText = (roomId: string, head: Omit<Head, 'signature'>, hash: string): string =>
  ['urn:xmpp:dmuc-sync:0 head', roomId, head.instance, head.incarnation, head.seq, hash].join('\n')

export const signHead = (signer: Signer, roomId: string, head: Omit<Head, 'signature'>, hash: string): Head => ({
  ...head,
  signature: signer.sign(signedText(roomId, head, hash)),
})

/** Signs what was logged here since the last time, and tells all who can check it. Called as time passes: at most a second late. */
export function signLog(turn: Turn): void {
  const { signer } = turn.env
  const { identity, incarnation, nextSeq, tip, signed, phase } = turn.replica
  const seq = nextSeq - 1
  if (signer === undefined || seq === 0 || phase !== 'serving') return
  if (signed?.incarnation === incarnation && signed.seq >= seq) return
  keepHead(turn, signHead(signer, identity.roomId, { instance: turn.self, incarnation, seq }, tip))
}

/** Heads of earlier starts that a hello tells. */
const maxEarlier = 16

/**
 * Signs what earlier starts left unsigned; `last` are their last events in the log, `heads` what was signed of them. All of it is told to
 * those in touch, and to the others with the hello: who heard an event and not its head can prove it to nobody.
 */
export function signEarlier(turn: Turn, last: readonly LoggedEvent[], heads: readonly Head[] = []): void {
  const { signer } = turn.env
  turn.change({ earlierHeads: heads.slice(-maxEarlier) })
  for (const head of heads) tellHead(turn, head)
  for (const event of last) {
    const link = linkOf(event)
    if (signer === undefined || link === undefined || event.prev === undefined) continue
    const { instance, incarnation, seq } = event.id
    if (instance !== turn.self || incarnation === turn.replica.incarnation) continue
    const head = signHead(
      signer,
      turn.replica.identity.roomId,
      { instance, incarnation, seq },
      chained(event.prev, link),
    )
    turn.change({ earlierHeads: [...turn.replica.earlierHeads, head].slice(-maxEarlier) })
    keepHead(turn, head)
  }
}

function keepHead(turn: Turn, head: Head): void {
  if (head.incarnation === turn.replica.incarnation) turn.change({ signed: head })
  turn.effects.push({ type: 'head', head })
  tellHead(turn, head)
}

function tellHead(turn: Turn, head: Head): void {
  for (const { jid, kind } of others(turn.replica)) {
    const { link } = turn.peer(jid)
    if (kind === 'sync' && (link === 'up' || link === 'greeting'))
      turn.effects.push({ type: 'send', stanza: xml('message', { from: turn.self, to: jid }, writeHead(head)) })
  }
}

/** How far ahead of the events that are held a head may be: they are on their way. */
const maxLead = 10_000

/** A head from its origin: kept, to prove by it what others ask for. */
export function takeHead(turn: Turn, from: string, element: Element): void {
  const head = readHead(element)
  if (head === undefined || head.instance !== from)
    return turn.note('warn', 'sent a head that is not of its log; dropped', from)
  keepOriginHead(turn, head, head.seq % checkpoint === 0)
}

/** `isChecked`: it costs more than what is said in a second, so not each one is. */
export function keepOriginHead(turn: Turn, head: Head, isChecked: boolean): void {
  if (isChecked && !fits(turn, head)) distrustHead(turn, head.instance, head.seq)
  else keepForeignHead(turn, head)
}

/** Is it a signature of what its origin told us? Where that cannot be said, it may be. */
function fits(turn: Turn, head: Head): boolean {
  const { tip, key } = turn.peer(head.instance)
  if (tip?.incarnation !== head.incarnation || tip.seq !== head.seq) return true
  // Another key may be on its way, in the source's table.
  if (key === undefined || !keysOf(turn, head.instance).includes(key)) return true
  return isHeadSigned(turn, head, tip.hash)
}

/** Heads that are ahead of what is held, of so many origins at most. */
const maxAhead = 1000

/**
 * Kept once all that it covers is here: before that it proves nothing to others, and would take the place of one that does. (Its origin may
 * be gone for good before the rest comes.)
 */
export function keepForeignHead(turn: Turn, head: Head): void {
  const { vector, ahead } = turn.replica
  const { contiguous } = vector.get(head)
  if (head.seq <= contiguous) return void turn.effects.push({ type: 'head', head })
  if ((ahead.get(originKey(head))?.seq ?? 0) > head.seq) return
  if (head.seq <= contiguous + maxLead && (ahead.size < maxAhead || ahead.has(originKey(head))))
    turn.change({ ahead: new Map(ahead).set(originKey(head), head) })
}

/** More of this origin is held now. */
export function settleHead(turn: Turn, origin: Origin): void {
  const { vector, ahead } = turn.replica
  const head = ahead.get(originKey(origin))
  if (head === undefined || head.seq > vector.get(origin).contiguous) return
  const left = new Map(ahead)
  left.delete(originKey(origin))
  turn.change({ ahead: left })
  if (fits(turn, head)) turn.effects.push({ type: 'head', head })
  else distrustHead(turn, head.instance, head.seq)
}

/** The keys by which an instance signs and has signed, as the source's table says; ours first for ourselves. */
function keysOf(turn: Turn, instance: string): readonly string[] {
  const row = turn.replica.table.instances.get(instance)
  const present = instance === turn.self ? turn.env.signer?.publicKey : undefined
  return [present, row?.key, ...(row?.formerKeys ?? [])].filter((key) => key !== undefined)
}

/** Has the instance signed that its log has this hash there? */
export const isHeadSigned = (turn: Turn, head: Head, hash: string): boolean =>
  isSignedBy(turn, head.instance, signedText(turn.replica.identity.roomId, head, hash), head.signature)

/** Is it the signature of this text by a key that the instance has, or had? */
export const isSignedBy = (turn: Turn, instance: string, text: string, signature: string): boolean =>
  keysOf(turn, instance).some((key) => isSigned(key, text, signature))

/**
 * Those of `events` that `from` may tell: its own, and of others what is proved to be theirs. Heads that prove something are kept. An
 * event whose content was withheld is taken from its origin, where that has it and can be asked.
 */
export function provenOf(
  turn: Turn,
  from: string,
  events: readonly LoggedEvent[],
  proofs: readonly Proof[],
): readonly LoggedEvent[] {
  const proven = new Set<LoggedEvent>()
  for (const proof of proofs) {
    const covered = holds(turn, proof, events)
    if (covered.length === 0) continue
    keepForeignHead(turn, proof.head)
    for (const event of covered) proven.add(event)
  }
  const isLost = (event: LoggedEvent): boolean => isLostByUs(turn, event) || isLastOfGone(turn, from, event)
  return events
    .map((event) => (proven.has(event) || !isLost(event) ? event : { ...unsigned(event), void: true as const }))
    .filter((event) => {
      if (turn.peer(event.id.instance).lied !== undefined) return false
      if (event.id.instance === from) return isConsistent(turn, event)
      if (isLost(event) && event.digest === undefined) return true
      return proven.has(event) && (isWhole(event) || (isWithheld(event) && !isToBeHad(turn, event)))
    })
}

/** Events of one earlier start that may be given up: those of its last second. */
const maxLost = 1000

/**
 * Was it said here before we lost it with our disk? What we had not signed by then nobody can prove. It is void from now on, so that all
 * hold the same events. Where a signature is known to be had, whoever has it is asked.
 */
const isLostByUs = (turn: Turn, { id }: LoggedEvent): boolean =>
  id.instance === turn.self &&
  id.incarnation !== turn.replica.incarnation &&
  isNext(turn, id) &&
  (turn.replica.ahead.get(originKey(id))?.seq ?? 0) < id.seq

/**
 * So it is with what an instance said last that is none any more: who heard it, the source or a shadow that tells the source, cannot
 * prove it, and nobody ever will.
 */
const isLastOfGone = (turn: Turn, from: string, { id }: LoggedEvent): boolean =>
  (from === turn.replica.identity.source || isSource(turn.replica)) &&
  turn.replica.table.instances.get(id.instance)?.gone === true &&
  isNext(turn, id)

const isNext = ({ replica: { vector } }: Turn, id: LoggedEvent['id']): boolean =>
  id.seq > vector.get(id).contiguous && id.seq <= vector.get(id).contiguous + maxLost

function unsigned({ digest: _, prev: __, ...event }: LoggedEvent): LoggedEvent {
  return event
}

const isWithheld = ({ void: isVoid, operation }: LoggedEvent): boolean =>
  isVoid === true || (operation.type === 'message' && operation.retracted !== undefined)

/** Can its origin be asked for it? A tombstone is all that there is to be had. */
function isToBeHad(turn: Turn, { id, void: isVoid }: LoggedEvent): boolean {
  const { link, vector } = turn.peer(id.instance)
  if (isVoid !== true || id.instance === turn.self) return false
  return otherInstance(turn.replica, id.instance) !== undefined && link === 'up' && vector.has(id, id.seq)
}

/** The events that the proof covers, if it holds. */
function holds(turn: Turn, { head, from, before, links }: Proof, events: readonly LoggedEvent[]): LoggedEvent[] {
  if (keysOf(turn, head.instance).length === 0) return []
  const bySeq = new Map<number, LoggedEvent>()
  for (const event of events)
    if (event.id.instance === head.instance && event.id.incarnation === head.incarnation) bySeq.set(event.id.seq, event)
  const covered: LoggedEvent[] = []
  let hash = before
  let next = 0
  for (let seq = from; seq <= head.seq; seq++) {
    const event = bySeq.get(seq)
    const link = event === undefined ? links[next++] : linkOf(event)
    if (link === undefined || (event?.prev !== undefined && event.prev !== hash)) return []
    if (event !== undefined) covered.push(event)
    hash = chained(hash, link)
  }
  return isHeadSigned(turn, head, hash) ? covered : []
}
