/** What clients ask of a room, as plain values: XEP-0045 §§6 to 10. Made from stanzas by `commandFromStanza`. */
import type { Element } from '../xml/element.js'
import type { AdHocRequest } from '../xmpp/ad-hoc.js'
import type { Affiliation, HistoryRequest, Role } from './types.js'

interface Asked {
  /** The full JID that speaks. */
  readonly from: string
  readonly id?: string
}

/** A change or a listing of muc#admin (§§8, 9, 10.3 to 10.8). */
export interface AdminItem {
  readonly jid?: string
  /** With `role`, whose role; with `affiliation`, the nick to reserve ('' reserves none any more). */
  readonly nick?: string
  readonly role?: Role
  readonly affiliation?: Affiliation
  readonly reason?: string
}

export interface Invitation {
  /** Prepared, bare or full. */
  readonly to: string
  readonly reason?: string
  /** §7.9: goes on from a one-to-one chat. */
  readonly continue?: { readonly thread?: string }
}

export type Command = Asked &
  (
    | {
        readonly type: 'join'
        readonly nick: string
        /** Sanitised child elements, as XML text. */
        readonly presence: string
        readonly password?: string
        readonly history?: Omit<HistoryRequest, 'at'>
      }
    /** Available presence of what should be an occupant: an update, or a change of the nick. */
    | { readonly type: 'presence'; readonly nick: string; readonly presence: string }
    | { readonly type: 'leave'; readonly status?: string }
    /** An error came back from a client we sent to (§17: ghosts). */
    | { readonly type: 'bounce'; readonly condition: string }
    | { readonly type: 'message'; readonly content: string; readonly lang?: string; readonly ephemeral: boolean }
    | { readonly type: 'subject'; readonly text: string; readonly lang?: string }
    /** The message as it came, to be readdressed. */
    | { readonly type: 'private-message'; readonly nick: string; readonly stanza: Element }
    | { readonly type: 'invite'; readonly invitations: readonly Invitation[] }
    | { readonly type: 'decline'; readonly to: string; readonly reason?: string }
    | { readonly type: 'voice-request' }
    | { readonly type: 'voice-approval'; readonly nick: string; readonly allow: boolean }
    /** XEP-0425. */
    | { readonly type: 'moderate'; readonly target: string; readonly reason?: string }
    | { readonly type: 'admin-get'; readonly list: Affiliation | Role; readonly by: 'affiliation' | 'role' }
    | { readonly type: 'admin-set'; readonly items: readonly AdminItem[] }
    | { readonly type: 'config-get' }
    /** `form` undefined: accept what is (an instant room). */
    | { readonly type: 'config-set'; readonly form: Element | undefined }
    | { readonly type: 'config-cancel' }
    | { readonly type: 'destroy'; readonly alternate?: string; readonly password?: string; readonly reason?: string }
    | { readonly type: 'register-get' }
    | { readonly type: 'register-set'; readonly nick: string }
    /** §9.9. `jid` is prepared and bare. */
    | { readonly type: 'register-approval'; readonly jid: string; readonly nick: string; readonly allow: boolean }
    | { readonly type: 'register-remove' }
    | { readonly type: 'disco-info'; readonly node?: string }
    | { readonly type: 'disco-items'; readonly node?: string }
    /** The card of the room (XEP-0054). */
    | { readonly type: 'card-get' }
    | { readonly type: 'card-set'; readonly card: Element }
    /** XEP-0050. */
    | { readonly type: 'ad-hoc'; readonly request: AdHocRequest }
    /** An IQ get or set to an occupant JID. */
    | { readonly type: 'private-iq'; readonly nick: string; readonly stanza: Element }
  )

export type CommandOf<Type extends Command['type']> = Extract<Command, { readonly type: Type }>
