/** `dmucctl room …` of distribution: where a room is, and who is its source (XEP-0281; dmuc.md §3). */
import { Jid } from '../../../xmpp/jid.js'
import { type AdminCommand, CommandRefused } from '../../command.js'
import { answered, roomArgument, roomAt } from './find.js'

export const roomDistribute: AdminCommand = {
  name: 'room distribute',
  summary: 'spread a room over other services, or ask those again that refused',
  arguments: [roomArgument, { name: 'services', doc: 'their domains, parted by commas', optional: true }],
  examples: ['dmucctl room distribute lobby@rooms.example.org rooms.example.net,rooms.example.com'],
  needs: 'server',
  async run(operator, { room = '', services }) {
    const { jid, rooms } = roomAt(operator, room)
    const asked = await answered(rooms.distribute(jid, services === undefined ? [] : services.split(',').map(domain)))
    const text = asked.length === 0 ? `${jid} names no service to be spread over` : `${jid} asks ${asked.join(', ')}`
    return { text: `${text}; dmucctl room peers ${jid} shows what comes of it`, data: { jid, services: asked } }
  },
}

export const roomUndistribute: AdminCommand = {
  name: 'room undistribute',
  summary: 'take a room back from a service, or from all; at a shadow: give it up',
  arguments: [roomArgument, { name: 'service', doc: 'its domain', optional: true }],
  examples: [
    'dmucctl room undistribute lobby@rooms.example.org rooms.example.net',
    'dmucctl room undistribute lobby@rooms.example.org',
  ],
  needs: 'server',
  async run(operator, { room = '', service }) {
    const { jid, rooms } = roomAt(operator, room)
    const { services, source } = await answered(
      rooms.undistribute(jid, service === undefined ? undefined : domain(service)),
    )
    if (source !== undefined)
      return { text: `${jid} was a shadow and is given up; the room goes on at ${source}`, data: { jid, source } }
    const text = services.length === 0 ? `${jid} is distributed no more` : `${jid} is now at ${services.join(', ')}`
    return { text, data: { jid, services } }
  },
}

export const roomPromote: AdminCommand = {
  name: 'room promote',
  summary: 'make a shadow the source: when the firsthost is gone for good',
  arguments: [roomArgument],
  examples: ['dmucctl room promote lobby@rooms.example.net'],
  needs: 'server',
  async run(operator, { room = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    await answered(rooms.promote(jid))
    const text = `${jid} is the source now; those who are cut off from the old one follow it, the others on the word of their operator (dmucctl room follow)`
    return { text, data: { jid } }
  },
}

export const roomFollow: AdminCommand = {
  name: 'room follow',
  summary: 'take another instance for the source of a room, though the present one can be reached',
  arguments: [roomArgument, { name: 'instance', doc: 'its address, as dmucctl room peers names it' }],
  examples: ['dmucctl room follow lobby@rooms.example.com lobby@rooms.example.net'],
  needs: 'server',
  async run(operator, { room = '', instance = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const other = Jid.tryParse(instance)
    if (other === undefined || other.local === '') throw new CommandRefused(`${JSON.stringify(instance)} is no address`)
    await answered(rooms.trust(jid, other.bare().toString()))
    return { text: `${jid} follows ${other} once it says that it is the source`, data: { jid, instance: `${other}` } }
  },
}

export const roomRestore: AdminCommand = {
  name: 'room restore',
  summary: 'get a room back that this server lost with its database, from a server that holds a shadow of it',
  arguments: [roomArgument, { name: 'from', doc: 'the instance that gives it, or its service', option: true }],
  examples: ['dmucctl room restore lobby@rooms.example.org --from rooms.example.net'],
  needs: 'server',
  async run(operator, { room = '', from = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const given = Jid.tryParse(from)
    if (given === undefined || !given.isBare) throw new CommandRefused(`${JSON.stringify(from)} is no address`)
    const member = given.local === '' ? `${Jid.parse(jid).local}@${given.domain}` : given.toString()
    await answered(rooms.restore(jid, member))
    const text = `${jid} is here again, from ${member}, and its source; what was said follows (dmucctl room peers ${jid})`
    return { text, data: { jid, from: member } }
  },
}

function domain(given: string): string {
  const jid = Jid.tryParse(given)
  if (jid === undefined || jid.local !== '' || jid.resource !== '')
    throw new CommandRefused(`${JSON.stringify(given)} is not the domain of a service`)
  return jid.domain
}
