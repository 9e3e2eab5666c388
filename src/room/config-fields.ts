/**
 * The fields of the configuration form (XEP-0045 §16.5.3, XEP-0281 §4.1), one value each: how it is shown, how it is read.
 * A reader returns the changed configuration, or says what would be right.
 */
import type { Field } from '../xmpp/data-form.js'
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import type { RoomPolicy } from './contract.js'
import type { RoomConfig } from './types.js'

/** The services that are to hold a shadow, in our extension of XEP-0281. */
export const peersField = `{${ns.dmucSync}}peers`

/** Completes "… must …". */
export class Wrong {
  constructor(readonly why: string) {}
}

export interface ConfigField {
  readonly var: string
  /** What it sets, for the operator's fixed options. */
  readonly keys: readonly (keyof RoomConfig)[]
  /** Left out of the form, and refused in a submission, where this says no. */
  readonly offered?: (policy: RoomPolicy) => boolean
  readonly show: (config: RoomConfig, policy: RoomPolicy) => Omit<Field, 'var'>
  readonly read: (values: readonly string[], config: RoomConfig, policy: RoomPolicy) => RoomConfig | Wrong
}

type KeysOf<Value> = { [Key in keyof RoomConfig]-?: RoomConfig[Key] extends Value ? Key : never }[keyof RoomConfig]

const booleans: Readonly<Record<string, boolean>> = { '1': true, true: true, '0': false, false: false }

const boolean = (name: string, label: string, key: KeysOf<boolean>): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'boolean', label, values: [config[key] === true ? '1' : '0'] }),
  read: ([value], config) => {
    if (value === undefined) return config
    const read = booleans[value]
    return read === undefined ? new Wrong('be 0, 1, true or false') : { ...config, [key]: read }
  },
})

const text = (name: string, label: string, key: KeysOf<string | undefined>, most: number): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'text-single', label, values: [String(config[key] ?? '')] }),
  read: ([value = ''], config) =>
    value.length > most ? new Wrong(`have at most ${most} characters`) : { ...config, [key]: value },
})

/** A text that is not there when it is empty: so that the form says the same at every instance. */
const optionalText = (name: string, label: string, key: 'pubsub', most: number): ConfigField => {
  const field = text(name, label, key, most)
  return {
    ...field,
    read: (values, config, policy) => {
      const read = field.read(values, config, policy)
      if (read instanceof Wrong || read[key] !== '') return read
      const { [key]: _empty, ...rest } = read
      return rest
    },
  }
}

const roleOptions = [
  { label: 'Moderator', value: 'moderator' },
  { label: 'Participant', value: 'participant' },
  { label: 'Visitor', value: 'visitor' },
] as const

const roles = (name: string, label: string, key: 'presenceBroadcast' | 'getMemberList'): ConfigField => ({
  var: name,
  keys: [key],
  show: (config) => ({ type: 'list-multi', label, values: [...config[key]], options: [...roleOptions] }),
  read: (values, config) => {
    const chosen = roleOptions.map(({ value }) => value).filter((role) => values.includes(role))
    const stray = values.some((value) => !roleOptions.some((option) => option.value === value))
    return stray ? new Wrong('name moderator, participant, visitor') : { ...config, [key]: chosen }
  },
})

const number = (value: string): number | undefined => (/^\d{1,6}$/.test(value) ? Number(value) : undefined)

const privateMessages = [
  { label: 'Anyone', value: 'anyone' },
  { label: 'Anyone with Voice', value: 'participants' },
  { label: 'Moderators Only', value: 'moderators' },
  { label: 'Nobody', value: 'none' },
] as const

const whois = [
  { label: 'Moderators Only', value: 'moderators' },
  { label: 'Anyone', value: 'anyone' },
] as const

const allowpm: ConfigField = {
  var: 'muc#roomconfig_allowpm',
  keys: ['allowPrivateMessages'],
  show: ({ allowPrivateMessages }) => ({
    type: 'list-single',
    label: 'Who Can Send Private Messages?',
    values: [allowPrivateMessages],
    options: [...privateMessages],
  }),
  read: ([value], config) => {
    if (value === undefined) return config
    const option = privateMessages.find((known) => known.value === value)
    return option === undefined
      ? new Wrong('be anyone, participants, moderators or none')
      : { ...config, allowPrivateMessages: option.value }
  },
}

const whoisField: ConfigField = {
  var: 'muc#roomconfig_whois',
  keys: ['whois'],
  show: (config) => ({
    type: 'list-single',
    label: 'Who May Discover Real JIDs?',
    values: [config.whois],
    options: [...whois],
  }),
  read: ([value], config) => {
    if (value === undefined) return config
    const option = whois.find((known) => known.value === value)
    return option === undefined ? new Wrong('be moderators or anyone') : { ...config, whois: option.value }
  },
}

const maxusers: ConfigField = {
  var: 'muc#roomconfig_maxusers',
  keys: ['maxUsers'],
  show: ({ maxUsers }, policy) => {
    const bound = policy.maxUsers === 0 ? Number.POSITIVE_INFINITY : policy.maxUsers
    const steps = [...new Set([10, 20, 30, 50, 100, 200, 500, 1000, maxUsers, policy.maxUsers])]
      .filter((step) => step > 0 && step <= bound)
      .sort((a, b) => a - b)
      .map(String)
    return {
      type: 'list-single',
      label: 'Maximum Number of Occupants',
      values: [maxUsers === 0 ? 'none' : String(maxUsers)],
      options: [...steps.map((step) => ({ label: step, value: step })), { label: 'None', value: 'none' }],
    }
  },
  read: ([value = ''], config, policy) => {
    const maxUsers = value === 'none' || value === '' ? 0 : number(value)
    if (maxUsers === undefined) return new Wrong('be a number or none')
    return policy.maxUsers > 0 && maxUsers > policy.maxUsers
      ? new Wrong(`be at most ${policy.maxUsers}`)
      : { ...config, maxUsers }
  },
}

const maxhistory: ConfigField = {
  var: 'muc#maxhistoryfetch',
  keys: ['historyLength'],
  show: ({ historyLength }) => ({
    type: 'text-single',
    label: 'Maximum Number of History Messages Returned by Room',
    values: [String(historyLength)],
  }),
  read: ([value], config, policy) => {
    if (value === undefined) return config
    const historyLength = number(value)
    return historyLength === undefined || historyLength > policy.maxHistoryLength
      ? new Wrong(`be a number up to ${policy.maxHistoryLength}`)
      : { ...config, historyLength }
  },
}

const distributed: ConfigField = {
  ...boolean('muc#roomconfig_distributed', 'Distribute Room Across Multiple Services?', 'distributed'),
  offered: (policy) => policy.distribution !== undefined,
}

const peers: ConfigField = {
  var: peersField,
  keys: ['peers'],
  offered: (policy) => policy.distribution !== undefined,
  show: (config, policy) => {
    const label = 'Services that Hold a Copy of the Room'
    const options = policy.distribution?.peers ?? []
    return options.length === 0
      ? { type: 'text-multi', label, values: [...config.peers] }
      : {
          type: 'list-multi',
          label,
          values: [...config.peers],
          options: options.map(({ jid, label }) => ({ label: label ?? jid, value: jid })),
        }
  },
  read: (values, config, policy) => {
    const options = policy.distribution?.peers ?? []
    const chosen = new Set<string>()
    for (const value of values) {
      if (value.trim() === '') continue
      const jid = Jid.tryParse(value.trim())
      if (jid === undefined || jid.local !== '' || jid.isFull) return new Wrong('name services, such as rooms.example')
      if (options.length > 0 && !options.some((option) => option.jid === jid.toString()))
        return new Wrong(`name services among ${options.map((option) => option.jid).join(', ')}`)
      chosen.add(jid.toString())
    }
    return { ...config, peers: [...chosen] }
  },
}

const secret: ConfigField = {
  var: 'muc#roomconfig_roomsecret',
  keys: ['password'],
  show: ({ password }) => ({ type: 'text-private', label: 'Password', values: [password] }),
  read: ([value = ''], config) =>
    value.length > 1000 ? new Wrong('have at most 1000 characters') : { ...config, password: value },
}

/** In the order of the form. */
export const configFields: readonly ConfigField[] = [
  text('muc#roomconfig_roomname', 'Natural-Language Room Name', 'name', 200),
  text('muc#roomconfig_roomdesc', 'Short Description of Room', 'description', 1000),
  text('muc#roomconfig_lang', 'Natural Language for Room Discussions', 'language', 35),
  boolean('muc#roomconfig_enablelogging', 'Enable Logging of Room Conversations?', 'archive'),
  boolean('muc#roomconfig_changesubject', 'Allow Occupants to Change Subject?', 'changeSubject'),
  boolean('muc#roomconfig_allowinvites', 'Allow Members to Invite Others?', 'allowInvites'),
  allowpm,
  maxusers,
  roles('muc#roomconfig_presencebroadcast', 'Roles for which Presence is Broadcasted', 'presenceBroadcast'),
  roles('muc#roomconfig_getmemberlist', 'Roles and Affiliations that May Retrieve Member List', 'getMemberList'),
  boolean('muc#roomconfig_publicroom', 'Make Room Publicly Searchable?', 'public'),
  boolean('muc#roomconfig_persistentroom', 'Make Room Persistent?', 'persistent'),
  boolean('muc#roomconfig_moderatedroom', 'Make Room Moderated?', 'moderated'),
  boolean('muc#roomconfig_membersonly', 'Make Room Members-Only?', 'membersOnly'),
  secret,
  whoisField,
  maxhistory,
  optionalText('muc#roomconfig_pubsub', 'XMPP URI of Associated Publish-Subscribe Node', 'pubsub', 500),
  distributed,
  peers,
]
