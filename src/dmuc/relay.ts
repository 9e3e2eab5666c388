/**
 * Telling the other instances what happened here: one stanza for each, whatever its number of occupants (XEP-0281 §4.4 and
 * §4.6). Nothing is relayed twice: only a source passes on, to plain peers alone, which have no other link.
 */
import { readContent } from '../room/content.js'
import type { Departure, LoggedEvent, Occupant, Operation, SoftOperation } from '../room/types.js'
import { copy, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { type Instance, isSource, linked, type Replica, speaksFor } from './replica.js'
import type { Turn } from './turn.js'
import { writeConfig } from './wire/config.js'
import { writeEvent } from './wire/event.js'
import { type ListPlace, writeAvailable, writeUnavailable } from './wire/presence.js'

/** Whom we can tell now, but for `except`. */
const reachable = (turn: Turn, except?: string): Instance[] =>
  linked(turn.replica).filter(({ jid }) => {
    const { link } = turn.peer(jid)
    return jid !== except && (link === 'up' || link === 'greeting')
  })

/** An event of our own to everybody. */
export function relayEvent(turn: Turn, event: LoggedEvent, except?: string): void {
  for (const instance of reachable(turn, except)) {
    if (instance.kind === 'plain') relayPlain(turn, instance, event)
    else turn.effects.push({ type: 'send', stanza: eventStanza(turn.self, instance.jid, event, true) })
  }
}

/** What another instance told us, to the plain peers of the source, which hear of it from nobody else. */
export function passOn(turn: Turn, event: LoggedEvent): void {
  for (const instance of plainPeers(turn, event.id.instance)) relayPlain(turn, instance, event)
}

const plainPeers = (turn: Turn, except?: string): Instance[] =>
  isSource(turn.replica) ? reachable(turn, except).filter(({ kind }) => kind === 'plain') : []

function relayPlain(turn: Turn, instance: Instance, event: LoggedEvent): void {
  const { operation } = event
  if (operation.type === 'message' || operation.type === 'subject')
    turn.effects.push({ type: 'send', stanza: eventStanza(turn.self, instance.jid, event, false) })
  else if (operation.type === 'config' && isSource(turn.replica))
    askConfig(turn, instance.jid, configPayload(turn.replica))
}

/** E5: the configuration to a shadow. */
export function askConfig(turn: Turn, to: string, payload: Element): void {
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to }, payload),
    question: { type: 'config' },
  })
}

export const configPayload = (replica: Replica, ...extension: Element[]): Element =>
  xml('config', { xmlns: ns.dmuc }, writeConfig(replica.room.config), ...extension)

/** E25; `sync` adds the identity of the event. Operations that are no message travel inside it. */
function eventStanza(self: string, to: string, event: LoggedEvent, sync: boolean): Element {
  const { operation } = event
  if (operation.type !== 'message' && operation.type !== 'subject')
    return xml('message', { from: self, to }, writeEvent(event, true))
  const children =
    operation.type === 'subject'
      ? [xml('subject', {}, operation.text)]
      : readContent(operation, operation.content).map(copy)
  return xml(
    'message',
    {
      type: 'groupchat',
      id: operation.id,
      'xml:lang': operation.lang,
      from: `${self}/${operation.nick}`,
      to: `${to}/${operation.nick}`,
    },
    ...children,
    sync ? writeEvent(event, false) : undefined,
  )
}

/** Our place in our own list, as it stands now. */
export const placeOf = (replica: Replica): ListPlace => ({
  incarnation: replica.incarnation,
  revision: replica.occupantsRevision,
  seq: replica.nextSeq - 1,
})

/**
 * A soft operation on an occupant: `before` and `after` it. If the occupant is ours, at least on one side, our list gets its
 * next revision and everybody hears of it but `except`; of others' occupants only the plain peers of the source.
 */
export function relaySoft(
  turn: Turn,
  operation: Operation,
  before: Occupant | undefined,
  after: Occupant | undefined,
  except?: string,
): void {
  const [was, is] = [ours(turn, before), ours(turn, after)]
  const own = was !== undefined || is !== undefined
  if (own) turn.change({ occupantsRevision: turn.replica.occupantsRevision + 1 })
  const targets = own ? reachable(turn, except) : plainPeers(turn, except)
  const [from, to] = own ? [was, is] : [before, after]
  for (const instance of targets) {
    const place = own && instance.kind === 'sync' ? placeOf(turn.replica) : undefined
    for (const stanza of presenceStanzas(turn, instance.jid, operation, from, to, place))
      turn.effects.push({ type: 'send', stanza })
  }
}

const ours = (turn: Turn, occupant: Occupant | undefined): Occupant | undefined =>
  occupant !== undefined && speaksFor(turn.replica, occupant.home) ? occupant : undefined

function presenceStanzas(
  turn: Turn,
  to: string,
  operation: Operation,
  before: Occupant | undefined,
  after: Occupant | undefined,
  place: ListPlace | undefined,
): Element[] {
  const occupant = (after ?? before)!
  const affiliation = turn.replica.room.register.get(occupant.jid)?.affiliation ?? 'none'
  const left: Departure = { cause: 'left' }
  if (operation.type === 'nick' && before !== undefined && after !== undefined) {
    const renamed = { to: after.nick, grant: operation.grant, forced: operation.forced === true }
    return [
      writeUnavailable(turn.self, to, before, affiliation, { departure: left, status: undefined, renamed }, place),
      writeAvailable(turn.self, to, after, affiliation, place),
    ]
  }
  if (after !== undefined) return [writeAvailable(turn.self, to, after, affiliation, place)]
  const { departure, status } = operation.type === 'leave' ? operation : { departure: left, status: undefined }
  return [writeUnavailable(turn.self, to, before!, affiliation, { departure, status, renamed: undefined }, place)]
}

type Ephemeral = Extract<SoftOperation, { type: 'ephemeral' }>

/** A message that is shown and never stored (a chat state): the same stanza without an identity. */
export const relayEphemeral = (turn: Turn, operation: Ephemeral, except?: string): void =>
  sendEphemeral(turn, operation, reachable(turn, except))

/** One that another instance told us, to the plain peers of the source. */
export const passOnEphemeral = (turn: Turn, operation: Ephemeral): void =>
  sendEphemeral(turn, operation, plainPeers(turn))

function sendEphemeral(turn: Turn, operation: Ephemeral, targets: readonly Instance[]): void {
  for (const instance of targets) {
    const stanza = xml(
      'message',
      {
        type: 'groupchat',
        id: operation.id,
        'xml:lang': operation.lang,
        from: `${turn.self}/${operation.nick}`,
        to: `${instance.jid}/${operation.nick}`,
      },
      ...readContent(operation, operation.content).map(copy),
      instance.kind === 'sync' ? xml('ephemeral', { xmlns: ns.dmucSync }) : undefined,
    )
    turn.effects.push({ type: 'send', stanza })
  }
}
