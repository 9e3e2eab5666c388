/**
 * XEP-0424: Message Retraction. A retraction is a message like any other, which names another of the same author; what that one said is
 * then gone from history and archive, and a tombstone stands in its place. It counts for what was said at the same
 * instance: the author is known there alone, and no instance erases what another's occupants said.
 */
import { child, type Element, xml } from '../../xml/element.js'
import { writeDateTime } from '../../xmpp/date-time.js'
import { ns } from '../../xmpp/namespaces.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { readContent } from '../content.js'
import type { Decision } from '../contract.js'
import { refuse } from '../speaker.js'
import type { LoggedEvent, Occupant, Operation, PendingRetraction, Retraction, RoomState } from '../types.js'

export const retractNamespace = 'urn:xmpp:message-retract:1'
export const moderateNamespace = 'urn:xmpp:message-moderate:1'
/** Of XEP-0425 0.2, which clients in the field still speak. */
export const formerModerateNamespace = 'urn:xmpp:message-moderate:0'
export const formerRetractNamespace = 'urn:xmpp:message-retract:0'
export const fastenNamespace = 'urn:xmpp:fasten:0'

type Message = Extract<Operation, { readonly type: 'message' }>

/** How many retractions wait for what they retract. */
const maxPending = 200

export const retraction = {
  xep: { number: 424, version: '0.4.2', test: 'dialogue/muc-retraction.test.ts' },
  disco: [retractNamespace, `${retractNamespace}#tombstone`],

  /** The `<retract/>` among the children of a message. */
  element: (content: readonly Element[]): Element | undefined =>
    content.find((element) => element.name === 'retract' && element.getNS() === retractNamespace),

  /** A client's message that looks like one of the room itself is refused; undefined: nothing is wrong with it. */
  fault: (content: readonly Element[], room: string): StanzaError | undefined => {
    const element = retraction.element(content)
    if (element === undefined) return undefined
    const text = element.attrs.id ? 'Moderators ask the room to retract a message' : 'There is no id of a message'
    const isWrong = !element.attrs.id || child(element, 'moderated', moderateNamespace) !== undefined
    return isWrong ? new StanzaError('bad-request', { by: room, text }) : undefined
  },

  /** §5: only the author retracts. What is not in the state any more is compared where it is stored. */
  decide: (state: RoomState, author: Occupant, message: Message): Decision | StanzaError => {
    const id = targetOf(message)
    const target = id === undefined ? undefined : state.history.find(({ stanzaId }) => stanzaId === id)
    const isOthers = target !== undefined && 'occupantId' in target.operation
    if (isOthers && target.operation.occupantId !== author.occupantId)
      return refuse(state, 'forbidden', 'Only its author retracts a message')
    return { operations: [message] }
  },

  /** The state after the message that retracts. */
  apply: (state: RoomState, event: LoggedEvent): RoomState => {
    const found = retractionBy(event)
    return found === undefined ? state : retract(state, found)
  },
}

/** The id of the message that this one retracts. */
function targetOf(message: Message): string | undefined {
  if (!message.content.includes(retractNamespace)) return undefined
  return retraction.element(readContent(message, message.content))?.attrs.id
}

/** What an event takes out of the archive, whoever did it; undefined for all other events. */
export function retractionBy(event: LoggedEvent): PendingRetraction | undefined {
  const { operation, stanzaId, stamp } = event
  if (event.void === true) return undefined
  if (operation.type === 'moderate') {
    const { target, nick, occupantId, reason } = operation
    const why = reason === undefined ? {} : { reason }
    return { target, retraction: { id: stanzaId, at: stamp.ms, moderator: { nick, occupantId }, ...why } }
  }
  const target = operation.type === 'message' ? targetOf(operation) : undefined
  if (operation.type !== 'message' || target === undefined) return undefined
  return {
    target,
    retraction: { id: operation.id ?? stanzaId, at: stamp.ms },
    author: { jid: operation.jid, instance: event.id.instance },
  }
}

/** The message without what it said. */
function tombstone(event: LoggedEvent, { retraction: retracted, author }: PendingRetraction): LoggedEvent {
  const { operation, id } = event
  if (operation.type !== 'message' || operation.retracted !== undefined) return event
  if (author !== undefined && (author.jid !== operation.jid || author.instance !== id.instance)) return event
  const { lang: _, ...rest } = operation
  return { ...event, operation: { ...rest, content: '', retracted } }
}

/** An event as it is kept: a retraction that came before it counts. */
export function asItStands(state: RoomState, event: LoggedEvent): LoggedEvent {
  const found = state.retractions.get(event.stanzaId)
  return found === undefined ? event : tombstone(event, found)
}

function retract(state: RoomState, found: PendingRetraction): RoomState {
  const history = state.history.map((event) => (event.stanzaId === found.target ? tombstone(event, found) : event))
  const retractions = new Map(state.retractions)
  if (!retractions.has(found.target)) retractions.set(found.target, found)
  for (const oldest of retractions.keys()) {
    if (retractions.size <= maxPending) break
    retractions.delete(oldest)
  }
  return { ...state, history, retractions }
}

/** What stands in the place of the content (§4, XEP-0425 §4), for clients of today and of version 0.2 of XEP-0425. */
export function retractedElements(room: string, { id, at, moderator, reason }: Retraction): Element[] {
  const stamp = writeDateTime(at)
  const retracted = xml(
    'retracted',
    { xmlns: retractNamespace, id, stamp },
    moderator && moderatedElement(room, moderator),
    reason === undefined ? undefined : xml('reason', {}, reason),
  )
  if (moderator === undefined) return [retracted]
  const former = xml('retracted', { xmlns: formerRetractNamespace, stamp })
  return [retracted, formerModeratedElement(room, moderator, former, reason)]
}

type Moderator = NonNullable<Retraction['moderator']>

export const moderatedElement = (room: string, { nick, occupantId }: Moderator): Element =>
  xml(
    'moderated',
    { xmlns: moderateNamespace, by: `${room}/${nick}` },
    xml('occupant-id', { xmlns: ns.occupantId, id: occupantId }),
  )

/** COMPAT the same of version 0.2, around what was done. */
export const formerModeratedElement = (
  room: string,
  { nick, occupantId }: Moderator,
  done: Element,
  reason: string | undefined,
): Element =>
  xml(
    'moderated',
    { xmlns: formerModerateNamespace, by: `${room}/${nick}` },
    done,
    xml('occupant-id', { xmlns: ns.occupantId, id: occupantId }),
    reason === undefined ? undefined : xml('reason', {}, reason),
  )
