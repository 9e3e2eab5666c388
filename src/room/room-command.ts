/** What a command of a room is (XEP-0050). */
import type { Form } from '../xmpp/data-form.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { Speaker } from './speaker.js'
import type { Operation, RoomState } from './types.js'

/** One form and done, or an answer at once: a room keeps no session of a command. */
export type RoomCommand = {
  readonly node: string
  readonly name: string
  readonly may: (state: RoomState, speaker: Speaker) => boolean
} & (
  | {
      readonly form: (state: RoomState) => Form
      readonly run: (state: RoomState, submitted: Form) => readonly Operation[] | StanzaError
    }
  | { readonly show: (state: RoomState) => Form }
)
