/** The stanzas that answer a query of an archive: results, `<fin/>`, metadata (XEP-0313 §§4.2, 4.3, 5). */
import { type Element, xml } from '../../xml/element.js'
import { writeDateTime } from '../../xmpp/date-time.js'
import { ns } from '../../xmpp/namespaces.js'
import { writeResultSet } from '../../xmpp/result-set.js'
import type { ArchivePage } from './page.js'
import type { ArchiveQuery } from './query.js'

/** An archived message. */
export interface Archived {
  /** Its id in the archive. */
  readonly id: string
  /** When it was said, in milliseconds since the epoch. */
  readonly saidAt: number
  /** As it was, complete, without `to`; becomes part of what is written here. */
  readonly message: Element
}

/** One result (§4.2), without `to`. */
export function writeArchived({ id, saidAt, message }: Archived, archive: string, query: ArchiveQuery): Element {
  message.attrs.xmlns = ns.client
  const delay = xml('delay', { xmlns: ns.delay, stamp: writeDateTime(saidAt) })
  const forwarded = xml('forwarded', { xmlns: ns.forward }, delay, message)
  return xml('message', { from: archive }, xml('result', { xmlns: ns.archive, queryid: query.queryId, id }, forwarded))
}

/** What ends a page. The count is told where it costs nothing: where one page is all there is. */
export function writeFin({ records, complete }: ArchivePage, { set }: ArchiveQuery): Element {
  const whole = complete && set.after === undefined && !set.before
  return xml(
    'fin',
    { xmlns: ns.archive, complete: complete ? 'true' : undefined },
    writeResultSet({
      ...(records.length === 0 ? {} : { first: records[0]?.stanzaId, last: records.at(-1)?.stanzaId }),
      ...(whole ? { count: records.length, ...(records.length === 0 ? {} : { index: 0 }) } : {}),
    }),
  )
}

/** The ends of an archive and their times of arrival: what `start` and `end` of a query are compared with. */
export interface ArchiveEnd {
  readonly id: string
  readonly at: number
}

/** §5; empty where the archive is. */
export function writeMetadata(first: ArchiveEnd | undefined, last: ArchiveEnd | undefined): Element {
  const end = (name: string, { id, at }: ArchiveEnd): Element => xml(name, { id, timestamp: writeDateTime(at) })
  return xml('metadata', { xmlns: ns.archive }, first && end('start', first), last && end('end', last))
}
