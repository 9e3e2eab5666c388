/** What the configuration says of rooms: Prosody's names where Prosody has the option. */

import {
  configOptionNames,
  defaultPolicy,
  type RoomConfig,
  type RoomPolicy,
  readConfigOptions,
} from '../../room/index.js'
import type { OptionDeclaration } from '../../server/module.js'
import { Jid } from '../../xmpp/jid.js'
import { between } from '../between.js'
import type { RateLimits } from './rates.js'

const oneOf =
  (...known: readonly unknown[]) =>
  (value: unknown): string | undefined =>
    known.includes(value) ? undefined : `be one of ${known.map((one) => JSON.stringify(one)).join(', ')}`

const atLeast =
  (least: number) =>
  (value: unknown): string | undefined =>
    typeof value === 'number' && value >= least ? undefined : `be at least ${least}`

function wrongConfig(value: unknown): string | undefined {
  const read = readConfigOptions(value as Readonly<Record<string, unknown>>)
  return typeof read === 'string' ? read : undefined
}

export const mucOptions = {
  restrict_room_creation: {
    type: 'string',
    default: 'off',
    doc: 'Who may create rooms: `"off"` everybody, `"local"` accounts of this server, `"list"` those in `room_creators`, `"admin"` administrators alone. Administrators always may.',
    check: oneOf('off', 'local', 'list', 'admin'),
  },
  room_creators: {
    type: 'string-list',
    default: [],
    doc: 'Users, and domains all of whose users may create rooms, with `restrict_room_creation = "list"`.',
    check: (value) => {
      const wrong = (value as readonly string[]).find((given) => Jid.tryParse(given)?.isBare !== true)
      return wrong === undefined ? undefined : `name users and domains, which ${JSON.stringify(wrong)} is not`
    },
  },
  muc_max_rooms_per_user: {
    type: 'integer',
    default: 1000,
    doc: 'Rooms of the service that one user may own before making another; 0 for no limit. Not for administrators.',
    check: atLeast(0),
  },
  muc_room_locking: {
    type: 'boolean',
    default: true,
    doc: 'A new room is closed to others until its owner has configured it (XEP-0045 §10.1).',
  },
  muc_room_lock_timeout: {
    type: 'integer',
    default: 300,
    doc: 'Seconds after which a new room that nobody has configured is given up; 0 for never.',
    check: atLeast(0),
  },
  muc_tombstone_expiry: {
    type: 'integer',
    default: 2_678_400,
    doc: 'Seconds for which a persistent room that was destroyed is remembered: who asks for it is told where to go, and only its former owners make it anew. 0: not at all.',
    check: atLeast(0),
  },
  muc_ping_silent_after: {
    type: 'integer',
    default: 900,
    doc: 'Seconds of silence after which an occupant from another server is pinged, and leaves the room if it is not there any more; 0 for never.',
    check: atLeast(0),
  },
  muc_unload_after: {
    type: 'integer',
    default: 600,
    doc: 'Seconds after which a room that nobody is in and nobody uses leaves memory; it comes back when it is used. One that is shared with other servers leaves once all of them have the same of it.',
    check: atLeast(1),
  },
  muc_event_rate: {
    type: 'integer',
    default: 0,
    doc: 'Stanzas a second that a room takes from each occupant on average; 0 for no limit. Not for owners and admins.',
    check: atLeast(0),
  },
  muc_room_event_rate: {
    type: 'integer',
    default: 0,
    doc: 'Stanzas a second that a room takes from all together on average; 0 for no limit.',
    check: atLeast(0),
  },
  muc_burst_factor: {
    type: 'integer',
    default: 6,
    doc: 'How many seconds of these rates may be used up at once.',
    check: atLeast(1),
  },
  muc_room_default_public: { type: 'boolean', default: true, doc: 'New rooms are listed.' },
  muc_room_default_persistent: {
    type: 'boolean',
    default: false,
    doc: 'New rooms stay when the last occupant leaves.',
  },
  muc_room_default_members_only: { type: 'boolean', default: false, doc: 'New rooms are for members only.' },
  muc_room_default_moderated: { type: 'boolean', default: false, doc: 'In new rooms newcomers have no voice.' },
  muc_room_default_public_jids: {
    type: 'boolean',
    default: false,
    doc: 'In new rooms everybody sees real JIDs, not moderators alone.',
  },
  muc_room_default_change_subject: {
    type: 'boolean',
    default: false,
    doc: 'In new rooms participants may change the subject.',
  },
  muc_room_default_history_length: {
    type: 'integer',
    default: 20,
    doc: 'Messages sent to those who enter a new room.',
    check: atLeast(0),
  },
  muc_room_defaults: {
    type: 'table',
    default: {},
    doc: `What else new rooms start with, by the names of the form's fields, as in \`{ whois = "anyone", getmemberlist = ["moderator"] }\`: ${configOptionNames.map((name) => `\`${name}\``).join(', ')}.`,
    check: wrongConfig,
  },
  muc_room_fixed: {
    type: 'table',
    default: {},
    doc: 'The same for what no owner may change: these fields are not in the form, a submission that differs is refused, and rooms that exist are changed when they are next used.',
    check: wrongConfig,
  },
  muc_registration: {
    type: 'string',
    default: 'open',
    doc: 'Who may register a nickname with a room (XEP-0045 §7.10): `"open"` everybody, where a room is for members only or moderated once an admin of it approves, `"members"` those who have an affiliation, `"none"` nobody.',
    check: oneOf('open', 'members', 'none'),
  },
  muc_lock_nicks: {
    type: 'boolean',
    default: false,
    doc: 'Who has registered a nickname with a room enters under that one alone.',
  },
  muc_max_occupants: {
    type: 'integer',
    default: 0,
    doc: 'The most occupants of a room, whatever its owner sets; 0 for no limit.',
    check: atLeast(0),
  },
  muc_max_affiliations: {
    type: 'integer',
    default: 10_000,
    doc: 'Users that a room knows as owner, admin, member or outcast, who registered with it included; more are refused.',
    check: between(10, 1_000_000),
  },
  muc_max_avatar_size: {
    type: 'integer',
    default: 65_536,
    doc: 'Characters of the card of a room with its avatar in base64 (XEP-0486); at most 200,000.',
    check: between(0, 200_000),
  },
  max_history_messages: {
    type: 'integer',
    default: 200,
    doc: 'The most that an owner may set for that.',
    check: atLeast(0),
  },
  log_expires_after_days: {
    type: 'integer',
    default: 90,
    doc: 'On services of rooms: days after which what has expired from the archive of a room, and what its owners decided, leave the log of the room, too. A server that shares the room and was away for longer lacks what was said meanwhile; `dmucctl room peers` says so.',
    check: atLeast(1),
  },
  max_archive_query_results: {
    type: 'integer',
    default: 50,
    doc: 'On services of rooms: the most results on one page of the archive of a room.',
    check: (value) => (typeof value === 'number' && value >= 1 && value <= 1000 ? undefined : 'be between 1 and 1000'),
  },
} as const satisfies Readonly<Record<string, OptionDeclaration>>

/** The values of `[dmuc]`, as far as rooms are concerned. */
export interface DmucValues {
  readonly allow?: readonly string[]
  readonly replicate?: 'immediate' | 'on-join' | 'manual'
  readonly on_join_threshold?: number
  readonly distributed_by_default?: boolean
  readonly redirect?: Readonly<Record<string, string>>
  readonly users?: Readonly<Record<string, string>>
  readonly auth?: Readonly<Record<string, string>>
  readonly max_instances?: number
  readonly max_shadows?: number
  readonly max_history?: number
  readonly max_pending?: number
  readonly max_late?: number
  readonly max_occupants?: number
  readonly max_waiting?: number
  /** Stanzas a second. */
  readonly peer_rate?: number
  readonly max_revisions?: number
  /** Seconds. */
  readonly grace?: number
  readonly behind_split?: 'leave' | 'away'
  readonly ping_after?: number
  readonly ping_timeout?: number
}

type Values = Readonly<Record<string, unknown>>

export const archivePage = (options: Values): number =>
  Number(options.max_archive_query_results ?? mucOptions.max_archive_query_results.default)

export const logMs = (options: Values): number =>
  Number(options.log_expires_after_days ?? mucOptions.log_expires_after_days.default) * 86_400_000

export function rateLimits(options: Values): RateLimits {
  const value = (key: 'muc_event_rate' | 'muc_room_event_rate' | 'muc_burst_factor'): number =>
    Number(options[key] ?? mucOptions[key].default)
  return { occupant: value('muc_event_rate'), room: value('muc_room_event_rate'), burst: value('muc_burst_factor') }
}

/** In milliseconds; 0: never. */
export const tombstoneMs = (options: Values): number =>
  Number(options.muc_tombstone_expiry ?? mucOptions.muc_tombstone_expiry.default) * 1000

/** In milliseconds; 0: never. */
export const silenceMs = (options: Values): number =>
  Number(options.muc_ping_silent_after ?? mucOptions.muc_ping_silent_after.default) * 1000

/** In milliseconds. */
export const idleMs = (options: Values): number =>
  Number(options.muc_unload_after ?? mucOptions.muc_unload_after.default) * 1000

/** In milliseconds; undefined: never. */
export function lockTimeoutMs(options: Values): number | undefined {
  const seconds = Number(options.muc_room_lock_timeout ?? mucOptions.muc_room_lock_timeout.default)
  return seconds > 0 ? seconds * 1000 : undefined
}

/** The rules of a service's rooms. `peers`: the services that owners may spread rooms over; empty: none. */
export function roomPolicy(options: Values, peers: readonly string[], distributed: boolean): RoomPolicy {
  const table = (key: 'muc_room_defaults' | 'muc_room_fixed'): Partial<RoomConfig> => {
    const read = readConfigOptions((options[key] ?? {}) as Readonly<Record<string, unknown>>)
    if (typeof read === 'string') throw new Error(`${key} must ${read}`)
    return read
  }
  const fixed = table('muc_room_fixed')
  const value = <K extends keyof typeof mucOptions>(key: K): (typeof mucOptions)[K]['default'] | boolean | number =>
    (options[key] ?? mucOptions[key].default) as (typeof mucOptions)[K]['default']
  return {
    ...defaultPolicy,
    lockNewRooms: value('muc_room_locking') === true,
    maxHistoryLength: Number(value('max_history_messages')),
    maxCardLength: Number(value('muc_max_avatar_size')),
    maxUsers: Number(value('muc_max_occupants')),
    maxRegister: Number(value('muc_max_affiliations')),
    registration: value('muc_registration') as unknown as RoomPolicy['registration'],
    lockNicks: value('muc_lock_nicks') === true,
    defaults: {
      ...defaultPolicy.defaults,
      public: value('muc_room_default_public') === true,
      persistent: value('muc_room_default_persistent') === true,
      membersOnly: value('muc_room_default_members_only') === true,
      moderated: value('muc_room_default_moderated') === true,
      whois: value('muc_room_default_public_jids') === true ? 'anyone' : 'moderators',
      changeSubject: value('muc_room_default_change_subject') === true,
      historyLength: Number(value('muc_room_default_history_length')),
      distributed: peers.length > 0 && distributed,
      peers: distributed ? peers : [],
      ...table('muc_room_defaults'),
    },
    ...(Object.keys(fixed).length > 0 ? { fixed } : {}),
    ...(peers.length > 0 ? { distribution: { peers: peers.map((jid) => ({ jid })) } } : {}),
  }
}
