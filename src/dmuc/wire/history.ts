/**
 * The history of a room for its new shadow (XEP-0281 §4.2, E9 and E10). Plain: messages with `<delay/>`. Beside that, for
 * sync shadows, each message's identity, and a floor: what lies below it counts as known and is never pulled.
 */
import { readContent, writeContent } from '../../room/content.js'
import type { DurableOperation, LoggedEvent, RoomConfig, Stamp } from '../../room/types.js'
import { child, copy, type Element, elements, xml } from '../../xml/element.js'
import { parseDateTime, writeDateTime } from '../../xmpp/date-time.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import type { HistoryLimit } from '../replica.js'
import { Vector } from '../vector.js'
import { readEvent, relayedContent, writeEvent } from './event.js'
import { writeVector } from './hello.js'
import { type Proof, writeProof } from './proof.js'
import { readCount } from './read.js'

/** `events` oldest first. `whois` decides whether plain peers see real JIDs; sync members always do. */
export function writeHistory(
  room: string,
  events: readonly LoggedEvent[],
  options: {
    readonly whois: RoomConfig['whois']
    readonly sync: boolean
    readonly vector: Vector
    readonly proofs?: readonly Proof[]
  },
): Element {
  return xml(
    'history',
    { xmlns: ns.muc },
    ...events.map((event) => writeMessage(room, event, options.whois, options.sync)),
    options.sync ? xml('floor', { xmlns: ns.dmucSync }, writeVector(floorBelow(events, options.vector))) : undefined,
    ...(options.proofs ?? []).map(writeProof),
  )
}

function writeMessage(
  room: string,
  event: LoggedEvent,
  whois: RoomConfig['whois'],
  sync: boolean,
): Element | undefined {
  const { operation } = event
  if (operation.type !== 'message' && operation.type !== 'subject') return undefined
  if (!sync && operation.type === 'message' && operation.retracted !== undefined) return undefined
  const content =
    operation.type === 'subject'
      ? [xml('subject', {}, operation.text)]
      : readContent(operation, operation.content).map(copy)
  return xml(
    'message',
    {
      xmlns: ns.client,
      from: `${room}/${operation.nick}`,
      type: 'groupchat',
      id: operation.id,
      'xml:lang': operation.lang,
    },
    ...content,
    xml('delay', {
      xmlns: ns.delay,
      from: whois === 'anyone' ? operation.jid : room,
      stamp: writeDateTime(event.stamp.ms),
    }),
    sync ? writeEvent(event, false) : undefined,
  )
}

/** Of each origin, everything in `vector` before the first event that is served; all of it where none is. */
function floorBelow(events: readonly LoggedEvent[], vector: Vector): Vector {
  const first = new Map<string, number>()
  for (const { id } of events) {
    const key = `${id.instance}\n${id.incarnation}`
    first.set(key, Math.min(first.get(key) ?? Number.POSITIVE_INFINITY, id.seq))
  }
  return Vector.of(
    [...vector.origins()].map((origin) => {
      const lowest = first.get(`${origin.instance}\n${origin.incarnation}`)
      const { contiguous: known } = vector.get(origin)
      const contiguous = lowest === undefined ? known : Math.min(known, lowest - 1)
      return { ...origin, contiguous, above: [] }
    }),
  )
}

/** A message of E10 from a sync source: the event it is. */
export function readHistoryEvent(message: Element): LoggedEvent | undefined {
  const event = child(message, 'event', ns.dmucSync)
  if (event === undefined) return undefined
  const children = elements(message)
  // The last is the source's; others belong to what was said, and to its digest.
  const delay = children.findLast(isDelay)
  const bare = xml('message', message.attrs, ...children.filter((each) => each !== delay).map(copy))
  return readEvent(event, bare)
}

const isDelay = (node: Element): boolean => node.name === 'delay' && node.getNS() === ns.delay

export interface PlainMessage {
  readonly operation: Extract<DurableOperation, { type: 'message' | 'subject' }>
  /** When it was said, if the message tells. */
  readonly at: number | undefined
}

/**
 * A groupchat message of a plain instance, live or from its history. Where the author's real JID is not told, the
 * occupant's JID at that instance stands for it.
 */
export function readPlainMessage(message: Element, occupantId: (bareJid: string) => string): PlainMessage | undefined {
  const from = Jid.tryParse(message.attrs.from)
  if (from === undefined || from.resource === '' || message.attrs.type !== 'groupchat') return undefined
  const delay = child(message, 'delay', ns.delay)
  const teller = Jid.tryParse(delay?.attrs.from)
  const author = teller !== undefined && teller.bare().toString() !== from.bare().toString() ? teller.bare() : from
  const jid = author.toString()
  const id = message.attrs.id === undefined ? {} : { id: String(message.attrs.id) }
  const by = { nick: from.resource, occupantId: occupantId(jid), jid, ...id }
  const children = relayedContent(message).filter((node) => !isDelay(node))
  const own = (name: string) => children.find((node) => node.name === name && node.attrs.xmlns === undefined)
  const subject = own('body') === undefined && own('thread') === undefined ? own('subject') : undefined
  const at = delay && parseDateTime(String(delay.attrs.stamp))
  if (subject !== undefined) return { operation: { type: 'subject', ...by, text: subject.getText() }, at }
  return { operation: { type: 'message', ...by, content: writeContent(children) }, at }
}

/** The limits of E9, capped by ours. */
export function readHistoryLimit(history: Element | undefined, now: number, cap: number): HistoryLimit {
  const { maxchars, maxstanzas, seconds, since } = history?.attrs ?? {}
  const [chars, stanzas, ago] = [readCount(maxchars), readCount(maxstanzas), readCount(seconds)]
  const instants = [
    ago === undefined ? undefined : now - ago * 1000,
    since === undefined ? undefined : parseDateTime(since),
  ]
  const known = instants.filter((instant) => instant !== undefined)
  return {
    maxChars: chars,
    maxStanzas: Math.min(stanzas ?? cap, cap),
    since: known.length === 0 ? undefined : Math.max(...known),
  }
}

export const stampAt = (at: number): Stamp => ({ ms: at, counter: 0 })
