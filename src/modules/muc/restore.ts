/** `dmucctl room restore`: a source whose database is empty asks a member for the room (docs/dmuc-sync.md §5, Restoring). */

import { isSource, otherInstance } from '../../dmuc/replica.js'
import { restoredSource } from '../../dmuc/restoring.js'
import { readGiven } from '../../dmuc/unproved.js'
import { newRoom, type RoomPolicy } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { Random } from '../../util/random.js'
import { child, type Element, xml } from '../../xml/element.js'
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
  if (resumed !== undefined && resumed.replica.phase !== 'serving') return resumed.stored()
  const what = resumed === undefined ? undefined : 'decisions'
  const question = xml('iq', { type: 'get', from: jid, to: member }, xml('restore', { xmlns: ns.dmucSync, what }))
  const answer = await router.request(question, timeoutMs)
  if (resumed !== undefined) return believe(resumed, member, answer)
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

/** An old backup of the room is here: the member has it right, if it is the same room. */
async function believe(room: LiveRoom, member: string, answer: Element): Promise<void> {
  const given = child(answer, 'config', ns.dmuc)
  const { roomId, source } = readGiven(room.replica, given)?.extension.identity ?? {}
  if (given === undefined || roomId !== room.replica.identity.roomId || source !== room.jid) throw another(room)
  room.happen({ type: 'reinstated', jid: member, given })
  await room.stored()
}

/** One that broke off before what was said had come goes on. */
function resume(room: LiveRoom | undefined, member: string): LiveRoom | undefined {
  if (room === undefined || !isSource(room.replica)) {
    mustBeNone(room)
    return undefined
  }
  if (room.replica.phase === 'serving') {
    if (!room.replica.claims.has(member)) mustBeNone(room)
    return room
  }
  if (otherInstance(room.replica, member)?.kind !== 'sync')
    throw new StanzaError('item-not-found', { text: `${member} is no instance of ${room.jid} that could give it back` })
  room.happen({ type: 'restored', jid: member })
  return room
}

const another = (room: LiveRoom): StanzaError =>
  new StanzaError('conflict', {
    text: `There is a room ${room.jid} here, and nothing is known of it that it could be given; if it is not the one that is wanted, destroy it first: dmucctl room destroy ${room.jid}`,
  })

function mustBeNone(room: LiveRoom | undefined): void {
  if (room === undefined) return
  if (isSource(room.replica)) throw another(room)
  const other = `${room.jid} is a shadow of ${room.replica.identity.source}, which gives it what it lacks; to begin anew: dmucctl room undistribute ${room.jid}`
  throw new StanzaError('conflict', { text: other })
}
