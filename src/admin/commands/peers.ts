/** `dmucctl peer …`: the services that rooms are exchanged with (XEP-0281). Every word is kept over restarts. */
import type { ServiceFacts } from '../../modules/muc/distribution.js'
import type { Word } from '../../modules/muc/peers.js'
import { Jid } from '../../xmpp/jid.js'
import { type AdminCommand, CommandRefused, type Operator } from '../command.js'
import { distributions } from './rooms/find.js'

const peerArgument = { name: 'peer', doc: 'the domain of another service of rooms' } as const

const list: AdminCommand = {
  name: 'peer list',
  summary: 'list the services that rooms are exchanged with',
  arguments: [],
  examples: ['dmucctl peer list'],
  needs: 'server',
  async run(operator) {
    const peers = await everyPeer(operator)
    return {
      text: peers.length === 0 ? 'There are none: [dmuc] allow is empty' : peers.map(line).join('\n'),
      data: peers,
    }
  },
}

/** Of all our services of rooms; `at`: which. */
async function everyPeer(operator: Operator): Promise<readonly (ServiceFacts & { readonly at: string })[]> {
  const found = distributions(operator).map(async ({ domain, distribution }) =>
    (await distribution.peers()).map((facts) => ({ at: domain, ...facts })),
  )
  return (await Promise.all(found)).flat()
}

function line({ service, rooms, resting, ...facts }: ServiceFacts): string {
  const rest = resting.length === 0 ? '' : `, ${resting.length} at rest`
  return `${service}  ${stateOf(facts)}, ${rooms.length} shared ${rooms.length === 1 ? 'room' : 'rooms'} in memory${rest}`
}

function stateOf({ allowed, paused, up, reason }: Pick<ServiceFacts, 'allowed' | 'paused' | 'up' | 'reason'>): string {
  if (!allowed) return 'denied'
  if (paused) return 'paused'
  if (up) return 'up'
  return reason === undefined ? 'not looked after' : `down: ${reason}`
}

const show: AdminCommand = {
  name: 'peer show',
  summary: 'show a service and the rooms that are shared with it',
  arguments: [peerArgument],
  examples: ['dmucctl peer show rooms.example.net'],
  needs: 'server',
  async run(operator, { peer: given = '' }) {
    const peer = domain(given)
    const found = (await everyPeer(operator)).filter(({ service }) => service === peer)
    if (found.length === 0)
      throw new CommandRefused(`No rooms are exchanged with ${peer}; dmucctl peer allow ${peer} changes that`)
    const rooms = found.flatMap((facts) => facts.rooms)
    const lines = rooms.map(({ jid, source }) => `  ${jid}  ${source ? 'ours is the source' : 'ours is a shadow'}`)
    const resting = found.flatMap((facts) => facts.resting).map((jid) => `  ${jid}  at rest`)
    return { text: [...found.map(line), ...lines, ...resting].join('\n'), data: found }
  },
}

const saying = (word: Word, summary: string, told: (peer: string) => string): AdminCommand => ({
  name: `peer ${word}`,
  summary,
  arguments: [peerArgument],
  examples: [`dmucctl peer ${word} rooms.example.net`],
  needs: 'server',
  async run(operator, { peer: given = '' }) {
    const peer = domain(given)
    const services = distributions(operator)
    if (services.length === 0) throw new CommandRefused('This server has no service of rooms: none can be exchanged')
    if (services.some(({ domain: own }) => own === peer)) throw new CommandRefused(`${peer} is served here`)
    await Promise.all(services.map(({ distribution }) => distribution.say(peer, word)))
    return { text: told(peer), data: { peer, word } }
  },
})

const resync: AdminCommand = {
  name: 'peer resync',
  summary: 'compare all that is shared with a service anew',
  arguments: [peerArgument],
  examples: ['dmucctl peer resync rooms.example.net'],
  needs: 'server',
  async run(operator, { peer: given = '' }) {
    const peer = domain(given)
    const known = distributions(operator).filter(({ distribution }) => distribution.isPeer(peer))
    if (known.length === 0)
      throw new CommandRefused(`No rooms are exchanged with ${peer}; dmucctl peer list shows with whom they are`)
    for (const { distribution } of known) distribution.resync(peer)
    return { text: `${peer} is greeted in all rooms that are shared with it`, data: { peer } }
  },
}

export const peerCommands: readonly AdminCommand[] = [
  list,
  show,
  saying('allow', 'exchange rooms with a service, and end a pause', (peer) => `Rooms may be exchanged with ${peer}`),
  saying(
    'deny',
    'exchange no rooms with a service, and end what is shared',
    (peer) => `Nothing is shared with ${peer} any more`,
  ),
  saying(
    'pause',
    'take and send nothing until it is allowed again',
    (peer) => `${peer} is cut off until: dmucctl peer allow ${peer}`,
  ),
  resync,
]

function domain(given: string): string {
  const jid = Jid.tryParse(given)
  if (jid === undefined || jid.local !== '' || jid.resource !== '')
    throw new CommandRefused(`${JSON.stringify(given)} is not the domain of a service`)
  return jid.domain
}
