/** How much and how long: limits of a stream, and how they are announced to the peer (XEP-0478). */
import { type Element, xml } from '../xml/element.js'
import type { ReaderLimits } from '../xml/reader.js'
import type { Xep } from '../xmpp/xep.js'

export const limitsXep: Xep = {
  number: 478,
  version: '0.2.0',
  without: 'idle-seconds',
  test: 'stream/client-stream.test.ts',
}

export interface StreamLimits {
  /** The longest stanza, in bytes. */
  readonly stanzaBytes: number
  /** How deep elements may nest. */
  readonly depth: number
  /** Attributes on one element. */
  readonly attributes: number
  /** All that may arrive before `Stream.established`, over all restarts: bytes, and elements below a root. */
  readonly unauthenticated: { readonly bytes: number; readonly elements: number }
}

/** RFC 6120 §13.12 asks for at least 10,000 bytes a stanza. */
export const clientLimits: StreamLimits = {
  stanzaBytes: 256 * 1024,
  depth: 64,
  attributes: 100,
  unauthenticated: { bytes: 8 * 1024, elements: 32 },
}

export const serverLimits: StreamLimits = { ...clientLimits, stanzaBytes: 512 * 1024 }

export interface StreamTimeouts {
  /** From construction to `Stream.established`; then `connection-timeout`. */
  readonly negotiationMs: number
  /** From our close to the peer's. */
  readonly closeMs: number
}

export const defaultTimeouts: StreamTimeouts = { negotiationMs: 60_000, closeMs: 5000 }

export function readerLimits(limits: StreamLimits, established: boolean): ReaderLimits {
  const { stanzaBytes, depth, attributes, unauthenticated } = limits
  return established
    ? { stanzaBytes, depth, attributes }
    : { stanzaBytes, depth, attributes, elements: unauthenticated.elements }
}

/** XEP-0478: a child of the stream's features. */
export const limitsFeature = (limits: StreamLimits): Element =>
  xml('limits', { xmlns: 'urn:xmpp:stream-limits:0' }, xml('max-bytes', {}, String(limits.stanzaBytes)))
