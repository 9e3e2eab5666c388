/**
 * How a peer has to prove its domain (dmuc.md §4): as `[dmuc] auth` says or, where that says nothing, no worse than before. What it showed
 * is kept over restarts, so that nobody gets between two servers by waiting for one.
 */
import type { PeerProof, ProofKind } from '../../server/peer-proof.js'
import type { Store } from '../../store/store.js'

const kind = 'dmuc-proof'

const rank: Readonly<Record<ProofKind, number>> = { dialback: 0, certificate: 1, pin: 2 }
const isKind = (text: string): text is ProofKind => text in rank

const inWords: Readonly<Record<ProofKind, string>> = {
  dialback: 'dialback alone',
  certificate: 'a valid certificate',
  pin: 'the pinned key',
}

export class PeerProofs {
  readonly #wanted: ReadonlyMap<string, string>
  readonly #store: Store
  readonly #service: string
  readonly #shown = new Map<string, ProofKind>()

  /** `wanted`: of `[dmuc] auth`. */
  constructor(service: string, wanted: ReadonlyMap<string, string>, store: Store) {
    this.#service = service
    this.#wanted = wanted
    this.#store = store
  }

  /** Reads what was shown before. */
  async start(): Promise<void> {
    for (const peer of await this.#store.dataKeys(this.#service, kind)) {
      const shown = await this.#store.data(this.#service, kind, peer)
      if (shown !== undefined && isKind(shown)) this.#shown.set(peer, shown)
    }
  }

  /** Has it to show a certificate, because it did so before? */
  demandsCertificate(peer: string): boolean {
    return !this.#wanted.has(peer) && rank[this.#shown.get(peer) ?? 'dialback'] > 0
  }

  /**
   * What is wrong with how this came, in words for both operators; undefined for nothing, and for what came from no other server. What is
   * better than before is remembered.
   */
  fault(peer: string, proof: PeerProof | undefined): string | undefined {
    if (proof === undefined) return undefined
    if (!proof.encrypted) return `${peer} speaks without TLS, and what rooms share travels with TLS alone`
    const wanted = this.#wanted.get(peer)
    if (wanted !== undefined) {
      const least = wanted.startsWith('pin:') ? 'pin' : (wanted as ProofKind)
      return rank[proof.by] >= rank[least]
        ? undefined
        : `${peer} proved its domain by ${inWords[proof.by]}, and [dmuc] auth wants ${inWords[least]}`
    }
    const before = this.#shown.get(peer)
    // A pin is the operator's to set and to take away.
    if (before !== undefined && proof.by === 'dialback' && before !== 'dialback')
      return `${peer} proved its domain by ${inWords[before]} before, and by dialback alone now: if that is right, say dmucctl peer allow ${peer}`
    if (before !== proof.by) this.#remember(peer, proof.by)
    return undefined
  }

  /** The operator allows it anew: whatever it shows now is what it shows. */
  async forget(peer: string): Promise<void> {
    if (!this.#shown.delete(peer)) return
    await this.#store.commit([{ type: 'data.put', owner: this.#service, kind, key: peer, value: undefined }])
  }

  #remember(peer: string, shown: ProofKind): void {
    this.#shown.set(peer, shown)
    // Where it cannot be written it holds until the next start.
    this.#store
      .commit([{ type: 'data.put', owner: this.#service, kind, key: peer, value: shown }])
      .catch(() => undefined)
  }
}
