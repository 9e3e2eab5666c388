/**
 * The keys of stanza-ids (dmuc.md §3, stanza-id; docs/dmuc-sync.md §1): the source makes a new one when a member leaves, and gives it to those
 * who stay. An event keeps the id that its origin gave it under the key that this had then; under a later key than the first the id is
 * part of what the origin signs, so that nobody needs the key to take it, and whoever has it sees that it is right.
 */
import { hash } from 'node:crypto'
import type { LoggedEvent } from '../room/types.js'
import { maxLeadMs } from './clock.js'
import { distrust } from './distrust.js'
import { firstKey, keyNumberOf, keyOf, type RoomKeys, type StanzaIdKey, stanzaIdOf } from './ids.js'
import { askConfig, configPayload } from './relay.js'
import { isSource, others } from './replica.js'
import type { Turn } from './turn.js'
import { writeRoom } from './wire/room.js'

/** Former keys that are kept, beside the first. */
const maxFormer = 32

/** At the source: a key that nobody knows who has left. It follows from our own secret, and from nothing that was ever given away. */
export function renewKeys(turn: Turn): void {
  const { signer, now } = turn.env
  const { keys, identity } = turn.replica
  if (signer === undefined) return
  const known = Math.max(0, ...others(turn.replica).map(({ jid }) => claimed(turn, jid)))
  const number = Math.max(keys.number + 1, known + 1, now)
  const text = ['urn:xmpp:dmuc-sync:0 stanza-id key', identity.roomId, String(number)].join('\n')
  const stanzaIdKey = hash('sha256', signer.sign(text), 'base64')
  turn.change({ keys: withKeys(keys, { ...keys, number, stanzaIdKey, former: [keys, ...(keys.former ?? [])] }) })
  turn.effects.push({ type: 'save' })
  for (const { jid, kind } of others(turn.replica))
    if (kind === 'sync' && turn.peer(jid).link === 'up') giveKeys(turn, jid)
}

/** With all that goes to a member beside the configuration. */
export const giveKeys = (turn: Turn, jid: string): void =>
  askConfig(turn, jid, configPayload(turn.replica, writeRoom(turn.replica)), true)

/** At the source: has this member another key than we, by its hello? */
export const hasOtherKey = ({ replica }: Turn, number: number | undefined): boolean =>
  isSource(replica) && number !== undefined && number !== replica.keys.number

/** The least time between two keys that are made because of what members say. */
const renewMs = 5000

/** As time passes: a member has a later key than we, who lost it with our disk, or were not the source then. */
export function overtakeKeys(turn: Turn): void {
  const { number } = turn.replica.keys
  if (!isSource(turn.replica) || turn.replica.phase !== 'serving' || turn.env.now < number + renewMs) return
  if (others(turn.replica).some(({ jid }) => claimed(turn, jid) > number)) renewKeys(turn)
}

/** Numbers are times: what lies ahead of ours is none. */
function claimed(turn: Turn, jid: string): number {
  const { keyNumber = 0 } = turn.peer(jid)
  return keyNumber <= turn.env.now + maxLeadMs ? keyNumber : 0
}

/** What the source gives beside what we have: the latest counts, and nothing that may still be needed is forgotten. */
export function withKeys(own: RoomKeys, given: RoomKeys): RoomKeys {
  const known = new Map<number, string>()
  for (const keys of [own, given])
    for (const { number, stanzaIdKey } of [...(keys.former ?? []), keys]) known.set(number, stanzaIdKey)
  const [latest, ...rest] = [...known]
    .map(([number, stanzaIdKey]): StanzaIdKey => ({ number, stanzaIdKey }))
    .sort((a, b) => b.number - a.number)
  const former = rest.filter(({ number }, index) => index < maxFormer || number === firstKey)
  return { ...latest!, occupantSalt: given.occupantSalt, ...(former.length === 0 ? {} : { former }) }
}

/** The id of an event of another instance; undefined, and its origin is distrusted, where that gave it one that cannot be. */
export function idHere(turn: Turn, event: LoggedEvent): string | undefined {
  const { keys, identity } = turn.replica
  const number = keyNumberOf(event.stanzaId)
  const key = keyOf(keys, number)
  const right = key && stanzaIdOf(key, identity.roomId, event.id)
  // Nobody signs what stands there.
  if (number === firstKey) return right ?? event.stanzaId
  if (right === undefined || right === event.stanzaId || event.void === true) return event.stanzaId
  distrust(
    turn,
    event.id.instance,
    `the stanza-id of its event ${event.id.seq} is none: nothing is believed of it any more`,
  )
  return undefined
}
