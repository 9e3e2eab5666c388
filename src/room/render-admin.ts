/** Changes of the register, of the configuration, and the end of the room (XEP-0045 §§9, 10). */
import { type Element, xml } from '../xml/element.js'
import type { Delivery } from './contract.js'
import { avatar } from './features/avatar.js'
import { wearsTheSame } from './features/hats.js'
import { affiliationOf, audience, isShown, localSessions, occupantsOf, sessionsOf } from './occupants.js'
import { affiliationMessage, type Notice, occupantIdElement, userElement } from './presence.js'
import { actorIn } from './render-roster.js'
import { standingOf } from './standing.js'
import type { DurableOperation, Occupant, RoomConfig, RoomState } from './types.js'
import { showDeparture, showPresence } from './visibility.js'

type Of<Type extends DurableOperation['type']> = Extract<DurableOperation, { readonly type: Type }>

/** §§9.1 to 9.5, 10.3 to 10.8: who is shut out leaves (301, 321), the others show what they are now. */
export function renderRegister(before: RoomState, operation: Of<'register'>, after: RoomState): readonly Delivery[] {
  const notice: Notice = {
    actor: actorIn(before, operation.actor),
    reason: operation.reason ?? operation.entry.reason,
  }
  const deliveries: Delivery[] = []
  for (const occupant of before.occupants.values()) {
    const affiliation = standingOf(after, occupant)
    const now = after.occupants.get(occupant.nick)
    if (now === undefined) {
      const statuses = [affiliation === 'outcast' ? 301 : 321]
      deliveries.push(...showDeparture(before, after, occupant, { ...notice, statuses }))
    } else if (now !== occupant || affiliation !== standingOf(before, occupant)) {
      deliveries.push(...showPresence(after, now, notice, isShown(before, occupant)))
    }
  }
  return [...deliveries, ...announcement(before, operation, after, notice.reason)]
}

/** §§8.3, 9.6: as a change of the role. */
export function renderEntitle(before: RoomState, operation: Of<'entitle'>, after: RoomState): readonly Delivery[] {
  const notice: Notice = { actor: actorIn(before, operation.actor), reason: operation.reason }
  return [...before.occupants.values()].flatMap((occupant) => {
    const now = after.occupants.get(occupant.nick)
    return now === undefined || now === occupant ? [] : showPresence(after, now, notice, isShown(before, occupant))
  })
}

/** §§10.3, 10.6, 10.7: of somebody who is not in the room, those are told who may see real JIDs. Not of what a new room starts with. */
function announcement(before: RoomState, { jid }: Of<'register'>, after: RoomState, reason?: string): Delivery[] {
  const affiliation = affiliationOf(after, jid)
  const to = audience(after).seeing
  const isKnown = affiliation === affiliationOf(before, jid) || occupantsOf(before, jid).length > 0
  if (before.locked || isKnown || to.length === 0) return []
  return [{ to, stanza: affiliationMessage(after, jid, affiliation, reason) }]
}

/** §10.2: non-members leave a room that became members-only (322); roles and what is broadcast may change; all are notified. */
export function renderConfig(before: RoomState, _operation: Of<'config'>, after: RoomState): readonly Delivery[] {
  const deliveries: Delivery[] = []
  for (const occupant of before.occupants.values()) {
    const now = after.occupants.get(occupant.nick)
    if (now === undefined) deliveries.push(...showDeparture(before, after, occupant, { statuses: [322] }))
    else if (
      now !== occupant ||
      isShown(before, occupant) !== isShown(after, now) ||
      !wearsTheSame(before.config, after.config, occupant.jid)
    )
      deliveries.push(...changedVisibility(before, after, occupant, now))
  }
  const codes = configCodes(before, after)
  const to = localSessions(after)
  if (codes.length > 0 && to.length > 0) deliveries.push({ to, stanza: notification(after.jid, codes) })
  return [...deliveries, ...avatar.render(before, after)]
}

const changedVisibility = (before: RoomState, after: RoomState, former: Occupant, now: Occupant): Delivery[] =>
  showPresence(after, now, {}, isShown(before, former))

const notification = (room: string, codes: readonly number[]): Element =>
  xml(
    'message',
    { from: room, type: 'groupchat' },
    userElement(...codes.map((code) => xml('status', { code: String(code) }))),
  )

/** §10.2.1. While the room is locked its owner knows what it configures, but for what concerns privacy. */
function configCodes({ config: old, locked }: RoomState, { config }: RoomState): number[] {
  const codes: number[] = []
  if (old.archive !== config.archive) codes.push(config.archive ? 170 : 171)
  if (old.whois !== config.whois) codes.push(config.whois === 'anyone' ? 172 : 173)
  if (!locked && differsElsewhere(old, config)) codes.push(104)
  return codes
}

const differsElsewhere = (old: RoomConfig, config: RoomConfig): boolean => {
  const rest = (all: RoomConfig): string => JSON.stringify({ ...all, archive: null, whois: null })
  return rest(old) !== rest(config)
}

/** §10.9: one stanza to each client, from its own occupant JID. */
export function renderDestroy(before: RoomState, operation: Of<'destroy'>): readonly Delivery[] {
  const deliveries: Delivery[] = []
  for (const occupant of before.occupants.values()) {
    const to = sessionsOf(before, occupant)
    if (to.length === 0) continue
    const stanza = xml(
      'presence',
      { from: `${before.jid}/${occupant.nick}`, type: 'unavailable' },
      userElement(
        xml('item', { affiliation: 'none', role: 'none' }),
        xml(
          'destroy',
          { jid: operation.alternate },
          operation.password === undefined ? undefined : xml('password', {}, operation.password),
          operation.reason === undefined ? undefined : xml('reason', {}, operation.reason),
        ),
        xml('status', { code: '110' }),
      ),
      occupantIdElement(occupant.occupantId),
    )
    deliveries.push({ to, stanza, removal: true })
  }
  return deliveries
}
