/**
 * An instance that signs two logs (docs/dmuc-sync.md §7): members tell each other the heads that they hold of the others, with the hash of the
 * chain there. A head that is signed over another hash than that of what the instance told us is the proof of a lie: from then on nothing is
 * believed of it.
 */
import { type Element, elements, xml } from '../xml/element.js'
import { ns } from '../xmpp/namespaces.js'
import { distrust } from './distrust.js'
import { isHeadSigned } from './heads.js'
import { otherInstance } from './replica.js'
import type { Turn } from './turn.js'
import { type Head, readHash, readHead, writeHead } from './wire/proof.js'

/** A head, and the hash of the chain with its event. */
export interface HashedHead {
  readonly head: Head
  readonly hash: string
}

export const writeHeads = (heads: readonly HashedHead[]): Element =>
  xml(
    'heads',
    { xmlns: ns.dmucSync },
    ...heads.map(({ head, hash }) => {
      const element = writeHead(head)
      element.attrs.hash = hash
      return element
    }),
  )

/** What `from` holds of others: what is signed is compared with our own log. */
export function takeHeads(turn: Turn, from: string, payload: Element): void {
  for (const element of elements(payload).slice(0, turn.env.limits.maxInstances)) {
    const head = readHead(element)
    const hash = readHash(element.attrs.hash)
    if (head === undefined || hash === undefined || head.instance === turn.self || head.instance === from) continue
    const isHere = head.seq <= turn.replica.vector.get(head).contiguous
    if (isHere && otherInstance(turn.replica, head.instance) !== undefined && isHeadSigned(turn, head, hash))
      turn.effects.push({ type: 'compare', head, hash, by: from })
  }
}

/** Our own log says that it told us something else: `by` holds what it signed. */
export function accuse(turn: Turn, { instance, seq }: Head, by: string): void {
  const reason = `it told ${by} something else than us up to its event ${seq}, and signed that: nothing is believed of it any more; take the room back from it`
  distrust(turn, instance, reason)
}
