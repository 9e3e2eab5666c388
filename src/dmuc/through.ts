/**
 * Who is at an instance that cannot be reached, while others reach it (dmuc.md §3, Partial split; docs/dmuc-sync.md §3): one of those is
 * asked to ask it. It signs its list and the question with it, so that nobody makes it up or keeps an old one; and how far its log goes
 * comes with it, so that what it said is pulled from who passed it on.
 */
import { copy, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { startsTooOften } from './accept.js'
import { catchUp } from './catch-up.js'
import { digestOf } from './chain.js'
import { sayHello } from './greet.js'
import { signLog } from './heads.js'
import { takeList, writeList } from './presences.js'
import { otherInstance, others, type Peer, type Question } from './replica.js'
import { isSigned } from './signing.js'
import type { Turn } from './turn.js'
import type { Origin } from './vector.js'
import { readCount, readToken } from './wire/read.js'

/** How often it is asked for, while something happens there. */
export const throughMs = 5000
/** Where nothing happens, or nobody reaches it, it waits twice as long each time, up to these: many rooms may ask for many. */
const quietMs = 20_000
const unreachedMs = 60_000

/** The grace must not be over between two answers. */
function waitMs({ env }: Turn, { quiet, by }: Peer['through']): number {
  const most = by !== undefined ? Math.min(quietMs, env.limits.graceMs / 3) : unreachedMs
  return Math.min(throughMs * 2 ** Math.min(quiet, 10), Math.max(1000, most))
}

/** As time passes: asks for the lists of those whom we do not reach ourselves. */
export function lookThrough(turn: Turn): void {
  if (turn.replica.phase !== 'serving') return
  const { now } = turn.env
  for (const { jid, kind } of others(turn.replica)) {
    const { link, through, closed, diverged } = turn.peer(jid)
    const { askedAt } = through
    const isDue = askedAt === undefined || now >= askedAt + waitMs(turn, through) || now < askedAt
    if (kind === 'sync' && link === 'down' && isDue && !closed && !diverged) askThrough(turn, jid, [])
  }
}

function askThrough(turn: Turn, of: string, tried: readonly string[]): void {
  const third = others(turn.replica).find(
    ({ jid, kind }) => kind === 'sync' && turn.peer(jid).link === 'up' && !tried.includes(jid),
  )
  const { through } = turn.peer(of)
  if (third === undefined) {
    if (tried.length > 0) turn.changePeer(of, { through: { ...through, quiet: through.quiet + 1, by: undefined } })
    return
  }
  turn.changePeer(of, { through: { ...through, askedAt: turn.env.now } })
  const nonce = `${turn.replica.incarnation}.${turn.env.now}.${tried.length}`
  const payload = xml('occupants', { xmlns: ns.dmucSync, instance: of, nonce })
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'get', from: turn.self, to: third.jid }, payload),
    question: { type: 'list-through', of, nonce, tried: [...tried, third.jid] },
  })
}

/** `<occupants/>` was asked for: our own, signed if it is to be passed on, or that of another whom we are to ask. */
export function takeListRequest(turn: Turn, from: string, iq: Element, asked: Element): void {
  const nonce = readToken(asked.attrs.nonce)
  const reply = (payload: Element | StanzaError): void => void turn.effects.push({ type: 'reply', iq, payload })
  const { instance } = asked.attrs
  if (instance === undefined) return reply(writeList(turn.replica))
  if (nonce === undefined) return reply(new StanzaError('bad-request'))
  if (instance === turn.self) return reply(signedList(turn, nonce))
  if (otherInstance(turn.replica, from)?.kind !== 'sync') return reply(new StanzaError('forbidden'))
  if (otherInstance(turn.replica, instance)?.kind !== 'sync' || turn.peer(instance).link !== 'up')
    return reply(new StanzaError('recipient-unavailable', { text: `${instance} cannot be reached from here either` }))
  const payload = xml('occupants', { xmlns: ns.dmucSync, instance, nonce })
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'get', from: turn.self, to: instance }, payload),
    question: { type: 'list-for', iq },
  })
}

/** Whom we asked has answered: it is passed on as it is, by who holds what was said before it and can be asked for that. */
export function passList(turn: Turn, iq: Element, answer: Element | StanzaError): void {
  const list = answer instanceof StanzaError ? undefined : answer.getChild('occupants', ns.dmucSync)
  const place = list && placeIn(list)
  const holds = place !== undefined && turn.replica.vector.get(place).contiguous >= place.seq
  const payload = list !== undefined && holds ? copy(list) : new StanzaError('recipient-unavailable')
  turn.effects.push({ type: 'reply', iq, payload })
}

function placeIn({ attrs }: Element): (Origin & { readonly seq: number }) | undefined {
  const [instance, incarnation, seq] = [attrs.instance, readToken(attrs.incarnation), readCount(attrs.seq)]
  return instance === undefined || incarnation === undefined || seq === undefined
    ? undefined
    : { instance, incarnation, seq }
}

/** Signed after the head of the log, which is told first: who passes the list on can prove what was said before it. */
function signedList(turn: Turn, nonce: string): Element {
  const { signer } = turn.env
  signLog(turn)
  const list = writeList(turn.replica)
  Object.assign(list.attrs, { instance: turn.self, nonce })
  if (signer !== undefined) list.attrs.signature = signer.sign(signedText(turn.replica.identity.roomId, list))
  return list
}

function signedText(roomId: string, list: Element): string {
  const { instance, incarnation, revision, seq, nonce } = list.attrs
  const entries = list.children.filter((node): node is Element => typeof node !== 'string')
  const text = [
    'urn:xmpp:dmuc-sync:0 occupants',
    roomId,
    instance,
    incarnation,
    revision,
    seq,
    nonce,
    digestOf(entries),
  ]
  return text.join('\n')
}

/** What came of `askThrough`; the next one is asked where it is not the list of who was meant. */
export function takeListThrough(
  turn: Turn,
  from: string,
  { of, nonce, tried }: Extract<Question, { type: 'list-through' }>,
  answer: Element | StanzaError,
): void {
  const { link, split, closed, diverged, occupants, through } = turn.peer(of)
  if (link !== 'down' || closed || diverged || otherInstance(turn.replica, of) === undefined) return
  const list = answer instanceof StanzaError ? undefined : answer.getChild('occupants', ns.dmucSync)
  if (list === undefined || !isOf(turn, list, of, nonce)) return askThrough(turn, of, tried)
  learnThrough(turn, from, list)
  const isNews = !isHeld(turn, list, occupants)
  turn.changePeer(of, {
    reachedAt: turn.env.now,
    through: { ...through, quiet: isNews ? 0 : through.quiet + 1, by: from },
  })
  if (takeList(turn, of, list) && split) {
    turn.changePeer(of, { split: false })
    turn.note('info', `its occupants are known through ${from}`, of)
  }
  catchUp(turn, from)
}

function isOf({ replica }: Turn, list: Element, of: string, nonce: string): boolean {
  const { key } = otherInstance(replica, of) ?? {}
  const { instance, nonce: answered, signature } = list.attrs
  if (instance !== of || answered !== nonce || key === undefined || signature === undefined) return false
  return isSigned(key, signedText(replica.identity.roomId, list), signature)
}

/** Is the list the one that we have, and nothing was said since? */
function isHeld({ replica }: Turn, list: Element, revision: number): boolean {
  const place = placeIn(list)
  return (
    place !== undefined &&
    readCount(list.attrs.revision) === revision &&
    replica.peers.get(place.instance)?.incarnation === place.incarnation &&
    replica.vector.get(place).contiguous >= place.seq
  )
}

/**
 * Who passes it on holds what was said before it. Where that was in a start of which it has told us nothing yet, it is asked for all it
 * holds: what was said in an earlier start comes first.
 */
function learnThrough(turn: Turn, from: string, list: Element): void {
  const place = placeIn(list)
  if (place === undefined || place.seq === 0 || startsTooOften(turn, place)) return
  const { vector } = turn.peer(from)
  if (vector.get(place).contiguous === 0) sayHello(turn, from)
  else turn.changePeer(from, { vector: vector.withFloor(place, place.seq) })
}
