/** Why a document was refused. The stream turns the kind into a stream error (RFC 6120 §4.9.3, §11). */

/**
 * - `restricted`: XML that XMPP forbids (RFC 6120 §11.1): document types, entities, comments, processing instructions.
 * - `not-well-formed`: not XML 1.0 with namespaces.
 * - `encoding`: not UTF-8.
 * - `limit`: larger, deeper or richer than we accept.
 */
export type XmlErrorKind = 'restricted' | 'not-well-formed' | 'encoding' | 'limit'

export class XmlError extends Error {
  readonly kind: XmlErrorKind

  constructor(kind: XmlErrorKind, message: string) {
    super(message)
    this.name = 'XmlError'
    this.kind = kind
  }
}
