/**
 * One step of a replica: something happened, here is what follows. Pure: the same replica, happening and time give the same
 * replica and effects. The caller carries the effects out in order, and no later one before a `log` is committed.
 */
import { type Element, elements } from '../xml/element.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { takeListAnswer, takePage } from './catch-up.js'
import { takeClaim } from './claims.js'
import { expireHidden, giveUpShadow } from './ending.js'
import { dropEntitled } from './entitled.js'
import { meetEpoch, promote, trust } from './epochs.js'
import { expire } from './floors.js'
import { answerHello, expireLinks, greet, greetAll, linkDown, reassure, takeHelloAnswer, takeNotice } from './greet.js'
import { keepForeignHead, signEarlier, signLog } from './heads.js'
import { overtakeKeys } from './keys.js'
import { accuse } from './lies.js'
import { performLocal } from './local.js'
import { expectNewcomer, letIn } from './newcomers.js'
import { sendOrder, takeOrder } from './orders.js'
import { repeatPartings } from './parting.js'
import { returnVerdict, takeAnswerThrough } from './passing.js'
import { regain, reinstate } from './reinstating.js'
import { takeRelayed } from './relayed.js'
import {
  type Happening,
  heldOfEarlier,
  isSource,
  otherInstance,
  type Replica,
  type RoomIdentity,
  type Step,
} from './replica.js'
import {
  addShadow,
  removeInstance,
  replicateTo,
  retryPlain,
  takeConfigAnswer,
  takeRosterAnswer,
} from './replication.js'
import { askRestored, giveBack } from './restoring.js'
import { bringForward, takeVerdict, withhold } from './restrictions.js'
import { endRetrieval, retell } from './retrieval.js'
import { endSettling } from './settling.js'
import { catchUpWithPlain, takeConfig, takeHistory, takeRoster } from './shadowing.js'
import { lookThrough, passList, takeListRequest, takeListThrough } from './through.js'
import { type Env, Turn } from './turn.js'
import { readGiven, takeDecisions, takeGiven } from './unproved.js'
import { writeDigest } from './wire/digest.js'
import { readHistoryLimit } from './wire/history.js'
import { readPull } from './wire/pull.js'

export function step(replica: Replica, happening: Happening, env: Env): Step {
  const turn = new Turn(replica, env)
  dispatch(turn, happening)
  if (turn.replica.retrieving !== undefined) endRetrieval(turn)
  endSettling(turn)
  return { replica: turn.replica, effects: turn.effects }
}

function dispatch(turn: Turn, happening: Happening): void {
  switch (happening.type) {
    case 'local':
      return takeLocal(turn, happening)
    case 'order':
      return sendOrder(turn, happening.order, happening.token)
    case 'relayed':
      return takeRelayed(turn, happening.from, happening.stanza)
    case 'request':
      return takeRequest(turn, happening)
    case 'answer':
      return takeAnswer(turn, happening)
    case 'replicated':
      return addShadow(turn, happening)
    case 'removed':
      return happening.jid === turn.self ? giveUpShadow(turn) : removeInstance(turn, happening.jid)
    case 'table':
      return takeNotice(turn, happening.table)
    case 'announced':
      return expectNewcomer(turn)
    case 'admitted':
      return letIn(turn, happening.jid)
    case 'promoted':
      return promote(turn)
    case 'restored':
      return askRestored(turn, happening.jid)
    case 'reinstated':
      return reinstateByWord(turn, happening)
    case 'trusted':
      return trust(turn, happening.jid)
    case 'link':
      turn.changePeer(happening.peer, { closed: !happening.up && happening.closed === true })
      return happening.up
        ? linkBack(turn, happening.peer)
        : linkDown(turn, happening.peer, happening.reason ?? 'lost', false)
    case 'unsigned':
      return signEarlier(turn, happening.last, happening.heads)
    case 'headed':
      return keepForeignHead(turn, happening.head)
    case 'expired':
      return expire(turn, happening.rows)
    case 'equivocated':
      return accuse(turn, happening.head, happening.by)
    case 'tick':
      signLog(turn)
      expireHidden(turn)
      bringForward(turn)
      lookThrough(turn)
      expireLinks(turn)
      retryPlain(turn)
      repeatPartings(turn)
      overtakeKeys(turn)
      dropEntitled(turn)
      return reassure(turn)
  }
}

function reinstateByWord(turn: Turn, { jid, given }: Extract<Happening, { type: 'reinstated' }>): void {
  const read = readGiven(turn.replica, given)
  if (read === undefined) return
  const { identity, table } = read.extension
  regain(turn, identity.epoch, table)
  takeGiven(turn, jid, read)
  greetAll(turn)
}

/**
 * The way to a peer is open again: greet, or give a plain shadow config and roster anew, or tell a plain source who is here and
 * ask it for what was said.
 */
function linkBack(turn: Turn, jid: string): void {
  const instance = otherInstance(turn.replica, jid)
  const { link, downSince } = turn.peer(jid)
  if (instance === undefined || link === 'joining') return
  if (instance.kind === 'sync') return greet(turn, jid)
  if (isSource(turn.replica)) return replicateTo(turn, jid)
  turn.changePeer(jid, { link: 'up', downSince: undefined, split: false })
  if (downSince !== undefined) catchUpWithPlain(turn, jid, downSince)
}

const isHello = ({ attrs }: Element, payload: Element): boolean =>
  attrs.type === 'set' && payload.name === 'hello' && payload.getNS() === ns.dmucSync

function unknownTo({ replica }: Turn, from: string): StanzaError {
  const gone = replica.table.instances.get(from)?.gone === true
  return replica.claims.has(from)
    ? new StanzaError('forbidden', {
        text: 'it does not know us as an instance of this room, and cannot tell by our hello that we are: its operator finds why in dmucctl room peers',
      })
    : new StanzaError(gone ? 'gone' : 'forbidden')
}

function takeRequest(turn: Turn, { from, iq }: Extract<Happening, { type: 'request' }>): void {
  const payload = elements(iq)[0]
  const refuse = (error: StanzaError): void => void turn.effects.push({ type: 'reply', iq, payload: error })
  const source = turn.replica.identity.source
  if (payload === undefined) return refuse(new StanzaError('bad-request'))
  const { lied } = turn.peer(from)
  if (lied !== undefined) return refuse(new StanzaError('not-allowed', { text: lied }))
  const unbound = turn.replica.phase === 'requested' && Jid.parse(from).domain === source
  if (otherInstance(turn.replica, from) === undefined && from !== source && !unbound) {
    if (!isHello(iq, payload) || !reinstate(turn, from, payload)) return refuse(unknownTo(turn, from))
    greetAll(turn)
  }
  switch (`${iq.attrs.type} ${payload.getNS()} ${payload.name}`) {
    case `set ${ns.dmuc} config`:
      return takeConfig(turn, from, iq, payload)
    case `set ${ns.dmuc} roster`:
      return takeRoster(turn, from, iq, payload)
    case `set ${ns.dmucSync} hello`:
      return parted(turn, from, answerHello(turn, from, iq, payload))
    case `set ${ns.dmucSync} order`:
      return takeOrder(turn, from, iq, payload)
    case `set ${ns.dmucSync} claim`:
      return takeClaim(turn, from, iq, payload)
    case `get ${ns.dmucSync} occupants`:
      return takeListRequest(turn, from, iq, payload)
    case `get ${ns.dmucSync} digest`:
      return void turn.effects.push({ type: 'reply', iq, payload: answerDigest(turn.replica, from, payload) })
    case `get ${ns.dmucSync} restore`:
      return void turn.effects.push({ type: 'reply', iq, payload: giveBack(turn, from, payload) })
    case `get ${ns.dmuc} room`: {
      const limit = readHistoryLimit(payload.getChild('history', ns.muc), turn.env.now, turn.env.limits.historyStanzas)
      const sync = otherInstance(turn.replica, from)?.kind === 'sync'
      return void turn.effects.push({ type: 'serve-history', iq, limit, sync, vector: turn.peer(from).vector })
    }
    case `get ${ns.dmucSync} pull`: {
      const ranges = readPull(payload)
      if (ranges === undefined) return refuse(new StanzaError('bad-request'))
      return void turn.effects.push({ type: 'serve', iq, ranges })
    }
    default:
      return refuse(new StanzaError('feature-not-implemented'))
  }
}

/** To members alone: a plain instance does not enforce who may know what. */
function answerDigest(replica: Replica, from: string, asked: Element): Element | StanzaError {
  if (otherInstance(replica, from)?.kind !== 'sync') return new StanzaError('forbidden')
  if (replica.phase !== 'serving')
    return new StanzaError('item-not-found', { text: 'the room did not arrive here yet' })
  return asked.attrs.room === replica.identity.roomId
    ? writeDigest(replica)
    : new StanzaError('conflict', { text: 'another room has this address' })
}

/** Whose hello names another source goes another way, if it does. */
function parted(turn: Turn, from: string, theirs: RoomIdentity | undefined): void {
  if (theirs !== undefined) meetEpoch(turn, from, theirs)
}

function takeLocal(turn: Turn, { operations, withheld }: Extract<Happening, { type: 'local' }>): void {
  performLocal(turn, operations)
  if (withheld === undefined || withheld.operations.length === 0) return
  const registers = withheld.operations.filter((operation) => operation.type === 'register')
  withhold(turn, registers, withheld.actor, true)
}

function takeAnswer(turn: Turn, { from, question, result }: Extract<Happening, { type: 'answer' }>): void {
  // It was one when it was asked.
  if (otherInstance(turn.replica, from) === undefined) return
  if (turn.peer(from).lied !== undefined) return
  switch (question.type) {
    case 'hello':
      return parted(turn, from, takeHelloAnswer(turn, from, result, question.touches))
    case 'pull': {
      const before = heldOfEarlier(turn.replica)
      takePage(turn, from, question.ranges, result)
      return retell(turn, before)
    }
    case 'occupants':
      return takeListAnswer(turn, from, result)
    case 'list-through':
      return takeListThrough(turn, from, question, result)
    case 'list-for':
      return passList(turn, question.iq, result)
    case 'config':
      return takeConfigAnswer(turn, from, result, question.again)
    case 'roster':
      return takeRosterAnswer(turn, from, result)
    case 'history':
      return takeHistory(turn, from, result)
    case 'withheld':
      return takeVerdict(turn, question.token, result)
    case 'order-through':
      return takeAnswerThrough(turn, question, result)
    case 'order-for':
      return returnVerdict(turn, question.iq, result)
    case 'decisions':
      return takeDecisions(turn, from, result)
    case 'order':
    case 'notice':
      return
  }
}
