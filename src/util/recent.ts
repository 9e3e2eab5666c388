/**
 * What was made for a key lately, in two generations: when the young one is full, the old one is forgotten. Nothing is kept for long because it
 * was asked for once, and what is asked for again and again stays.
 */
export class Recent<Key, Value> {
  readonly #most: number
  #young = new Map<Key, Value>()
  #old = new Map<Key, Value>()

  /** `most`: how many make a generation. */
  constructor(most: number) {
    this.#most = most
  }

  get(key: Key): Value | undefined {
    const young = this.#young.get(key)
    if (young !== undefined) return young
    const old = this.#old.get(key)
    if (old !== undefined) this.set(key, old)
    return old
  }

  /** `together`: so many are asked for by turns, and one generation has room for all of them. */
  set(key: Key, value: Value, together = 0): void {
    if (this.#young.size >= Math.max(this.#most, together)) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(key, value)
  }
}
