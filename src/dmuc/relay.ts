/**
 * Telling the other instances what happened here: one stanza for each, whatever its number of occupants (XEP-0281 §4.4 and
 * §4.6). Nothing is relayed twice: only a source passes on, to plain peers alone, which have no other link.
 */
import { readContent } from '../room/content.js'
import { affiliationOf } from '../room/occupants.js'
import type {
  Affiliation,
  Departure,
  LoggedEvent,
  Occupant,
  Operation,
  RoomState,
  SoftOperation,
} from '../room/types.js'
import { copy, type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { type Instance, isClosed, isSource, linked, type Replica, speaksFor } from './replica.js'
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

/** An event of our own to everybody. `except`: it was adopted from this plain peer; only a source tells the others of that. */
export function relayEvent(turn: Turn, event: LoggedEvent, except?: string): void {
  if (except !== undefined && !isSource(turn.replica)) return
  for (const instance of reachable(turn, except)) {
    if (instance.kind === 'plain') relayPlain(turn, instance, event)
    else turn.effects.push({ type: 'send', stanza: eventStanza(turn.self, instance.jid, event, turn.replica) })
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
    turn.effects.push({ type: 'send', stanza: eventStanza(turn.self, instance.jid, event, undefined) })
  else if (operation.type === 'config' && isSource(turn.replica) && !isClosed(turn.replica.room))
    askConfig(turn, instance.jid, configPayload(turn.replica))
}

/** E5: the configuration to a shadow. */
export function askConfig(turn: Turn, to: string, payload: Element, again = false): void {
  turn.effects.push({
    type: 'ask',
    iq: xml('iq', { type: 'set', from: turn.self, to }, payload),
    question: again ? { type: 'config', again } : { type: 'config' },
  })
}

export const configPayload = (replica: Replica, ...extension: Element[]): Element =>
  xml('config', { xmlns: ns.dmuc }, writeConfig(replica.room.config), ...extension)

/** E25; `sync`, that is us, adds the identity of the event. Operations that are no message travel inside it. */
function eventStanza(self: string, to: string, event: LoggedEvent, sync: Replica | undefined): Element {
  const { operation } = event
  if (operation.type !== 'message' && operation.type !== 'subject')
    return xml('message', { from: self, to }, writeEvent(event, true))
  const identity = sync && writeEvent(event, false)
  // By which list of our occupants it is to be judged.
  if (sync !== undefined && identity !== undefined) identity.attrs.occupants = String(sync.occupantsRevision)
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
    identity,
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
  // A change of the nick is two stanzas, and each has its place in the list.
  const stanzas = operation.type === 'nick' && was !== undefined && is !== undefined ? 2 : 1
  if (own) turn.change({ occupantsRevision: turn.replica.occupantsRevision + stanzas })
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
  const affiliation = affiliationOf(turn.replica.room, occupant.jid)
  const left: Departure = { cause: 'left' }
  if (operation.type === 'nick' && before !== undefined && after !== undefined) {
    const renamed = {
      to: after.nick,
      grant: operation.grant,
      grantProof: operation.grantProof,
      forced: operation.forced === true,
    }
    const first = place && { ...place, revision: place.revision - 1 }
    return [
      writeUnavailable(turn.self, to, before, affiliation, { departure: left, status: undefined, renamed }, first),
      writeAvailable(turn.self, to, after, affiliation, place),
    ]
  }
  if (after !== undefined) return [writeAvailable(turn.self, to, after, affiliation, place)]
  const { departure, status } = operation.type === 'leave' ? operation : { departure: left, status: undefined }
  const gone = { departure, status, renamed: undefined, actorNick: actorNick(turn.replica.room, departure) }
  return [writeUnavailable(turn.self, to, before!, affiliation, gone, place)]
}

function actorNick(room: RoomState, departure: Departure): string | undefined {
  const actor = 'actor' in departure ? departure.actor : undefined
  return actor && [...room.occupants.values()].find(({ jid }) => jid === actor)?.nick
}

/**
 * What an event of the source's register or configuration did to the occupants, or its destruction, for plain peers: they
 * are not told the event itself. `before` is the room before it.
 */
export function relayRefit(turn: Turn, { operation }: LoggedEvent, before: RoomState): void {
  const { room } = turn.replica
  for (const instance of plainPeers(turn))
    for (const was of before.occupants.values()) {
      const is = room.occupants.get(was.nick)
      const affiliation = affiliationOf(room, was.jid)
      if (is === undefined) {
        const departure = shutOut(operation, affiliation)
        const gone = { departure, status: undefined, renamed: undefined, actorNick: actorNick(before, departure) }
        const stanza = writeUnavailable(turn.self, instance.jid, was, affiliation, gone, undefined)
        if (operation.type === 'destroy') stanza.getChild('x')?.cnode(destroyElement(operation))
        turn.effects.push({ type: 'send', stanza })
      } else if (is !== was || affiliation !== affiliationOf(before, was.jid))
        turn.effects.push({
          type: 'send',
          stanza: writeAvailable(turn.self, instance.jid, is, affiliation, undefined),
        })
    }
}

/**
 * What an event of the source did to our own occupants, to all: whether they heard of it earlier or later than of what else
 * happened to these occupants, in the end they know what became of them.
 */
export function relayRefitted(turn: Turn, { operation }: LoggedEvent, before: RoomState): void {
  for (const was of before.occupants.values()) {
    if (was.home !== turn.self) continue
    const is = turn.replica.room.occupants.get(was.nick)
    if (is === was) continue
    const departure = shutOut(operation, affiliationOf(turn.replica.room, was.jid))
    const change: SoftOperation =
      is === undefined ? { type: 'leave', nick: was.nick, departure } : { type: 'role', nick: was.nick, role: is.role }
    relaySoft(turn, change, was, is)
  }
}

function shutOut(operation: Operation, affiliation: Affiliation): Departure {
  if (operation.type === 'config') return { cause: 'members-only' }
  if (operation.type !== 'register') return { cause: 'left' }
  const { actor, reason, entry } = operation
  const because = reason ?? entry.reason
  return {
    cause: affiliation === 'outcast' ? 'banned' : 'affiliation',
    ...(actor === undefined ? {} : { actor }),
    ...(because === undefined ? {} : { reason: because }),
  }
}

/** XEP-0045 §10.9. */
const destroyElement = ({ alternate, password, reason }: Extract<Operation, { type: 'destroy' }>): Element =>
  xml(
    'destroy',
    { jid: alternate },
    password === undefined ? undefined : xml('password', {}, password),
    reason === undefined ? undefined : xml('reason', {}, reason),
  )

/** All occupants that are at home here, to a plain source that may have missed some. */
export function announceAll(turn: Turn, to: string): void {
  for (const occupant of ownOccupants(turn))
    turn.effects.push({
      type: 'send',
      stanza: writeAvailable(turn.self, to, occupant, affiliationOf(turn.replica.room, occupant.jid), undefined),
    })
}

/** To a plain source, that none of them is in the room any more. */
export function withdrawAll(turn: Turn, to: string): void {
  const gone = { departure: { cause: 'left' }, status: undefined, renamed: undefined } as const
  for (const occupant of ownOccupants(turn)) {
    const affiliation = affiliationOf(turn.replica.room, occupant.jid)
    const stanza = writeUnavailable(turn.self, to, occupant, affiliation, gone, undefined)
    turn.effects.push({ type: 'send', stanza })
  }
}

const ownOccupants = (turn: Turn): Occupant[] =>
  [...turn.replica.room.occupants.values()].filter(({ home }) => home === turn.self)

type Ephemeral = Extract<SoftOperation, { type: 'ephemeral' }>

/** A message that is shown and never stored (a chat state): the same stanza without an identity. `except` as above. */
export function relayEphemeral(turn: Turn, operation: Ephemeral, except?: string): void {
  if (except === undefined || isSource(turn.replica)) sendEphemeral(turn, operation, reachable(turn, except))
}

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
