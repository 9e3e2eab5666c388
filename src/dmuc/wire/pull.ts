/** Pulling what is missing: ranges of the log asked for, and pages of events answered (docs/dmuc-sync.md §4). */
import type { LoggedEvent } from '../../room/types.js'
import { type Element, elements, xml } from '../../xml/element.js'
import { serialize } from '../../xml/writer.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import type { Range } from '../vector.js'
import { readEvent, writeEvent } from './event.js'
import { type Proof, writeProof } from './proof.js'
import { readCount, readToken } from './read.js'

export const writePull = (roomId: string, ranges: readonly Range[]): Element =>
  xml(
    'pull',
    { xmlns: ns.dmucSync, room: roomId },
    ...ranges.map(({ instance, incarnation, from, to }) =>
      xml('range', { instance, incarnation, from: String(from), to: String(to) }),
    ),
  )

/** Undefined where a range is not one, or there are none, or more than a hundred. */
export function readPull(element: Element): readonly Range[] | undefined {
  const ranges = elements(element).map((row): Range | undefined => {
    const instance = Jid.tryParse(row.attrs.instance)?.toString()
    const incarnation = readToken(row.attrs.incarnation)
    const from = readCount(row.attrs.from)
    const to = readCount(row.attrs.to)
    if (row.name !== 'range' || instance === undefined || incarnation === undefined) return undefined
    return from === undefined || to === undefined || from < 1 || to < from
      ? undefined
      : { instance, incarnation, from, to }
  })
  if (ranges.length === 0 || ranges.length > 100) return undefined
  return ranges.every((range) => range !== undefined) ? ranges : undefined
}

/** The first of `events` whose text is within `bytes` together; at least one. */
export function fitting(events: readonly LoggedEvent[], bytes: number): readonly LoggedEvent[] {
  let size = 0
  const past = events.findIndex((event, index) => {
    size += serialize(writeEvent(event, true)).length
    return index > 0 && size > bytes
  })
  return past < 0 ? events : events.slice(0, past)
}

/**
 * One page: as many of `events`, in their order, as fit into `bytes`, at least one. `more` says that the ranges hold
 * more than the page; `proofs` are for those that fit.
 */
export function writePage(
  events: readonly LoggedEvent[],
  bytes: number,
  more: boolean,
  proofs: readonly Proof[] = [],
): Element {
  const page = fitting(events, bytes)
  const isMore = more || page.length < events.length
  return xml(
    'events',
    { xmlns: ns.dmucSync, more: isMore ? 'true' : undefined },
    ...page.map((event) => writeEvent(event, true)),
    ...proofs.map(writeProof),
  )
}

export const readPage = (element: Element | undefined): readonly LoggedEvent[] =>
  element === undefined
    ? []
    : element
        .getChildren('event', ns.dmucSync)
        .map((event) => readEvent(event))
        .filter((event) => event !== undefined)
