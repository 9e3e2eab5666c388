/** Stream management (XEP-0198) as a feature of a client's stream: enabling it, resuming a former stream, `<r/>` and `<a/>`. */
import { type Element, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import type { StanzaErrorCondition } from '../xmpp/stanza-error.js'
import { StreamError } from '../xmpp/stream-error.js'
import type { Fact, Feature } from './feature.js'
import { readCount } from './management.js'
import type { Stream } from './stream.js'

/** What the peer is told of a stream that it may resume. */
export interface Resumable {
  readonly id: string
  readonly maxSeconds: number
}

/** A former stream that goes on, or why not: `h` is what was handled before it was given up, where that is known. */
export type Resumption =
  | { readonly is: 'resumed'; readonly jid: string; readonly h: number; readonly texts: readonly string[] }
  | { readonly is: 'failed'; readonly h?: number }
  | { readonly is: 'impossible'; readonly error: StreamError }

export interface ManageContext {
  readonly stream: Stream
  readonly facts: ReadonlySet<Fact>
  /** Counting begins. `resume`: the peer wants to be able to; undefined where it will not be. */
  enable(resume: boolean): Resumable | undefined
  /** Finds the former stream; `answer` is called once, at once or when all that came on it is settled. */
  resume(id: string, h: number, answer: (resumption: Resumption) => void): void
  /** `<resumed/>` was written and what was lost sent again: the session goes on here. */
  resumed(): void
  requested(): void
  /** Throws StreamError for a count that cannot be. */
  acknowledged(h: number): void
}

export const manage: Feature<ManageContext> = {
  name: 'stream management',
  ns: ns.streamManagement,
  extension: 'smacks',
  requires: ['authenticated'],
  excludes: ['bound'],

  offer: () => xml('sm', { xmlns: ns.streamManagement }),

  accept(element: Element, context) {
    switch (element.name) {
      case 'enable':
        return enable(element, context)
      case 'resume':
        return resume(element, context)
      case 'r':
        if (context.facts.has('managed')) context.requested()
        return
      case 'a':
        if (context.facts.has('managed')) context.acknowledged(count(element))
        return
      default:
        throw new StreamError('unsupported-stanza-type')
    }
  },
}

const isTrue = (value: unknown): boolean => value === 'true' || value === '1'

function enable(element: Element, context: ManageContext): void {
  // §3: one attempt a stream.
  if (context.facts.has('managed')) throw new StreamError('policy-violation', 'stream management is enabled already')
  if (!context.facts.has('bound')) return fail(context.stream, 'unexpected-request')
  // Nothing is sent in between: what comes after the answer is counted.
  const resumable = context.enable(isTrue(element.attrs.resume))
  context.stream.send(enabledElement(resumable))
}

export function enabledElement(resumable: Resumable | undefined): Element {
  const attrs = resumable === undefined ? {} : { id: resumable.id, resume: 'true', max: String(resumable.maxSeconds) }
  return xml('enabled', { xmlns: ns.streamManagement, ...attrs })
}

export const resumedElement = (previd: string, h: number): Element =>
  xml('resumed', { xmlns: ns.streamManagement, previd, h: String(h) })

export function failedElement(condition: StanzaErrorCondition, h?: number): Element {
  const attrs = h === undefined ? {} : { h: String(h) }
  return xml('failed', { xmlns: ns.streamManagement, ...attrs }, xml(condition, { xmlns: ns.stanzaErrors }))
}

function resume(element: Element, context: ManageContext): void {
  const { stream, facts } = context
  const { previd } = element.attrs
  const h = readCount(element.attrs.h)
  if (!facts.has('authenticated') || facts.has('bound')) return fail(stream, 'unexpected-request')
  if (typeof previd !== 'string' || h === undefined) return fail(stream, 'bad-request')
  context.resume(previd, h, (resumption) => {
    if (resumption.is === 'impossible') return stream.fail(resumption.error)
    if (resumption.is === 'failed') return fail(stream, 'item-not-found', resumption.h)
    stream.send(resumedElement(previd, resumption.h))
    for (const text of resumption.texts) stream.sendText(text)
    context.resumed()
  })
}

function count(element: Element): number {
  const h = readCount(element.attrs.h)
  if (h === undefined) throw new StreamError('bad-format', 'an acknowledgement needs its "h"')
  return h
}

function fail(stream: Stream, condition: StanzaErrorCondition, h?: number): void {
  stream.send(failedElement(condition, h))
}

/** §6: more was acknowledged than was sent. */
export const handledTooMuch = (h: number, sent: number): StreamError =>
  new StreamError('undefined-condition', `${h} stanzas acknowledged, ${sent} sent`, {
    application: xml('handled-count-too-high', {
      xmlns: ns.streamManagement,
      h: String(h),
      'send-count': String(sent),
    }),
  })
