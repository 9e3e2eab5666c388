/**
 * Heads of logs and what leads up to them (docs/dmuc-sync.md §7): a page of events from anybody but their origin is followed by
 * proofs, each of which takes a run of one origin to a head that the origin signed.
 */
import { type Element, elements, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readCount, readSignature, readToken } from './read.js'

/** The origin says: up to `seq` this is my log. */
export interface Head {
  readonly instance: string
  readonly incarnation: string
  readonly seq: number
  /** Base64, Ed25519. */
  readonly signature: string
}

/** Where the log of an instance stands in its present start, as it told us: the hash of the chain with this event. */
export interface Tip {
  readonly incarnation: string
  readonly seq: number
  readonly hash: string
}

export interface Proof {
  readonly head: Head
  /** The run begins with this seq, and this is the hash of the chain before it. */
  readonly from: number
  readonly before: string
  /** What the events add that are not in the page, in order, up to the head. */
  readonly links: readonly string[]
}

/** A checkpoint each so many events: its head is kept, so that no proof is long. */
export const checkpoint = 64

export const writeHead = ({ instance, incarnation, seq, signature }: Head): Element =>
  xml('head', { xmlns: ns.dmucSync, instance, incarnation, seq: String(seq), signature })

const isHash = (text: string | undefined): text is string => /^[A-Za-z0-9_-]{43}$/.test(text ?? '')

/** SHA-256 in base64url. */
export const readHash = (text: string | undefined): string | undefined => (isHash(text) ? text : undefined)

export function readHead(element: Element | undefined): Head | undefined {
  const instance = Jid.tryParse(element?.attrs.instance)?.toString()
  const incarnation = readToken(element?.attrs.incarnation)
  const seq = readCount(element?.attrs.seq)
  const signature = readSignature(element?.attrs.signature)
  if (instance === undefined || incarnation === undefined || seq === undefined || seq === 0) return undefined
  return signature === undefined ? undefined : { instance, incarnation, seq, signature }
}

export const writeProof = ({ head, from, before, links }: Proof): Element =>
  xml(
    'proof',
    { xmlns: ns.dmucSync, from: String(from), before },
    writeHead(head),
    ...links.map((hash) => xml('link', { hash })),
  )

/** All that can be read among the children of `parent`. */
export const readProofs = (parent: Element | undefined): readonly Proof[] =>
  parent === undefined
    ? []
    : parent
        .getChildren('proof', ns.dmucSync)
        .map(readProof)
        .filter((proof) => proof !== undefined)

function readProof(element: Element): Proof | undefined {
  const head = readHead(element.getChild('head', ns.dmucSync))
  const from = readCount(element.attrs.from)
  const before: string | undefined = element.attrs.before
  const links = elements(element)
    .filter(({ name }) => name === 'link')
    .map(({ attrs }): string | undefined => attrs.hash)
  if (head === undefined || from === undefined || from === 0 || !isHash(before)) return undefined
  return links.every(isHash) ? { head, from, before, links } : undefined
}
