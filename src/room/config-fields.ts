/**
 * The fields of the configuration form: all of XEP-0045 §15.5.3, XEP-0281 §4.1, and what rooms have in Prosody and ejabberd
 * beyond, under the names they have there.
 */
import { Jid } from '../xmpp/jid.js'
import { ns } from '../xmpp/namespaces.js'
import { boolean, type ConfigField, choice, integer, number, optionalText, roles, text, Wrong } from './config-field.js'
import { avatar } from './features/avatar.js'
import { hats } from './features/hats.js'

/** The services that are to hold a shadow, in our extension of XEP-0281. */
export const peersField = `{${ns.dmucSync}}peers`

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

const allowpm = choice(
  'muc#roomconfig_allowpm',
  'Who Can Send Private Messages?',
  'allowPrivateMessages',
  privateMessages,
)

const whoisField = choice('muc#roomconfig_whois', 'Who May Discover Real JIDs?', 'whois', whois)

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
  integer('archive_expires_after', 'Days After Which Conversations Are Erased (0 for Never)', 'archiveDays', 36_500),
  boolean('muc#roomconfig_changesubject', 'Allow Occupants to Change Subject?', 'changeSubject'),
  boolean('muc#roomconfig_allowinvites', 'Allow Members to Invite Others?', 'allowInvites'),
  allowpm,
  boolean(
    '{xmpp:prosody.im}muc#allow_modpm',
    'Always Allow Private Messages to and from Moderators?',
    'allowModeratorMessages',
  ),
  boolean('muc#roomconfig_allowvisitorstatus', 'Allow Visitors to Send Status Text?', 'allowVisitorStatus'),
  boolean('muc#roomconfig_allowvisitornickchange', 'Allow Visitors to Change Nickname?', 'allowVisitorNicks'),
  boolean('muc#roomconfig_allowvoicerequests', 'Allow Visitors to Request Voice?', 'allowVoiceRequests'),
  integer(
    'muc#roomconfig_voicerequestmininterval',
    'Minimum Interval Between Voice Requests (in Seconds)',
    'voiceRequestInterval',
    86_400,
  ),
  boolean('allow_query_users', 'Allow Occupants to Query Each Other?', 'allowQueries'),
  boolean('public_list', 'Make the List of Occupants Public?', 'publicList'),
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
  hats.field,
  avatar.field,
]
