/**
 * What a client asks of an archive (XEP-0313 §4, and the words it looks for, XEP-0431), as a value. The same for rooms and for
 * accounts; who may ask is not judged here.
 */
import { BadSearch, readSearch, type Term } from '../../store/full-text.js'
import { child, type Element } from '../../xml/element.js'
import { type Field, type Form, formType, readForm, value, values, writeForm } from '../../xmpp/data-form.js'
import { parseDateTime } from '../../xmpp/date-time.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { type ResultSetRequest, readResultSet } from '../../xmpp/result-set.js'
import { StanzaError } from '../../xmpp/stanza-error.js'

export interface ArchiveQuery {
  /** Returned with each result, as the client gave it. */
  readonly queryId?: string
  readonly with?: Jid
  /** Bounds on the time of arrival, in milliseconds since the epoch, both included. */
  readonly start?: number
  readonly end?: number
  /** Ids of the archive: only what lies before or after these. */
  readonly beforeId?: string
  readonly afterId?: string
  /** Only these, each once. */
  readonly ids?: readonly string[]
  /** Only what has all these words. */
  readonly text?: readonly Term[]
  readonly set: ResultSetRequest
  /** The page is sent newest first (§4.3.4). */
  readonly flip: boolean
}

/** XEP-0431. */
export const fullTextNamespace = 'urn:xmpp:fulltext:0'
const fullTextField = `{${fullTextNamespace}}fulltext`

const known: ReadonlySet<string | undefined> = new Set([
  'FORM_TYPE',
  'with',
  'start',
  'end',
  'before-id',
  'after-id',
  'ids',
  fullTextField,
])

/**
 * Reads `<query xmlns='urn:xmpp:mam:2'/>`; a page has at most `cap` results. Throws StanzaError: `bad-request` for what cannot be
 * read, `feature-not-implemented` for a field or a way of paging that we do not have (§4.1.6, XEP-0059 §2.6),
 * `policy-violation` for more ids than a page has.
 */
export function readQuery(query: Element, cap: number): ArchiveQuery {
  const set = readResultSet(query, cap) ?? { max: cap }
  if (set.index !== undefined)
    throw new StanzaError('feature-not-implemented', { text: 'The archive is paged by ids, not by position' })
  return {
    ...(query.attrs.queryid === undefined ? {} : { queryId: query.attrs.queryid }),
    ...readFilter(query, cap),
    set,
    flip: child(query, 'flip-page', ns.archive) !== undefined,
  }
}

function readFilter(query: Element, cap: number): Omit<ArchiveQuery, 'queryId' | 'set' | 'flip'> {
  const element = child(query, 'x', ns.dataForm)
  if (element === undefined) return {}
  const form = readForm(element)
  if (form?.type !== 'submit' || formType(form) !== ns.archive) throw badRequest('This is no filter of an archive')
  const unknown = form.fields.find((field) => field.type !== 'fixed' && !known.has(field.var))
  if (unknown !== undefined)
    throw new StanzaError('feature-not-implemented', { text: `This archive has no filter ${unknown.var}` })
  return {
    ...present('with', value(form, 'with'), readJid),
    ...present('start', value(form, 'start'), readTime),
    ...present('end', value(form, 'end'), readTime),
    ...present('beforeId', value(form, 'before-id'), asIs),
    ...present('afterId', value(form, 'after-id'), asIs),
    ...present('text', value(form, fullTextField), readText),
    ...readIds(form, cap),
  }
}

/** A field without a value, or with an empty one, is as good as none. */
function present<K extends string, V>(key: K, text: string | undefined, read: (text: string) => V): { [P in K]?: V } {
  return (text === undefined || text === '' ? {} : { [key]: read(text) }) as { [P in K]?: V }
}

const asIs = (text: string): string => text

function readJid(text: string): Jid {
  const jid = Jid.tryParse(text)
  if (jid === undefined) throw new StanzaError('jid-malformed', { text: `${text} is no address` })
  return jid
}

function readTime(text: string): number {
  const time = parseDateTime(text)
  if (time === undefined) throw badRequest(`${text} is no time of XEP-0082`)
  return time
}

function readText(text: string): readonly Term[] {
  const search = readSearch(text)
  if (search instanceof BadSearch) throw badRequest(`The search ${search.why}`)
  return search
}

function readIds(form: Form, cap: number): { readonly ids?: readonly string[] } {
  const ids = [...new Set(values(form, 'ids'))]
  if (ids.length === 0) return {}
  if (ids.length > cap) throw new StanzaError('policy-violation', { text: `At most ${cap} ids in one query` })
  return { ids }
}

const badRequest = (text: string): StanzaError => new StanzaError('bad-request', { text })

/** The fields that a query may have (§4.1.6). */
export function queryForm(): Element {
  const fields: Field[] = [
    { var: 'FORM_TYPE', type: 'hidden', values: [ns.archive] },
    { var: 'with', type: 'jid-single', values: [] },
    ...['start', 'end', 'before-id', 'after-id'].map((name): Field => ({ var: name, type: 'text-single', values: [] })),
    { var: fullTextField, type: 'text-single', label: 'Words to search for', values: [] },
    { var: 'ids', type: 'list-multi', values: [] },
  ]
  const form = writeForm({ type: 'form', fields })
  // XEP-0122: any id may be given, though none is listed.
  form.children
    .filter((field): field is Element => typeof field !== 'string')
    .at(-1)
    ?.c('validate', { xmlns: 'http://jabber.org/protocol/xdata-validate', datatype: 'xs:string' })
    .c('open')
  return form
}
