/**
 * Catching up with a peer (dmuc.md §3, Anti-entropy): pull what it holds and we do not, page by page, then fetch its list of
 * occupants if ours may be old. Live events that arrive meanwhile wait in `held`.
 */
import type { LoggedEvent } from '../room/types.js'
import type { Element } from '../xml/element.js'
import { xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { accept, releaseHeld, startsTooOften } from './accept.js'
import { compareStamps } from './clock.js'
import { takeList } from './presences.js'
import type { Question } from './replica.js'
import type { Turn } from './turn.js'
import type { Origin, Range } from './vector.js'
import { readPage, writePull } from './wire/pull.js'

/** Asks `jid` for the next thing we lack from it, if there is one and it is not under way. */
export function catchUp(turn: Turn, jid: string): void {
  const peer = turn.peer(jid)
  if (peer.link !== 'up' || peer.pulling || peer.listAsked) return
  const lacking = turn.replica.vector.missing(peer.vector).filter((origin) => mayTell(turn, jid, origin))
  const ranges = bounded(lacking, turn.env.limits.pageEvents).filter((range) => !startsTooOften(turn, range))
  if (ranges.length > 0) {
    turn.changePeer(jid, { pulling: true })
    ask(turn, jid, writePull(turn.replica.identity.roomId, ranges), { type: 'pull', ranges })
  } else if (peer.listWanted) {
    turn.changePeer(jid, { listAsked: true, listWanted: false })
    ask(turn, jid, xml('occupants', { xmlns: ns.dmucSync }), { type: 'occupants' })
  }
}

function ask(turn: Turn, to: string, payload: Element, question: Question): void {
  turn.effects.push({ type: 'ask', iq: xml('iq', { type: 'get', from: turn.self, to }, payload), question })
}

/**
 * Until the heads of other origins are signed (dmuc.md §3, Proof of origin), an instance tells of itself, the source of all, and
 * another of those alone with whom we are not in touch: of an instance that we can ask, nobody else is believed.
 */
function mayTell(turn: Turn, teller: string, { instance, incarnation }: Origin): boolean {
  const { table, identity } = turn.replica
  if (instance === teller || teller === identity.source || instance === turn.self) return true
  const { link, incarnation: present } = turn.peer(instance)
  return table.instances.has(instance) && !(link === 'up' && incarnation === present)
}

/** What only the source decides is believed of the source alone, whatever its place in the log (dmuc.md §4). */
const isCredible = (turn: Turn, teller: string, { id, operation }: LoggedEvent): boolean =>
  teller === turn.replica.identity.source ||
  (operation.type !== 'config' && operation.type !== 'register' && operation.type !== 'destroy') ||
  id.instance !== turn.replica.identity.source

/** The first ranges that together hold at most `events`. */
function bounded(ranges: readonly Range[], events: number): Range[] {
  const first: Range[] = []
  let left = events
  for (const range of ranges) {
    if (left === 0) break
    const to = Math.min(range.to, range.from + left - 1)
    first.push({ ...range, to })
    left -= to - range.from + 1
  }
  return first
}

/** A page of what we asked for. Without progress we stop until the next hello rather than ask for ever. */
export function takePage(turn: Turn, from: string, asked: readonly Range[], answer: Element | StanzaError): void {
  turn.changePeer(from, { pulling: false })
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
  const events = readPage(answer.getChild('events', ns.dmucSync)).filter(wanted).sort(inOrder)
  let progress = 0
  for (const event of events) {
    if (turn.replica.vector.has(event.id, event.id.seq) || !isCredible(turn, from, event)) continue
    accept(turn, event, true)
    progress++
  }
  releaseHeld(turn, from)
  if (progress > 0) catchUp(turn, from)
  else turn.note('warn', 'it does not have what it says it holds', from)
}

/** Canonical (dmuc.md §3, Order); an origin's stamps rise with its seqs, so its own order is kept. */
const inOrder = (a: LoggedEvent, b: LoggedEvent): number =>
  compareStamps(a.stamp, b.stamp) ||
  (a.id.instance < b.id.instance ? -1 : a.id.instance > b.id.instance ? 1 : 0) ||
  a.id.seq - b.id.seq

export function takeListAnswer(turn: Turn, from: string, answer: Element | StanzaError): void {
  turn.changePeer(from, { listAsked: false })
  if (answer instanceof StanzaError) {
    turn.note('warn', `could not fetch its occupants: ${answer.text ?? answer.condition}`, from)
    return
  }
  const list = answer.getChild('occupants', ns.dmucSync)
  if (list !== undefined && !takeList(turn, from, list)) turn.changePeer(from, { listWanted: true })
  catchUp(turn, from)
}
