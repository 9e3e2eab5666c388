/**
 * The pure core of a room (XEP-0045). No sockets, storage, timers, clock or randomness: what a stanza does not say
 * comes in a `Context`, the identity of what is logged from the caller. Every function here is total and returns refusals as values.
 *
 * The way of a stanza:
 *
 *     command  = commandFromStanza(stanza, options)          'ignored' | 'foreign' | StanzaError | Command
 *     decision = decide(state, command, context)             StanzaError | Decision
 *     outcome  = carryOut(state, decision, identify)         { state, changes, deliveries, relays, expects }
 *
 * `carryOut` applies and renders operation by operation (`apply`, `render`) and puts the reply where §§8.2 and 9.1 want it;
 * `identify` gives a durable operation its LoggedEvent. Changes that other instances made skip `decide`: `judge` re-checks them,
 * then `apply` and `render` as for our own.
 *
 * - A room that does not exist yet is `newRoom(jid, policy)`; the first `join` makes its sender the owner (status 201).
 * - `decide` never looks at other rooms. A command for a room that neither exists nor is being joined is the caller's to refuse
 *   (`item-not-found`), but for presence of strangers: `notInRoom`.
 * - A register, config or destroy event may remove occupants in `apply` (ban 301, loss of membership 321, members-only 322):
 *   compare `before.occupants` with `after.occupants`.
 * - `isAbandoned(state)`: a temporary room that its last occupant left; the source forgets it (§7.14).
 * - Deliveries go to clients at home here alone. What concerns occupants elsewhere is in `relays`; the receiving instance calls
 *   `deliverPrivately`.
 */
export { apply, newRoom } from './apply.js'
export {
  type ArchiveReader,
  archivedMessage,
  archivedTypes,
  authorsOf,
  readerOf,
} from './archive.js'
export { carryOut, type Outcome, withReply } from './carry-out.js'
export type { Command, CommandOf } from './command.js'
export { type CommandOptions, commandFromStanza } from './commands.js'
export { sameConfig } from './config.js'
export { configForm, readConfig } from './config-form.js'
export { configOptionNames, readConfigOptions } from './config-options.js'
export { isEphemeral, sanitized, writeContent } from './content.js'
export type { Context, Decision, Delivery, Disco, Expectation, Relay, RoomPolicy } from './contract.js'
export { decide } from './decide.js'
export { defaultConfig, defaultPolicy } from './defaults.js'
export { readCard } from './features/avatar.js'
export { moderated } from './features/moderation.js'
export { asItStands, retractionBy } from './features/retraction.js'
export { historyFor, historyLimit } from './history.js'
export { judge } from './judge.js'
export { affiliationOf, hasVoice, isAbandoned, localSessions, occupantOf, sessionsOf } from './occupants.js'
export { deliverPrivately } from './private.js'
export { type RenderOptions, render } from './render.js'
export { leaveAll, notInRoom, removeSession } from './service.js'
export { personOf } from './standing.js'
export * from './types.js'
