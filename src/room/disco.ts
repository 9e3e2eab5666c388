/** What a room tells of itself (XEP-0045 §§6.4, 6.5, 7.12, 16.3, 16.5.4; XEP-0281 §4.3). */
import { type Element, xml } from '../xml/element.js'
import { commandsNamespace } from '../xmpp/ad-hoc.js'
import { type Field, writeForm } from '../xmpp/data-form.js'
import { ns } from '../xmpp/namespaces.js'
import { decideCommandInfo, decideCommandList } from './ad-hoc.js'
import { archiveFeatures } from './archive.js'
import type { CommandOf } from './command.js'
import type { Context } from './contract.js'
import { avatar } from './features/avatar.js'
import { hats } from './features/hats.js'
import { moderation } from './features/moderation.js'
import { retraction } from './features/retraction.js'
import { registerForm, registerNamespace } from './registration.js'
import { atLeast } from './roles.js'
import { refuse, replyTo, type Speaker, speakerOf, type Verdict } from './speaker.js'
import type { RoomConfig, RoomState } from './types.js'
import { voiceForm } from './voice.js'

/** What every room of ours can do. */
const always = [
  ns.discoInfo,
  ns.discoItems,
  ns.muc,
  'http://jabber.org/protocol/muc#stable_id',
  'http://jabber.org/protocol/muc#self-ping-optimization',
  ns.mucRoomConfig,
  ns.mucRoomInfo,
  voiceForm,
  ns.occupantId,
  ns.stanzaId,
  commandsNamespace,
] as const

const features = [retraction, moderation, hats, avatar].flatMap(({ disco }) => disco)

const kindOf = (config: RoomConfig): string[] => [
  config.public ? 'muc_public' : 'muc_hidden',
  config.membersOnly ? 'muc_membersonly' : 'muc_open',
  config.moderated ? 'muc_moderated' : 'muc_unmoderated',
  config.whois === 'anyone' ? 'muc_nonanonymous' : 'muc_semianonymous',
  config.password === '' ? 'muc_unsecured' : 'muc_passwordprotected',
  config.persistent ? 'muc_persistent' : 'muc_temporary',
]

export const roomName = ({ config, jid }: RoomState): string => config.name || jid.slice(0, jid.indexOf('@'))

export function decideDiscoInfo(state: RoomState, command: CommandOf<'disco-info'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const { node } = command
  if (node === 'x-roomuser-item') return { operations: [], reply: reservedNick(state, command, speaker) }
  // §18.1.1: nothing is discarded, so there is no list of what is not.
  if (node === 'http://jabber.org/protocol/muc#traffic') return refuse(state, 'service-unavailable')
  if (node !== undefined) return decideCommandInfo(state, command, context) ?? refuse(state, 'item-not-found')
  const all = new Set([
    ...always,
    ...(context.policy.registration === 'none' ? [] : [registerNamespace, registerForm]),
    ...features,
    ...kindOf(state.config),
    ...(state.config.archive ? archiveFeatures : []),
    ...(context.disco?.features ?? []),
  ])
  const query = xml(
    'query',
    { xmlns: ns.discoInfo },
    xml('identity', { category: 'conference', type: 'text', name: roomName(state) }),
    ...[...all].map((feature) => xml('feature', { var: feature })),
    roomInfo(state, speaker, context),
  )
  return { operations: [], reply: replyTo(state, command, query) }
}

/** §7.12: from outside the room, too. */
const reservedNick = (state: RoomState, command: CommandOf<'disco-info'>, { jid }: Speaker) => {
  const nick = state.register.get(jid)?.nick
  const identity =
    nick === undefined ? undefined : xml('identity', { category: 'conference', name: nick, type: 'text' })
  return replyTo(state, command, xml('query', { xmlns: ns.discoInfo, node: command.node }, identity))
}

/** Everybody may know it of an open public room; of others (§14.4) those who may enter. */
const isInformed = ({ config }: RoomState, { occupant, affiliation }: Speaker): boolean =>
  occupant !== undefined ||
  atLeast(affiliation, 'member') ||
  (affiliation !== 'outcast' && config.public && !config.membersOnly && config.password === '')

function roomInfo(state: RoomState, speaker: Speaker, { disco }: Context): Element {
  const { config, subject, occupants, register } = state
  const boolean = (value: boolean): string[] => [value ? '1' : '0']
  const fields: (Field | undefined)[] = [
    { var: 'FORM_TYPE', type: 'hidden', values: [ns.mucRoomInfo] },
    { var: 'muc#roomconfig_roomname', label: 'Title', type: 'text-single', values: [roomName(state)] },
    { var: 'muc#roominfo_description', label: 'Description', type: 'text-single', values: [config.description] },
    config.language === ''
      ? undefined
      : { var: 'muc#roominfo_lang', label: 'Language of discussion', type: 'text-single', values: [config.language] },
    config.pubsub
      ? { var: 'muc#roomconfig_pubsub', label: 'Associated pubsub node', type: 'text-single', values: [config.pubsub] }
      : undefined,
    {
      var: 'muc#roominfo_subjectmod',
      label: 'Participants may change the subject',
      type: 'boolean',
      values: boolean(config.changeSubject),
    },
    {
      var: 'muc#roomconfig_changesubject',
      label: 'Subject can be modified',
      type: 'boolean',
      values: boolean(config.changeSubject),
    },
    {
      var: 'muc#roominfo_changesubject',
      label: 'Occupants may change the subject',
      type: 'boolean',
      values: boolean(config.changeSubject),
    },
    // Clients offer by these what one may do here.
    {
      var: 'muc#roomconfig_allowinvites',
      label: 'Allow Occupants to Invite Others',
      type: 'boolean',
      values: boolean(!config.membersOnly || config.allowInvites),
    },
    {
      var: 'muc#roomconfig_allowpm',
      label: 'Who Can Send Private Messages',
      type: 'list-single',
      values: [config.allowPrivateMessages],
    },
    {
      var: 'muc#maxhistoryfetch',
      label: 'Maximum Number of History Messages Returned by Room',
      type: 'text-single',
      values: [String(config.historyLength)],
    },
    avatar.info(config),
    hats.info(config),
    disco?.source === undefined
      ? undefined
      : { var: 'dmuc-source', label: 'Source Room', type: 'jid-single', values: [disco.source] },
  ]
  if (isInformed(state, speaker)) {
    fields.push(
      {
        var: 'muc#roominfo_subject',
        label: 'Current Discussion Topic',
        type: 'text-single',
        values: [subject?.text ?? ''],
      },
      {
        var: 'muc#roominfo_occupants',
        label: 'Number of occupants',
        type: 'text-single',
        values: [String(occupants.size)],
      },
    )
    if (config.whois === 'anyone') {
      const owners = [...register].filter(([, { affiliation }]) => affiliation === 'owner').map(([jid]) => jid)
      fields.push({ var: 'muc#roominfo_contactjid', label: 'Contact Addresses', type: 'jid-multi', values: owners })
    }
  }
  return writeForm({ type: 'result', fields: fields.filter((field) => field !== undefined) })
}

/** §6.5: occupants see who is there, strangers where the room lets them; else the list is empty. */
export function decideDiscoItems(state: RoomState, command: CommandOf<'disco-items'>, context: Context): Verdict {
  if (command.node === commandsNamespace) return decideCommandList(state, command, context)
  const speaker = speakerOf(state, command, context)
  const listed = speaker.occupant !== undefined || (state.config.publicList && isInformed(state, speaker))
  const items = listed && command.node === undefined ? [...state.occupants.keys()] : []
  const query = xml(
    'query',
    { xmlns: ns.discoItems, node: command.node },
    ...items.map((nick) => xml('item', { jid: `${state.jid}/${nick}`, name: nick })),
  )
  return { operations: [], reply: replyTo(state, command, query) }
}
