/** Changing rooms: made, configured, emptied and ended by the operator, whoever owns them. */
import { affiliations } from '../../../room/types.js'
import { parseDateTime } from '../../../xmpp/date-time.js'
import { type AdminCommand, CommandRefused } from '../../command.js'
import { answered, roomArgument, roomAt, userJid } from './find.js'

const reasonArgument = { name: 'reason', doc: 'what people are told', optional: true } as const

const because = (reason: string | undefined): string => (reason === undefined ? '' : ` (${reason})`)

export const roomCreate: AdminCommand = {
  name: 'room create',
  summary: 'make a persistent room with this owner',
  arguments: [roomArgument, { name: 'owner', doc: 'a user' }, { name: 'name', doc: 'for people', optional: true }],
  examples: ['dmucctl room create lobby@rooms.example.org juliet@example.org "The lobby"'],
  needs: 'server',
  async run(operator, { room = '', owner = '', name = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const user = userJid(owner)
    await answered(rooms.create(jid, user, name))
    return { text: `${jid} was made; ${user} owns it`, data: { jid, owner: user } }
  },
}

/** The standard fields under their short names. */
const prefix = 'muc#roomconfig_'

export const roomConfig: AdminCommand = {
  name: 'room config',
  summary: 'show the configuration of a room, or one field of it, or set the field',
  arguments: [
    roomArgument,
    { name: 'field', doc: 'as the list shows it', optional: true },
    { name: 'value', doc: 'several are parted by commas', optional: true },
  ],
  examples: [
    'dmucctl room config lobby@rooms.example.org',
    'dmucctl room config lobby@rooms.example.org membersonly 1',
  ],
  needs: 'server',
  async run(operator, { room = '', field, value }) {
    const { jid, rooms } = roomAt(operator, room)
    const fields = await answered(rooms.config(jid))
    const short = (name = ''): string => (name.startsWith(prefix) ? name.slice(prefix.length) : name)
    const data = Object.fromEntries(fields.map(({ var: name, values }) => [short(name), values.join(',')]))
    if (field === undefined)
      return {
        text: Object.entries(data)
          .map((pair) => pair.join(' = '))
          .join('\n'),
        data,
      }
    const known = fields.find(({ var: name }) => name === field || short(name) === field)
    if (known?.var === undefined)
      throw new CommandRefused(`The configuration has no field ${field}; it has ${Object.keys(data).join(', ')}`)
    const shown = short(known.var)
    if (value === undefined) return { text: data[shown] ?? '', data: { [shown]: data[shown] } }
    const several = known.type?.endsWith('-multi') === true
    await answered(rooms.setConfig(jid, known.var, several ? value.split(',').filter((one) => one !== '') : [value]))
    return { text: `${jid} has ${shown} = ${value}`, data: { jid, [shown]: value } }
  },
}

export const roomAffiliation: AdminCommand = {
  name: 'room affiliation',
  summary: 'make somebody owner, admin, member, outcast, or none of these',
  arguments: [
    roomArgument,
    { name: 'user', doc: 'an address, or a whole domain' },
    { name: 'affiliation', doc: affiliations.join(', ') },
    reasonArgument,
  ],
  examples: ['dmucctl room affiliation lobby@rooms.example.org romeo@example.net outcast "spam"'],
  needs: 'server',
  async run(operator, { room = '', user: given = '', affiliation = '', reason }) {
    const { jid, rooms } = roomAt(operator, room)
    const user = userJid(given)
    const wanted = affiliations.find((known) => known === affiliation)
    if (wanted === undefined)
      throw new CommandRefused(`${affiliation} is no affiliation; there is ${affiliations.join(', ')}`)
    const done = await answered(rooms.setAffiliation(jid, user, wanted, reason))
    const text = `${user} has the affiliation ${wanted} in ${jid}`
    const until = `${text} here, until the source can be reached: then the operator there has to do it`
    return { text: done === 'withheld' ? until : text, data: { jid, user, affiliation: wanted } }
  },
}

export const roomKick: AdminCommand = {
  name: 'room kick',
  summary: 'put somebody out of a room',
  arguments: [roomArgument, { name: 'nick', doc: 'as dmucctl room show names it' }, reasonArgument],
  examples: ['dmucctl room kick lobby@rooms.example.org pistol "Avaunt"'],
  needs: 'server',
  async run(operator, { room = '', nick = '', reason }) {
    const { jid, rooms } = roomAt(operator, room)
    await answered(rooms.kick(jid, nick, reason))
    return { text: `${nick} was put out of ${jid}${because(reason)}`, data: { jid, nick } }
  },
}

export const roomDestroy: AdminCommand = {
  name: 'room destroy',
  summary: 'end a room and delete all there is of it',
  arguments: [roomArgument, reasonArgument],
  examples: ['dmucctl room destroy lobby@rooms.example.org "Moved"'],
  needs: 'server',
  async run(operator, { room = '', reason }) {
    const { jid, rooms } = roomAt(operator, room)
    await answered(rooms.destroy(jid, reason))
    return { text: `${jid} was destroyed${because(reason)}`, data: { jid } }
  },
}

export const roomPurge: AdminCommand = {
  name: 'room purge',
  summary: 'erase what was said in a room, on this server alone: other servers of a distributed room keep their copies',
  arguments: [
    roomArgument,
    {
      name: 'before',
      doc: 'only what arrived before this time, as 2026-01-31 or 2026-01-31T12:00:00Z',
      optional: true,
    },
  ],
  examples: ['dmucctl room purge lobby@rooms.example.org', 'dmucctl room purge lobby@rooms.example.org 2026-01-31'],
  needs: 'server',
  async run(operator, { room = '', before }) {
    const { jid, rooms } = roomAt(operator, room)
    const erased = await answered(rooms.purge(jid, before === undefined ? undefined : timeOf(before)))
    return {
      text: `${erased} ${erased === 1 ? 'message was' : 'messages were'} erased from ${jid}`,
      data: { jid, erased },
    }
  },
}

function timeOf(given: string): number {
  const time = parseDateTime(/^\d{4}-\d\d-\d\d$/.test(given) ? `${given}T00:00:00Z` : given)
  if (time === undefined) throw new CommandRefused(`${given} is no time; one looks like 2026-01-31T12:00:00Z`)
  return time
}
