/**
 * Ids that every instance of a room computes alike and that nobody outside can guess or tie to a JID: stanza-ids
 * (XEP-0359) and occupant-ids (XEP-0421), both HMACs under secrets that only the instances share.
 */
import { createHmac } from 'node:crypto'
import type { EventId } from '../room/types.js'

export interface RoomKeys {
  /** Which stanza-id key this is; a new one is taken into use when an instance leaves. */
  readonly number: number
  /** Base64, 32 bytes. */
  readonly stanzaIdKey: string
  /** Base64, 32 bytes; never changes, so that an occupant keeps its id. */
  readonly occupantSalt: string
}

const hmac = (key: string, text: string): Buffer =>
  createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest()

/** 22 characters, the same for one event at every instance. */
export const stanzaIdOf = (keys: RoomKeys, roomId: string, id: EventId): string =>
  `${keys.number}${hmac(keys.stanzaIdKey, `${roomId}\n${id.instance}\n${id.incarnation}\n${id.seq}`).toString('base64url').slice(0, 22)}`

/** 43 characters, the same for one user at every instance and for ever: a bare JID, or what src/room/standing.ts makes of one. */
export const occupantIdOf = (keys: RoomKeys, roomId: string, person: string): string =>
  hmac(keys.occupantSalt, `${roomId}\n${person}`).toString('base64url')

/** For who has to give a nick up; the same at every instance without asking: nobody can choose another's occupant-id. */
export const otherNick = ({ nick, occupantId }: { readonly nick: string; readonly occupantId: string }): string =>
  `${nick} (${occupantId.slice(0, 6)})`
