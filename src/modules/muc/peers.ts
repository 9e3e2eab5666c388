/**
 * Which services we exchange rooms with (dmuc.md §4): those of the configuration, and what the operator has said since, which is kept
 * over restarts.
 */
import type { Store } from '../../store/store.js'

export type Word = 'allow' | 'deny' | 'pause'
const words: readonly string[] = ['allow', 'deny', 'pause'] satisfies Word[]

const kind = 'dmuc-peer'

export class Peers {
  readonly #configured: ReadonlySet<string>
  readonly #store: Store
  readonly #service: string
  readonly #said = new Map<string, Word>()

  constructor(service: string, configured: ReadonlySet<string>, store: Store) {
    this.#service = service
    this.#configured = configured
    this.#store = store
  }

  /** Reads what was said before. */
  async start(): Promise<void> {
    for (const peer of await this.#store.dataKeys(this.#service, kind)) {
      const word = await this.#store.data(this.#service, kind, peer)
      if (word !== undefined && words.includes(word)) this.#said.set(peer, word as Word)
    }
  }

  /** Those of the configuration and those of whom the operator spoke, in order. */
  get known(): readonly string[] {
    return [...new Set([...this.#configured, ...this.#said.keys()])].sort()
  }

  /** May rooms be exchanged with it? One that is paused is still allowed. */
  allows(peer: string): boolean {
    const word = this.#said.get(peer)
    return word === undefined ? this.#configured.has(peer) : word !== 'deny'
  }

  isPaused(peer: string): boolean {
    return this.#said.get(peer) === 'pause'
  }

  /** Durable when it resolves. `allow` of one that the configuration names leaves nothing to remember. */
  async say(peer: string, word: Word): Promise<void> {
    const value = word === 'allow' && this.#configured.has(peer) ? undefined : word
    await this.#store.commit([{ type: 'data.put', owner: this.#service, kind, key: peer, value }])
    if (value === undefined) this.#said.delete(peer)
    else this.#said.set(peer, value)
  }
}
