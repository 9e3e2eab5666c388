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

/** What one page holds. */
export interface Fitting {
  readonly events: readonly LoggedEvent[]
  readonly written: readonly Element[]
  /** There were more than fit. */
  readonly more: boolean
}

/** As many of `events`, in their order, as fit into `bytes`, at least one. */
export function fitting(events: readonly LoggedEvent[], bytes: number): Fitting {
  const written: Element[] = []
  let size = 0
  for (const event of events) {
    const element = writeEvent(event, true)
    size += serialize(element).length
    if (written.length > 0 && size > bytes) break
    written.push(element)
  }
  return { events: events.slice(0, written.length), written, more: written.length < events.length }
}

/** One page. `more` says that the ranges hold more than was to be fitted in; `proofs` are for what fits. */
export const writePage = (page: Fitting, more: boolean, proofs: readonly Proof[] = []): Element =>
  xml(
    'events',
    { xmlns: ns.dmucSync, more: more || page.more ? 'true' : undefined },
    ...page.written,
    ...proofs.map(writeProof),
  )

export const readPage = (element: Element | undefined): readonly LoggedEvent[] =>
  element === undefined
    ? []
    : element
        .getChildren('event', ns.dmucSync)
        .map((event) => readEvent(event))
        .filter((event) => event !== undefined)
