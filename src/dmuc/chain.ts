/**
 * The log of an origin is a hash chain (dmuc.md §3, Proof of origin): the hash of each event covers its place, its content and all
 * that its origin logged before in the same incarnation. The content counts by its digest alone, which stays when the content is
 * retracted, refused or expired; so does the chain.
 */
import { hash } from 'node:crypto'
import { readContent } from '../room/content.js'
import type { DurableOperation, EventId, LoggedEvent } from '../room/types.js'
import { type Element, xml } from '../xml/element.js'
import { escapeAttribute, escapeText } from '../xml/writer.js'
import { writeStamp } from './clock.js'
import { firstKey, keyNumberOf } from './ids.js'
import { isContent, isShort, writeOperation } from './wire/event.js'

/** SHA-256 in base64url: 43 characters. */
const sha256 = (text: string): string => hash('sha256', text, 'base64url')

type Origin = Pick<EventId, 'instance' | 'incarnation'>

/** What stands before the first event of an incarnation. */
export const genesis = (roomId: string, { instance, incarnation }: Origin): string =>
  sha256(`urn:xmpp:dmuc-sync:0 chain\n${roomId}\n${instance}\n${incarnation}`)

/** Of what is said, by whom: the same whoever passes it on, and for a release that does not know the operation. */
export function contentDigest(operation: DurableOperation): string {
  if (operation.type !== 'message' && operation.type !== 'subject') {
    const author = operation.type === 'moderate' ? [operation.nick, operation.jid, operation.occupantId] : []
    return sha256(JSON.stringify([...author, canonical(writeOperation(operation))]))
  }
  const { nick, saidAs = nick, jid, occupantId, id, lang } = operation
  const children =
    operation.type === 'subject'
      ? [xml('subject', {}, operation.text)]
      : readContent(operation, operation.content).filter(isContent)
  const named = [id, lang].map((value) => (isShort(value) ? value : ''))
  const text = [saidAs, jid, occupantId, ...named, children.map(canonical).join('')]
  if (operation.type === 'subject' && operation.sourced !== undefined) text.push(writeStamp(operation.sourced))
  return sha256(JSON.stringify(text))
}

/** Attributes in order, every element with its end tag: our trees carry no prefixes, and say each namespace where it changes. */
function canonical(element: Element): string {
  let text = `<${element.name}`
  for (const key of Object.keys(element.attrs).sort()) {
    const value = element.attrs[key]
    if (value !== undefined && value !== null) text += ` ${key}='${escapeAttribute(String(value))}'`
  }
  text += '>'
  for (const node of element.children) text += typeof node === 'string' ? escapeText(node) : canonical(node)
  return `${text}</${element.name}>`
}

/** Of elements that somebody signs. */
export const digestOf = (children: readonly Element[]): string => sha256(children.map(canonical).join(''))

/** What an event adds to the chain; undefined where its digest is not known, and so nothing can be proved. */
export const linkOf = ({ id, stamp, epoch, revision, digest, stanzaId }: LoggedEvent): string | undefined =>
  digest === undefined
    ? undefined
    : sha256(`${id.seq} ${writeStamp(stamp)} ${epoch} ${revision} ${digest}${signedId(stanzaId)}`)

/** Under the first key everybody works the id out. */
const signedId = (stanzaId: string): string => (keyNumberOf(stanzaId) === firstKey ? '' : ` ${stanzaId}`)

/** The hash of the chain with one more link. */
export const chained = (before: string, link: string): string => sha256(`${before} ${link}`)

/** Does it say what its digest says? What was retracted or is void says nothing. */
export const isWhole = (event: LoggedEvent): boolean =>
  !isSilent(event) && contentDigest(event.operation) === event.digest

/** Does it say something else than its digest? */
export const isContrary = (event: LoggedEvent): boolean =>
  event.digest !== undefined && !isSilent(event) && contentDigest(event.operation) !== event.digest

const isSilent = ({ operation, void: isVoid }: LoggedEvent): boolean =>
  isVoid === true || (operation.type === 'message' && operation.retracted !== undefined)
