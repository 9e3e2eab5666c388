/** Messages to all as they leave the room: live, from history (XEP-0203), the subject (XEP-0045 §7.2.15, §8.1). */
import { Recent } from '../util/recent.js'
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { takeContent, withoutClaims } from './content.js'
import { retractedElements } from './features/retraction.js'
import { occupantIdElement } from './presence.js'
import type { LoggedEvent, Operation, RoomState, Stamp } from './types.js'

type MessageOperation = Extract<Operation, { readonly type: 'message' | 'ephemeral' }>
type SubjectOperation = Extract<Operation, { readonly type: 'subject' }>

export interface Marks {
  /** XEP-0359, for what is stored. */
  readonly stanzaId?: string
  /** The original time, for what is not live. */
  readonly delayed?: Stamp
}

const delayElement = (room: string, { ms }: Stamp): Element =>
  xml('delay', { xmlns: ns.delay, from: room, stamp: new Date(ms).toISOString() })

const stanzaIdElement = (room: string, id: string): Element => xml('stanza-id', { xmlns: ns.stanzaId, by: room, id })

/** A message or a change of the subject, without `to`. */
export function groupchatMessage(room: string, operation: MessageOperation | SubjectOperation, marks: Marks): Element {
  const { nick, id, lang } = operation
  const message = xml('message', { from: `${room}/${nick}`, type: 'groupchat', id, 'xml:lang': lang })
  if (operation.type === 'subject') message.children.push(xml('subject', {}, operation.text || undefined))
  else if (operation.type === 'message' && operation.retracted !== undefined)
    message.children.push(...retractedElements(room, operation.retracted))
  else message.children.push(...withoutClaims(takeContent(operation, operation.content), room))
  if (marks.stanzaId !== undefined) message.children.push(stanzaIdElement(room, marks.stanzaId))
  message.children.push(occupantIdElement(operation.occupantId))
  if (marks.delayed !== undefined) message.children.push(delayElement(room, marks.delayed))
  return message
}

const kept = new Recent<LoggedEvent, { readonly room: string; readonly stanza: Element }>(2048)

/** A stored message as discussion history (§7.2.13): the same element object every time. */
export function historyMessage(room: string, event: LoggedEvent): Element | undefined {
  if (event.operation.type !== 'message' || event.void === true) return undefined
  const known = kept.get(event)
  if (known !== undefined && known.room === room) return known.stanza
  const stanza = groupchatMessage(room, event.operation, { stanzaId: event.stanzaId, delayed: event.stamp })
  kept.set(event, { room, stanza })
  return stanza
}

/** §7.2.15: the subject for one who enters; empty where none was ever set. */
export function subjectMessage(state: RoomState): Element {
  const { subject, jid } = state
  if (subject === undefined) return xml('message', { from: jid, type: 'groupchat' }, xml('subject'))
  return xml(
    'message',
    { from: `${jid}/${subject.nick}`, type: 'groupchat' },
    xml('subject', {}, subject.text || undefined),
    stanzaIdElement(jid, subject.stanzaId),
    subject.occupantId === undefined ? undefined : occupantIdElement(subject.occupantId),
    delayElement(jid, subject.stamp),
  )
}
