/**
 * Stream headers (RFC 6120 §4.7; RFC 7395 §3.3 for WebSocket's framing): what each side says of itself before anything
 * else, as text to send and as a checked record of what was read.
 */
import type { Element } from '../xml/element.js'
import { escapeAttribute } from '../xml/writer.js'
import { ns } from '../xmpp/namespaces.js'
import { StreamError } from '../xmpp/stream-error.js'

export type Framing = 'stream' | 'framed'
export type ContentNamespace = 'jabber:client' | 'jabber:server' | 'jabber:component:accept'

/** The peer's header. Addresses are as they were sent: neither prepared nor believed. */
export interface Header {
  readonly to: string | undefined
  readonly from: string | undefined
  readonly id: string | undefined
  /** `0.9` where another server or a component gave none. */
  readonly version: string
  readonly lang: string | undefined
}

export interface OurHeader {
  readonly to?: string
  readonly from?: string
  readonly id?: string
  readonly lang?: string
  /** The peer has none, which is older than XMPP 1.0: nor has our answer (RFC 6120 §4.7.5). */
  readonly unversioned?: boolean
}

/** The opening tag, or the `<open/>` frame. Servers also declare `db`, as RFC 6120 §4.8.5 and XEP-0220 §2.1.1 have it. */
export function headerText(framing: Framing, contentNamespace: ContentNamespace, header: OurHeader): string {
  let attributes = ''
  for (const key of ['from', 'to', 'id'] as const) {
    const value = header[key]
    if (value !== undefined) attributes += ` ${key}='${escapeAttribute(value)}'`
  }
  // XEP-0114 is older than versions: its streams have none.
  if (contentNamespace !== ns.component && header.unversioned !== true) attributes += ` version='1.0'`
  if (header.lang !== undefined) attributes += ` xml:lang='${escapeAttribute(header.lang)}'`
  if (framing === 'framed') return `<open xmlns='${ns.framing}'${attributes}/>`
  const dialback = contentNamespace === ns.server ? ` xmlns:db='${ns.dialback}'` : ''
  return `<?xml version='1.0'?><stream:stream xmlns='${contentNamespace}' xmlns:stream='${ns.streams}'${dialback}${attributes}>`
}

/**
 * Checks the root of a stream, or an `<open/>` frame, and reads its attributes. `contentNamespace` is the one that the
 * root declared, undefined where the framing has none. Throws the StreamError that RFC 6120 §4.7 and §4.8 ask for.
 */
export function readHeader(
  root: Element,
  framing: Framing,
  expected: ContentNamespace,
  contentNamespace: string | undefined,
): Header {
  const [name, namespace] = framing === 'framed' ? ['open', ns.framing] : ['stream', ns.streams]
  if (root.attrs.xmlns !== namespace) throw new StreamError('invalid-namespace', `the root must be in ${namespace}`)
  if (root.name !== name) throw new StreamError('bad-format', `the root must be <${name}/>`)
  if (framing === 'stream' && contentNamespace !== expected)
    throw new StreamError('invalid-namespace', `the content namespace must be ${expected}`)
  const { to, from, id } = root.attrs as Readonly<Record<string, string | undefined>>
  const version = readVersion(root.attrs.version, expected)
  return { to: nonEmpty(to), from: nonEmpty(from), id: nonEmpty(id), version, lang: root.attrs['xml:lang'] }
}

function readVersion(version: string | undefined, expected: ContentNamespace): string {
  // A server from before XMPP 1.0 can still do dialback (RFC 6120 §4.7.5, XEP-0220 §2.4.1).
  if (version === undefined && expected !== ns.client) return '0.9'
  // A higher version is answered with ours, the lower of the two (RFC 6120 §4.7.5).
  if (version === undefined || !/^0*[1-9]\d*\.\d+$/.test(version)) throw new StreamError('unsupported-version')
  return version
}

const nonEmpty = (value: string | undefined): string | undefined => (value === '' ? undefined : value)
