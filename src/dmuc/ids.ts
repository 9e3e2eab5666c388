/**
 * Ids that every instance of a room computes alike and that nobody outside can guess or tie to a JID: stanza-ids
 * (XEP-0359) and occupant-ids (XEP-0421), both HMACs under secrets that only the instances share.
 */
import { createHmac } from 'node:crypto'
import type { EventId } from '../room/types.js'
import { memo } from '../util/memo.js'

export interface StanzaIdKey {
  /** Higher than those before it; a new key is taken into use when an instance leaves (./keys.ts). */
  readonly number: number
  /** Base64, 32 bytes. */
  readonly stanzaIdKey: string
}

export interface RoomKeys extends StanzaIdKey {
  /** Keys of before, newest first: what was said under them may come late. */
  readonly former?: readonly StanzaIdKey[]
  /** Base64, 32 bytes; never changes, so that an occupant keeps its id. */
  readonly occupantSalt: string
}

/** The number of the key that a room is made with. */
export const firstKey = 1

/** A KeyObject takes twice as long to make as it is of use, and to keep one for each room takes memory: bytes it is. */
const hmac = (key: string, text: string): Buffer =>
  createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest()

/** `salt`, then what it is mixed with, between line feeds; whoever speaks is asked for with every word. */
const salted: (text: string) => string = memo(10_000, (text) => {
  const end = text.indexOf('\n')
  return hmac(text.slice(0, end), text.slice(end + 1)).toString('base64url')
})

/** The number of the key and 22 characters, the same for one event at every instance. */
export const stanzaIdOf = (keys: StanzaIdKey, roomId: string, id: EventId): string =>
  `${keys.number}${hmac(keys.stanzaIdKey, `${roomId}\n${id.instance}\n${id.incarnation}\n${id.seq}`).toString('base64url').slice(0, 22)}`

/** Under which key an id was made; what cannot be read counts as made under the first. */
export function keyNumberOf(stanzaId: string): number {
  const number = Number(/^([1-9]\d{0,15})[\w-]{22}$/.exec(stanzaId)?.[1] ?? firstKey)
  return Number.isSafeInteger(number) ? number : firstKey
}

/** The key of this number; undefined where it has not come here, or is forgotten. */
export const keyOf = (keys: RoomKeys, number: number): StanzaIdKey | undefined =>
  [keys, ...(keys.former ?? [])].find((key) => key.number === number)

/** 43 characters, the same for one user at every instance and for ever: a bare JID, or what src/room/standing.ts makes of one. */
export const occupantIdOf = (keys: RoomKeys, roomId: string, person: string): string =>
  salted(`${keys.occupantSalt}\n${roomId}\n${person}`)

/** For who has to give a nick up; the same at every instance without asking: nobody can choose another's occupant-id. */
export const otherNick = ({ nick, occupantId }: { readonly nick: string; readonly occupantId: string }): string =>
  `${nick}${suffix(occupantId)}`

const suffix = (occupantId: string): string => ` (${occupantId.slice(0, 6)})`

/** Is it one that its holder was given? */
export const isOtherNick = ({ nick, occupantId }: { readonly nick: string; readonly occupantId: string }): boolean =>
  nick.endsWith(suffix(occupantId))
