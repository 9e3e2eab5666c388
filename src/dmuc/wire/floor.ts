/**
 * Where the log of an origin begins (docs/dmuc-sync.md §4): what lies up to `seq` has expired and is nowhere to be had any more. In hellos,
 * and in what a new shadow is given.
 */
import { type Element, xml } from '../../xml/element.js'
import { Jid } from '../../xmpp/jid.js'
import { ns } from '../../xmpp/namespaces.js'
import { readCount, readSignature, readToken } from './read.js'

export interface Floor {
  readonly instance: string
  readonly incarnation: string
  readonly seq: number
  /** That start is over, and nothing of it is left. */
  readonly closed: boolean
  /** Base64, Ed25519: by the instance itself, or, once that is gone, by the source. */
  readonly signature?: string
}

/** Of one hello. */
const maxFloors = 2000

export const writeFloors = (floors: Iterable<Floor>): Element[] =>
  [...floors].map(({ instance, incarnation, seq, closed, signature }) =>
    xml('expired', {
      xmlns: ns.dmucSync,
      instance,
      incarnation,
      seq: String(seq),
      closed: closed ? 'true' : undefined,
      signature,
    }),
  )

/** All that can be read among the children of `parent`. */
export const readFloors = (parent: Element): readonly Floor[] =>
  parent
    .getChildren('expired', ns.dmucSync)
    .slice(0, maxFloors)
    .map(readFloor)
    .filter((floor) => floor !== undefined)

function readFloor({ attrs }: Element): Floor | undefined {
  const instance = Jid.tryParse(attrs.instance)?.toString()
  const incarnation = readToken(attrs.incarnation)
  const seq = readCount(attrs.seq)
  const signature = readSignature(attrs.signature)
  if (instance === undefined || incarnation === undefined || seq === undefined || seq === 0) return undefined
  return { instance, incarnation, seq, closed: attrs.closed === 'true', ...(signature && { signature }) }
}
