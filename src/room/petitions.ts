/** What people of the room decide on: voice (XEP-0045 §8.6) and registration (§9.9). It goes to them as a form; no list is kept. */
import type { Element } from '../xml/element.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { Delivery, Relay } from './contract.js'
import { homesOf, sessionsOf } from './occupants.js'
import { refuse } from './speaker.js'
import type { AskedFor, Occupant, Operation, RoomState } from './types.js'

/** How many are remembered; while so many have asked lately, nobody else does. */
const maxAsked = 100

type Asked = Extract<Operation, { readonly type: 'asked' }>

/** `resource-constraint` for who has asked less than `intervalMs` ago, and while too many others have. */
export function askedTooOften(
  { asked, ...state }: RoomState,
  what: AskedFor,
  jid: string,
  at: number,
  intervalMs: number,
): StanzaError | undefined {
  const last = asked.get(`${what} ${jid}`)
  const [oldest] = asked.values()
  const isFull = asked.size >= maxAsked && oldest !== undefined && at < oldest + intervalMs
  const tooSoon = last !== undefined && at < last + intervalMs
  return isFull || tooSoon
    ? refuse({ asked, ...state }, 'resource-constraint', 'You have asked already: wait for the answer', {
        type: 'wait',
      })
    : undefined
}

export function rememberAsked(state: RoomState, { what, jid, at }: Asked): RoomState {
  const asked = new Map(state.asked)
  const key = `${what} ${jid}`
  asked.delete(key)
  asked.set(key, at)
  const [oldest] = asked.keys()
  if (asked.size > maxAsked && oldest !== undefined) asked.delete(oldest)
  return { ...state, asked }
}

/** One stanza for each of these occupants, wherever they are. */
export function tellOccupants(
  state: RoomState,
  chosen: (occupant: Occupant) => boolean,
  stanza: Element,
): { readonly deliveries: readonly Delivery[]; readonly relays: readonly Relay[] } {
  const deliveries: Delivery[] = []
  const relays: Relay[] = []
  for (const occupant of state.occupants.values()) {
    if (!chosen(occupant)) continue
    const to = sessionsOf(state, occupant)
    if (to.length > 0) deliveries.push({ to, stanza })
    for (const home of homesOf(occupant)) if (home !== state.jid) relays.push({ home, target: occupant.nick, stanza })
  }
  return { deliveries, relays }
}
