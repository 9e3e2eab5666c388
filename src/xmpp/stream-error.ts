/** Stream errors (RFC 6120 §4.9): they end the stream. */
import { type Element, xml } from '../xml/element.js'
import { ns } from './namespaces.js'

export const streamErrorConditions = [
  'bad-format',
  'bad-namespace-prefix',
  'conflict',
  'connection-timeout',
  'host-gone',
  'host-unknown',
  'improper-addressing',
  'internal-server-error',
  'invalid-from',
  'invalid-namespace',
  'invalid-xml',
  'not-authorized',
  'not-well-formed',
  'policy-violation',
  'remote-connection-failed',
  'reset',
  'resource-constraint',
  'restricted-xml',
  'see-other-host',
  'system-shutdown',
  'undefined-condition',
  'unsupported-encoding',
  'unsupported-feature',
  'unsupported-stanza-type',
  'unsupported-version',
] as const

export type StreamErrorCondition = (typeof streamErrorConditions)[number]

export class StreamError extends Error {
  readonly condition: StreamErrorCondition
  readonly text: string | undefined
  /** What the specification of an extension puts beside the condition (RFC 6120 §4.9.4). */
  readonly application: Element | undefined

  constructor(
    condition: StreamErrorCondition,
    text?: string,
    options?: ErrorOptions & { readonly application?: Element },
  ) {
    super(text === undefined ? condition : `${condition}: ${text}`, options)
    this.name = 'StreamError'
    this.condition = condition
    this.text = text
    this.application = options?.application
  }

  /** `<error/>` in the streams' namespace; the writer of the stream gives it its `stream:` prefix. */
  toElement(): Element {
    return xml(
      'stream:error',
      {},
      xml(this.condition, { xmlns: ns.streamErrors }),
      this.text === undefined ? undefined : xml('text', { xmlns: ns.streamErrors, 'xml:lang': 'en' }, this.text),
      this.application,
    )
  }
}
