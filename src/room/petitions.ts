/** What people of the room decide on: voice (XEP-0045 §8.6) and registration (§9.9). It goes to them as a form; no list is kept. */
import type { Element } from '../xml/element.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { Delivery, Relay } from './contract.js'
import { homesOf, sessionsOf } from './occupants.js'
import { refuse } from './speaker.js'
import type { AskedFor, Occupant, Operation, RoomState } from './types.js'

/** Who has asked for one thing lately; while there are so many, nobody else asks for it. */
const maxAsked = 100
/** Remembered of all: more than can have asked lately. */
const maxRemembered = 300

type Asked = Extract<Operation, { readonly type: 'asked' }>

/** `resource-constraint` for who has asked less than `intervalMs` ago, and while too many others have. */
export function askedTooOften(
  state: RoomState,
  what: AskedFor,
  jid: string,
  at: number,
  intervalMs: number,
): StanzaError | undefined {
  const isLate = (last: number): boolean => at >= last + intervalMs
  const last = state.asked.get(`${what} ${jid}`)
  const tooSoon = last !== undefined && !isLate(last)
  const others = [...state.asked].filter(([key, when]) => key.startsWith(`${what} `) && !isLate(when))
  const isFull = others.length >= maxAsked
  return isFull || tooSoon
    ? refuse(state, 'resource-constraint', 'You have asked already: wait for the answer', {
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
  if (asked.size > maxRemembered && oldest !== undefined) asked.delete(oldest)
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
