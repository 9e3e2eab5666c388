/**
 * Catching up with a peer (dmuc.md §3, Anti-entropy): pull what it holds and we do not, page by page, then fetch its list of
 * occupants if ours may be old. Live events that arrive meanwhile wait in `held`.
 */
import type { LoggedEvent } from '../room/types.js'
import type { Element } from '../xml/element.js'
import { xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { accept, releaseHeld, skipsRevision, startsTooOften } from './accept.js'
import { compareStamps } from './clock.js'
import { isOver } from './floors.js'
import { forgo } from './forgoing.js'
import { provenOf } from './heads.js'
import { askHistory, awaitsHistory } from './history.js'
import { takeList } from './presences.js'
import type { Peer, Question } from './replica.js'
import { awaitsRights } from './rights.js'
import type { Turn } from './turn.js'
import { type Held, type Origin, type Range, Vector } from './vector.js'
import { readProofs } from './wire/proof.js'
import { readPage, writePull } from './wire/pull.js'

/** What comes of news from `jid`: its own next thing, and the lists that are looked at again since the source decided something. */
export function catchUpAll(turn: Turn, jid: string): void {
  catchUp(turn, jid)
  for (const [other, { listWanted }] of turn.replica.peers) if (listWanted && other !== jid) catchUp(turn, other)
}

/** Pages that one peer is asked for at a time: the next one is on its way while the first is stored. */
const maxPulls = 2

/** Asks `jid` for the next things we lack from it, if there are any and they are not under way. */
export function catchUp(turn: Turn, jid: string): void {
  const peer = turn.peer(jid)
  if (peer.link !== 'up' || peer.pulls.length >= maxPulls || peer.listAsked) return
  if (awaitsHistory(turn)) {
    if (jid === turn.replica.identity.source && !peer.historyAsked) askHistory(turn, jid)
    return
  }
  const ranges = nextRanges(turn, jid)
  if (ranges.length > 0) {
    turn.changePeer(jid, { pulls: [...peer.pulls, ranges] })
    ask(turn, jid, writePull(turn.replica.identity.roomId, ranges), { type: 'pull', ranges })
    catchUp(turn, jid)
  } else if (peer.pulls.length === 0) caughtUp(turn, jid)
}

/** Nothing is lacking, or under way. */
function caughtUp(turn: Turn, jid: string): void {
  if (turn.peer(jid).behind) {
    turn.changePeer(jid, { behind: false })
    releaseHeld(turn, jid)
  }
  if (!turn.peer(jid).listWanted) return
  turn.changePeer(jid, { listAsked: true, listWanted: false })
  ask(turn, jid, xml('occupants', { xmlns: ns.dmucSync }), { type: 'occupants' })
}

/** One page of what `jid` can tell us, beside what is under way from it. */
function nextRanges(turn: Turn, jid: string): readonly Range[] {
  const peer = turn.peer(jid)
  const { vector } = turn.replica
  // What comes next depends on what is there then.
  if (peer.behind && peer.pulls.length > 0) return []
  const counted = peer.pulls.length === 0 ? vector : vector.union(Vector.of(peer.pulls.flat().map(wholly)))
  const lacking = counted.missing(peer.vector).filter((origin) => mayTell(turn, jid, origin))
  const ordered = earlierFirst(lacking, jid, peer)
  return bounded(ordered, peer.pageEvents ?? turn.env.limits.pageEvents).filter((range) => !startsTooOften(turn, range))
}

function ask(turn: Turn, to: string, payload: Element, question: Question): void {
  turn.effects.push({ type: 'ask', iq: xml('iq', { type: 'get', from: turn.self, to }, payload), question })
}

/**
 * An instance tells of itself, the source of all, and another of those with whom we are not in touch: who can be asked itself is.
 * Whether it is true is seen by the proof (./heads.ts).
 */
function mayTell(turn: Turn, teller: string, { instance }: Origin): boolean {
  const { table, identity } = turn.replica
  if (instance === teller || teller === identity.source || instance === turn.self) return true
  return table.instances.has(instance) && turn.peer(instance).link !== 'up'
}

/** The first ranges that together hold at most `events`; each has its share, so that none waits for what another one lacks. */
function bounded(ranges: readonly Range[], events: number): Range[] {
  const first: Range[] = []
  let left = events
  for (const [index, range] of ranges.entries()) {
    const share = Math.ceil(left / (ranges.length - index))
    if (share === 0) break
    const to = Math.min(range.to, range.from + share - 1)
    first.push({ ...range, to })
    left -= to - range.from + 1
  }
  return first
}

/** What `jid` said before its present start comes first: while that is lacking, what it said since is not asked for. */
function earlierFirst(ranges: readonly Range[], jid: string, { behind, incarnation }: Peer): readonly Range[] {
  const isPresent = (range: Range): boolean => range.instance === jid && range.incarnation === incarnation
  const earlier = ranges.filter((range) => !isPresent(range))
  return behind && earlier.some(({ instance }) => instance === jid) ? earlier : ranges
}

/** A page of what we asked for. Without progress we stop until the next hello rather than ask for ever. */
export function takePage(turn: Turn, from: string, asked: readonly Range[], answer: Element | StanzaError): void {
  turn.changePeer(from, { pulls: turn.peer(from).pulls.filter((ranges) => ranges !== asked) })
  if (answer instanceof StanzaError) {
    turn.note('warn', `could not pull: ${answer.text ?? answer.condition}`, from)
    return
  }
  const wanted = (event: LoggedEvent): boolean =>
    asked.some(
      (range) =>
        range.instance === event.id.instance &&
        range.incarnation === event.id.incarnation &&
        range.from <= event.id.seq &&
        event.id.seq <= range.to,
    )
  const page = answer.getChild('events', ns.dmucSync)
  // It was too much for one: the next ones are not cut short.
  if (page?.attrs.more === 'true') turn.changePeer(from, { pageEvents: Math.max(1, page.getChildren('event').length) })
  const gave = readPage(page).filter(wanted)
  const events = inOrder(provenOf(turn, from, gave, readProofs(page)))
  const before = turn.replica.vector
  acceptPage(turn, from, events)
  const held = (range: Range): boolean => before.missing(Vector.of([wholly(range)])).length === 0
  const goesOn = turn.replica.vector !== before || asked.every(held)
  // It came before an earlier one: it is asked for again when that is here.
  if (!goesOn && turn.peer(from).pulls.length > 0) return
  if (goesOn) measure(turn, from)
  else turn.changePeer(from, { behind: false })
  for (const instance of new Set([from, ...events.map(({ id }) => id.instance)])) releaseHeld(turn, instance)
  if (goesOn) catchUpAll(turn, from)
  else {
    const reason = 'it does not have what it says it holds'
    turn.changePeer(from, { lastError: reason })
    turn.note('warn', reason, from)
    forgo(turn, from, asked, gave)
    if (turn.replica.vector === before) goesWithout(turn, from)
    else catchUpAll(turn, from)
  }
}

/**
 * What others said and it cannot prove (their heads are signed up to a second late, and they may be gone since) does not keep the list of
 * its own occupants from us. Its own messages do: no presence overtakes them.
 */
function goesWithout(turn: Turn, jid: string): void {
  const { link, listAsked, vector } = turn.peer(jid)
  const lacksOwn = turn.replica.vector.missing(vector).some(({ instance }) => instance === jid)
  if (link === 'up' && !listAsked && !lacksOwn) caughtUp(turn, jid)
}

/** Do we lack events of its earlier starts? */
export function measure(turn: Turn, jid: string): void {
  const { vector, incarnation } = turn.peer(jid)
  const earlier = (range: Range): boolean => range.instance === jid && range.incarnation !== incarnation
  turn.changePeer(jid, { behind: turn.replica.vector.missing(vector).some(earlier) })
}

/**
 * Each after what its instance said before it, in this start or an earlier one. What the source decided may have to wait, and keeps
 * nothing else waiting. An instance that lacks what it said in an earlier start has lost it: then nothing waits for that.
 */
function acceptPage(turn: Turn, from: string, events: readonly LoggedEvent[]): void {
  let reach = turn.replica.vector
  const take = (event: LoggedEvent): void => {
    const { id } = event
    if (turn.replica.vector.has(id, id.seq) || id.seq !== reach.get(id).contiguous + 1) return
    if (isOver(turn.replica, from, id)) return
    // What follows it waits, too.
    if (awaitsRights(turn, event)) return
    reach = reach.with(id, id.seq)
    if (!skipsRevision(turn, event)) accept(turn, event, true, isFarBehind(turn, from, event))
  }
  const before = turn.replica.vector
  const restarted = severalStarts(turn.peer(from).vector)
  for (const [index, event] of events.entries())
    if (!restarted.has(event.id.instance) || !isAhead(turn, from, reach, event, events.slice(index + 1))) take(event)
  if (turn.replica.vector === before) for (const event of events) if (event.id.instance === from) take(event)
}

/** Instances of which it holds more than one start. */
function severalStarts(vector: Vector): ReadonlySet<string> {
  const once = new Set<string>()
  const several = new Set<string>()
  for (const { instance } of vector.origins()) (once.has(instance) ? several : once).add(instance)
  return several
}

/** Is more to come of its origin from `from` than people are shown late? The newest are. */
const isFarBehind = (turn: Turn, from: string, { id }: LoggedEvent): boolean =>
  turn.peer(from).vector.get(id).contiguous - id.seq >= turn.env.limits.maxLate

/**
 * Does `from` hold of another start of the same instance what is neither here nor in the rest of the page? Whether that was earlier
 * cannot be seen then, unless it is the present start, which is the last.
 */
function isAhead(turn: Turn, from: string, reach: Vector, { id }: LoggedEvent, rest: readonly LoggedEvent[]): boolean {
  const present = id.instance === from ? turn.peer(from).incarnation : undefined
  return reach
    .missing(turn.peer(from).vector)
    .some(
      ({ instance, incarnation }) =>
        instance === id.instance &&
        incarnation !== id.incarnation &&
        incarnation !== present &&
        !rest.some((other) => other.id.instance === instance && other.id.incarnation === incarnation),
    )
}

const wholly = ({ instance, incarnation, from, to }: Range): Origin & Held => ({
  instance,
  incarnation,
  contiguous: 0,
  above: [[from, to]],
})

/** Canonical (dmuc.md §3, Order), and each origin in its own order, even where its stamps fall. */
function inOrder(events: readonly LoggedEvent[]): LoggedEvent[] {
  const origins = new Map<string, LoggedEvent[]>()
  for (const event of events) {
    const key = `${event.id.instance}\n${event.id.incarnation}`
    origins.set(key, [...(origins.get(key) ?? []), event])
  }
  const queues = [...origins.values()].map((queue) => queue.sort((a, b) => a.id.seq - b.id.seq))
  const ordered: LoggedEvent[] = []
  while (ordered.length < events.length) {
    const queue = queues.filter(({ length }) => length > 0).reduce((a, b) => (isEarlier(b[0]!, a[0]!) ? b : a))
    ordered.push(queue.shift()!)
  }
  return ordered
}

const isEarlier = (a: LoggedEvent, b: LoggedEvent): boolean =>
  (compareStamps(a.stamp, b.stamp) || (a.id.instance < b.id.instance ? -1 : 1)) < 0

export function takeListAnswer(turn: Turn, from: string, answer: Element | StanzaError): void {
  turn.changePeer(from, { listAsked: false })
  if (answer instanceof StanzaError) {
    turn.changePeer(from, { listWanted: true })
    turn.note('warn', `could not fetch its occupants: ${answer.text ?? answer.condition}`, from)
    return
  }
  const list = answer.getChild('occupants', ns.dmucSync)
  // It began anew; its hello comes, and then its list is asked for.
  if (list?.attrs.incarnation !== turn.peer(from).incarnation) {
    turn.changePeer(from, { listWanted: true })
    return
  }
  if (list !== undefined && !takeList(turn, from, list)) turn.changePeer(from, { listWanted: true })
  catchUp(turn, from)
}
