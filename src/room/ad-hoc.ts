/** Commands of a room (XEP-0050): who may run which, the form, what it comes to, and their list for service discovery. */
import { xml } from '../xml/element.js'
import { type AdHocAnswer, commandsNamespace, stepOf, writeCommand } from '../xmpp/ad-hoc.js'
import { ns } from '../xmpp/namespaces.js'
import type { CommandOf } from './command.js'
import type { Context } from './contract.js'
import { hatCommands } from './features/hat-commands.js'
import type { RoomCommand } from './room-command.js'
import { isRefusal, refuse, replyTo, speakerOf, type Verdict } from './speaker.js'
import type { Operation, RoomState } from './types.js'

const commands: readonly RoomCommand[] = hatCommands

export function decideAdHoc(state: RoomState, command: CommandOf<'ad-hoc'>, context: Context): Verdict {
  const { node, form, sessionId = context.token } = command.request
  const found = commands.find((known) => known.node === node)
  if (found === undefined) return refuse(state, 'item-not-found', 'The room has no such command')
  if (!found.may(state, speakerOf(state, command, context)))
    return refuse(state, 'forbidden', 'You may not use that command')
  const answer = (rest: Pick<AdHocAnswer, 'status' | 'form'>, operations: readonly Operation[] = []): Verdict => ({
    operations,
    reply: replyTo(state, command, writeCommand({ node, sessionId, ...rest })),
  })
  const step = stepOf(command.request, 'form' in found)
  if (isRefusal(step)) return step
  if (step === 'cancel') return answer({ status: 'canceled' })
  if ('show' in found) return answer({ status: 'completed', form: found.show(state) })
  if (step === 'ask' || form === undefined) return answer({ status: 'executing', form: found.form(state) })
  const operations = found.run(state, form)
  return isRefusal(operations) ? operations : answer({ status: 'completed' }, operations)
}

/** XEP-0050 §3.1: the node of disco#items that lists what the asker may run. */
export function decideCommandList(state: RoomState, command: CommandOf<'disco-items'>, context: Context): Verdict {
  const speaker = speakerOf(state, command, context)
  const items = commands.filter((known) => known.may(state, speaker))
  const query = xml(
    'query',
    { xmlns: ns.discoItems, node: commandsNamespace },
    ...items.map(({ node, name }) => xml('item', { jid: state.jid, node, name })),
  )
  return { operations: [], reply: replyTo(state, command, query) }
}

/** XEP-0050 §3.2; undefined where the node is no command that the asker may run. */
export function decideCommandInfo(
  state: RoomState,
  command: CommandOf<'disco-info'>,
  context: Context,
): Verdict | undefined {
  const found = commands.find(({ node }) => node === command.node)
  if (found === undefined || !found.may(state, speakerOf(state, command, context))) return undefined
  const query = xml(
    'query',
    { xmlns: ns.discoInfo, node: found.node },
    xml('identity', { category: 'automation', type: 'command-node', name: found.name }),
    xml('feature', { var: commandsNamespace }),
    xml('feature', { var: ns.dataForm }),
  )
  return { operations: [], reply: replyTo(state, command, query) }
}
