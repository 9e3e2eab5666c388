/**
 * Events on the wire: `<event xmlns='urn:xmpp:dmuc-sync:0'/>` gives a relayed message its identity, and carries a whole
 * operation where it stands in a page of a pull (docs/dmuc-sync.md §4).
 */
import { readContent, remember, writeContent } from '../../room/content.js'
import { defaultConfig } from '../../room/defaults.js'
import type { Affiliation, DurableOperation, LoggedEvent, Retraction } from '../../room/types.js'
import { affiliations } from '../../room/types.js'
import { copy, type Element, elements, xml } from '../../xml/element.js'
import { parseDocument } from '../../xml/reader.js'
import { serialize } from '../../xml/writer.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readStamp, writeStamp } from '../clock.js'
import { readConfig, writeConfig } from './config.js'
import { readCount, readToken } from './read.js'

/** `operation` false: identity and author only, because the content is the message around it. */
export function writeEvent(event: LoggedEvent, operation: boolean): Element {
  const spoken = 'occupantId' in event.operation ? event.operation : undefined
  const element = xml('event', {
    xmlns: ns.dmucSync,
    instance: event.id.instance,
    incarnation: event.id.incarnation,
    seq: String(event.id.seq),
    stamp: writeStamp(event.stamp),
    epoch: String(event.epoch),
    revision: String(event.revision),
    id: event.stanzaId,
    digest: event.digest,
    prev: event.prev,
    nick: spoken && 'saidAs' in spoken ? spoken.saidAs : spoken?.nick,
    jid: spoken?.jid,
    'occupant-id': spoken?.occupantId,
    sourced: sourcedOf(event.operation),
    void: event.void === true ? 'true' : undefined,
  })
  if (operation && event.void !== true) {
    const body = writeOperation(event.operation)
    body.parent = element
    element.children.push(body)
  }
  if (event.operation.type === 'message' && event.operation.retracted !== undefined)
    element.cnode(writeTombstone(event.operation.retracted))
  return element
}

const sourcedOf = (operation: DurableOperation): string | undefined =>
  operation.type === 'subject' && operation.sourced !== undefined ? writeStamp(operation.sourced) : undefined

export function writeOperation(operation: DurableOperation): Element {
  switch (operation.type) {
    case 'message':
      return xml(
        'message',
        { xmlns: ns.client, type: 'groupchat', id: operation.id, 'xml:lang': operation.lang },
        ...readContent(operation, operation.content).map(copy),
      )
    case 'subject':
      return xml(
        'message',
        { xmlns: ns.client, type: 'groupchat', id: operation.id, 'xml:lang': operation.lang },
        xml('subject', {}, operation.text),
      )
    case 'config':
      return xml('config', { revision: String(operation.revision) }, writeConfig(operation.config))
    case 'register':
      return xml('register', {
        revision: String(operation.revision),
        jid: operation.jid,
        affiliation: operation.entry.affiliation,
        nick: operation.entry.nick,
        reason: operation.entry.reason,
        actor: operation.actor,
      })
    case 'entitle':
      return xml('entitle', {
        revision: String(operation.revision),
        'occupant-id': operation.whom,
        role: operation.role,
        reason: operation.reason,
        actor: operation.actor,
      })
    case 'moderate':
      return xml('moderate', { target: operation.target, reason: operation.reason })
    case 'destroy':
      return xml('destroy', { reason: operation.reason, alternate: operation.alternate, password: operation.password })
    case 'unknown':
      return asItCame(operation)
  }
}

const limits = { stanzaBytes: 16 * 1024 * 1024, depth: 256, attributes: 1024 }

/** What a newer release said goes on as it came, so that others may know what it is. */
function asItCame({ name, body }: Extract<DurableOperation, { type: 'unknown' }>): Element {
  try {
    const [known] = elements(parseDocument(`<event xmlns='${ns.dmucSync}'>${body}</event>`, limits, ns.dmucSync))
    if (known === undefined) return xml('unknown', { name })
    const element = copy(known)
    if (element.attrs.xmlns === ns.dmucSync) delete element.attrs.xmlns
    return element
  } catch {
    return xml('unknown', { name })
  }
}

/**
 * Reads an `<event/>`; `around` is the relayed message whose content it identifies. Undefined where the identity is not
 * whole: such an event cannot be counted and is dropped.
 */
export function readEvent(element: Element, around?: Element): LoggedEvent | undefined {
  const { attrs } = element
  const instance = Jid.tryParse(attrs.instance)?.toString()
  const incarnation = readToken(attrs.incarnation)
  const seq = readCount(attrs.seq)
  const stamp = readStamp(attrs.stamp)
  const epoch = readCount(attrs.epoch)
  const revision = readCount(attrs.revision)
  const stanzaId = readToken(attrs.id)
  if (instance === undefined || incarnation === undefined || stamp === undefined || stanzaId === undefined)
    return undefined
  if (seq === undefined || seq === 0 || epoch === undefined || revision === undefined) return undefined
  const [digest, prev] = [readHash(attrs.digest), readHash(attrs.prev)]
  const chain = { ...(digest === undefined ? {} : { digest }), ...(prev === undefined ? {} : { prev }) }
  const identity = { id: { instance, incarnation, seq }, stamp, epoch, revision, stanzaId, ...chain }
  if (attrs.void === 'true') return { ...identity, operation: { type: 'unknown', name: 'void', body: '' }, void: true }
  const body = around ?? elements(element).find(({ name }) => name !== 'tombstone')
  return { ...identity, operation: readOperation(body, element) }
}

const readHash = (text: string | undefined): string | undefined =>
  /^[A-Za-z0-9_-]{43}$/.test(text ?? '') ? text : undefined

/** What cannot be read is kept as `unknown`: stored, counted, served, shown to nobody. */
function readOperation(body: Element | undefined, event: Element): DurableOperation {
  const read = body?.name === 'message' ? readSpoken : body?.name === 'moderate' ? readModerate : readSourceOperation
  const operation = body && read(body, event)
  return operation ?? { type: 'unknown', name: body?.name ?? '', body: body === undefined ? '' : serialize(body) }
}

function readSpoken(message: Element, event: Element): DurableOperation | undefined {
  const { jid: author } = event.attrs
  const nick = Jid.tryParse(`room@service.invalid/${event.attrs.nick ?? ''}`)?.resource
  const jid = Jid.tryParse(author)?.bare().toString()
  const occupantId = readToken(event.attrs['occupant-id'])
  if (!nick || jid === undefined || occupantId === undefined) return undefined
  const children = relayedContent(message)
  const lang = message.attrs['xml:lang']
  const by = {
    nick,
    jid,
    occupantId,
    ...(isShort(message.attrs.id) ? text('id', message.attrs) : {}),
    ...(lang === undefined || !isShort(lang) ? {} : { lang: String(lang) }),
  }
  const subject = subjectOf(children)
  const sourced = readStamp(event.attrs.sourced)
  if (subject !== undefined) return { type: 'subject', ...by, text: subject, ...(sourced && { sourced }) }
  const retracted = readTombstone(event)
  if (retracted !== undefined) return { type: 'message', ...by, content: '', retracted }
  const operation: DurableOperation = { type: 'message', ...by, content: writeContent(children) }
  remember(operation, children)
  return operation
}

/** Beside the content, which has its own bound; kept with every message. */
export const isShort = (text: unknown): text is string => typeof text === 'string' && text.length <= 1023

function readModerate(body: Element, event: Element): DurableOperation | undefined {
  const { nick, jid: moderator } = event.attrs
  const jid = Jid.tryParse(moderator)?.bare().toString()
  const occupantId = readToken(event.attrs['occupant-id'])
  const target = readToken(body.attrs.target)
  if (nick === undefined || jid === undefined || occupantId === undefined || target === undefined) return undefined
  return { type: 'moderate', target, nick, jid, occupantId, ...text('reason', body.attrs) }
}

/** What is left of a message that was retracted (XEP-0424 §4). */
function writeTombstone({ id, at, moderator, reason }: Retraction): Element {
  return xml('tombstone', {
    id,
    at: String(at),
    nick: moderator?.nick,
    'occupant-id': moderator?.occupantId,
    reason,
  })
}

function readTombstone(event: Element): Retraction | undefined {
  const element = elements(event).find(({ name }) => name === 'tombstone')
  const at = readCount(element?.attrs.at)
  const id = element?.attrs.id
  if (element === undefined || at === undefined || id === undefined) return undefined
  const occupantId = readToken(element.attrs['occupant-id'])
  const { nick } = element.attrs
  const moderator = nick === undefined || occupantId === undefined ? undefined : { nick, occupantId }
  return { id, at, ...(moderator && { moderator }), ...text('reason', element.attrs) }
}

/** A subject change is a message with a subject and neither body nor thread (XEP-0045 §8.1). */
function subjectOf(children: readonly Element[]): string | undefined {
  const own = (name: string) => children.find((node) => node.name === name && node.attrs.xmlns === undefined)
  return own('body') === undefined && own('thread') === undefined ? own('subject')?.getText() : undefined
}

/**
 * The children of a relayed message without what only instances say to each other, and without any archive's id; the one that its
 * author gave it (XEP-0359 §3.2) stays.
 */
export const relayedContent = (message: Element): Element[] =>
  elements(message).map(copy).map(withoutContentNamespace).filter(isContent)

/** Does it belong to what was said? */
export const isContent = ({ name, attrs }: Element): boolean =>
  ![ns.dmucSync, ns.occupantId, ns.mucUser].includes(attrs.xmlns ?? '') &&
  (attrs.xmlns !== ns.stanzaId || name === 'origin-id') &&
  name !== 'error'

/** A `<message xmlns='jabber:client'/>` that was embedded gives its children that namespace; on a stream it is implied. */
function withoutContentNamespace(element: Element): Element {
  if (element.attrs.xmlns === ns.client || element.attrs.xmlns === ns.server) delete element.attrs.xmlns
  return element
}

/** Operations that only the source numbers. */
export function readSourceOperation(body: Element): DurableOperation | undefined {
  const { attrs } = body
  const revision = readCount(attrs.revision)
  if (body.name === 'destroy')
    return { type: 'destroy', ...text('reason', attrs), ...text('alternate', attrs), ...text('password', attrs) }
  if (revision === undefined) return undefined
  if (body.name === 'config') {
    const config = readConfig(elements(body)[0], defaultConfig)
    return config === undefined ? undefined : { type: 'config', config, revision }
  }
  if (body.name === 'entitle') return readEntitle(attrs, revision)
  const jid = Jid.tryParse(attrs.jid)?.bare().toString()
  const affiliation = affiliations.find((known) => known === attrs.affiliation) as Affiliation | undefined
  if (body.name !== 'register' || jid === undefined || affiliation === undefined) return undefined
  const entry = { affiliation, ...text('nick', attrs), ...text('reason', attrs) }
  return { type: 'register', jid, entry, revision, ...text('actor', attrs) }
}

function readEntitle(attrs: Element['attrs'], revision: number): DurableOperation | undefined {
  const whom = readToken(attrs['occupant-id'])
  const role = readGrantable(attrs.role)
  if (whom === undefined || (role === undefined && attrs.role !== undefined)) return undefined
  const granted = role === undefined ? {} : { role }
  return { type: 'entitle', whom, ...granted, revision, ...text('actor', attrs), ...text('reason', attrs) }
}

/** A role that can be granted above what an affiliation gives. */
export const readGrantable = (text: unknown): 'participant' | 'moderator' | undefined =>
  text === 'participant' || text === 'moderator' ? text : undefined

const text = <K extends string>(key: K, attrs: Readonly<Record<string, string | undefined>>): { [P in K]?: string } => {
  const value = attrs[key]
  return (value === undefined ? {} : { [key]: value }) as { [P in K]?: string }
}
