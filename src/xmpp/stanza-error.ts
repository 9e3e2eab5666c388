/** Stanza errors (RFC 6120 §8.3): expected refusals, returned or thrown, and turned into XML at one boundary. */
import { copy, type Element, xml } from '../xml/element.js'
import { ns } from './namespaces.js'

export type ErrorType = 'auth' | 'cancel' | 'continue' | 'modify' | 'wait'

/** RFC 6120 §8.3.3, each with the type that the RFC gives it first. */
const defaultTypes = {
  'bad-request': 'modify',
  conflict: 'cancel',
  'feature-not-implemented': 'cancel',
  forbidden: 'auth',
  gone: 'cancel',
  'internal-server-error': 'cancel',
  'item-not-found': 'cancel',
  'jid-malformed': 'modify',
  'not-acceptable': 'modify',
  'not-allowed': 'cancel',
  'not-authorized': 'auth',
  'policy-violation': 'modify',
  'recipient-unavailable': 'wait',
  redirect: 'modify',
  'registration-required': 'auth',
  'remote-server-not-found': 'cancel',
  'remote-server-timeout': 'wait',
  'resource-constraint': 'wait',
  'service-unavailable': 'cancel',
  'subscription-required': 'auth',
  'undefined-condition': 'cancel',
  'unexpected-request': 'wait',
} as const satisfies Record<string, ErrorType>

export type StanzaErrorCondition = keyof typeof defaultTypes

export interface StanzaErrorOptions {
  readonly type?: ErrorType
  /** For people, in English where `lang` does not say another language. */
  readonly text?: string
  readonly lang?: string
  /** The character data of `<gone/>` or `<redirect/>`: a URI. */
  readonly uri?: string
  /** An application-specific condition beside the defined one. */
  readonly extra?: Element
  /** The entity that raised the error, where it is not the addressed one (`by`). */
  readonly by?: string
  readonly cause?: unknown
}

export class StanzaError extends Error {
  readonly condition: StanzaErrorCondition
  readonly type: ErrorType
  readonly text: string | undefined
  readonly lang: string
  readonly uri: string | undefined
  readonly extra: Element | undefined
  readonly by: string | undefined

  constructor(condition: StanzaErrorCondition, options: StanzaErrorOptions = {}) {
    super(options.text ?? condition, { cause: options.cause })
    this.name = 'StanzaError'
    this.condition = condition
    this.type = options.type ?? defaultTypes[condition]
    this.text = options.text
    this.lang = options.lang ?? 'en'
    this.uri = options.uri
    this.extra = options.extra
    this.by = options.by
  }

  /** The `<error/>` child. */
  toElement(): Element {
    return xml(
      'error',
      { type: this.type, by: this.by },
      xml(this.condition, { xmlns: ns.stanzaErrors }, this.uri),
      this.text === undefined ? undefined : xml('text', { xmlns: ns.stanzaErrors, 'xml:lang': this.lang }, this.text),
      this.extra && copy(this.extra),
    )
  }

  /** Reads an `<error/>` child; what cannot be understood becomes `undefined-condition`. */
  static from(error: Element | undefined): StanzaError {
    const known = error?.children.find(
      (node): node is Element =>
        typeof node !== 'string' && node.getNS() === ns.stanzaErrors && node.name in defaultTypes,
    )
    const condition = (known?.name ?? 'undefined-condition') as StanzaErrorCondition
    const type = error?.attrs.type as ErrorType | undefined
    const described = error?.getChild('text', ns.stanzaErrors)
    const [text, lang] = [described?.getText(), described?.attrs['xml:lang'] as string | undefined]
    return new StanzaError(condition, { type, text, lang, uri: known?.getText() || undefined, by: error?.attrs.by })
  }
}
