/**
 * Asking for the history of a room (XEP-0281 §4.2, E9). Nothing is taken from anybody else before it is in: it tells where the logs
 * begin, and comes before what is pulled. An answer that was lost on the way is asked for again.
 */
import { xml } from '../xml/element.js'
import { writeDateTime } from '../xmpp/date-time.js'
import { Jid } from '../xmpp/jid.js'
import type { StanzaError } from '../xmpp/stanza-error.js'
import type { Turn } from './turn.js'
import { writeHistoryRequest } from './wire/replicate.js'

/** What may be lost without being noticed before a link counts as down. */
const unnoticedMs = 120_000

/** How often it is asked for in all. */
const maxTries = 5

/** E9: SHOULD; we always do. `lost`: since when a plain peer may not have heard us, nor we it. */
export function askHistory(turn: Turn, from: string, lost?: number): void {
  const since = lost === undefined ? undefined : writeDateTime(lost - unnoticedMs)
  const limit = { maxstanzas: String(turn.env.limits.historyStanzas), since }
  turn.changePeer(from, { historyAsked: true })
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'get', from: turn.self, to: from }, writeHistoryRequest(Jid.parse(turn.self).local, limit)),
    question: { type: 'history' },
  })
}

/** Is the history of the source on its way, or to be asked for again while the source can be reached? */
export function awaitsHistory(turn: Turn): boolean {
  const { historyAsked, historyLost, link } = turn.peer(turn.replica.identity.source)
  return historyAsked || (historyLost > 0 && (link === 'up' || link === 'greeting'))
}

/** The answer did not come, or not for good: how often that was so, or 0 where it makes no sense to ask again. */
export function lostAgain(turn: Turn, from: string, { condition, type }: StanzaError): number {
  const lost = turn.peer(from).historyLost + 1
  const isPassing = type === 'wait' || condition.startsWith('remote-server')
  return isPassing && lost < maxTries ? lost : 0
}
