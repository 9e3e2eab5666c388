/** A room that is just being made here, or that a firsthost asks us to hold. */

import type { RoomState } from '../room/types.js'
import { nothing } from '../util/nothing.js'
import type { Random } from '../util/random.js'
import { noStamp } from './clock.js'
import { firstKey } from './ids.js'
import type { Instance, Replica, RoomIdentity } from './replica.js'
import { Vector } from './vector.js'

const key = (random: Random): string => random.bytes(32).toString('base64')

function replica(room: RoomState, identity: RoomIdentity, rows: readonly Instance[], random: Random): Replica {
  return {
    identity,
    keys: { number: firstKey, stanzaIdKey: key(random), occupantSalt: key(random) },
    incarnation: random.token(),
    nextSeq: 1,
    tip: '',
    signed: undefined,
    earlierHeads: [],
    ahead: nothing,
    stamp: noStamp,
    occupantsRevision: 1,
    table: { revision: 0, instances: new Map(rows.map((row) => [row.jid, row])) },
    peers: nothing,
    partings: nothing,
    announced: 0,
    vector: Vector.empty,
    floors: nothing,
    gaps: [],
    expiredRevision: 0,
    room,
    grants: nothing,
    lastGrant: 0,
    reserved: nothing,
    rights: nothing,
    withheld: [],
    decided: [],
    forkedAt: 0,
    heir: undefined,
    phase: 'serving',
    hiddenSince: undefined,
    retrieving: undefined,
    unsettled: undefined,
    claims: nothing,
  }
}

/** The source of a new room, the only instance so far. */
export const newSource = (room: RoomState, random: Random): Replica =>
  replica(
    room,
    { roomId: random.uuid(), source: room.jid, epoch: 1, epochRank: 0 },
    [{ jid: room.jid, kind: 'sync', rank: 0, gone: false }],
    random,
  )

/**
 * A shadow that waits for its config. `identity` as the request named it; a plain firsthost names only itself, then the
 * source is whoever sends the first config from its service: `source` is a placeholder until it is bound.
 */
export const newShadow = (
  room: RoomState,
  identity: RoomIdentity,
  kind: Instance['kind'],
  random: Random,
): Replica => ({
  ...replica(
    room,
    identity,
    [
      { jid: identity.source, kind, rank: 0, gone: false },
      { jid: room.jid, kind: 'sync', rank: 1, gone: false },
    ],
    random,
  ),
  phase: 'requested',
  // It may have been one before, and have lost it.
  retrieving: {},
})
