/** How much of the discussion one who enters is sent (XEP-0045 §7.2.13, §7.2.14). */
import type { Element } from '../xml/element.js'
import { serialize } from '../xml/writer.js'
import { historyMessage } from './groupchat.js'
import type { HistoryRequest, LoggedEvent, RoomState } from './types.js'

/** Messages that a room keeps in its state. */
export const historyLimit = 200

/** The history with one message more; the oldest go. */
export function withEvent(history: readonly LoggedEvent[], event: LoggedEvent): readonly LoggedEvent[] {
  return [...history.slice(Math.max(0, history.length - historyLimit + 1)), event]
}

/** The newest messages that all bounds allow, oldest first: the asker's, the room's, ours. */
export function historyFor(state: RoomState, request?: HistoryRequest): readonly Element[] {
  const bounds = [state.config.historyLength, historyLimit, request?.maxstanzas ?? historyLimit]
  const count = Math.max(0, Math.min(...bounds))
  const oldest = Math.max(
    request?.since ?? Number.NEGATIVE_INFINITY,
    request?.seconds === undefined ? Number.NEGATIVE_INFINITY : request.at - request.seconds * 1000,
  )
  let characters = request?.maxchars ?? Number.POSITIVE_INFINITY
  const chosen: Element[] = []
  for (let index = state.history.length - 1; index >= 0 && chosen.length < count; index--) {
    const event = state.history[index]!
    if (event.stamp.ms < oldest) break
    const stanza = historyMessage(state.jid, event)
    if (stanza === undefined) continue
    if (characters !== Number.POSITIVE_INFINITY) characters -= serialize(stanza).length
    if (characters < 0) break
    chosen.push(stanza)
  }
  return chosen.reverse()
}
