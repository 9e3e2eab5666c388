/** What the clients here see of a change. Nothing but the state before, the change and the state after goes in. */
import type { Delivery } from './contract.js'
import { moderation } from './features/moderation.js'
import { asItStands } from './features/retraction.js'
import { groupchatMessage } from './groupchat.js'
import { localSessions } from './occupants.js'
import { renderConfig, renderDestroy, renderEntitle, renderRegister } from './render-admin.js'
import { renderJoin, renderLeave, renderNick, renderPresence, renderRole } from './render-roster.js'
import { type Change, operationOf, type RoomState } from './types.js'

export interface RenderOptions {
  /** It happened earlier and arrives late: stamped with its own time (XEP-0203). */
  readonly late?: boolean
}

/**
 * `before` and `after` are the states around `apply(before, change)`. Deliveries of one change go out in their order. An
 * operation without effect is seen by nobody.
 */
export function render(
  before: RoomState,
  change: Change,
  after: RoomState,
  options: RenderOptions = {},
): readonly Delivery[] {
  if ('operation' in change && change.void === true) return []
  const shown = 'operation' in change ? asItStands(before, change) : change
  const operation = operationOf(shown)
  switch (operation.type) {
    case 'message':
    case 'subject':
    case 'ephemeral': {
      const to = localSessions(after)
      // A subject that a later one had overtaken before it came is not shown: clients take the last they see for the present one.
      const overtaken = operation.type === 'subject' && after.subject === before.subject
      if (to.length === 0 || overtaken) return []
      const marks = 'operation' in change ? { stanzaId: change.stanzaId, ...late(change.stamp, options) } : {}
      return [{ to, stanza: groupchatMessage(after.jid, operation, marks) }]
    }
    case 'join':
      return renderJoin(before, operation, after)
    case 'presence':
      return renderPresence(before, operation, after)
    case 'nick':
      return renderNick(before, operation, after)
    case 'role':
      return renderRole(before, operation, after)
    case 'leave':
      return renderLeave(before, operation, after)
    case 'register':
      return renderRegister(before, operation, after)
    case 'entitle':
      return renderEntitle(before, operation, after)
    case 'config':
      return renderConfig(before, operation, after)
    case 'destroy':
      return renderDestroy(before, operation)
    case 'moderate':
      return 'operation' in change ? moderation.render(after, change) : []
    case 'asked':
    case 'unlock':
    case 'unknown':
      return []
  }
}

const late = <Stamp>(stamp: Stamp, { late }: RenderOptions): { delayed?: Stamp } => (late ? { delayed: stamp } : {})
