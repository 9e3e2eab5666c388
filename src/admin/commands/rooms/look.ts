/** Looking at rooms: which there are, who is in one, how its instances are. */

import type { RoomFacts, RoomSummary } from '../../../modules/muc/operations.js'
import type { ClaimFacts, PeerFacts } from '../../../modules/muc/peer-facts.js'
import type { AbsentFacts } from '../../../modules/muc/placement.js'
import { writeDateTime } from '../../../xmpp/date-time.js'
import type { AdminCommand } from '../../command.js'
import { answered, roomArgument, roomAt, services } from './find.js'

export const roomList: AdminCommand = {
  name: 'room list',
  summary: 'list the rooms of one service, or of all',
  arguments: [{ name: 'service', doc: 'the domain of a service of rooms', optional: true }],
  examples: ['dmucctl room list', 'dmucctl room list rooms.example.org --json'],
  needs: 'server',
  async run(operator, { service }) {
    const rooms = (await Promise.all(services(operator, service).map((each) => each.list()))).flat()
    return { text: rooms.length === 0 ? 'There are no rooms' : rooms.map(lineOf).join('\n'), data: rooms }
  },
}

function lineOf({ jid, name, occupants, ...room }: RoomSummary): string {
  const marks = [
    `${occupants} in it`,
    room.public ? 'public' : 'hidden',
    room.persistent ? 'persistent' : 'temporary',
    ...(room.shadowOf === undefined ? [] : [`shadow of ${room.shadowOf}`]),
  ]
  return `${jid}  ${marks.join(', ')}${name === '' ? '' : `  "${name}"`}`
}

export const roomShow: AdminCommand = {
  name: 'room show',
  summary: 'show a room: who is in it, who may what',
  arguments: [roomArgument],
  examples: ['dmucctl room show lobby@rooms.example.org'],
  needs: 'server',
  async run(operator, { room = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const facts = await answered(rooms.show(jid))
    return { text: describe(facts), data: facts }
  },
}

function describe(room: RoomFacts): string {
  const kind = [room.public ? 'public' : 'hidden', room.persistent ? 'persistent' : 'temporary']
  if (room.locked) kind.push('not configured yet')
  return [
    lineOfKey('room', room.jid),
    lineOfKey('name', room.name),
    lineOfKey('subject', room.subject),
    lineOfKey('kind', kind.join(', ')),
    lineOfKey('made', writeDateTime(room.createdAt)),
    ...(room.shadowOf === undefined ? [] : [lineOfKey('shadow of', room.shadowOf)]),
    ...room.affiliations.map(({ affiliation, jid }) => lineOfKey(affiliation, jid)),
    ...room.people.map(({ nick, jid, role, home }) =>
      lineOfKey('in it', `${nick} (${jid}, ${role}${home === room.jid ? '' : `, at ${home}`})`),
    ),
  ].join('\n')
}

const lineOfKey = (key: string, value: string): string => `${key.padEnd(10)} ${value}`.trimEnd()

export const roomPeers: AdminCommand = {
  name: 'room peers',
  summary: 'say how the other instances of a distributed room are',
  arguments: [roomArgument],
  examples: ['dmucctl room peers lobby@rooms.example.org'],
  needs: 'server',
  async run(operator, { room = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const peers = await answered(rooms.peers(jid))
    return {
      text: peers.length === 0 ? `${jid} has no other instances` : peers.map(peerOrAbsentLine).join('\n'),
      data: peers,
    }
  },
}

const peerOrAbsentLine = (facts: PeerFacts | ClaimFacts | AbsentFacts): string =>
  'reason' in facts ? `${facts.jid}  ${facts.state}: ${facts.reason}` : peerLine(facts)

const events = (count: number): string => `${count} ${count === 1 ? 'event' : 'events'}`

function peerLine({
  jid,
  kind,
  role,
  state,
  behind,
  ahead,
  lagMs,
  revisions,
  ours,
  since,
  lastError,
  gaps = [],
}: PeerFacts): string {
  const late = lagMs > 0 ? `, by ${Math.ceil(lagMs / 1000)} s` : ''
  // It cannot be asked.
  const atMost = since === undefined ? '' : 'at most '
  const facts = [
    state,
    ...(behind > 0 ? [`${atMost}${events(behind)} behind${late}`] : []),
    ...(ahead > 0 ? [`${events(ahead)} ahead${behind > 0 ? '' : late}`] : []),
    ...(since === undefined ? [] : [`since ${writeDateTime(since)}`]),
    ...(kind === 'plain' ? ['speaks XEP-0281 alone'] : []),
    ...(role === 'source' ? ['the source'] : []),
    ...(revisions === undefined ? [] : [spellRevisions(revisions, ours)]),
    ...(lastError === undefined ? [] : [`last error: ${lastError}`]),
    ...gaps.map(
      ({ from, to, at }) =>
        `${events(to - from + 1)} of its log had expired when it was heard of again, ${writeDateTime(at)}`,
    ),
  ]
  return `${jid}  ${facts.join(', ')}`
}

/** What it knows to be decided, beside ours where that is another. */
function spellRevisions(theirs: PeerFacts['ours'], ours: PeerFacts['ours']): string {
  const names = ['config', 'register', 'table'] as const
  return names
    .map((name) => `${name} ${theirs[name]}${theirs[name] === ours[name] ? '' : ` (here ${ours[name]})`}`)
    .join(', ')
}

export const roomDigest: AdminCommand = {
  name: 'room digest',
  summary: 'digests of what this server holds of a room: the same at every server that shares it, once all is in step',
  arguments: [roomArgument],
  examples: ['dmucctl room digest lobby@rooms.example.org'],
  needs: 'server',
  async run(operator, { room = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const digest = await answered(rooms.digest(jid))
    const lines = Object.entries(digest).map(([part, hash]) => lineOfKey(part, hash))
    return { text: lines.join('\n'), data: digest }
  },
}
