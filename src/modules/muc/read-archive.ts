/** XEP-0313: Message Archive Management of a room, read from its log. */
import { type ArchiveReader, archivedMessage, authorsOf, type RoomState, readerOf } from '../../room/index.js'
import type { Router } from '../../server/router.js'
import type { Store, StoredLogRecord } from '../../store/store.js'
import { type Element, xml } from '../../xml/element.js'
import type { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { payload } from '../../xmpp/stanza.js'
import { StanzaError } from '../../xmpp/stanza-error.js'
import { writeArchived, writeFin, writeMetadata } from '../archive/answer.js'
import { type ArchiveSource, readEnds, readPage } from '../archive/page.js'
import { type ArchiveQuery, queryForm, readQuery } from '../archive/query.js'
import { loggedEvent } from './storage.js'

interface Parts {
  readonly store: Store
  readonly router: Router
  /** Results on one page at most. */
  readonly archivePage: number
}

export const asksArchive = (stanza: Element): boolean =>
  stanza.name === 'iq' &&
  (stanza.attrs.type === 'get' || stanza.attrs.type === 'set') &&
  payload(stanza)?.getNS() === ns.archive

/**
 * How the question is answered: a read that sends the results to `from` and gives the payload of the reply. Throws the StanzaError of who
 * may not ask, or asks wrongly.
 */
export function answerArchive(
  parts: Parts,
  room: RoomState,
  iq: Element,
  from: Jid,
  admin: boolean,
): () => Promise<Element> {
  const reader = readerOf(room, from, admin)
  if (reader instanceof StanzaError) throw reader
  const asked = payload(iq)
  const source = logOf(parts.store, room.jid)
  switch (`${iq.attrs.type} ${asked?.name}`) {
    case 'get query':
      return async () => xml('query', { xmlns: ns.archive }, queryForm())
    case 'get metadata':
      return () => metadata(source)
    case 'set query':
      return answerQuery(parts, room, readQuery(asked!, parts.archivePage), reader, from, source)
    default:
      throw new StanzaError('feature-not-implemented')
  }
}

const logOf = (store: Store, room: string): ArchiveSource<StoredLogRecord> => ({
  page: (query) => store.log(room, query),
  order: (id) => store.logOrder(room, id),
})

function answerQuery(
  { router }: Parts,
  room: RoomState,
  query: ArchiveQuery,
  reader: ArchiveReader,
  from: Jid,
  source: ArchiveSource<StoredLogRecord>,
): () => Promise<Element> {
  const authors = query.with === undefined ? {} : authorsOf(room, reader, query.with)
  if (authors instanceof StanzaError) throw authors
  return async () => {
    const page = await readPage(source, query, authors)
    for (const record of query.flip ? [...page.records].reverse() : page.records) {
      const event = loggedEvent(record)
      const message = archivedMessage(room.jid, event, reader)
      if (message === undefined) continue
      // A clock that runs ahead elsewhere does not take messages into the future (dmuc.md §3, Order).
      const saidAt = Math.min(event.stamp.ms, record.archivedAt)
      const stanza = writeArchived({ id: record.stanzaId, saidAt, message }, room.jid, query)
      stanza.attrs.to = from.toString()
      void router.route(stanza)
    }
    return writeFin(page, query)
  }
}

async function metadata(source: ArchiveSource<StoredLogRecord>): Promise<Element> {
  const [first, last] = await readEnds(source)
  const end = (record: StoredLogRecord | undefined) => record && { id: record.stanzaId, at: record.archivedAt }
  return writeMetadata(end(first), end(last))
}
