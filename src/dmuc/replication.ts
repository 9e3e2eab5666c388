/**
 * The source's side of replication (XEP-0281 §4.2): once a peerhost has accepted, config and roster go to the new shadow, in this
 * order, then the others hear of it. Nothing live goes to a shadow before it has the roster.
 */
import type { RoomState } from '../room/types.js'
import { type Element, xml } from '../xml/element.js'
import { inWords } from '../xmpp/error-words.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { entitlePresent } from './entitled.js'
import { askHistory } from './history.js'
import { renewKeys } from './keys.js'
import { partFrom, partNoMore } from './parting.js'
import { isPlain } from './plain.js'
import { forgetInstance } from './presences.js'
import { askConfig, configPayload, placeOf } from './relay.js'
import { type Happening, type Instance, otherInstance, others, type Replica, speaksFor } from './replica.js'
import { keyed, tellTable, withKey } from './table.js'
import type { Turn } from './turn.js'
import { writeRoom } from './wire/room.js'
import { writeRoster } from './wire/roster.js'

type Accepted = Extract<Happening, { readonly type: 'replicated' }>

/** For whom it may vouch is settled while it is an instance: all judge its occupants alike. */
function shadowRow(
  known: Instance | undefined,
  { jid, kind, rank, users }: Pick<Instance, 'jid' | 'kind' | 'rank'> & { readonly users: Accepted['users'] },
): Instance {
  const settled = known?.gone === false ? known.users : users
  return {
    ...{ jid, kind, rank, gone: false, ...(settled && { users: settled }) },
    ...(known?.key && { key: known.key }),
    ...(known?.formerKeys && { formerKeys: known.formerKeys }),
  }
}

/** The peerhost said yes: its shadow enters the table and gets the config (E5). */
export function addShadow(turn: Turn, { jid, kind, key, users }: Accepted): void {
  const { table } = turn.replica
  partNoMore(turn, jid)
  const own = withKey(turn.replica, turn.self, turn.env.signer?.publicKey)
  const known = table.instances.get(jid)
  if ((known === undefined || known.gone) && others(turn.replica).length + 1 >= turn.env.limits.maxInstances)
    return turn.note('warn', 'holds no shadow: the room has as many instances as it may have', jid)
  if (known === undefined || known.gone || known.kind !== kind || known.key !== key) {
    const rank = 1 + Math.max(0, ...[...table.instances.values()].map((instance) => instance.rank))
    const instances = new Map(own.instances).set(jid, keyed(shadowRow(known, { jid, kind, rank, users }), key))
    turn.change({ table: { revision: table.revision + 1, instances } })
    turn.effects.push({ type: 'save' })
  }
  if (known?.gone !== false) turn.changePeer(jid, { lied: undefined })
  entitlePresent(turn)
  replicateTo(turn, jid)
}

/** Config first; the roster follows its acknowledgement. Also what a plain shadow gets after a split. */
export function replicateTo(turn: Turn, jid: string): void {
  // What the config tells, and what was said before: the shadow has it with what follows.
  turn.changePeer(jid, { link: 'joining', vector: turn.replica.vector })
  const sync = otherInstance(turn.replica, jid)?.kind === 'sync'
  askConfig(turn, jid, configPayload(turn.replica, ...(sync ? [writeRoom(turn.replica)] : [])))
}

const isLost = (answer: Element | StanzaError): boolean =>
  answer instanceof StanzaError && answer.condition.startsWith('remote-server')

/** E6 came back: the roster (E7). A config that was only changed needs none. */
export function takeConfigAnswer(turn: Turn, from: string, answer: Element | StanzaError, again = false): void {
  // It may have been taken back since, and given anew: that has an answer of its own.
  if (again && (turn.peer(from).link === 'joining' || !isLost(answer))) return
  if (answer instanceof StanzaError) return giveUp(turn, from, 'refused the configuration', answer)
  if (turn.peer(from).link !== 'joining') return
  const place = otherInstance(turn.replica, from)?.kind === 'sync' ? placeOf(turn.replica) : undefined
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to: from }, writeRoster(rosterFor(turn.replica, from), place)),
    question: { type: 'roster' },
  })
  if (place === undefined) turn.changePeer(from, { link: 'greeting' })
}

/** All occupants but those of the shadow itself; those whom we speak for are ours to it. */
const rosterFor = (replica: Replica, shadow: string): RoomState => ({
  ...replica.room,
  occupants: new Map(
    [...replica.room.occupants]
      .filter(([, { home }]) => home !== shadow)
      .map(([nick, occupant]) => [
        nick,
        speaksFor(replica, occupant.home) ? { ...occupant, home: replica.room.jid } : occupant,
      ]),
  ),
})

/**
 * E8 came back: the shadow is in; a sync shadow greets us itself. E12 to the others, and the table to the newcomer. A plain one
 * that we had lost is asked for what was said there meanwhile.
 */
export function takeRosterAnswer(turn: Turn, from: string, answer: Element | StanzaError): void {
  if (answer instanceof StanzaError) return giveUp(turn, from, 'refused the roster', answer)
  const { link, downSince, split, listWanted } = turn.peer(from)
  if (link === 'joining' || link === 'greeting')
    turn.changePeer(from, {
      link: 'up',
      downSince: undefined,
      split: false,
      diverged: false,
      // Its occupants were shown as gone.
      listWanted: listWanted || (split && !isPlain(turn, from)),
    })
  if (downSince !== undefined && isPlain(turn, from)) return askHistory(turn, from, downSince)
  turn.effects.push({ type: 'joined', jid: from })
  tellTable(turn, from)
}

/** A shadow that did not take what it was given is asked after this time what it lacks; a plain one from the beginning. */
const giveUpMs = 5000

function giveUp(turn: Turn, jid: string, what: string, error: StanzaError): void {
  const { now } = turn.env
  turn.changePeer(jid, {
    link: 'down',
    downSince: turn.peer(jid).downSince ?? now,
    lastError: `it ${what}: ${inWords(error)}`,
    retryAt: now + (error.condition === 'conflict' ? turn.env.limits.helloMs : giveUpMs),
  })
  if (error.condition === 'conflict') turn.changePeer(jid, { diverged: true })
  turn.note('warn', `${what}: ${inWords(error)}`, jid)
}

/** A plain peer says no hello: one that did not take the room, perhaps because it lost it, is asked anew to replicate it. */
export function retryPlain(turn: Turn): void {
  for (const { jid, kind } of others(turn.replica)) {
    const { link, retryAt } = turn.peer(jid)
    if (kind !== 'plain' || link !== 'down' || retryAt === undefined || turn.env.now < retryAt) continue
    turn.changePeer(jid, { retryAt: undefined })
    turn.effects.push({ type: 'lost', jid })
  }
}

/** An instance is one no more: a tombstone in the table, its occupants leave, it is told to end. */
export function removeInstance(turn: Turn, jid: string): void {
  const { table } = turn.replica
  const instance = otherInstance(turn.replica, jid)
  if (instance === undefined) return
  forgetInstance(turn, jid)
  const instances = new Map(table.instances).set(jid, { ...instance, gone: true })
  turn.change({ table: { revision: table.revision + 1, instances } })
  turn.effects.push({ type: 'save' })
  partFrom(turn, jid)
  tellTable(turn)
  // A plain one never had any.
  if (instance.kind === 'sync') renewKeys(turn)
}
