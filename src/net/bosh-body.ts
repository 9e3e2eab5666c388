/**
 * The `<body/>` of BOSH (XEP-0124 §6), read and written. What it carries goes on as frames of RFC 7395, so that the stream above is the
 * same for WebSocket and BOSH.
 */
import type { Element } from '../xml/element.js'
import { type ReaderLimits, XmlReader } from '../xml/reader.js'
import { escapeAttribute } from '../xml/writer.js'
import { ns } from '../xmpp/namespaces.js'

export const bodyNamespace = 'http://jabber.org/protocol/httpbind'
/** XEP-0206 §2. */
export const xboshNamespace = 'urn:xmpp:xbosh'

export interface BoshBody {
  readonly attributes: Readonly<Record<string, string | undefined>>
  /** XEP-0206 §3 and §5, whatever prefix they came with. */
  readonly version: string | undefined
  readonly restart: boolean
  /** One for each child, parsed once for good. */
  readonly frames: readonly Element[]
  readonly bytes: number
}

/** Undefined for what is no well-formed body within the limits. */
export function readBoshBody(bytes: Uint8Array, limits: ReaderLimits): BoshBody | undefined {
  let root: Element | undefined
  let closed = false
  const frames: Element[] = []
  const reader = new XmlReader(
    {
      open: (element) => {
        root = element
      },
      element: (element) => {
        // In a frame it is the default. COMPAT: some clients leave it out here (XEP-0124 §5 says that they should not).
        if (element.attrs.xmlns === ns.client) delete element.attrs.xmlns
        frames.push(element)
      },
      close: () => {
        closed = true
      },
      error: () => {},
    },
    limits,
  )
  reader.write(bytes)
  reader.end()
  if (root === undefined || !closed || root.name !== 'body' || root.attrs.xmlns !== bodyNamespace) return undefined
  const attributes = root.attrs as Readonly<Record<string, string | undefined>>
  const prefix = Object.keys(attributes).find(
    (name) => name.startsWith('xmlns:') && attributes[name] === xboshNamespace,
  )
  const xbosh = (name: string): string | undefined =>
    prefix === undefined ? undefined : attributes[`${prefix.slice('xmlns:'.length)}:${name}`]
  const restart = xbosh('restart')
  const restarts = restart === 'true' || restart === '1'
  return { attributes, version: xbosh('version'), restart: restarts, frames, bytes: bytes.length }
}

/** `content` is XML already. */
export function writeBoshBody(attributes: Readonly<Record<string, string | undefined>>, content = ''): string {
  let text = `<body xmlns='${bodyNamespace}' xmlns:stream='${ns.streams}'`
  for (const [name, value] of Object.entries(attributes))
    if (value !== undefined) text += ` ${name}='${escapeAttribute(value)}'`
  return content === '' ? `${text}/>` : `${text}>${content}</body>`
}

/** XEP-0124 §17: why a session ends. */
export type BoshCondition =
  | 'bad-request'
  | 'host-unknown'
  | 'improper-addressing'
  | 'internal-server-error'
  | 'item-not-found'
  | 'policy-violation'
  | 'remote-stream-error'
  | 'undefined-condition'

export const terminateBody = (condition?: BoshCondition, content = ''): string =>
  writeBoshBody({ type: 'terminate', condition }, content)
