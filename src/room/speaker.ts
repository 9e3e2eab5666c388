/** Who speaks to a room: the occupant it is, if it is one, and the rights of its bare JID. */

import { type Element, xml } from '../xml/element.js'
import { StanzaError, type StanzaErrorCondition, type StanzaErrorOptions } from '../xmpp/stanza-error.js'
import type { Command } from './command.js'
import type { Context, Decision, Delivery } from './contract.js'
import { bareOf } from './jids.js'
import { occupantOf } from './occupants.js'
import { atLeast } from './roles.js'
import { standingOf } from './standing.js'
import type { Affiliation, Occupant, RoomState } from './types.js'

export interface Speaker {
  /** The bare JID. */
  readonly jid: string
  readonly occupant: Occupant | undefined
  /** An administrator of the service counts as an owner. */
  readonly affiliation: Affiliation
}

export function speakerOf(state: RoomState, command: Command, context: Context): Speaker {
  const jid = bareOf(command.from)
  return {
    jid,
    occupant: occupantOf(state, command.from),
    affiliation: context.admin === true ? 'owner' : standingOf(state, { jid, home: state.jid }),
  }
}

/** §8: a moderator by role; admins and owners are moderators wherever they are. */
export const isModerator = ({ occupant, affiliation }: Speaker): boolean =>
  occupant?.role === 'moderator' || atLeast(affiliation, 'admin')

/** A refusal that says which room raised it. */
export const refuse = (
  state: RoomState,
  condition: StanzaErrorCondition,
  text?: string,
  options: StanzaErrorOptions = {},
): StanzaError => new StanzaError(condition, { ...options, by: state.jid, ...(text === undefined ? {} : { text }) })

/** The result of an IQ. */
export const replyTo = (state: RoomState, command: Command, ...children: Element[]): Delivery => ({
  to: [command.from],
  stanza: xml('iq', { type: 'result', id: command.id, from: state.jid }, ...children),
})

export const isRefusal = (decision: unknown): decision is StanzaError => decision instanceof StanzaError

export type Verdict = Decision | StanzaError
