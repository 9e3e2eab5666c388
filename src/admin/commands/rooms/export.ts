/** A room as JSON lines, for the operator's own archives. */
import { type AdminCommand, CommandRefused } from '../../command.js'
import { answered, roomArgument, roomAt } from './find.js'

export const roomExport: AdminCommand = {
  name: 'room export',
  summary: 'write a room as JSON lines: its configuration, who may what, all that was said',
  arguments: [roomArgument],
  examples: ['dmucctl room export lobby@rooms.example.org --output lobby.jsonl'],
  needs: 'server',
  parts: true,
  async run(operator, { room = '', part }) {
    const { jid, rooms } = roomAt(operator, room)
    const after = part === undefined ? undefined : Number(part)
    if (after !== undefined && !Number.isSafeInteger(after)) throw new CommandRefused(`${part} is no part of a room`)
    const { lines, next } = await answered(rooms.export(jid, after))
    return { text: lines.join('\n'), data: next === undefined ? {} : { next: String(next) } }
  },
}
