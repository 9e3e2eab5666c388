/** How the server that a stanza came from proved its domain: for modules whose policy asks for more than dialback. */
import type { Element } from '../xml/element.js'

/** `certificate`: valid for the domain; `pin`: of the key that the operator wrote down; `dialback`: DNS alone. */
export type ProofKind = 'certificate' | 'pin' | 'dialback'

export interface PeerProof {
  readonly by: ProofKind
  readonly encrypted: boolean
}

const proofs = new WeakMap<Element, PeerProof>()

export const attest = (stanza: Element, proof: PeerProof): void => void proofs.set(stanza, proof)

/** Of the stream that brought this very stanza; undefined for what did not come from another server. */
export const peerProof = (stanza: Element): PeerProof | undefined => proofs.get(stanza)
