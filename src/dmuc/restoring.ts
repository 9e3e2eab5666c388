/**
 * A source that lost the room with its disk gets it back from a member, on its operator's word (dmuc.md §3, Identity). It begins the
 * next epoch, so that nothing it numbers is taken for what it numbered before; what was said comes with the history and with pulls.
 */
import type { RoomState } from '../room/types.js'
import type { Random } from '../util/random.js'
import { child, type Element } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { StanzaError } from '../xmpp/stanza-error.js'
import { floorsOf } from './floors.js'
import { askHistory } from './history.js'
import { newSource } from './new-replica.js'
import { grantsOfEpoch } from './nicks.js'
import { configPayload } from './relay.js'
import { otherInstance, type Replica } from './replica.js'
import { withKey } from './table.js'
import type { Turn } from './turn.js'
import { withVouches } from './vouching.js'
import { readConfig } from './wire/config.js'
import { readRoom, writeRoom } from './wire/room.js'

/** To the source alone: what it would have given us. */
export function giveBack(turn: Turn, from: string, asked: Element): Element | StanzaError {
  const { replica } = turn
  if (otherInstance(replica, from)?.kind !== 'sync') return new StanzaError('forbidden')
  const { source } = replica.identity
  if (replica.phase !== 'serving')
    return new StanzaError('item-not-found', { text: 'the room did not arrive here yet' })
  if (source !== from)
    return new StanzaError('not-allowed', {
      text: `${source} is the source of this room: it can be distributed from there`,
    })
  if (asked.attrs.what === 'decisions') return configPayload(replica, writeRoom(replica))
  // What the history that is asked for next may hold.
  turn.changePeer(from, { vector: replica.vector })
  turn.note('info', 'lost the room and is given it back', from)
  return configPayload(replica, writeRoom(replica))
}

/**
 * The source of the room that a member gave back, hidden until the history is in (`restored`). Undefined for what cannot be read, or is
 * not of a room whose source `room` was.
 */
export function restoredSource(room: RoomState, answer: Element | undefined, random: Random): Replica | undefined {
  const form = answer && child(answer, 'x', ns.dataForm)
  const config = form && readConfig(form, room.config)
  const given = answer && readRoom(child(answer, 'room', ns.dmucSync))
  const own = given?.table.instances.get(room.jid)
  if (config === undefined || given === undefined || own === undefined || own.gone) return undefined
  if (given.identity.source !== room.jid) return undefined
  const epoch = given.identity.epoch + 1
  const { keys, configRevision, register, entitled, registerRevision, subject, table } = given
  const decided = { configRevision, register, entitled, registerRevision, subject }
  return withVouches({
    ...newSource({ ...room, ...decided, config, locked: false }, random),
    identity: { ...given.identity, epoch, epochRank: own.rank },
    keys,
    ...floorsOf(given.floors),
    table: { revision: table.revision + 1, instances: table.instances },
    lastGrant: epoch * grantsOfEpoch,
    forkedAt: registerRevision,
    phase: 'configured',
  })
}

/** Asks who gave the room back for what was said; then we serve, and greet all. */
export function askRestored(turn: Turn, from: string): void {
  turn.change({ table: withKey(turn.replica, turn.self, turn.env.signer?.publicKey) })
  turn.effects.push({ type: 'save' })
  askHistory(turn, from)
}
