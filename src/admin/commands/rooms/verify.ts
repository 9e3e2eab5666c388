/** `dmucctl room verify`: do all instances of a room hold the same (dmuc.md §3, Order)? */
import type { Range } from '../../../dmuc/vector.js'
import type { Verdict } from '../../../modules/muc/compare.js'
import type { AdminCommand } from '../../command.js'
import { answered, roomArgument, roomAt } from './find.js'

export const roomVerify: AdminCommand = {
  name: 'room verify',
  summary: 'ask every instance of a room what it holds, and say where they differ; fails unless all agree',
  arguments: [roomArgument],
  examples: ['dmucctl room verify lobby@rooms.example.org'],
  needs: 'server',
  async run(operator, { room = '' }) {
    const { jid, rooms } = roomAt(operator, room)
    const comparison = await answered(rooms.verify(jid))
    const { instances, agree } = comparison
    const wrong = instances.filter(({ found }) => found !== 'the same').length
    const end =
      instances.length === 0
        ? `${jid} has no other instances`
        : agree
          ? `all ${instances.length + 1} instances of ${jid} hold the same`
          : `${wrong} of the other ${instances.length} instances could not be found to hold what ${jid} holds`
    return { text: [...instances.flatMap(lines), end].join('\n'), data: comparison, failed: !agree }
  },
}

const lines = ({ jid, found, differs, reason, missing }: Verdict): string[] => [
  `${jid}  ${spelt(found, differs, reason)}`,
  ...(missing?.there.map((range) => `  missing there: ${eventsOf(range)}`) ?? []),
  ...(missing?.here.map((range) => `  missing here: ${eventsOf(range)}`) ?? []),
]

/** `incarnation` tells the starts of one instance apart. */
function eventsOf({ instance, incarnation, from, to }: Range): string {
  const count = to - from + 1
  const which = from === to ? `${from}` : `${from} to ${to}`
  return `${count} ${count === 1 ? 'event' : 'events'} of ${instance}: ${which} of its start ${incarnation}`
}

function spelt(found: Verdict['found'], differs: Verdict['differs'], reason = ''): string {
  switch (found) {
    case 'the same':
      return 'the same'
    case 'different':
      return `differs in: ${differs.join(', ')}`
    case 'another room':
      return `holds another room under this name: ${reason}`
    case 'no answer':
      return `did not answer: ${reason}`
    case 'plain':
      return `cannot be compared: ${reason}`
  }
}
