/** What a reader says of some chunks, as lines that can be compared. */

import { type ReaderLimits, type XmlError, XmlReader } from '../../src/xml/reader.js'
import { serialize } from '../../src/xml/writer.js'

export const wide: ReaderLimits = { stanzaBytes: 262_144, depth: 64, attributes: 100 }

export const header =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' to='a.example'>"

/** `open …`, `element …`, `close`, `error KIND`, in order. */
export function read(chunks: Iterable<Uint8Array | string>, limits: ReaderLimits = wide): string[] {
  const heard: string[] = []
  const reader = new XmlReader(
    {
      open: (root) => heard.push(`open ${serialize(root)}`),
      element: (element) => heard.push(`element ${serialize(element)}`),
      close: () => heard.push('close'),
      error: (error: XmlError) => heard.push(`error ${error.kind}`),
    },
    limits,
  )
  for (const chunk of chunks) reader.write(chunk)
  return heard
}

/** The same after the stream header, which is left out of the answer. */
export const readAfterHeader = (text: string | Uint8Array, limits: ReaderLimits = wide): string[] =>
  read([header, text], limits).slice(1)

/** `bytes` cut into chunks of `size`. */
export function* cut(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}
