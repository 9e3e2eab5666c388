/** `dmucctl room restore`: a source whose database is empty asks a member for the room (docs/dmuc-sync.md §5, Restoring). */

import { isSource, otherInstance } from '../../dmuc/replica.js'
import { restoredSource } from '../../dmuc/restoring.js'
import { newRoom, type RoomPolicy } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { Random } from '../../util/random.js'
import { child, xml } from '../../xml/element.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import type { LiveRoom } from './live-room.js'
import type { Rooms } from './rooms.js'

interface Parts {
  readonly router: Router
  readonly random: Random
  readonly policy: RoomPolicy
  readonly rooms: Rooms
  /** It is wanted here again: what says that it was destroyed goes. */
  readonly wanted: (jid: string, roomId: string) => Promise<void>
}

const timeoutMs = 20_000

/**
 * Resolves when the room is on disk; what was said follows. Rejects with the StanzaError of the member's refusal, and with `conflict`
 * where there is a room at this address.
 */
export async function restore(jid: string, member: string, parts: Parts): Promise<void> {
  const { router, random, policy, rooms } = parts
  const resumed = await rooms.with(jid, (room) => resume(room, member))
  if (resumed !== undefined) return resumed.stored()
  const question = xml('iq', { type: 'get', from: jid, to: member }, xml('restore', { xmlns: ns.dmucSync }))
  const answer = await router.request(question, timeoutMs)
  const state = { ...newRoom(jid, policy), locked: false }
  const replica = restoredSource(state, child(answer, 'config', ns.dmuc), random)
  if (replica === undefined || otherInstance(replica, member)?.kind !== 'sync')
    throw new StanzaError('undefined-condition', { text: `${member} gave something that is not this room` })
  await parts.wanted(jid, replica.identity.roomId)
  const made = await rooms.with(jid, (room) => {
    mustBeNone(room)
    const adopted = rooms.adopt(replica)
    adopted.happen({ type: 'restored', jid: member })
    return adopted
  })
  await made.stored()
}

/** One that broke off before what was said had come goes on. */
function resume(room: LiveRoom | undefined, member: string): LiveRoom | undefined {
  if (room === undefined || room.replica.phase === 'serving' || !isSource(room.replica)) {
    mustBeNone(room)
    return undefined
  }
  if (otherInstance(room.replica, member)?.kind !== 'sync')
    throw new StanzaError('item-not-found', { text: `${member} is no instance of ${room.jid} that could give it back` })
  room.happen({ type: 'restored', jid: member })
  return room
}

function mustBeNone(room: LiveRoom | undefined): void {
  if (room === undefined) return
  const other = isSource(room.replica)
    ? `There is a room ${room.jid} here; if it is not the one that is wanted, destroy it first: dmucctl room destroy ${room.jid}`
    : `${room.jid} is a shadow of ${room.replica.identity.source}, which gives it what it lacks; to begin anew: dmucctl room undistribute ${room.jid}`
  throw new StanzaError('conflict', { text: other })
}
